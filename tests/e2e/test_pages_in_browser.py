"""The other pages as a new user walks them: a film that opens, an attribute of one's own."""

from __future__ import annotations

import base64
import io
import re
import zipfile

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from tests.e2e.settling import settle
from tests.explorer import tiny_model

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def go(page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def pixels(page, selector: str) -> int:
    """A number that changes when a canvas shows something else."""
    return page.locator(selector).evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce((a, b) => (a * 31 + b) | 0, 7)"
    )


def test_a_film_is_scrubbed_and_saved(page, tmp_path):
    page.emulate_media(reduced_motion="reduce")  # the film does not play by itself
    go(page, "Mix")
    scrub = page.get_by_role("slider", name="Place in the film")
    expect(scrub).to_be_visible()
    page.wait_for_function(
        """() => { for (const e of document.querySelectorAll('*')) if (e.shadowRoot?.__instance?.count) return true }"""
    )
    start = pixels(page, ".screen canvas")
    scrub.evaluate("e => { e.value = 24; e.dispatchEvent(new Event('input')) }")
    assert pixels(page, ".screen canvas") != start
    box = page.locator(".screen").bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 9)
    page.mouse.down()
    expect(scrub).to_have_attribute("aria-valuetext", "25 %")
    page.mouse.move(box["x"] + 2 * box["width"], box["y"] + 9)  # the hand is followed beyond the picture
    expect(scrub).to_have_attribute("aria-valuetext", "100 %")
    page.mouse.up()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 9)
    expect(scrub).to_have_attribute("aria-valuetext", "100 %")
    with page.expect_download() as download:
        page.get_by_role("button", name="Exact 64 px PNG").click()
    assert download.value.suggested_filename.endswith("-100-64px.png")

    with page.expect_download() as download:
        page.get_by_role("button", name="Save MP4").click()
    film = tmp_path / "film.mp4"
    download.value.save_as(film)
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(film))
    assert count == 96  # 49 there and 47 back
    assert seconds == pytest.approx(96 / 24, abs=0.1)

    with page.expect_download() as download:
        page.get_by_role("button", name="Save GIF").click()
    film = tmp_path / "film.gif"
    download.value.save_as(film)
    with Image.open(film) as opened:
        assert opened.n_frames > 48
        assert opened.size == (256, 256)

    with page.expect_download() as download:
        page.get_by_role("button", name="Save PNGs").click()
    frames = tmp_path / "film.zip"
    download.value.save_as(frames)
    with zipfile.ZipFile(frames) as archive:
        assert archive.namelist() == [f"frame_{n:03}.png" for n in range(49)]


def test_between_four_pictures_by_keyboard_and_as_a_file(page, tmp_path):
    go(page, "Mix")
    page.get_by_role("radio", name="Four corners").click()
    shares = page.locator(".pad").get_by_role("status").first
    expect(shares).to_have_text("A 25 % · B 25 % · C 25 % · D 25 %")
    corners = [(box["x"], box["y"]) for box in (b.bounding_box() for b in page.locator(".corner").all())]
    assert page.locator(".corner b").all_inner_texts() == ["A", "B", "C", "D"]
    assert corners == sorted(corners, key=lambda place: place[::-1])  # row by row
    page.locator(".field").press("ArrowLeft")
    expect(shares).to_have_text("A 27 % · B 23 % · C 27 % · D 23 %")

    def saved() -> np.ndarray:
        """What is saved at once, before the server can have made the file of the present place."""
        with page.expect_download() as download:
            page.get_by_role("button", name="Exact 64 px PNG").click()
        download.value.save_as(tmp_path / "mix.png")
        return np.asarray(Image.open(tmp_path / "mix.png"), int)

    middle = saved()
    box = page.locator(".field").bounding_box()
    page.locator(".field").click(position={"x": 0.97 * box["width"], "y": 0.03 * box["height"]})
    page.locator(".field").press("ArrowRight")
    page.keyboard.down("ArrowUp")  # and not lifted
    expect(shares).to_have_text("A 0 % · B 100 % · C 0 % · D 0 %")
    tile = page.locator(".st-key-tiles_B [aria-pressed=true] img").get_attribute("src")
    b = np.asarray(Image.open(io.BytesIO(base64.b64decode(tile.split(",")[1]))).convert("RGB"), int)
    assert np.abs(saved() - b).mean() < 4  # the tile is compressed
    assert np.abs(middle - b).mean() > 10


def test_an_attribute_of_one_s_own_from_16_photos(page, tmp_path):
    files = []
    for index, picture in enumerate(tiny_model.pictures(16, 64, seed=3)):
        files.append(tmp_path / f"{index}.png")
        Image.fromarray(picture).save(files[-1])
    go(page, "Attributes")
    expect(page.get_by_text("Your own attribute")).to_be_visible()
    page.locator('.st-key-own_with input[type="file"]').set_input_files(files[:8])
    expect(page.get_by_text("8 photos")).to_have_count(1)
    page.locator('.st-key-own_without input[type="file"]').set_input_files(files[8:])
    expect(page.get_by_text("8 photos")).to_have_count(2)
    make = page.get_by_role("button", name="Make the slider")
    page.mouse.move(600, 600)
    page.mouse.wheel(0, 5000)
    make.click()
    expect(page.get_by_text("The slider needs a name: type one above.")).to_be_in_viewport()
    page.get_by_role("textbox", name="Its name").fill("Freckles")
    make.click()
    # Seen without a further scroll, though the page ended with the button.
    expect(page.get_by_text("is among the sliders of Edit")).to_be_in_viewport(ratio=0.5)
    strip = page.locator(".st-key-own_strip")
    expect(strip.get_by_role("button")).to_have_count(7)
    expect(strip.get_by_role("button", name="with freckles +3")).to_be_in_viewport(ratio=1)
    go(page, "Edit")
    expect(page.get_by_role("slider", name="Freckles", exact=True)).to_be_visible()


def test_a_seed_that_is_refused_leaves_the_field_and_the_pictures_as_they_were(page):
    go(page, "Sample")
    field = page.get_by_role("textbox", name="Number of the first face")
    field.fill("16")
    field.press("Enter")
    first = page.get_by_role("button", name=re.compile("seed 16$"))
    expect(first).to_be_visible()
    for typed in ("99999999999999999999", "1e5", "0x10", "1.5", "", "1e5"):
        field.fill(typed)
        field.press("Enter")
        problem = f"“{typed}” was not taken" if typed else "No number was typed"
        expect(page.get_by_text("; expected a whole number")).to_contain_text(problem)
        expect(field).to_have_value("16")
        expect(first).to_be_visible()


def test_a_model_that_is_taken_stays_where_it_is_with_the_focus(page, models_home):
    if not (models_home / "pretrained" / "faces32-glow").is_dir():
        pytest.skip("there is no second model")
    go(page, "Models")
    card = page.locator(".st-key-card_pretrained_faces32-glow")
    button = card.locator(".st-key-use_pretrained-faces32-glow button")
    expect(button).to_have_text("Use this model")
    settle(page)
    before = button.bounding_box()
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_contain_text("In use")
    settle(page)
    expect(button).to_be_focused()
    assert button.bounding_box() == before


def test_a_model_is_checked(page):
    go(page, "Models")
    page.get_by_role("button", name="Check it here").first.click()
    expect(page.get_by_text("every file has the hash that its manifest states")).to_be_visible()
    expect(page.get_by_text("0 pixels changed").first).to_be_visible()
