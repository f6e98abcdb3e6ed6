"""The edited face in the user's whole photo, the handle that compares, and the full screen."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e.settling import settle, smile, still

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
ASTRONAUT = Path(__file__).resolve().parents[1] / "data" / "astronaut.jpg"
PIXELS = """e => { const c = e.getRootNode().querySelector('.after')
  return [c.width, c.height, [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]] }"""


def shown(page) -> np.ndarray:
    """The pixels of the large picture."""
    width, height, values = page.locator(".stage").evaluate(PIXELS)
    return np.array(values, dtype=np.uint8).reshape(height, width, 4)[..., :3]


@pytest.fixture
def photographed(page):
    """The editor with a photo, shown as a whole, and a slight smile."""
    expect(smile(page)).to_have_value("1")
    page.locator('input[type="file"]').first.set_input_files(ASTRONAUT)
    expect(page.get_by_role("button", name="In the photo")).to_have_attribute("aria-pressed", "true")
    settle(page)
    expect(smile(page)).to_have_value("0")  # the smile of the greeting is not the user's
    for value in ("0.5", "1"):
        smile(page).press("Shift+ArrowRight")
        expect(page.locator('.thumb[data-show="edited"] .fact')).to_have_text(f"Smile +{float(value):.2f}")
    settle(page)
    return page


def test_the_photo_with_the_edited_face_is_the_one_that_is_saved(photographed):
    page = photographed
    smile(page).press("Shift+ArrowRight")
    smile(page).press("Shift+ArrowRight")
    expect(page.locator('.thumb[data-show="edited"] .fact')).to_have_text("Smile +2.00")
    settle(page)
    page.wait_for_timeout(500)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save whole photo").click()
    expect(page.get_by_role("button", name="Save whole photo")).to_be_focused()  # as it was before it was disabled
    assert download.value.suggested_filename == "astronaut-smile+2-whole-photo.png"
    saved = np.asarray(Image.open(io.BytesIO(download.value.path().read_bytes())).convert("RGB")).astype(int)
    before = np.asarray(Image.open(ASTRONAUT).convert("RGB")).astype(int)
    np.testing.assert_array_equal(saved[[0, -1]], before[[0, -1]])
    changed = np.abs(saved - before).max(2) > 25
    assert changed.sum() > 300
    picture = shown(page).astype(int)
    assert picture.shape == saved.shape
    assert np.abs(picture - saved).mean() < 3  # the browser's photo is compressed
    # What the edit has added is the same in both, apart from the compression.
    added, expected = (picture - before)[changed].ravel(), (saved - before)[changed].ravel()
    assert np.corrcoef(added, expected)[0, 1] > 0.97
    assert (added * expected).sum() / (expected**2).sum() == pytest.approx(1, abs=0.05)


def test_the_photo_follows_a_slider_while_it_is_dragged(photographed):
    page = photographed
    expect(page.locator(".frames-name")).to_have_text("Smile")
    before = shown(page)
    smile(page).evaluate("e => { e.value = -2.4; e.dispatchEvent(new Event('input')) }")
    dragged = shown(page)
    rows, columns, _ = np.nonzero(dragged != before)
    assert 80 < rows.max() - rows.min() < 250  # the face alone
    assert 80 < columns.max() - columns.min() < 250
    settle(page)


def test_the_face_alone_can_be_chosen_and_stays_chosen(photographed):
    page = photographed
    views = page.get_by_role("group", name="Picture", exact=True)
    views.get_by_role("button", name="Face", exact=True).click()
    assert shown(page).shape == (768, 768, 3)
    expect(page.locator('.thumb[data-show="edited"]')).to_have_attribute("aria-pressed", "true")
    page.locator(".st-key-gallery").get_by_role("button").nth(4).click()
    expect(views).to_be_hidden()  # a face of the gallery has no photo
    settle(page)  # a key that is pressed while the editor is being replaced reaches none
    page.keyboard.press("Control+z")
    expect(views).to_be_visible()
    settle(page)
    assert shown(page).shape == (768, 768, 3)
    views.get_by_role("button", name="In the photo").click()
    expect(views.get_by_role("button", name="In the photo")).to_have_attribute("aria-pressed", "true")
    settle(page)


def test_the_photo_is_shown_again_after_a_face_of_the_gallery(photographed):
    page = photographed
    views = page.get_by_role("group", name="Picture", exact=True)
    page.locator(".st-key-gallery").get_by_role("button").nth(4).click()
    expect(views).to_be_hidden()
    settle(page)
    page.keyboard.press("Control+z")
    expect(views.get_by_role("button", name="In the photo")).to_have_attribute("aria-pressed", "true")
    assert shown(page).shape == (512, 512, 3)
    settle(page)


def test_a_photo_is_kept_if_newer_data_comes_while_it_is_decoded(photographed):
    page = photographed
    page.locator(".editor").evaluate("""async e => {
      const editor = e.getRootNode().__instance
      const data = editor.data
      editor.views.update({ photo: null }, null, null)
      editor.photo = null
      editor.views.asked = 2
      const first = editor.update(data, editor.send)
      await editor.update({ ...data, photo: { key: data.photo.key } }, editor.send)
      await first
    }""")
    assert shown(page).shape == (512, 512, 3)


def test_the_cards_show_the_original_and_the_edit_in_the_photo(photographed):
    page = photographed
    whole = page.get_by_role("button", name="In the photo")
    card = {name: page.locator(f'.thumb[data-show="{name}"]') for name in ("original", "edited")}
    expect(card["edited"]).to_have_attribute("aria-pressed", "true")
    edited = shown(page)
    card["original"].click()
    expect(card["original"]).to_have_attribute("aria-pressed", "true")
    expect(whole).to_have_attribute("aria-pressed", "true")
    original = shown(page)
    assert original.shape == edited.shape == (512, 512, 3)
    assert 0.005 < (original != edited).any(axis=2).mean() < 0.3
    photo = np.asarray(Image.open(ASTRONAUT).convert("RGB")).astype(int)
    assert np.abs(original - photo).mean() < 3  # the browser's photo is compressed
    card["edited"].click()
    assert np.array_equal(shown(page), edited)
    card["original"].click()
    smile(page).press("Shift+ArrowRight")
    expect(card["edited"]).to_have_attribute("aria-pressed", "true")
    expect(whole).to_have_attribute("aria-pressed", "true")
    settle(page)
    assert shown(page).shape == (512, 512, 3)


def test_a_frame_shows_for_a_moment_which_face_is_edited(photographed):
    page = photographed
    frame = page.locator(".whose")
    page.get_by_role("group", name="Picture", exact=True).get_by_role("button", name="Face", exact=True).click()
    page.get_by_role("button", name="In the photo").click()
    expect(frame).to_be_visible()
    expect(frame).to_be_hidden()


def test_the_divider_is_not_seen_through_the_buttons(photographed):
    page = photographed
    views = page.get_by_role("group", name="Picture", exact=True)
    box, stage = views.bounding_box(), page.locator(".stage").bounding_box()
    expect(page.locator(".whose")).to_be_hidden()

    def middle(share: float) -> np.ndarray:
        """Return the rows across the middle of the buttons, the divider at a share of their width."""
        split = 100 * (box["x"] + share * box["width"] - stage["x"]) / stage["width"]
        page.locator(".editor").evaluate("(e, s) => e.getRootNode().__instance.stage.setSplit(s)", split)
        page.wait_for_timeout(100)
        picture = np.asarray(Image.open(io.BytesIO(views.screenshot())).convert("RGB"), int)
        return picture[len(picture) // 2 - 2 : len(picture) // 2 + 2, 4:-4]

    without = middle(2.0)
    for share in (0.1, 0.3, 0.36):
        assert np.abs(middle(share) - without).max() < 4


def test_the_edit_is_seen_whole_until_the_handle_is_pulled(page):
    expect(smile(page)).to_have_value("1")
    settle(page)
    stage, knob = page.get_by_role("slider", name="Compare original and edited picture"), page.locator(".knob")
    expect(stage).to_have_attribute("aria-valuenow", "0")
    expect(knob).to_be_visible()
    expect(knob).to_have_text("Compare")
    edge, place = stage.bounding_box(), knob.bounding_box()
    assert edge["x"] <= place["x"]  # the whole handle can be seen
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(knob).to_be_hidden()
    expect(page.locator(".tag-before")).to_be_hidden()
    expect(page.locator(".tag-after")).to_have_text("Original")
    smile(page).press("Shift+ArrowRight")
    expect(knob).to_be_visible()
    expect(page.locator(".tag-after")).to_have_text("Edited")
    settle(page)
    page.locator('.thumb[data-show="original"]').click()
    expect(knob).to_be_hidden()


def test_the_full_screen_has_a_larger_picture_beside_the_sliders(page):
    page.set_viewport_size({"width": 1920, "height": 1080})
    expect(smile(page)).to_have_value("1")
    settle(page)
    before = page.locator(".stage").bounding_box()["width"]
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement !== null")
    page.wait_for_timeout(300)
    stage, strip, slider = (page.locator(s).bounding_box() for s in (".stage", ".frames-row", ".sliders"))
    assert stage["width"] > 1.3 * before
    assert stage["y"] >= 0
    assert strip["y"] + strip["height"] <= 1080
    assert slider["x"] > stage["x"] + stage["width"]
    assert slider["x"] + slider["width"] <= 1920
    leave = page.get_by_role("button", name="Leave full screen")
    expect(leave).to_have_attribute("title", "Leave full screen (F)")
    expect(leave.locator("path:visible")).to_have_class("leave")
    page.set_viewport_size({"width": 390, "height": 844})
    still(page)
    tools = page.locator(".toolbar button")
    assert len(set(tools.evaluate_all("all => all.map((e) => e.getBoundingClientRect().y)"))) == 1
    leave.click()
    page.wait_for_function("() => document.fullscreenElement === null")
    enter = page.get_by_role("button", name="Full screen", exact=True)
    expect(enter).to_have_attribute("title", "Full screen (F)")
    expect(enter.locator("path:visible")).to_have_class("enter")
    settle(page)


def test_a_strip_marks_the_picture_of_this_strength_only(page):
    expect(smile(page)).to_have_value("1")
    expect(page.locator(".frames-name")).to_have_text("Smile")
    settle(page)
    pressed = page.locator('.frames-row [aria-pressed="true"]')
    expect(pressed).to_have_count(0)  # the pictures nearest to +1.00 are those of +0.75 and +1.50
    place, row = page.locator(".frames-place").bounding_box(), page.locator(".frames-row").bounding_box()
    middle = (place["x"] + place["width"] / 2 - row["x"]) / row["width"]
    assert middle == pytest.approx((4 / 0.75 + 0.5) / 9, abs=0.01)
    smile(page).press("Shift+ArrowRight")
    expect(pressed).to_have_attribute("aria-label", "Smile +1.50")
    settle(page)


def test_no_name_of_the_data_set_is_in_a_tooltip(page):
    expect(smile(page)).to_have_value("1")
    titles = page.locator(".row .label").evaluate_all("labels => labels.map(label => label.title)")
    assert "Make-up: without – with" in titles
    assert not any("_" in title or "Smiling:" in title for title in titles)
    settle(page)
