"""Everything has its room on the pages, from a wide screen to a telephone."""

from __future__ import annotations

import pytest

from tests.e2e.settling import settle, still

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def go(page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def test_what_comes_back_is_in_sight_beside_the_controls_at_any_width(page):
    go(page, "Reconstruct")
    badge = page.get_by_text("Comes back exactly: all 4,096 pixels", exact=True).first
    first = page.get_by_test_id("stImage").first
    slider = page.locator(".st-key-gain").get_by_role("slider")
    for width in (1360, 768, 390):
        page.set_viewport_size({"width": width, "height": 844})
        expect(badge).to_be_visible()
        settle(page)
        still(page)
        assert badge.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, width
        picture, moved = first.bounding_box(), slider.bounding_box()
        assert picture["y"] + picture["height"] < 844, width
        assert moved["y"] + moved["height"] < 844, width
    page.mouse.move(200, 300)
    page.mouse.wheel(0, 1200)
    expect(first).not_to_be_in_viewport()
    still(page)
    assert slider.bounding_box() == moved  # it stays while the pictures go by


def test_the_controls_of_sample_have_their_room(page):
    go(page, "Sample")
    new = page.get_by_role("button", name="New")
    for width in (1360, 768, 680):
        page.set_viewport_size({"width": width, "height": 844})
        expect(new).to_be_visible()
        still(page)
        for label in (new.get_by_text("New"), page.get_by_role("radio", name="Over temperatures")):
            assert label.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, width
        grid, tile = page.get_by_role("radio", name="Grid").bounding_box(), page.locator(".tiles button").first
        right = page.locator(".st-key-mode").bounding_box()
        last = page.get_by_role("radio", name="Over temperatures").bounding_box()
        assert last["x"] + last["width"] <= right["x"] + right["width"] + 1, width
        assert last["y"] == grid["y"], width  # one row of buttons, and the pictures beside it
        assert tile.bounding_box()["x"] > last["x"] + last["width"], width
        assert new.bounding_box()["width"] > 80, width
        seed = page.get_by_role("textbox", name="Number of the first face")
        assert seed.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, width
        assert seed.bounding_box()["width"] > 80, width


def test_faces_and_cosines_have_their_room(page):
    go(page, "Attributes")
    for width in (1360, 1100, 900, 700, 390):
        page.set_viewport_size({"width": width, "height": 1000})
        for box in (page.get_by_role("toolbar", name="Preview"), page.locator(".scroll:has(td)")):
            expect(box).to_be_visible()
            still(page)
            assert box.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, width
            assert box.evaluate("e => e.getBoundingClientRect().right") <= width
