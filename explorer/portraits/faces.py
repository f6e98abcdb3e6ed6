"""Align faces to the models' template, and put edited faces back into their photos.

Faces are aligned like the models' training data: the photo is shrunk by area averaging to about the target's scale, the
least-squares similarity (Umeyama 1991) maps its five landmarks to ``TEMPLATE``, and a bicubic warp with a reflected
border samples it. Coordinates are those of pixel centres: (0, 0) is the centre of the first pixel. All functions are
thread-safe.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from explorer.portraits.face_detector import Face
from glowcore import images
from glowcore.errors import ImageError

# Positions in the training data of picture-left eye, picture-right eye, nose tip, picture-left and picture-right corner
# of the mouth, as fractions of the side.
TEMPLATE = np.array([(0.32, 0.335), (0.68, 0.335), (0.50, 0.545), (0.355, 0.735), (0.645, 0.735)])

_FEATHER = 0.14  # fraction of the side over which a pasted difference fades out
_BAND_PIXELS = 1_000_000


@dataclass(frozen=True, eq=False)
class Alignment:
    """A face aligned to the template.

    Attributes:
        image: uint8 ``[size, size, 3]``.
        matrix: float64 ``[2, 3]``, from the photo's pixels to the image's.
        face: the detected face; None for a centre crop or hand-placed eyes.
    """

    image: np.ndarray
    matrix: np.ndarray
    face: Face | None = None

    @property
    def scale(self) -> float:
        """Pixels of the image per pixel of the photo, along a side."""
        return _scale(self.matrix)


def align(array: np.ndarray, size: int, face: Face | None = None) -> Alignment:
    """Align ``face`` in a photo, uint8 ``[H, W, 3]``, to the template at size x size; without a face crop the centre.

    A photo of size x size whose face is in place already, such as a picture of a training set, is not resampled.
    """
    if face is None:
        return _centre(array, size)
    target = TEMPLATE * size
    if array.shape[:2] == (size, size) and _is_in_place(face, target, size):
        return Alignment(array.copy(), np.eye(2, 3), face)
    return Alignment(*_warp(array, face.landmarks, target, size), face)


def align_from_eyes(array: np.ndarray, left: tuple[float, float], right: tuple[float, float], size: int) -> Alignment:
    """Align a photo, uint8 ``[H, W, 3]``, by the places (x, y) of both eyes, in either order.

    Raises:
        ImageError: the points are less than 2 pixels apart.
    """
    eyes = np.array(sorted((left, right)), dtype=np.float64)
    if not np.isfinite(eyes).all() or np.linalg.norm(eyes[1] - eyes[0]) < 2:
        raise ImageError("the two eyes are in one place; two points at least 2 pixels apart are expected")
    return Alignment(*_warp(array, eyes, TEMPLATE[:2] * size, size))


def paste_back(photo: np.ndarray, alignment: Alignment, edited: np.ndarray) -> np.ndarray:
    """Add the difference between an edited face and the aligned picture to the photo.

    Only the difference is enlarged, so the photo keeps its sharpness. The difference fades out towards the border of
    the aligned square. No value changes outside the square, or anywhere if ``edited`` equals ``alignment.image``.

    Args:
        photo: uint8 ``[H, W, 3]``, the photo that was aligned.
        alignment: the aligned face.
        edited: uint8 ``[size, size, 3]``.

    Returns:
        A new array, uint8 ``[H, W, 3]``.
    """
    result = photo.copy()
    size = alignment.image.shape[0]
    change = edited.astype(np.float32) - alignment.image
    if not change.any():
        return result
    if alignment.scale > 1:  # the face in the photo is smaller than the picture: average before sampling
        change = cv2.GaussianBlur(change, (0, 0), 0.5 * alignment.scale)
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
    """Return the least-squares similarity without reflection from points ``[N, 2]`` to others: float64 ``[2, 3]``.

    Umeyama 1991, equations 39 to 42: R = U S V', scale = tr(D S) / var, t = mean(target) - scale R mean(source).
    """
    mean_source, mean_target = source.mean(0), target.mean(0)
    centred, towards = source - mean_source, target - mean_target
    u, d, vt = np.linalg.svd(towards.T @ centred / len(source))
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])
    rotation = u * signs @ vt
    scale = (d * signs).sum() / (centred**2).sum(1).mean()
    return np.column_stack([scale * rotation, mean_target - scale * rotation @ mean_source])


def _is_in_place(face: Face, target: np.ndarray, size: int) -> bool:
    """Return whether landmarks lie on the template within the detector's error, relatively larger for small faces."""
    return bool(np.linalg.norm(face.landmarks - target, axis=1).mean() < 0.04 * size + 4)


def _scale(matrix: np.ndarray) -> float:
    return math.sqrt(abs(np.linalg.det(matrix[:, :2])))


def _warp(array: np.ndarray, points: np.ndarray, target: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    matrix = similarity(points, target)
    scale = _scale(matrix)
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
    """Return left, top, right and bottom of the photo's pixels that the aligned square touches."""
    corners = np.array([(-0.5, -0.5), (size - 0.5, -0.5), (-0.5, size - 0.5), (size - 0.5, size - 0.5)])
    back = np.linalg.solve(matrix[:, :2], (corners - matrix[:, 2]).T).T
    low = np.clip(np.floor(back.min(0)), 0, (shape[1], shape[0])).astype(int)
    high = np.clip(np.ceil(back.max(0)) + 1, 0, (shape[1], shape[0])).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
