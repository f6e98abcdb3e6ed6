"""What a link carries to somebody else, and the ways around by keyboard."""

from __future__ import annotations

import re

import pytest

from explorer.ui.components import sources
from explorer.ui.components.clicks import SCRIPTS
from explorer.wording.labels import strength
from tests.e2e.settling import settle, smile

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


# Pictures, those of components included, without words for who cannot see them.
SILENT_PICTURES = """() => { const found = []
  const look = (root) => { for (const e of root.querySelectorAll('*')) {
    if (e.shadowRoot) look(e.shadowRoot)
    const word = e.getAttribute('alt') || e.getAttribute('aria-label')
    const hidden = e.closest('[aria-hidden=true]')
    const shown = e.tagName === 'IMG' || (e.tagName === 'CANVAS' && e.getAttribute('role'))
    if (shown && !hidden && !word) found.push(e.outerHTML.slice(0, 120)) } }
  look(document); return found }"""

# How often a link has been clicked: at once after typing, and when its wait is over, after `meanwhile`.
WAITS = """async ([js, meanwhile, expected]) => {
  const show = (await import(URL.createObjectURL(new Blob([js], { type: "text/javascript" })))).default
  const [field, link] = document.querySelectorAll("input, a")
  let count = 0
  link.onclick = (event) => { event.preventDefault(); count += 1 }
  show({ parentElement: document.body })
  history.pushState(null, "", "/b")
  field.focus()
  field.blur()
  link.click()
  const early = count
  new Function(meanwhile)()
  const pause = () => new Promise((done) => setTimeout(done, 50))
  for (let look = 0; look < 20 || (count < expected && look < 200); look++) await pause()
  return [early, count]
}"""

HERE = "chart => chart.getRootNode().__instance.data.here"  # the place of the edit, where the keys begin


def picture(page, name: str) -> str:
    return page.locator(f'.thumb[data-show="{name}"] img').get_attribute("src")


def test_a_face_of_the_map_is_reached_by_keyboard_and_travels_in_a_link(page, browser):
    page.get_by_role("link", name="Map", exact=True).click()
    chart = page.locator("canvas.chart")
    expect(page.get_by_text(re.compile(r"Face \d+ of the map"))).to_be_visible()
    chart.focus()
    x, y = chart.evaluate(HERE)
    chart.press("ArrowRight")
    expect(page.get_by_text(f"A blend at {strength(x + 0.2)}, {strength(y)}")).to_be_visible()
    chart.press("+")
    chart.press("Enter")
    expect(page.get_by_text(re.compile(r"Face \d+ of the map"))).to_be_visible()
    page.get_by_role("button", name="Open in Edit").click()
    original = page.locator('.thumb[data-show="original"] img')
    expect(original).to_have_attribute("alt", re.compile("of the map"))
    page.wait_for_function("() => new URLSearchParams(location.search).has('s')")

    somebody = browser.new_context().new_page()
    somebody.goto(page.url.replace("/edit?", "/?"))
    expect(somebody.locator('.thumb[data-show="original"] img')).to_have_attribute(
        "src", original.get_attribute("src"), timeout=60_000
    )
    assert picture(somebody, "edited") == picture(page, "edited")
    somebody.context.close()


def test_no_key_on_the_map_is_lost_while_a_face_is_still_decoded(page):
    page.get_by_role("link", name="Map", exact=True).click()
    chart = page.locator("canvas.chart")
    expect(page.get_by_text(re.compile(r"Face \d+ of the map"))).to_be_visible()
    x, y = chart.evaluate(HERE)
    for step in range(1, 6):
        # All keys of a row in one go: the first is sent, and the server has not answered when the others come.
        chart.evaluate(
            """(chart, keys) => { for (const key of keys)
              chart.dispatchEvent(new KeyboardEvent('keydown', { key, cancelable: true })) }""",
            ["ArrowUp"] * 4,
        )
        place = f"A blend at {strength(x)}, {strength(y + 0.8 * step)}"
        expect(page.get_by_text(place)).to_be_visible()
    sent = chart.evaluate("chart => chart.getRootNode().__instance.wire.sequence")
    assert 6 <= sent <= 10  # the first of a row, the last of it, and nothing between


