"""How two pictures of 8 bits differ: counted, measured, and made visible.

All pictures here are ``uint8`` arrays ``[..., H, W, C]`` of one shape.
"""

import math

import numpy as np


def pixels_changed(a: np.ndarray, b: np.ndarray) -> int:
    """Return the number of pixels (not values) that differ."""
    return int(np.any(a != b, axis=-1).sum())


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in decibels; infinity for equal pictures."""
    error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def amplified(difference: np.ndarray, gain: float) -> np.ndarray:
    """Return mid-grey plus ``gain`` times a difference as a picture: grey where nothing changed.

    ``difference`` holds finite floats; times ``gain`` they are in steps of 8 bits.
    """
    return np.clip(np.rint(128 + gain * difference), 0, 255).astype(np.uint8)
