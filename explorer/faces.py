"""Find the face in a photo, bring it to the models' template, and put an edited one back.

Faces are found by YuNet (`vendor/yunet`) and aligned like the pictures that the models were trained on: the photo is
shrunk by area averaging to about the target's scale, the least-squares similarity (Umeyama 1991) takes its five
landmarks to `TEMPLATE`, and a bicubic warp with a reflected border follows. Coordinates are those of pixel centres:
(0, 0) is the middle of the first pixel. Everything here may be called from any thread.
"""

import functools
import math
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from glowcore import images
from glowcore.errors import ImageError

# Picture-left eye, picture-right eye, nose tip, picture-left and picture-right corner of the mouth, as fractions of the
# side: where the faces of the training sets have them.
TEMPLATE = np.array([(0.32, 0.335), (0.68, 0.335), (0.50, 0.545), (0.355, 0.735), (0.645, 0.735)])

MODEL_FILE = Path(__file__).parent / "vendor" / "yunet" / "face_detection_yunet_2023mar.onnx"
MAX_FACES = 100

_SCORE = 0.6
_SCORE_TURNED = 0.8  # a photo on its side is a guess, so it has to be a good one
_OVERLAP = 0.3
_SIDES = (320, 960)  # YuNet sees faces of about 10 to 300 pixels: the small view finds the large ones
_REFINE_SIDES = (128, 160, 192)  # of the square around a face in which its landmarks are measured again
_REFINE_MARGIN = 1.8
_FEATHER = 0.14  # of the side over which a pasted difference fades to nothing
_BAND_PIXELS = 1_000_000

_DETECTING = threading.Lock()


