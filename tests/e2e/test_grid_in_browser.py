"""The grid of two attributes in a real browser: by mouse, by keyboard, as a file, and whether it can be read."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from explorer.edits.recipe import EditRecipe
from explorer.edits.recipe_png import read_png
from tests.e2e.settling import still

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

UNREADABLE = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


def slider(page, name):
    return page.get_by_role("slider", name=name, exact=True)


def cell(page, name):
    return page.get_by_role("dialog").get_by_role("button", name=name, exact=True)


def open_grid(page) -> None:
    expect(slider(page, "Smile")).to_have_value("1")
    page.get_by_role("button", name="Grid of two attributes").click()
    expect(cell(page, "Smile +1, Glasses 0")).to_have_attribute("aria-pressed", "true")


def choose(page, side: str, attribute: str) -> None:
    page.get_by_role("combobox", name=side).click()
    page.get_by_role("option", name=attribute, exact=True).click()


def test_a_picture_is_opened_in_the_editor_and_undone(page):
    open_grid(page)
    grid = page.get_by_role("dialog").get_by_role("table")
    expect(grid.get_by_role("button")).to_have_count(25)
    expect(grid.get_by_role("columnheader")).to_have_text(["Smile", "−2", "−1", "0", "+1", "+2"])
    expect(grid.get_by_role("rowheader")).to_have_text(["Glasses", "−2", "−1", "0", "+1", "+2"])
    expect(grid.locator('[aria-pressed="true"]')).to_have_count(1)
    chosen = cell(page, "Smile −1, Glasses +2").locator("img").get_attribute("src")
    assert chosen.startswith("data:image/webp")
    cell(page, "Smile −1, Glasses +2").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(slider(page, "Smile")).to_have_value("-1")
    expect(slider(page, "Glasses")).to_have_value("2")
    expect(page.locator('.thumb[data-show="edited"]')).to_contain_text("Smile −1.00")
    recipe = EditRecipe.from_token(page.evaluate("new URLSearchParams(location.search).get('s')"))
    assert recipe.moves == (("Eyeglasses", 2.0), ("Smiling", -1.0))
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(slider(page, "Smile")).to_have_value("1")
    expect(slider(page, "Glasses")).to_have_value("0")


def test_no_key_reaches_the_editor_behind(page):
    open_grid(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    for name in ("Glasses", "Glasses", "Young"):
        slider(page, name).press("Shift+ArrowRight")
    expect(page.locator('.thumb[data-show="edited"]')).to_contain_text("Young +0.50")
    page.get_by_role("button", name="Grid of two attributes").click()
    expect(cell(page, "Smile +1, Glasses +1")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+z")
    page.keyboard.press("1")
    page.wait_for_timeout(800)
    expect(slider(page, "Young")).to_have_value("0.5")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(slider(page, "Young")).to_have_value("0")
    expect(slider(page, "Glasses")).to_have_value("1")


def test_the_axes_are_chosen_exchanged_and_stretched(page):
    open_grid(page)
    choose(page, "Down", "Young")
    expect(cell(page, "Smile +1, Young 0")).to_have_attribute("aria-pressed", "true")
    choose(page, "Across", "Young")
    expect(cell(page, "Young 0, Smile +1")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("radio", name="± 3").click()
    expect(cell(page, "Young −3, Smile +1.5")).to_be_visible()
    expect(cell(page, "Young 0, Smile +1")).to_have_count(0)
    cell(page, "Young −3, Smile +1.5").click()
    expect(slider(page, "Young")).to_have_value("-3")
    expect(slider(page, "Smile")).to_have_value("1.5")
    page.get_by_role("button", name="Grid of two attributes").click()
    expect(cell(page, "Young −3, Smile +1.5")).to_have_attribute("aria-pressed", "true")


def test_by_keyboard_alone(page):
    expect(slider(page, "Smile")).to_have_value("1")
    page.get_by_role("button", name="Grid of two attributes").focus()
    page.keyboard.press("Enter")
    present = cell(page, "Smile +1, Glasses 0")
    expect(present).to_be_visible()
    page.get_by_role("combobox", name="Down").focus()
    for _ in range(6):  # what lies between is Streamlit's
        page.keyboard.press("Tab")
        if present.evaluate("e => e === document.activeElement"):
            break
    expect(present).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(cell(page, "Smile +2, Glasses +1")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Save grid as PNG")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(slider(page, "Smile")).to_have_value("2")
    expect(slider(page, "Glasses")).to_have_value("1")


def test_the_saved_grid_remembers_its_edit_and_the_dialog_still_hears_keys(page, tmp_path):
    open_grid(page)
    save = page.get_by_role("button", name="Save grid as PNG")
    with page.expect_download() as download:
        save.click()
    assert download.value.suggested_filename.endswith("-smile+1-grid-smile-glasses.png")
    download.value.save_as(tmp_path / "grid.png")
    data = (tmp_path / "grid.png").read_bytes()
    recipe, crop = read_png(data)
    assert recipe.source.kind == "gallery"
    assert recipe.moves == ()  # the picture in the middle
    assert crop is None
    with Image.open(io.BytesIO(data)) as opened:
        assert min(opened.size) > 5 * 128
    expect(save).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_and_fits(page, scheme):
    expect(slider(page, "Smile")).to_have_value("1")  # before, the colours would first be Streamlit's own
    page.emulate_media(color_scheme=scheme)
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
    open_grid(page)
    for width in (1360, 390):
        page.set_viewport_size({"width": width, "height": 844})
        still(page)
        expect(page.locator("[data-edit-pending]")).to_have_count(0)  # dims buttons
        assert page.evaluate(UNREADABLE) == []
        box = page.get_by_role("dialog").get_by_role("table").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["width"] > 240
