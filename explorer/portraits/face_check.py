"""The share of pictures at a model's size in which the detector finds a face."""

import cv2
import numpy as np

from explorer.portraits import face_detector

#: Lowest score of the detector at which a picture counts as a face.
SCORE = 0.7
#: Enlargement of the pictures for the detector, which was trained on photos.
ENLARGE = 4


def face_score(picture: np.ndarray) -> float:
    """Return YuNet's score of an upright face in a picture, uint8 ``[H, W, 3]``: 0 to 1."""
    size = (picture.shape[1] * ENLARGE, picture.shape[0] * ENLARGE)
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    return face_detector.best_score(large)


def summary(pictures: np.ndarray) -> tuple[str, np.ndarray]:
    """Summarise pictures, uint8 ``[N, H, W, 3]``: share of faces, mean score, spread. Return text and scores."""
    scores = np.array([face_score(picture) for picture in pictures])
    spread = (pictures / 255).std(axis=0).mean()
    return f"a face in {np.mean(scores >= SCORE):.1%}, mean score {scores.mean():.3f}, spread {spread:.3f}", scores
