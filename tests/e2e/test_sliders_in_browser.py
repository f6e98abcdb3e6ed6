"""The editor's sliders under a finger and under a mouse, and the keys that undo: what the hand did is what happens."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.e2e.settling import settle, smile

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def slider(page, name):
    return page.get_by_role("slider", name=name, exact=True)


def fact(page):
    """What is said of the edited picture."""
    return page.locator('.thumb[data-show="edited"] .fact')


@pytest.fixture
def touching(browser, server):
    """A fresh page on a telephone."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(45_000)
    page.goto(server)
    yield page
    context.close()


@pytest.fixture
def swipe(touching):
    """Put a finger on a point, move it by dx, dy and lift it."""
    session = touching.context.new_cdp_session(touching)

    def swiped(x, y, dx, dy, steps=12):
        def tell(kind, *points):
            at = [{"x": x, "y": y} for x, y in points]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

        tell("touchStart", (x, y))
        for step in range(1, steps + 1):
            tell("touchMove", (x + dx * step / steps, y + dy * step / steps))
            touching.wait_for_timeout(16)
        tell("touchEnd")

    return swiped


def at(page, name, fraction):
    """The point at a fraction of a slider's track, which is brought to the middle of the screen."""
    slider(page, name).evaluate("e => e.scrollIntoView({ block: 'center', behavior: 'instant' })")
    box = slider(page, name).bounding_box()
    return box["x"] + fraction * box["width"], box["y"] + box["height"] / 2


def test_a_finger_that_scrolls_over_a_slider_leaves_the_edit_as_it_is(touching, swipe):
    expect(smile(touching)).to_have_value("1")
    settle(touching)
    for name, before in (("Young", "0"), ("Smile", "1")):
        x, y = at(touching, name, 0.85)
        swipe(x, y, 0, -150)
        assert slider(touching, name).bounding_box()["y"] < y - 100  # the page was scrolled
        touching.wait_for_timeout(300)
        expect(slider(touching, name)).to_have_value(before)
    smile(touching).press("Shift+ArrowRight")  # the swipes are answered before this
    expect(fact(touching)).to_have_text("Smile +1.50")
    swipe(*at(touching, "Young", 0.5), 40, 0)
    expect(fact(touching)).to_contain_text("Young +1.")
    settle(touching)


def strip_of(page):
    """The attribute that the row of frames shows."""
    return page.locator(".frames-name")


def test_the_sliders_stay_under_the_hand_and_the_strip_with_what_it_moved(page):
    expect(smile(page)).to_have_value("1")
    expect(strip_of(page)).to_have_text("Smile")
    settle(page)
    boxes = [s.bounding_box()["y"] for s in page.locator(".sliders input").all()]
    page.locator(".editor").evaluate("e => e.getRootNode().__instance.readout.note('No face was found.')")
    expect(page.locator(".note")).to_be_visible()
    assert [s.bounding_box()["y"] for s in page.locator(".sliders input").all()] == boxes
    box = slider(page, "Young").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=4)
    page.mouse.up()
    expect(fact(page)).to_contain_text("Young +")
    expect(page.locator(".hint")).to_be_hidden()
    expect(page.locator(".note")).to_be_hidden()
    expect(strip_of(page)).to_have_text("Young")
    assert [s.bounding_box()["y"] for s in page.locator(".sliders input").all()] == boxes
    # The pointer that has let go and drifts on to the next slider means no other strip; one that goes there later does.
    over, moved = "e => e.getRootNode().__instance.panel", slider(page, "Masculine").bounding_box()["y"] + 5
    page.locator(".editor").evaluate(f"e => {{ ({over})(e).calmUntil = Infinity }}")
    page.mouse.move(x + 40, moved, steps=3)
    page.wait_for_timeout(300)
    expect(strip_of(page)).to_have_text("Young")
    page.locator(".editor").evaluate(f"e => {{ ({over})(e).calmUntil = 0 }}")
    page.mouse.move(x + 42, moved, steps=2)
    expect(strip_of(page)).to_have_text("Masculine")
    settle(page)


