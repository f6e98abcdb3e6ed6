"""Differences between two 8-bit pictures: number of pixels, PSNR, and a picture of the difference.

The pictures are ``uint8`` arrays ``[..., H, W, C]`` of one shape.
"""

import math

import numpy as np


def pixels_changed(a: np.ndarray, b: np.ndarray) -> int:
    """Return the number of pixels that differ in any channel."""
    return int(np.any(a != b, axis=-1).sum())


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in decibels; infinity for equal pictures."""
    error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def amplified(difference: np.ndarray, gain: float) -> np.ndarray:
    """Return a difference as a picture: mid-grey (128) plus ``gain`` times the difference, rounded and clipped.

    Args:
        difference: finite floats.
        gain: 8-bit steps per unit of the difference.
    """
    return np.clip(np.rint(128 + gain * difference), 0, 255).astype(np.uint8)
