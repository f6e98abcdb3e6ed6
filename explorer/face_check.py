"""Whether a face is found in a picture of a model's size, a sample or a real one."""

import cv2
import numpy as np

from explorer import face_detector

#: A picture counts as a face from this score of the detector on.
SCORE = 0.7
#: How much pictures are enlarged for the detector, which was made for faces of a photo.
ENLARGE = 4


def has_face(picture: np.ndarray) -> bool:
    """Whether YuNet finds an upright face in `uint8 [H, W, 3]`."""
    size = (picture.shape[1] * ENLARGE, picture.shape[0] * ENLARGE)
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    return face_detector.best_score(large) >= SCORE
