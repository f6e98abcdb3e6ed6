"""In how many pictures a face is found: of a model's samples, and of real ones beside them."""

import cv2
import numpy as np

from explorer import face_detector

#: A picture counts as a face from this score of the detector on.
SCORE = 0.7
#: How much pictures are enlarged for the detector, which was made for faces of a photo.
ENLARGE = 4


def face_rate(pictures: np.ndarray) -> float:
    """The share of `uint8 [N, H, W, 3]` in which YuNet finds an upright face, 0..1."""
    return sum(_has_face(picture) for picture in pictures) / len(pictures)


def _has_face(picture: np.ndarray) -> bool:
    size = (picture.shape[1] * ENLARGE, picture.shape[0] * ENLARGE)
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    return face_detector.best_score(large) >= SCORE
