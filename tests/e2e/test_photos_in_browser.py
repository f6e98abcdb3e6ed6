"""Photos as people have them: two faces in one, none at all, and the edit put back into the whole photo."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
ASTRONAUT = Path(__file__).resolve().parents[1] / "data" / "astronaut.jpg"


def smile(page):
    return page.get_by_role("slider", name="Smile", exact=True)


def original(page):
    return page.locator('.thumb[data-show="original"] img')


def upload(page, path: Path) -> None:
    expect(smile(page)).to_have_value("1")
    page.locator('input[type="file"]').first.set_input_files(path)
    expect(original(page)).to_have_attribute("alt", re.compile("Your photo"))


def test_one_of_two_faces_is_chosen(page, tmp_path):
    with Image.open(ASTRONAUT) as opened:
        face = opened.convert("RGB")
    both = Image.new("RGB", (2 * face.width, face.height))
    both.paste(face, (0, 0))
    both.paste(face.point(lambda v: v // 2), (face.width, 0))
    both.save(tmp_path / "two.png")
    upload(page, tmp_path / "two.png")
    faces = page.get_by_role("button", name=re.compile(r"Face \d of 2"))
    expect(faces).to_have_count(2)
    expect(faces.first).to_have_attribute("aria-pressed", "true")
    before = original(page).get_attribute("src")
    faces.nth(1).click()
    expect(faces.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(original(page)).not_to_have_attribute("src", before)


def test_eyes_are_placed_where_no_face_is_found(page, tmp_path):
    noise = np.random.default_rng(0).integers(60, 200, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC).save(tmp_path / "none.png")
    upload(page, tmp_path / "none.png")
    expect(page.get_by_text("No face was found")).to_be_visible()
    before = original(page).get_attribute("src")
    page.get_by_role("button", name="Place the eyes").click()
    photo = page.locator(".photo img")
    expect(photo).to_be_visible()
    box = photo.bounding_box()
    expect(page.get_by_text("Click on one eye.")).to_be_visible()
    for share in (0.4, 0.6):
        page.mouse.click(box["x"] + share * box["width"], box["y"] + 0.4 * box["height"])
    expect(original(page)).not_to_have_attribute("src", before)


def test_the_edit_is_put_back_into_the_whole_photo(page, tmp_path):
    upload(page, ASTRONAUT)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save whole photo").click()
    saved = tmp_path / "whole.png"
    download.value.save_as(saved)
    with Image.open(saved) as a, Image.open(ASTRONAUT) as b:
        assert a.size == b.size
        change = np.abs(np.asarray(a, int) - np.asarray(b.convert("RGB"), int)).max(axis=-1)
    assert 0 < (change > 0).mean() < 0.7
    assert not change[0].any()
    assert not change[-1].any()