# Every message that is sent, how many wait behind it, and whether the large picture was that of the data that had come.
WATCH = """e => { const editor = e.getRootNode().__instance, wire = editor.wire
  window.seen = { sent: [], waiting: [], true: [] }
  const dispatch = wire.dispatch.bind(wire), update = editor.update.bind(editor)
  wire.dispatch = () => { window.seen.sent.push(wire.inFlight.op); window.seen.waiting.push(wire.waiting.length)
    dispatch() }
  editor.update = async (data, send) => { await update(data, send)
    const { pictures } = editor.stage
    if (editor.data === data) window.seen.true.push(pictures.edited.src === data.pictures.edited.uri) } }"""


@pytest.mark.parametrize("held", [True, False])
def test_undo_without_end_goes_to_the_beginning_and_shows_each_step(page, held):
    expect(smile(page)).to_have_value("1")
    page.locator(".st-key-gallery").get_by_role("button").nth(3).click()
    expect(page.locator(".undo")).to_be_enabled()
    for name, value in (("Smile", "+1.50"), ("Glasses", "+0.50"), ("Young", "+0.50")):
        slider(page, name).press("Shift+ArrowRight")
        expect(fact(page)).to_contain_text(f"{name} {value}")
    settle(page)
    page.locator(".editor").evaluate(WATCH)
    page.keyboard.down("Control")
    for _ in range(40):
        page.keyboard.down("z")
        if not held:
            page.keyboard.up("z")
        page.wait_for_timeout(30)
    page.keyboard.up("z")
    page.keyboard.up("Control")
    for _ in range(4 if held else 0):  # a held key may have been let go before the beginning
        page.keyboard.press("Control+z")
    expect(page.locator(".undo")).to_be_disabled()
    expect(fact(page)).to_have_text("Smile +1.00")
    settle(page)
    seen = page.evaluate("window.seen")
    assert seen["sent"].count("undo") >= 4  # as many as there were steps
    assert max(seen["waiting"]) <= 4
    assert all(seen["true"])
    for _ in range(6):
        page.keyboard.press("Control+Shift+z")
    expect(page.locator(".redo")).to_be_disabled()
    expect(fact(page)).to_have_text("Smile +1.50, Glasses +0.50, Young +0.50")
    settle(page)
    assert max(page.evaluate("window.seen.waiting")) <= 4
    assert all(page.evaluate("window.seen.true"))


# Every move with the time that it is told for; then all get one time, however slowly the keys are pressed.
TIMES = """e => { const editor = e.getRootNode().__instance, change = editor.change.bind(editor)
  window.times = []
  editor.change = (m) => {
    if (m.op === "set") window.times.push([m.since, m.at, performance.now() / 1000])
    change(m.op === "set" ? { ...m, since: 7, at: 7 } : m) } }"""


def test_arrow_keys_are_one_step_by_the_time_that_the_hand_tells(page):
    expect(smile(page)).to_have_value("1")
    settle(page)
    page.locator(".editor").evaluate(TIMES)
    for value in ("1.05", "1.10", "1.15"):
        smile(page).press("ArrowRight")
        expect(fact(page)).to_have_text(f"Smile +{value}")
    settle(page)
    times = page.evaluate("window.times")
    assert len(times) == 3
    assert all(since == at and 0 <= now - at < 1 for since, at, now in times)
    page.keyboard.press("Control+z")
    expect(fact(page)).to_have_text("Smile +1.00")
    settle(page)


def test_drags_and_frames_are_a_step_each_and_a_double_click_is_one(page):
    expect(smile(page)).to_have_value("1")
    settle(page)
    page.locator(".editor").evaluate(TIMES)  # so that no hand has rested
    places = []
    for fraction in (0.7, 0.9, 0.8):
        page.mouse.click(*at(page, "Smile", fraction))
        places.append(float(smile(page).input_value()))
    expect(page.locator(".frames-row button").nth(7)).to_be_enabled()
    for frame in (1, 7):
        page.locator(".frames-row button").nth(frame).click()
        places.append(float(smile(page).input_value()))
    expect(fact(page)).to_have_text(f"Smile +{places[-1]:.2f}")
    settle(page)
    page.mouse.dblclick(*at(page, "Smile", 0.3))
    expect(fact(page)).not_to_contain_text("Smile")
    settle(page)
    assert len(set(places)) == 5
    for place in (*reversed(places), 1.0):
        page.keyboard.press("Control+z")
        expect(fact(page)).to_have_text(f"Smile {'+' if place > 0 else '−'}{abs(place):.2f}")
    expect(page.locator(".undo")).to_be_disabled()
    settle(page)