def test_a_path_is_drawn_by_keyboard(page):
    page.get_by_role("link", name="Map", exact=True).click()
    chart = page.locator("canvas.chart")
    expect(page.get_by_text(re.compile(r"Face \d+ of the map"))).to_be_visible()
    page.get_by_role("button", name="Draw a path").click()
    chart.focus()
    where = page.locator(".plane").get_by_role("status")
    x, y = chart.evaluate(HERE)
    for key, told, right, up in (
        (" ", "Corner 1 at", 0, 0),
        ("ArrowUp", "At", 0, 0.2),
        ("ArrowUp", "At", 0, 0.4),
        (" ", "Corner 2 at", 0, 0.4),
        ("ArrowLeft", "At", -0.2, 0.4),
        (" ", "Corner 3 at", -0.2, 0.4),
    ):
        chart.press(key)
        expect(where).to_have_text(f"{told} {x + right:.2f}, {y + up:.2f}")
    chart.press("Enter")
    expect(page.get_by_role("slider", name="Place in the film")).to_be_visible()
    expect(page.get_by_role("button", name="Save MP4")).to_be_visible()


def test_the_row_of_frames_and_the_number_keys_move_a_slider(page):
    expect(smile(page)).to_have_value("1")
    frames = page.locator(".frames-row button:not([disabled])")
    expect(frames).to_have_count(9)
    page.keyboard.press("2")
    glasses = page.get_by_role("slider", name="Glasses", exact=True)
    expect(glasses).to_be_focused()
    expect(page.locator(".frames-name")).to_have_text("Glasses")
    before = picture(page, "edited")
    page.get_by_role("button", name="Glasses +2.25", exact=True).click()
    expect(glasses).to_have_value("2.25")
    expect(page.locator('.thumb[data-show="edited"]')).to_contain_text("Glasses +2.25")
    assert picture(page, "edited") != before
    expect(page.get_by_role("button", name="Glasses +2.25", exact=True)).to_have_attribute("aria-pressed", "true")


def test_every_picture_has_words(page):
    expect(smile(page)).to_have_value("1")
    for name in ("Edit", "Mix", "Sample", "Map", "Attributes", "Reconstruct"):
        page.get_by_role("link", name=name, exact=True).click()
        settle(page)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        for _ in range(40):  # a canvas has its words as soon as its pictures have come
            page.wait_for_timeout(250)
            silent = page.evaluate(SILENT_PICTURES)
            if not silent:
                break
        assert silent == [], name


def test_the_gallery_is_one_stop_of_the_tab_key(page):
    expect(smile(page)).to_have_value("1")
    tiles = page.get_by_role("toolbar", name="Gallery").get_by_role("button")
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(2)).to_be_focused()  # two rows: the next one in the row is the third
    page.keyboard.press("ArrowDown")
    expect(tiles.nth(3)).to_be_focused()
    page.keyboard.press("Enter")
    expect(tiles.nth(3)).to_have_attribute("aria-pressed", "true")
    expect(page.locator('.thumb[data-show="original"] img')).to_have_attribute("alt", re.compile("Gallery"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("toolbar", name="Gallery").locator("button:focus")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "field", "text", "kept", "keys"),
    [
        ("Sample", "Number of the first face", "0177", "177", []),  # without the zero once the number is in use
        ("Attributes", "Its name", "Freckles", "Freckles", []),
        ("Attributes", "Its name", "Freckles", "Freckles", ["Control"]),  # Streamlit opens no new tab for it
    ],
)
def test_a_tap_on_a_link_right_after_typing_changes_the_page_and_keeps_the_text(
    browser, server, name, field, text, kept, keys
):
    page = browser.new_page(viewport={"width": 1360, "height": 860}, has_touch=True)
    page.goto(server)
    link = lambda name: page.get_by_role("link", name=name, exact=True)  # noqa: E731
    link(name).tap()
    page.get_by_role("textbox", name=field).fill(text)
    settle(page)
    link("Mix").tap(modifiers=keys)
    expect(page.get_by_role("slider", name="Place in the film")).to_be_visible()
    settle(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Between faces")
    link(name).tap()
    expect(page.get_by_role("textbox", name=field)).to_have_value(kept)
    page.context.close()


@pytest.mark.parametrize(
    ("meanwhile", "clicks"),
    [
        ("", 1),
        ("history.back()", 0),
        ("history.pushState(null, '', '/c')", 0),
        ("document.body.click()", 0),
    ],
)
def test_a_link_that_waits_is_clicked_once_on_its_own_page(browser, meanwhile, clicks):
    page = browser.new_page()
    page.route("http://app/*", lambda route: route.fulfill(content_type="text/html", body="<input><a href=/x>x</a>"))
    page.goto("http://app/")
    counted = page.evaluate(WAITS, [sources("clicks", *SCRIPTS)["js"], meanwhile, clicks])
    page.close()
    assert counted == [0, clicks]
