"""The editor for who hears the page and has no mouse: what is said of a step, where the focus is, and a zoomed page."""

from __future__ import annotations

import re

import pytest

from tests.e2e.settling import settle, smile, still

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def said(page):
    """The sentence that a reader of the screen is told."""
    return page.locator(".editor .said")


def test_how_typical_the_picture_is_has_a_name_and_a_role(page):
    expect(smile(page)).to_have_value("1")
    readout = page.get_by_role("group", name="Readout", exact=True)
    expect(readout.get_by_role("img", name=re.compile(r"^typical\. \w"))).to_be_visible()


def test_a_new_picture_and_undo_and_redo_are_said(page, photo):
    expect(smile(page)).to_have_value("1")
    expect(said(page)).to_have_text("")
    settle(page)
    smile(page).press("Shift+ArrowRight")
    expect(page.locator(".undo")).to_be_enabled()
    page.keyboard.press("Control+z")
    expect(said(page)).to_have_text("Undone: Smile +1.00")
    page.keyboard.press("Control+Shift+z")
    expect(said(page)).to_have_text("Redone: Smile +1.50")
    page.get_by_role("button", name="Lock Glasses").click()
    expect(page.locator(".redo")).to_be_disabled()
    page.keyboard.press("Control+z")
    expect(said(page)).to_have_text("Undone: Glasses free")
    page.locator(".st-key-upload input[type=file]").set_input_files(photo)
    expect(said(page)).to_contain_text(photo.name[:22])
    settle(page)
    page.keyboard.press("Control+z")
    expect(said(page)).to_contain_text("Undone: Gallery face: ")
    settle(page)


def test_a_button_with_nothing_left_to_do_keeps_the_focus(page):
    expect(smile(page)).to_have_value("1")
    settle(page)
    undo, redo, reset = (page.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo", "Reset"))
    reset.press("Enter")
    expect(smile(page)).to_have_value("0")
    expect(reset).to_be_disabled()
    expect(reset).to_be_focused()
    undo.press("Enter")
    expect(smile(page)).to_have_value("1")
    expect(undo).to_be_disabled()
    expect(undo).to_be_focused()
    page.keyboard.press("Enter")  # does nothing
    expect(undo).to_be_focused()
    redo.press("Enter")
    expect(smile(page)).to_have_value("0")
    expect(redo).to_be_focused()
    page.get_by_role("button", name="Close the hint").press("Enter")
    expect(page.locator(".hint")).to_be_hidden()
    expect(undo).to_be_focused()
    settle(page)


def test_the_digit_of_a_locked_slider_leads_to_its_lock(page):
    expect(smile(page)).to_have_value("1")
    settle(page)
    lock = page.get_by_role("button", name="Lock Smile")
    lock.click()
    expect(smile(page)).to_be_disabled()
    page.keyboard.press("2")
    expect(page.get_by_role("slider", name="Glasses", exact=True)).to_be_focused()
    page.keyboard.press("1")
    expect(lock).to_be_focused()
    page.keyboard.press("Enter")
    expect(smile(page)).to_be_enabled()
    page.keyboard.press("1")
    expect(smile(page)).to_be_focused()
    settle(page)


def test_a_zoomed_page_does_not_make_the_picture_smaller(page):
    """As 1366 x 768 at 200 %, and 1368 x 1024 at 400 %."""
    expect(smile(page)).to_have_value("1")
    settle(page)
    stage, last = page.locator(".stage"), page.locator(".sliders input").last
    for width, height, sticks in ((683, 384, True), (342, 256, False)):
        page.set_viewport_size({"width": width, "height": height})
        still(page)
        assert stage.bounding_box()["width"] == pytest.approx(208, abs=1)
        smile(page).evaluate("e => e.scrollIntoView({ block: 'end', behavior: 'instant' })")
        last.evaluate("e => e.scrollIntoView({ block: 'nearest', behavior: 'instant' })")
        picture, slider = stage.bounding_box(), last.bounding_box()
        bottom = picture["y"] + picture["height"]
        assert (bottom > 200) == sticks
        assert max(bottom, 60) <= slider["y"] < slider["y"] + slider["height"] <= height + 1
