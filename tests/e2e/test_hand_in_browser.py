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
def mounted(browser):
    """A function that shows the eyes of a photo in a dialog of a page of its own."""
    pages = []

    def mount(width: int, found=(), aspect: float = 1, **options):
        page = browser.new_page(viewport={"width": width, "height": 700}, **options)
        pages.append(page)
        html = (COMPONENTS / "eyes" / "eyes.html").read_text("utf-8")
        page.set_content(
            '<meta name="viewport" content="width=device-width">'
            f'<main style="display: flex"><div><section role="dialog">{html}</section></div></main>'
        )
        page.add_style_tag(
            content="* { box-sizing: border-box; } main > div { width: 1248px; max-width: calc(100% - 32px); }"
        )
        page.add_style_tag(path=COMPONENTS / "eyes" / "eyes.css")
        sources = "\n".join((COMPONENTS / f).read_text("utf-8") for f in ("shared.js", "eyes/eyes.js"))
        data = {"uri": DOT, "alt": "Photo", "aspect": aspect, "opener": "none", "found": found}
        page.evaluate(MOUNT, [sources, data])
        return page

    yield mount
    for page in pages:
        page.close()


@pytest.fixture
def eyes(mounted):
    """The dialog's photo alone, 400 x 400 pixels."""
    page = mounted(500)
    page.add_style_tag(content=".eyes .photo { width: 400px; }")
    return page


@pytest.mark.parametrize(("width", "aspect", "wide"), [(1280, 1, 640), (1280, 2, 924), (1280, 3, 1232), (390, 1, 342)])
def test_the_dialog_is_as_wide_as_its_photo_and_stays_so(mounted, width, aspect, wide):
    page = mounted(width, [[0.4, 0.4], [0.6, 0.4]], aspect, has_touch=width < 640, is_mobile=width < 640)
    dialog, photo = page.locator("main > div"), page.locator(".photo")
    before = dialog.bounding_box(), photo.bounding_box()
    assert before[0]["width"] == pytest.approx(wide, abs=2)
    assert before[0]["x"] == pytest.approx((width - wide) / 2, abs=2)  # in the middle
    photo.click(position={"x": 100, "y": 60})
    assert (dialog.bounding_box(), photo.bounding_box()) == before


def test_the_eyes_that_are_used_are_marked_until_one_is_placed(mounted):
    found = [[0.4, 0.3], [0.6, 0.35]]
    page = mounted(500, found)
    photo, rings = page.locator(".photo"), page.locator(".eye.found:not([hidden])")
    expect(rings).to_have_count(2)
    box = photo.bounding_box()
    for ring, (x, y) in zip(rings.all(), found, strict=True):
        mark = ring.bounding_box()
        assert mark["x"] + mark["width"] / 2 == pytest.approx(box["x"] + x * box["width"], abs=1)
        assert mark["y"] + mark["height"] / 2 == pytest.approx(box["y"] + y * box["height"], abs=1)
    photo.click(position={"x": 100, "y": 120})
    expect(rings).to_have_count(0)
    expect(page.locator(".eye:not([hidden])")).to_have_count(1)


@pytest.mark.parametrize("touch", [False, True])
def test_keys_are_named_where_there_are_some(mounted, touch):
    page = mounted(500, has_touch=touch, is_mobile=touch)
    text = page.locator(".say")
    expect(text).to_contain_text("Touch one eye" if touch else "arrow keys")
    assert ("Enter" in text.inner_text()) != touch


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
    expect(page.get_by_text(re.compile(r"Face \d+ of the map"))).to_be_visible()
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
