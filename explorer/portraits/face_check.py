"""Whether faces are found in pictures of a model's size, samples or real ones."""

import cv2
import numpy as np

from explorer.portraits import face_detector

#: A picture counts as a face from this score of the detector on.
SCORE = 0.7
#: How much pictures are enlarged for the detector, which was made for faces of a photo.
ENLARGE = 4


def face_score(picture: np.ndarray) -> float:
    """How sure YuNet is of an upright face in `uint8 [H, W, 3]`, 0 to 1."""
    size = (picture.shape[1] * ENLARGE, picture.shape[0] * ENLARGE)
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    return face_detector.best_score(large)


def summary(pictures: np.ndarray) -> tuple[str, np.ndarray]:
    """Words about `uint8 [N, H, W, 3]`, and the score of each: how many are faces, how sure that is, how they vary."""
    scores = np.array([face_score(picture) for picture in pictures])
    spread = (pictures / 255).std(axis=0).mean()
    return f"a face in {np.mean(scores >= SCORE):.1%}, mean score {scores.mean():.3f}, spread {spread:.3f}", scores