@dataclass(frozen=True)
class Face:
    """A face in a photo.

    Attributes:
        box: x, y, width, height in pixels of the photo.
        landmarks: `float64 [5, 2]`, (x, y) in the order of `TEMPLATE`.
        score: the detector's confidence, 0..1.
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    score: float


@dataclass(frozen=True)
class Alignment:
    """A face brought to the template.

    Attributes:
        image: `uint8 [size, size, 3]`.
        matrix: `float64 [2, 3]`, from the photo's pixels to the image's.
        face: the face it was made from; None for a centre crop or hand-placed eyes.
    """

    image: np.ndarray
    matrix: np.ndarray
    face: Face | None = None


def find(array: np.ndarray) -> list[Face]:
    """The faces in `uint8 [H, W, 3]`, best choice first: large ones, and of like size the one nearest the centre.

    A photo without an upright face is looked at turned by quarters too. The list is empty if there is none.
    """
    faces = _detect(array, _SCORE)
    for quarters in (1, 3, 2):
        if faces:
            break
        turned = np.rot90(array, quarters)
        faces = [_turn_back(face, quarters, array.shape) for face in _detect(turned, _SCORE_TURNED)]
    height, width = array.shape[:2]

    def prominence(face: Face) -> float:
        x, y, w, h = face.box
        away = math.hypot(x + w / 2 - width / 2, y + h / 2 - height / 2) / math.hypot(width / 2, height / 2)
        return math.sqrt(w * h) * (1 - min(away, 1) / 2)

    return sorted(faces, key=prominence, reverse=True)[:MAX_FACES]


def align(array: np.ndarray, size: int, face: Face | None = None) -> Alignment:
    """Bring `face` in `uint8 [H, W, 3]` to the template at `size x size`; without a face the central square.

    A photo that is `size x size` with its face in place already, a picture of a training set say, stays as it is.
    """
    if face is None:
        return _centre(array, size)
    target = TEMPLATE * size
    if array.shape[:2] == (size, size) and np.linalg.norm(face.landmarks - target, axis=1).mean() < 0.06 * size:
        return Alignment(array.copy(), np.eye(2, 3), face)
    return Alignment(*_warp(array, face.landmarks, target, size), face)


def align_from_eyes(
    array: np.ndarray, left: tuple[float, float], right: tuple[float, float], size: int
) -> Alignment:
    """Align by two points (x, y), the eyes as someone has pointed at them, in either order.

    Raises:
        ImageError: the points are less than 2 pixels apart.
    """
    eyes = np.array(sorted((left, right)), dtype=np.float64)
    if not np.isfinite(eyes).all() or np.linalg.norm(eyes[1] - eyes[0]) < 2:
        raise ImageError("the two eyes are in one place; two points at least 2 pixels apart are expected")
    return Alignment(*_warp(array, eyes, TEMPLATE[:2] * size, size))


def paste_back(photo: np.ndarray, alignment: Alignment, edited: np.ndarray) -> np.ndarray:
    """The photo with an edited face: the difference between `edited` and the aligned picture, enlarged, added to it.

    The photo keeps its own sharpness, for only what the edit changed is enlarged; towards the border of the square the
    difference fades to nothing. Outside the square, and anywhere if `edited` equals `alignment.image`, no value changes.

    Args:
        photo: `uint8 [H, W, 3]`, what `alignment` was made from.
        edited: `uint8 [size, size, 3]`.

    Returns:
        A new `uint8 [H, W, 3]`.
    """
    result = photo.copy()
    size = alignment.image.shape[0]
    change = edited.astype(np.float32) - alignment.image
    if not change.any():
        return result
    scale = math.sqrt(abs(np.linalg.det(alignment.matrix[:, :2])))
    if scale > 1:  # the photo's face is smaller than the picture: average before sampling
        change = cv2.GaussianBlur(change, (0, 0), 0.5 * scale)
    ramp = np.clip((np.minimum(np.arange(size), np.arange(size)[::-1]) - 1.5) / (_FEATHER * size), 0, 1)
    ramp = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
    change *= (ramp[:, None] * ramp)[..., None]

    left, top, right, bottom = _square_bounds(alignment.matrix, size, photo.shape)
    rows = max(1, _BAND_PIXELS // max(1, right - left))
    for y in range(top, bottom, rows):
        band = result[y : min(y + rows, bottom), left:right]
        matrix = alignment.matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ (left, y)
        shift = cv2.warpAffine(
            change,
            matrix,
            (band.shape[1], band.shape[0]),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        )
        band[...] = np.clip(np.rint(band + shift), 0, 255).astype(np.uint8)
    return result


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The least-squares similarity from `[N, 2]` points to `[N, 2]` points as `float64 [2, 3]`, without reflection.

    Umeyama 1991, equations 39 to 42: R = U S V', scale = tr(D S) / var, t = mean(target) - scale R mean(source).
    """
    mean_source, mean_target = source.mean(0), target.mean(0)
    centred, towards = source - mean_source, target - mean_target
    u, d, vt = np.linalg.svd(towards.T @ centred / len(source))
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])
    rotation = u * signs @ vt
    scale = (d * signs).sum() / (centred**2).sum(1).mean()
    return np.column_stack([scale * rotation, mean_target - scale * rotation @ mean_source])


