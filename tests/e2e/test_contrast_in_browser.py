"""All text of all pages can be read, in both themes: WCAG 2.2, success criterion 1.4.3 (AA)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.settling import settle

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

UNREADABLE = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
PAGES = ("Edit", "Reconstruct", "Mix", "Sample", "Map", "Attributes", "Models")
# What the editor says now and then: a sentence, a locked slider, a strength without a picture.
SPEAK = """() => { for (const e of document.querySelectorAll('*')) { const root = e.shadowRoot
  if (!root?.__instance?.panel) continue
  root.querySelector('.note').hidden = root.querySelector('.frames-lost').hidden = false
  root.querySelector('.note-words').textContent = root.querySelector('.frames-lost').textContent = 'Words'
  root.querySelector('.row output').classList.add('lost')
  root.querySelector('.gauge').classList.add('off') } }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(page, scheme):
    page.emulate_media(color_scheme=scheme)
    if scheme == "dark":
        page.reload()  # the page also arrives in dark; elsewhere the theme changes on a page that is there
    expect(page.get_by_role("slider", name="Smile", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
    found = {}
    for name in PAGES:
        page.get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_title(f"{name} · glowcore explorer")  # set by the run that draws the page
        settle(page)
        page.evaluate(SPEAK)
        found[name] = page.evaluate(UNREADABLE)
    assert found == {name: [] for name in PAGES}


def test_the_heat_map_can_be_read_after_a_change_of_theme(page):
    page.get_by_role("link", name="Attributes", exact=True).click()
    cells = page.locator(".scroll td")
    expect(cells.first).to_be_visible()
    values = [abs(float(t.replace("−", "-"))) for t in cells.all_inner_texts() if t]
    assert any(0.5 < v < 0.9 for v in values)  # some are strong, beside those of the diagonal
    for scheme in ("dark", "light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(500)
        assert page.evaluate(UNREADABLE) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_switch_that_is_off_can_be_seen_under_the_mouse(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.get_by_role("link", name="Sample", exact=True).click()
    switch = page.get_by_test_id("stCheckbox").locator("label")
    switch.hover()
    settle(page)
    colour = "e => getComputedStyle(e).backgroundColor.match(/[0-9.]+/g).map(Number)"
    track = switch.locator("> div").first
    track.evaluate("e => Promise.all(e.getAnimations().map(animation => animation.finished))")
    ground = page.get_by_test_id("stApp").evaluate(colour)
    low, high = sorted(luminance(c) for c in (track.evaluate(colour), ground))
    assert (high + 0.05) / (low + 0.05) >= 3  # WCAG 2.2, success criterion 1.4.11


def luminance(rgb: list[float]) -> float:
    """The relative luminance of WCAG, of values from 0 to 255."""
    linear = [v / 3294.6 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in rgb[:3]]
    return sum(weight * v for weight, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
