"""What a hand does not mean: other buttons of a mouse, and a key that is let go where the page cannot see it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.settling import settle, smile

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

COMPONENTS = Path(__file__).resolve().parents[2] / "explorer" / "ui" / "components"
# A component in a blank page: its root is the body, `told` what it would have sent.
MOUNT = """([sources, data]) => {
  window.told = []
  const show = new Function(sources.replace("export default", "return"))()
  show({ data, parentElement: document.body, setTriggerValue: (name, value) => told.push(value) })
}"""
DOT = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='400' height='400'/>"
EDITOR = """name => { for (const e of document.querySelectorAll('*')) { const found = e.shadowRoot?.__instance
  if (found?.panel) return found.panel.dragging } }"""


@pytest.fixture
def eyes(browser):
    """The dialog's photo alone, 400 x 400 pixels."""
    page = browser.new_page(viewport={"width": 500, "height": 700})
    page.set_content((COMPONENTS / "eyes" / "eyes.html").read_text("utf-8"))
    page.add_style_tag(path=COMPONENTS / "eyes" / "eyes.css")
    page.add_style_tag(content=".eyes .photo { width: 400px; }")
    sources = "\n".join((COMPONENTS / f).read_text("utf-8") for f in ("shared.js", "eyes/eyes.js"))
    page.evaluate(MOUNT, [sources, {"uri": DOT, "alt": "Photo", "aspect": 1, "opener": "none"}])
    yield page
    page.close()


def test_only_the_left_button_places_an_eye(eyes):
    photo, marks = eyes.locator(".photo"), eyes.locator(".eye:not([hidden])")
    photo.click(position={"x": 100, "y": 120})
    expect(marks).to_have_count(1)
    for button in ("right", "middle"):
        photo.click(button=button, position={"x": 300, "y": 120})
    expect(marks).to_have_count(1)
    assert eyes.evaluate("told.length") == 0
    photo.click(position={"x": 300, "y": 120})
    assert eyes.evaluate("told") == [pytest.approx([0.25, 0.3, 0.75, 0.3], abs=0.01)]


def test_only_the_left_button_moves_the_divider_and_a_slider(page):
    expect(smile(page)).to_have_value("1")
    stage = page.get_by_role("slider", name="Compare original and edited picture")
    for button in ("right", "middle"):
        stage.click(button=button, position={"x": 60, "y": 60})
        expect(stage).to_have_attribute("aria-valuenow", "0")
    smile(page).dispatch_event("pointerdown", {"button": 2})
    assert page.evaluate(EDITOR) is None
    smile(page).dispatch_event("pointerdown", {"button": 0})
    assert page.evaluate(EDITOR) == "Smiling"
    settle(page)


def test_only_the_left_button_goes_to_a_place_of_the_map(page):
    page.get_by_role("link", name="Map", exact=True).click()
    expect(page.get_by_text("The middle of the map")).to_be_visible()
    page.locator("canvas.chart").click(button="right", position={"x": 12, "y": 12})
    settle(page)
    assert page.locator("canvas.chart").evaluate("e => e.getRootNode().__instance.spot ?? null") is None
    page.locator("canvas.chart").click(position={"x": 12, "y": 12})
    expect(page.get_by_text(re.compile(r"A blend at −?-?\d"))).to_be_visible()
    settle(page)


def test_the_original_is_held_no_longer_than_the_key(page):
    expect(smile(page)).to_have_value("1")
    held, down, up = page.locator(".stage.held"), page.keyboard.down, page.keyboard.up
    for leaves in ("window.dispatchEvent(new Event('blur'))", "document.dispatchEvent(new Event('visibilitychange'))"):
        down("b")
        expect(held).to_have_count(1)
        page.evaluate(leaves)
        expect(held).to_have_count(0)
        up("b")
    down("b")
    down("Control")
    up("b")
    expect(held).to_have_count(0)
    up("Control")
    down("b")
    expect(held).to_have_count(1)  # and again, once all are up
    # A Mac tells of no key that is let go while Cmd is down.
    page.evaluate("window.dispatchEvent(new KeyboardEvent('keydown', { key: 'Meta', metaKey: true }))")
    expect(held).to_have_count(0)
    up("b")
    settle(page)
