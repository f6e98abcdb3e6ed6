"""Figures and pictures of the difference between two pictures."""

import math

import numpy as np
import pytest

from glowcore.image_difference import amplified, pixels_changed, psnr


def test_a_pixel_counts_once_however_many_of_its_values_differ():
    a = np.zeros((2, 4, 5, 3), np.uint8)
    b = a.copy()
    b[0, 1, 2] = 9
    b[1, 3, 4, 0] = 1
    assert (pixels_changed(a, b), pixels_changed(a, a)) == (2, 0)


def test_psnr_of_one_step_everywhere():
    a = np.full((4, 4, 3), 7, np.uint8)
    assert psnr(a, a + 1) == pytest.approx(10 * math.log10(255**2))
    assert psnr(a + 1, a) == psnr(a, a + 1)
    assert psnr(a, a) == math.inf


def test_an_amplified_difference_is_grey_where_there_is_none_and_stops_at_black_and_white():
    shown = amplified(np.float32([0.0, 0.5, -0.25, 99.0, -99.0]), 64)
    assert shown.dtype == np.uint8
    assert shown.tolist() == [128, 160, 112, 255, 0]