def _warp(array: np.ndarray, points: np.ndarray, target: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    matrix = similarity(points, target)
    scale = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    height, width = array.shape[:2]
    small = array
    if scale < 1:
        small = images.resize_area(array, (max(1, round(height * scale)), max(1, round(width * scale))))
    ratio = np.array([small.shape[1] / width, small.shape[0] / height])
    fine = similarity((points + 0.5) * ratio - 0.5, target)
    image = cv2.warpAffine(small, fine, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    whole = np.column_stack([fine[:, :2] * ratio, fine[:, 2] + fine[:, :2] @ (0.5 * ratio - 0.5)])
    return image, whole


def _centre(array: np.ndarray, size: int) -> Alignment:
    height, width = array.shape[:2]
    side = min(height, width)
    scale = size / side
    corner = np.array([(width - side) // 2, (height - side) // 2])
    matrix = np.column_stack([np.eye(2) * scale, scale * (0.5 - corner) - 0.5])
    return Alignment(images.fit(array, (size, size)).copy(), matrix)


def _square_bounds(matrix: np.ndarray, size: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the photo's pixels that the aligned square touches."""
    corners = np.array([(-0.5, -0.5), (size - 0.5, -0.5), (-0.5, size - 0.5), (size - 0.5, size - 0.5)])
    back = np.linalg.solve(matrix[:, :2], (corners - matrix[:, 2]).T).T
    low = np.clip(np.floor(back.min(0)), 0, (shape[1], shape[0])).astype(int)
    high = np.clip(np.ceil(back.max(0)) + 1, 0, (shape[1], shape[0])).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _detect(array: np.ndarray, threshold: float) -> list[Face]:
    """Upright faces: seen at two sizes, doubles removed, landmarks measured again close up."""
    found: list[Face] = []
    for side in _SIDES:
        if side == _SIDES[0] or max(array.shape[:2]) > _SIDES[0]:
            found += _detect_at(array, side, threshold)
    kept: list[Face] = []
    for face in sorted(found, key=lambda face: face.score, reverse=True):
        if all(_overlap(face.box, other.box) < _OVERLAP for other in kept):
            kept.append(face)
    return [_refine(array, face) for face in kept[:MAX_FACES]]


def _detect_at(array: np.ndarray, side: int, threshold: float) -> list[Face]:
    """One look at the picture brought to `side` pixels on its longer side, faces in the picture's own pixels."""
    height, width = array.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    view = np.ascontiguousarray(images.resize_area(np.ascontiguousarray(array), size)[..., ::-1])
    with _DETECTING:
        detector = _detector()
        detector.setInputSize((size[1], size[0]))
        detector.setScoreThreshold(threshold)
        rows = detector.detect(view)[1]
    if rows is None:
        return []
    ratio = np.array([width / size[1], height / size[0]])
    faces = []
    for row in rows.astype(np.float64):
        if np.isfinite(row).all():
            x, y, w, h = row[:4] * np.tile(ratio, 2)
            faces.append(Face((x, y, w, h), (row[4:14].reshape(5, 2) + 0.5) * ratio - 0.5, float(row[14])))
    return faces


def _refine(array: np.ndarray, face: Face) -> Face:
    """The same face with the mean of its landmarks over several close views, which differ by a few percent each."""
    x, y, w, h = face.box
    half = max(w, h) * _REFINE_MARGIN / 2
    left, top = max(0, round(x + w / 2 - half)), max(0, round(y + h / 2 - half))
    right, bottom = round(x + w / 2 + half) + 1, round(y + h / 2 + half) + 1
    part = array[top:bottom, left:right]
    views = [face.landmarks]
    for side in _REFINE_SIDES if min(part.shape[:2]) >= 8 else ():
        for near in _detect_at(part, side, _SCORE):
            nx, ny, nw, nh = near.box
            if _overlap((nx + left, ny + top, nw, nh), face.box) > 0.5:
                views.append(near.landmarks + (left, top))
                break
    return Face(face.box, np.mean(views[1:] or views, axis=0), face.score)


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(across, 0) * max(down, 0)
    return common / max(a[2] * a[3] + b[2] * b[3] - common, 1e-9)


def _turn_back(face: Face, quarters: int, shape: tuple[int, ...]) -> Face:
    """A face found in `rot90(photo, quarters)`, in the photo's own coordinates."""
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
    return Face((*low, *(high - low)), points[:5], face.score)


@functools.cache
def _detector() -> cv2.FaceDetectorYN:
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # OpenCV 5 warns of a target that nobody asked for
    try:
        return cv2.FaceDetectorYN.create(str(MODEL_FILE), "", (320, 320), _SCORE, _OVERLAP, 5000)
    finally:
        cv2.utils.logging.setLogLevel(level)
