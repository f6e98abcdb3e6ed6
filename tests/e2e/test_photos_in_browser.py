"""Photos as people have them: two faces in one, none at all, and eyes that are placed by hand."""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.edits.recipe import EditRecipe
from tests.e2e.settling import settle, smile, still

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
ASTRONAUT = Path(__file__).resolve().parents[1] / "data" / "astronaut.jpg"


def original(page):
    return page.locator('.thumb[data-show="original"] img')


def upload(page, path: Path) -> None:
    expect(smile(page)).to_have_value("1")
    page.locator('input[type="file"]').first.set_input_files(path)
    expect(original(page)).to_have_attribute("alt", re.compile(re.escape(path.name)))


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


def test_no_file_moves_the_picture(page, tmp_path):
    expect(smile(page)).to_have_value("1")
    with Image.open(ASTRONAUT) as opened:
        face = opened.convert("RGB")
    pictures = [face.point(lambda v, n=n: v * (20 - n) // 20) for n in range(5)]
    two, none = Image.new("RGB", (2 * face.width, face.height)), Image.new("RGB", (90, 90))
    for index in range(2):
        two.paste(face, (index * face.width, 0))
    for index, picture in enumerate([*pictures, two, none]):
        picture.save(tmp_path / f"{index}.png")
    (tmp_path / "odd.png").write_bytes(b"no picture")

    def place() -> float:
        still(page)
        return page.locator(".stage").bounding_box()["y"]

    added = page.locator('.st-key-upload input[type="file"]')
    chips, uploader = page.get_by_test_id("stFileChip"), page.locator(".st-key-upload").bounding_box()
    for width, height in ((1360, 860), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        start = place()
        for count, names in ((2, ["0", "1"]), (5, ["2", "3", "4"]), (6, ["5"]), (7, ["6"]), (8, ["odd"])):
            added.set_input_files([tmp_path / f"{name}.png" for name in names])
            expect(chips).to_have_count(count)
            settle(page)
            assert place() == pytest.approx(start, abs=1), (width, names)
            newest = chips.last.bounding_box()
            assert uploader["y"] <= newest["y"] < newest["y"] + newest["height"] <= uploader["y"] + uploader["height"]
            expect(page.get_by_role("button", name=re.compile(r"Face \d of 2"))).to_have_count(2 if "5" in names else 0)
        expect(page.get_by_text("odd.png: this is not a picture")).to_be_in_viewport()
        while chips.count():
            left = chips.count() - 1
            chips.first.get_by_role("button").click()
            expect(chips).to_have_count(left)


def test_photos_are_chosen_again_and_go_with_their_files(page, tmp_path):
    with Image.open(ASTRONAUT) as opened:
        opened.convert("L").save(tmp_path / "grey.png")
    upload(page, ASTRONAUT)
    first = original(page).get_attribute("src")
    page.locator('.st-key-upload input[type="file"]').set_input_files(tmp_path / "grey.png")
    expect(original(page)).not_to_have_attribute("src", first)
    tiles = page.locator(".st-key-gallery").get_by_role("button", name=re.compile(r"^(astronaut\.jpg|grey\.png)$"))
    expect(tiles).to_have_count(2)
    tiles.nth(1).click()
    expect(original(page)).to_have_attribute("src", first)
    page.get_by_role("button", name="Remove astronaut.jpg").click()
    expect(tiles).to_have_count(1)
    expect(original(page)).to_have_attribute("alt", re.compile("Gallery face"))


@pytest.fixture
def faceless(tmp_path) -> Path:
    """A photo in which no face is found."""
    noise = np.random.default_rng(0).integers(60, 200, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC).save(tmp_path / "none.png")
    return tmp_path / "none.png"


def test_eyes_are_placed_where_no_face_is_found(page, faceless):
    upload(page, faceless)
    expect(page.get_by_text("No face was found")).to_be_visible()
    before = original(page).get_attribute("src")
    page.get_by_role("button", name="Place the eyes").click()
    photo = page.locator(".photo img")
    expect(photo).to_be_visible()
    expect(page.get_by_text("Click on one eye,")).to_be_visible()
    box = photo.bounding_box()
    assert box["height"] > 400  # large enough to hit an eye
    glass = page.locator(".glass")
    expect(glass).to_be_hidden()
    for share in (0.4, 0.6):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.4 * box["height"])
        expect(glass).to_be_visible()
        page.mouse.down()
        page.mouse.up()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".st-key-place_eyes button")).to_be_focused()
    expect(original(page)).not_to_have_attribute("src", before)
    assert eyes_in_link(page) == pytest.approx([0.4, 0.4, 0.6, 0.4], abs=2e-3)


def eyes_in_link(page) -> list[float]:
    """The eyes (x, y, x, y) that the page's address holds."""
    page.wait_for_function("() => location.search.includes('s=')")
    token = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)["s"][0]
    return list(EditRecipe.from_token(token).source.eyes)


def test_eyes_are_placed_by_the_keyboard(page, faceless):
    upload(page, faceless)
    before = original(page).get_attribute("src")
    page.get_by_role("button", name="Place the eyes").click()
    photo = page.get_by_role("button", name="Your photo, to place the eyes")
    expect(photo).to_be_visible()
    photo.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("button", name="the cross is 48.0 % from the left, 50.0 % from the top")).to_be_focused()
    for key in ["ArrowLeft"] * 4 + ["ArrowUp"] * 5:
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Now the other eye.")).to_be_visible()
    for key in ["ArrowRight"] * 10 + ["Shift+ArrowRight"] * 2:
        page.keyboard.press(key)
    page.keyboard.press("Space")
    expect(page.locator(".st-key-place_eyes button")).to_be_focused()
    expect(original(page)).not_to_have_attribute("src", before)
    expect(page).to_have_url(re.compile(r"s="))
    assert eyes_in_link(page) == pytest.approx([0.4, 0.4, 0.608, 0.4], abs=1e-4)


def test_a_copied_link_says_that_the_photo_is_not_in_it(page):
    upload(page, ASTRONAUT)
    settle(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".copy").click()
    expect(page.locator(".note-words")).to_have_text(re.compile(r"^Copied\. The link holds the edit, not your photo: "))
    smile(page).press("Shift+ArrowRight")
    expect(page.locator(".note")).to_be_hidden()
    settle(page)
