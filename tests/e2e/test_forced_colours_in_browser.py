"""Streamlit's own controls where the system chooses the colours: each can be seen, and what it stands at."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.e2e.settling import settle

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def colours_of(locator) -> set[str]:
    """What covers more than a few of an element's pixels: "text", which is black here, and what is "coloured"."""
    picture = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
    colours = {colour for count, colour in picture.getcolors(2**20) if count > 20}
    names = {"coloured" if max(c) - min(c) > 40 else "text" if max(c) == 0 else "" for c in colours}
    return names - {""}


def settled_colours(locator) -> set[str]:
    """The same, once they stay as they are: a switch takes a moment from one side to the other."""
    before, now = None, colours_of(locator)
    for _ in range(25):
        if now and now == before:
            break
        locator.page.wait_for_timeout(400)
        before, now = now, colours_of(locator)
    return now


@pytest.fixture
def sample(page):
    """The page Sample in forced colours."""
    page.emulate_media(forced_colors="active")
    page.get_by_role("link", name="Sample", exact=True).click()
    expect(page.get_by_role("switch")).to_have_count(1)
    settle(page)
    return page


def test_sliders_and_switches_can_be_seen(sample):
    group = sample.get_by_test_id("stSlider").get_by_role("group")
    assert settled_colours(group) == {"text", "coloured"}  # its track and its thumb
    switch = sample.get_by_test_id("stCheckbox").locator("label > div").first
    assert settled_colours(switch) == {"text"}
    sample.get_by_text("A temperature for each level").click()
    expect(sample.get_by_role("switch")).to_be_checked()
    settle(sample)
    sample.mouse.move(5, 5)
    assert "coloured" in settled_colours(switch)


def test_what_is_chosen_and_where_the_focus_is_can_be_seen(sample):
    ring = "e => { const s = getComputedStyle(e); return `${s.outlineStyle} ${s.outlineWidth}` }"
    highlight = """e => { const probe = e.appendChild(document.createElement('i'))
      probe.style.cssText = 'forced-color-adjust: none; color: Highlight'
      const same = getComputedStyle(probe).color === getComputedStyle(e).outlineColor
      probe.remove()
      return same }"""
    grid, over = (sample.get_by_role("radio", name=name, exact=True) for name in ("Grid", "Over temperatures"))
    assert grid.evaluate(ring) == "solid 3px"
    assert grid.evaluate(highlight)
    assert over.evaluate(ring).startswith("none")
    new = sample.get_by_role("button", name="New")
    new.focus()
    sample.keyboard.press("Shift+Tab")
    sample.keyboard.press("Tab")
    assert new.evaluate(ring) == "solid 2px"
