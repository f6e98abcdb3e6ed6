"""A film plays on the page as the file plays that is saved of it; film and pad stand where the visitor put them."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from explorer.pixels.lost_pictures import sheet
from explorer.pixels.pictures import tile_uri
from explorer.ui.components import sources
from tests.e2e.settling import settle, still

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

FILM = "[...document.querySelectorAll('*')].map((e) => e.shadowRoot?.__instance).find((i) => i?.scrub)"

# Where the film is after so many milliseconds of a clock that stands still between them.
PLAYED = """([times]) => {
  const film = [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.__instance).find((i) => i?.scrub)
  const places = [], [frame, clock] = [window.requestAnimationFrame, performance.now]
  let next = null
  window.requestAnimationFrame = (step) => { next = step; return 1 }
  performance.now = () => 0
  film.go(0)
  film.play()
  next(0)
  for (const time of times) { next(time); places.push(film.place) }
  Object.assign(window, { requestAnimationFrame: frame })
  performance.now = clock
  film.stop()
  return [film.count, places]
}"""

# How often the server has been told where the film stands, after each of these; no time passes between them.
TOLD = """() => {
  const film = [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.__instance).find((i) => i?.scrub)
  const tell = film.send, told = []
  let count = 0
  film.send = () => { count += 1 }
  const on = (...events) => { for (const event of events) film.scrub.dispatchEvent(event); told.push(count) }
  on(new Event('input'))
  on(new Event('change'))
  on(new KeyboardEvent('keydown', { repeat: true }), new Event('input'), new Event('change'))
  on(new KeyboardEvent('keyup'))
  const screen = film.find('.screen')
  const hand = { button: 0, pointerId: 1, clientX: 0, clientY: 0 }
  screen.setPointerCapture = () => {}
  screen.dispatchEvent(new PointerEvent('pointerdown', hand))
  told.push(count)
  screen.dispatchEvent(new PointerEvent('pointerup', hand))
  told.push(count)
  delete screen.setPointerCapture
  clearTimeout(film.resting)
  film.send = tell
  return told
}"""

# What a component sends that is built after another one was put somewhere else and removed at once.
REBUILT = """async ([html, js, data, move]) => {
  const show = (await import(URL.createObjectURL(new Blob([js], { type: "text/javascript" })))).default
  let sent = []
  const build = async () => {
    const host = document.body.appendChild(document.createElement("div"))
    const root = host.attachShadow({ mode: "open" })
    root.innerHTML = html
    const close = show({ data, parentElement: root, setStateValue: (_, place) => sent.push(place) })
    while (!root.__instance.sheet) await new Promise(requestAnimationFrame)
    return [root.__instance, () => { host.remove(); close() }]
  }
  const [first, remove] = await build()
  new Function("component", move)(first)
  remove()
  sent = []
  await build()
  return sent
}"""

# Of a component that is moved just after a click on a link: what it sends at once, whether a save's click waits,
# and what it sends once no other page has come.
LEFT = """async ([html, js, data, move]) => {
  const show = (await import(URL.createObjectURL(new Blob([js], { type: "text/javascript" })))).default
  const root = document.body.appendChild(document.createElement("div")).attachShadow({ mode: "open" })
  const sent = []
  const saves = () => window.dispatchEvent(new CustomEvent("explorer-save", { cancelable: true }))
  root.innerHTML = html
  show({ data, parentElement: root, setStateValue: (_, place) => sent.push(place) })
  while (!root.__instance.sheet) await new Promise(requestAnimationFrame)
  sent.splice(0)
  const link = document.body.appendChild(document.createElement("a"))
  link.href = "/other"
  link.onclick = (event) => event.preventDefault()
  link.click()
  new Function("component", move)(root.__instance)
  const [early, waits] = [sent.splice(0), !saves()]
  while (!early.length && !sent.length) await new Promise(requestAnimationFrame)
  return [early, waits, sent]
}"""


@pytest.fixture
def alone(browser):
    """A function that runs a scene with a film or a pad of so many pictures, without Streamlit around it."""
    page = browser.new_page(reduced_motion="reduce")
    page.route("http://app/", lambda route: route.fulfill(content_type="text/html", body=""))
    page.goto("http://app/")

    def play(scene, name, number, move):
        columns = int(number**0.5)
        pictures = sheet([np.full((8, 8, 3), 20 * i, np.uint8) for i in range(number)], columns)
        look = {"columns": columns, "side": columns, "count": number, "alt": ""}
        data = {**look, "rate": 24, "loop": False, "buttons": "x", **pictures}
        parts = sources(name, "../place_sender", name)
        script = parts["js"].replace("LEAVING = 5000", "LEAVING = 500")
        assert script != parts["js"]
        return page.evaluate(scene, [parts["html"], script, data, move])

    yield play
    page.close()


@pytest.mark.parametrize(
    ("name", "number", "move", "place"),
    [
        ("film", 9, "component.finish(1)", 1),
        ("film", 9, "component.stand(0.5)", 0.5),
        ("pad", 4, "component.go(0.8, 0.3); component.send()", [0.8, 0.3]),
    ],
)
def test_nothing_is_sent_while_another_page_is_on_its_way(alone, name, number, move, place):
    assert alone(LEFT, name, number, move) == [[], True, [place]]


@pytest.mark.parametrize(
    ("name", "number", "move", "place"),
    [
        ("film", 9, "component.stand(0.5); component.rest(0)", 0),
        ("film", 9, "component.finish(1); component.stop()", 1),
        ("pad", 4, "component.go(0.8, 0.3); component.send()", [0.8, 0.3]),
        ("pad", 4, "component.go(0.8, 0.3); component.send(); component.go(0.5, 0.5); component.send()", [0.5, 0.5]),
    ],
)
def test_a_new_component_tells_the_server_the_place_of_the_one_before(alone, name, number, move, place):
    assert alone(REBUILT, name, number, move) == [place]


def open_film(page):
    """Open Mix with a film that does not play by itself; return its slider."""
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("link", name="Mix", exact=True).click()
    page.wait_for_function(f"{FILM}?.count")
    settle(page)
    return page.get_by_role("slider", name="Place in the film")


def saved(page, button: str = "Exact 64 px PNG") -> tuple[str, bytes]:
    """Save the frame on which the film stands; return the name of the file and its contents."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def frame_of(page, index: int) -> bytes:
    """The PNG file of a frame, from the archive of all."""
    with zipfile.ZipFile(io.BytesIO(saved(page, "Save PNGs")[1])) as archive:
        return archive.read(f"frame_{index:03}.png")


