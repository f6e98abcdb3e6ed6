"""Pictures as files: exact, and large for showing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from explorer.edits.recipe_png import read_png
from glowcore.films import enlarge
from tests.e2e.settling import settle

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def go(page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def test_pictures_are_saved_exact_and_large(page):
    def saved(name: str) -> bytes:
        settle(page)
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        return download.value.path().read_bytes()

    def pixels_of(data: bytes) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    for name in ("Edit", "Mix"):
        if name == "Mix":
            go(page, name)
            page.get_by_role("radio", name="Parts of two faces", exact=True).click()
        expect(page.get_by_role("button", name="Save picture")).to_be_visible()
        exact, large = saved("Exact 64 px PNG"), saved("Save picture")
        assert pixels_of(exact).shape == (64, 64, 3)
        assert np.array_equal(pixels_of(large), enlarge(pixels_of(exact), 512))
        assert read_png(large) == read_png(exact)  # from Edit both know the edit
        assert (read_png(large) is None) == (name == "Mix")
        if name == "Edit":
            both = saved("Save before and after")
            assert np.array_equal(pixels_of(both)[:512, 520:], pixels_of(large))
            assert read_png(both) == read_png(exact)
    go(page, "Sample")
    expect(page.get_by_role("button", name="Save pictures")).to_be_visible()
    for name, side in (("Every picture at 64 px", 64), ("Save pictures", 256)):
        assert pixels_of(saved(name)).shape[0] in range(4 * side, 4 * side + 16)  # with the gaps between four rows