def test_in_the_middle_of_a_drag_no_key_undoes_what_was_done_before(page):
    expect(smile(page)).to_have_value("1")
    slider(page, "Glasses").press("Shift+ArrowRight")
    expect(fact(page)).to_have_text("Smile +1.00, Glasses +0.50")
    settle(page)
    page.mouse.move(*at(page, "Smile", 0.7))
    page.mouse.down()
    page.mouse.move(*at(page, "Smile", 0.9))
    page.keyboard.press("Control+z")
    page.mouse.up()
    value = float(smile(page).input_value())
    assert value > 2
    expect(fact(page)).to_have_text(f"Smile +{value:.2f}, Glasses +0.50")
    settle(page)
    page.keyboard.press("Control+z")
    expect(fact(page)).to_have_text("Smile +1.00, Glasses +0.50")
    settle(page)


def test_the_hint_says_what_a_finger_does(touching):
    hint = touching.locator(".hint")
    expect(hint).to_be_visible()
    said = hint.inner_text()
    assert "keep a finger on Hold to compare" in said
    assert "Keys" not in said
    assert "Drag" not in said


def test_what_a_finger_touches_is_large_enough_and_makes_no_row_higher(touching):
    expect(smile(touching)).to_have_value("1")
    settle(touching)
    for part in (
        ".lock",
        ".hint button",
        ".full",
        ".sliders input",
        ".toolbar .tool",
        ".stPopover button",
        ".stButton button",
    ):
        nodes = touching.locator(part).filter(visible=True).all()
        assert nodes, part
        for node in nodes:
            box = node.bounding_box()
            assert min(box["width"], box["height"]) >= 40, (part, node.inner_text())
    assert {row.bounding_box()["height"] for row in touching.locator(".sliders > .row").all()} == {40}


def test_what_backgrounds_tell_is_told_in_forced_colours_too(page):
    expect(smile(page)).to_have_value("1")
    settle(page)
    page.emulate_media(forced_colors="active")
    system = """() => { const probe = document.body.appendChild(document.createElement('i')), found = {}
      probe.style.forcedColorAdjust = 'none'
      for (const c of ['Canvas', 'Highlight']) {
        probe.style.color = c
        found[c] = getComputedStyle(probe).color }
      probe.remove()
      return found }"""
    colours = page.evaluate(system)
    style = "(e, [name, pseudo]) => getComputedStyle(e, pseudo)[name]"
    of = lambda node, name, pseudo=None: node.evaluate(style, [name, pseudo])  # noqa: E731
    assert of(page.locator('.thumb[data-show="edited"]'), "outline") == f"{colours['Highlight']} solid 3px"
    assert of(page.locator('.thumb[data-show="original"]'), "outlineStyle") == "none"
    dot = page.locator('.row[data-attribute="Smiling"] .label')
    assert of(dot, "backgroundColor", "::after") == colours["Highlight"]
    for bar in page.locator(".bars i").all():
        assert of(bar, "backgroundColor") != colours["Canvas"]
    # A track from end to end, its filled part, and what is neither: by the pixels, for its style cannot be asked.
    row = Image.open(io.BytesIO(smile(page).screenshot())).convert("RGB")
    bare, filled = (row.getpixel((x, row.height // 2)) for x in (row.width // 4, row.width * 7 // 12))
    assert "rgb({}, {}, {})".format(*bare) == colours["Canvas"]
    assert max(abs(a - b) for a, b in zip(bare, filled, strict=True)) > 100
    assert any(row.getpixel((row.width // 4, y)) != bare for y in range(row.height))  # its line
    settle(page)