# Count how often a film comes past its middle, and note the films that were shown.
WATCH = """() => {
  window.passed = 0
  let far = false
  window.addEventListener("explorer-film", ({ detail }) => {
    if (detail > 0.5 && !far) window.passed += 1
    far = detail > 0.5
  })
}"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_new_film_plays_once_by_itself_until_the_visitor_takes_it(page, server, motion):
    page.emulate_media(reduced_motion=motion)
    page.evaluate(WATCH)
    page.get_by_role("link", name="Mix", exact=True).click()
    plays = motion == "no-preference"

    def choose(number: int) -> None:
        before = page.evaluate(f"{FILM}.uri")
        page.locator(".st-key-tiles_B button").nth(number).click()
        page.wait_for_function(
            f"(before) => {{ const f = {FILM}; return f.uri !== before && f.sheet.image.src === f.uri }}", arg=before
        )

    def played() -> int:
        """How often a film has been played, once it stands."""
        page.wait_for_function(f"{FILM}?.sheet && !{FILM}.timer")
        assert page.evaluate(f"{FILM}.place") in (0, 12 / 48)
        return page.evaluate("window.passed")

    assert played() == plays
    choose(3)
    assert played() == 2 * plays
    choose(4)
    if plays:
        page.wait_for_function(f"{FILM}.place > 0.3")
        name, picture = saved(page)
        assert not page.evaluate(f"{FILM}.timer")
        frame = round(48 * page.evaluate(f"{FILM}.place"))
        assert name.endswith(f"-{round(100 * frame / 48)}-64px.png")
        assert picture == frame_of(page, frame)
    page.get_by_role("button", name="Frame at 25 %").click()
    before = page.evaluate("window.passed")
    choose(5)
    assert played() == before
    corners, film = (page.get_by_role("radio", name=name, exact=True) for name in ("Four corners", "Film"))
    mix = page.get_by_role("link", name="Mix", exact=True)
    for leave, back in ((corners.click, film.click), (lambda: page.goto(server), mix.click)):
        leave()
        page.wait_for_function(f"!{FILM}?.sheet")
        back()
        played()
        assert page.evaluate(f"{FILM}.place") == 12 / 48  # at 0 after it has played
        assert saved(page)[0].endswith("-25-64px.png")
    settle(page)


def test_where_the_film_stands_is_told_when_the_hand_is_lifted(page):
    open_film(page)
    assert page.evaluate(TOLD) == [0, 1, 1, 2, 2, 3]


def test_the_film_goes_back_where_the_file_does(page):
    open_film(page)
    way = 48 / 24 * 1000  # 49 frames at 24 a second
    times = [way / 2, way, way * 1.5, way * 2]
    count, places = page.evaluate(PLAYED, [times])
    assert count == 49
    assert places == pytest.approx([0.5, 1, 0.5, 0], abs=1e-6)
    page.get_by_text("There and back").click()
    settle(page)
    page.wait_for_function(
        "() => [...document.querySelectorAll('*')].some((e) => e.shadowRoot?.__instance?.loop === false)"
    )
    one = way / 48  # the last frame has its time too, then the first comes again
    _, places = page.evaluate(PLAYED, [[way / 2, way + one / 2, way * 1.5 + one, way * 2 + one * 1.5]])
    assert places == pytest.approx([0.5, 1, 0.5, 1], abs=1e-6)


@pytest.mark.parametrize(("mode", "name"), [("Parts of two faces", "Mixed"), ("A − B + C", "Result")])
def test_what_comes_of_a_mix_is_in_sight_first_and_whole(page, mode, name):
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("link", name="Mix", exact=True).click()
    page.get_by_role("radio", name=mode).click()
    result = page.get_by_role("img", name=name, exact=True)
    expect(result).to_be_visible()
    settle(page)
    still(page)
    whole, first = result.bounding_box(), page.get_by_role("img", name="Picture A", exact=True).bounding_box()
    assert whole["width"] > 500
    assert whole["y"] + whole["height"] < first["y"]
    assert first["y"] + first["height"] < 900
    assert first["width"] < 100


def test_the_frame_on_which_the_film_was_stopped_is_opened_in_edit(page):
    open_film(page)
    page.get_by_role("button", name="Frame at 50 %").click()
    with Image.open(io.BytesIO(frame_of(page, 24))) as opened:
        frame = np.asarray(opened)
    page.get_by_role("button", name="Open in Edit").click()
    expect(page.locator(".editor")).to_be_visible()
    tile = page.locator(".st-key-gallery").get_by_role("button", name="Mixed picture 1").locator("img")
    assert tile.get_attribute("src") == tile_uri(frame)
    page.get_by_role("link", name="Mix", exact=True).click()
    page.wait_for_function("new URLSearchParams(location.search).get('places')?.startsWith('edit/')")


def test_a_film_stands_on_a_frame_and_not_between_two(page):
    scrub = open_film(page)
    box = page.locator(".screen").bounding_box()
    place = "e => e.getRootNode().__instance.place"
    page.mouse.click(box["x"] + 0.43 * box["width"], box["y"] + 9)
    assert scrub.evaluate(place) == 21 / 48
    scrub.press("ArrowRight")
    assert scrub.evaluate(place) == 22 / 48
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"{FILM}.place > 0.6")
    page.get_by_role("button", name="Pause").click()
    frame = 48 * scrub.evaluate(place)
    assert frame == pytest.approx(round(frame), abs=1e-9)
    name, picture = saved(page)
    assert name.endswith(f"-{round(100 * frame / 48)}-64px.png")
    assert picture == frame_of(page, round(frame))


@pytest.mark.parametrize("delay", [0.05, 0.2])
def test_a_frame_is_saved_on_a_slow_link(link, page, delay):
    open_film(page)
    link.delay = delay
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"{FILM}.place > 0.3")
    name, _ = saved(page)
    frame = int(page.get_by_role("slider", name="Place in the film").input_value())
    assert 0 < frame < 48
    assert name.endswith(f"-{round(100 * frame / 48)}-64px.png")
    settle(page)


def test_a_playing_film_stops_before_a_picture_of_it_is_saved(page):
    open_film(page)
    _, start = saved(page)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"{FILM}.place > 0.3")
    name, picture = saved(page)
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    percent = int(page.get_by_role("slider", name="Place in the film").input_value()) * 100 / 48
    settle(page)
    assert name.endswith(f"-{round(percent)}-64px.png")
    assert (name, picture) == saved(page)
    assert picture != start
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Save MP4").focus()  # a button of the whole film leaves it alone
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="Save picture").focus()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
