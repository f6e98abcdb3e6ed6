"""Detection of faces and their landmarks in a photo, by YuNet (``vendor/yunet``) through OpenCV.

YuNet detects faces of about 10 to 300 pixels and places their landmarks within a few percent, slightly differently at
every scale. A photo is therefore searched at two sizes, and the landmarks of a face are the mean over several close-up
views. Coordinates are those of pixel centres: (0, 0) is the centre of the first pixel.
"""

import functools
import math
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from glowcore import images

MODEL_FILE = Path(__file__).parents[1] / "vendor" / "yunet" / "face_detection_yunet_2023mar.onnx"
MAX_FACES = 24

_SCORE = 0.6
_SCORE_TURNED = 0.8  # of faces in a rotated photo, which are less certain
_SURE = 0.9  # a sideways face is often detected as upright, with a score up to this
_SURER = 0.04  # by which the score of a rotated photo must be higher
_OVERLAP = 0.3
_SIDES = (320, 960)  # pixels; the small view finds the large faces
_REFINE_SIDES = (128, 160, 192)  # pixels, of the close-up views in which landmarks are measured again
_REFINE_MARGIN = 1.8

_DETECTING = threading.Lock()


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a photo.

    Attributes:
        box: x, y, width, height in pixels of the photo.
        landmarks: float64 ``[5, 2]``, (x, y) of picture-left eye, picture-right eye, nose tip, picture-left and
            picture-right corner of the mouth.
        score: the detector's confidence, 0 to 1.
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    score: float


def find(array: np.ndarray) -> list[Face]:
    """Return the faces in a photo, uint8 ``[H, W, 3]``, sorted by size and closeness to the centre.

    If no face is certainly upright, the photo is also searched rotated by multiples of 90 degrees; a rotation is used
    only if its best score is clearly higher. The list is empty if there is no face.
    """
    sides = _SIDES if max(array.shape[:2]) > _SIDES[0] else _SIDES[:1]
    views = [_scaled(array, side) for side in sides]
    faces, quarters = _upright(views, array.shape, _SCORE), 0
    best = max((face.score for face in faces), default=0.0)
    for turn in (1, 3, 2) if best < _SURE else ():
        # The views are rotated, not the photo, which may have 16 megapixels.
        turned = _upright([np.rot90(view, turn) for view in views], np.rot90(array, turn).shape, _SCORE_TURNED)
        score = max((face.score for face in turned), default=0.0)
        if score > best + _SURER:
            best, faces, quarters = score, turned, turn
    rotated = np.rot90(array, quarters)
    return [_turn_back(_refine(rotated, face), quarters, array.shape) for face in faces]


def best_score(array: np.ndarray) -> float:
    """Return the highest score of an upright face in a picture, uint8 ``[H, W, 3]``, at its own size; 0 if none."""
    return max((face.score for face in _detect(array, array.shape, _SCORE)), default=0.0)


def _upright(views: list[np.ndarray], shape: tuple[int, ...], threshold: float) -> list[Face]:
    """Return the upright faces in the views of a picture of this ``shape``: best choice first, without duplicates."""
    candidates = [face for view in views for face in _detect(view, shape, threshold)]
    kept: list[Face] = []
    for face in sorted(candidates, key=lambda face: face.score, reverse=True):
        if all(_overlap(face.box, other.box) < _OVERLAP for other in kept):
            kept.append(face)
    height, width = shape[:2]

    def prominence(face: Face) -> float:
        x, y, w, h = face.box
        distance = math.hypot(x + w / 2 - width / 2, y + h / 2 - height / 2) / math.hypot(width / 2, height / 2)
        return math.sqrt(w * h) * (1 - min(distance, 1) / 2)

    return sorted(kept, key=prominence, reverse=True)[:MAX_FACES]


def _scaled(array: np.ndarray, side: int) -> np.ndarray:
    """Return the picture scaled to ``side`` pixels on its longer side."""
    height, width = array.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return images.resize_area(np.ascontiguousarray(array), size)


def _detect(view: np.ndarray, shape: tuple[int, ...], threshold: float) -> list[Face]:
    """Detect faces in a scaled picture; return them in the pixels of the picture of this ``shape``."""
    height, width = view.shape[:2]
    bgr = np.ascontiguousarray(view[..., ::-1])
    with _DETECTING:
        detector = _detector()
        detector.setInputSize((width, height))
        detector.setScoreThreshold(threshold)
        rows = detector.detect(bgr)[1]
    if rows is None:
        return []
    ratio = np.array([shape[1] / width, shape[0] / height])
    faces = []
    for row in rows.astype(np.float64):
        if np.isfinite(row).all():
            x, y, w, h = (float(value) for value in row[:4] * np.tile(ratio, 2))
            faces.append(Face((x, y, w, h), (row[4:14].reshape(5, 2) + 0.5) * ratio - 0.5, float(row[14])))
    return faces


def _refine(array: np.ndarray, face: Face) -> Face:
    """Return the face with the mean of its landmarks over several close-up views."""
    x, y, w, h = face.box
    half = max(w, h) * _REFINE_MARGIN / 2
    left, top = max(0, round(x + w / 2 - half)), max(0, round(y + h / 2 - half))
    right, bottom = round(x + w / 2 + half) + 1, round(y + h / 2 + half) + 1
    part = np.ascontiguousarray(array[top:bottom, left:right])
    views = [face.landmarks]
    for side in _REFINE_SIDES if min(part.shape[:2]) >= 8 else ():
        for near in _detect(_scaled(part, side), part.shape, _SCORE):
            nx, ny, nw, nh = near.box
            if _overlap((nx + left, ny + top, nw, nh), face.box) > 0.5:
                views.append(near.landmarks + np.array([left, top]))
                break
    return Face(face.box, np.mean(views[1:] or views, axis=0), face.score)


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Return the intersection over union of two boxes."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(across, 0) * max(down, 0)
    return common / max(a[2] * a[3] + b[2] * b[3] - common, 1e-9)


def _turn_back(face: Face, quarters: int, shape: tuple[int, ...]) -> Face:
    """Return a face detected in ``rot90(photo, quarters)`` in the coordinates of the photo of this ``shape``."""
    if quarters == 0:
        return face
    height, width = shape[:2]
    x, y, w, h = face.box
    points = np.vstack([face.landmarks, [(x, y), (x + w, y + h)]])
    if quarters == 1:
        points = np.column_stack([width - 1 - points[:, 1], points[:, 0]])
    elif quarters == 2:
        points = np.array([width - 1, height - 1]) - points
    else:
        points = np.column_stack([points[:, 1], height - 1 - points[:, 0]])
    low, high = points[5:].min(0), points[5:].max(0)
    size = high - low
    return Face((float(low[0]), float(low[1]), float(size[0]), float(size[1])), points[:5], face.score)


@functools.cache
def _detector() -> cv2.FaceDetectorYN:
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # OpenCV 5 logs a warning about its target
    try:
        return cv2.FaceDetectorYN.create(str(MODEL_FILE), "", (320, 320), _SCORE, _OVERLAP, 5000)
    finally:
        cv2.utils.logging.setLogLevel(level)
