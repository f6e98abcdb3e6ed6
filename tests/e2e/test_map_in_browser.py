"""The Map page as a new user walks it: places, paths and their films, lines of density, faces once few are in view."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.e2e.settling import settle, still

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def go(page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def settled(page):
    """The chart of the Map page, once the page is still."""
    go(page, "Map")
    chart = page.locator("canvas.chart")
    expect(chart).to_be_visible()
    settle(page)
    return chart


def is_true(chart, what: str) -> None:
    """Wait until a condition of the chart holds."""
    chart.page.wait_for_function(what, arg=chart.element_handle())


def test_every_place_of_the_map_is_a_face(page):
    go(page, "Map")
    chart = page.locator("canvas.chart")
    expect(chart).to_be_visible()
    nearest = chart.evaluate("""chart => {
      const { points, here } = chart.getRootNode().__instance.data
      const distances = points.map((point) => Math.hypot(point[0] - here[0], point[1] - here[1]))
      return distances.indexOf(Math.min(...distances))
    }""")
    expect(page.get_by_text(f"Face {nearest} of the map")).to_be_visible()  # that of the edit
    box = chart.bounding_box()
    page.mouse.click(box["x"] + 12, box["y"] + 12)
    expect(page.get_by_text(re.compile(r"A blend at −?-?\d"))).to_be_visible()

    tip, clear = page.locator(".tip"), page.get_by_role("button", name="Clear the path")
    expect(clear).to_be_disabled()
    page.get_by_role("button", name="Draw a path").click()
    x, y = chart.evaluate("""chart => {
      const plane = chart.getRootNode().__instance
      const places = plane.data.points.map((point) => plane.toCanvas(point))
      return places.find(([x, y]) => x > 40 && y > 40 && x < 300 && y < 200)
    }""")
    page.mouse.move(box["x"] + x, box["y"] + y)
    expect(tip).to_be_visible()
    page.mouse.down()
    expect(tip).to_be_hidden()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.move(box["x"] + 300, box["y"] + 250, steps=6)
    page.mouse.up()
    expect(page.get_by_role("slider", name="Place in the film")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save GIF").click()
    assert download.value.suggested_filename == "path.gif"
    drawn = "chart => chart.getRootNode().__instance.path.length"
    corners = chart.evaluate(drawn)
    assert corners > 2
    page.mouse.click(box["x"] + 30, box["y"] + 60)  # draws nothing
    assert chart.evaluate(drawn) == corners
    go(page, "Sample")
    go(page, "Map")
    expect(page.get_by_role("slider", name="Place in the film")).to_be_visible()
    assert chart.evaluate(drawn) == corners  # it is there with its film, or gone with it

    page.get_by_role("button", name="Look around").click()
    expect(page.get_by_text("Another place replaces the path.")).to_be_visible()
    expect(page.get_by_role("slider", name="Place in the film")).to_be_visible()
    clear.click()
    expect(clear).to_be_disabled()
    expect(page.get_by_text(f"Face {nearest} of the map")).to_be_visible()
    page.mouse.click(box["x"] + 30, box["y"] + 60)
    assert chart.evaluate(drawn) == 0
    expect(page.get_by_text(re.compile(r"A blend at −?-?\d"))).to_be_visible()
    expect(page.get_by_role("slider", name="Place in the film")).to_have_count(0)
    go(page, "Sample")
    go(page, "Map")
    expect(page.get_by_text(re.compile(r"A blend at −?-?\d"))).to_be_visible()
    assert chart.evaluate(drawn) == 0
    page.get_by_role("button", name="Open in Edit").click()
    expect(page.get_by_role("slider", name="Smile", exact=True)).to_be_visible()


def test_the_cross_goes_along_the_path_with_its_film(page):
    page.emulate_media(reduced_motion="reduce")  # the film does not play by itself
    chart = settled(page)
    box = chart.bounding_box()
    page.mouse.click(box["x"] + 30, box["y"] + 60)
    page.get_by_role("button", name="Draw a path").click()
    corners = [(box["x"] + x, box["y"] + y) for x, y in ((100, 100), (300, 100), (300, 200))]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=3)
    page.mouse.up()
    expect(page.get_by_role("slider", name="Place in the film")).to_be_visible()

    def cross() -> list[float]:
        return chart.evaluate("c => { const p = c.getRootNode().__instance; return p.toCanvas(p.spot) }")

    assert cross() == pytest.approx([100, 100], abs=1)
    page.get_by_role("button", name="Frame at 50 %").click()
    assert cross() == pytest.approx([250, 100], abs=1)
    page.get_by_role("button", name="Frame at 100 %").click()
    assert cross() == pytest.approx([300, 200], abs=1)
    settle(page)
    page.get_by_role("button", name="Look around").click()
    page.get_by_role("button", name="Clear the path").click()
    assert cross() == pytest.approx([30, 60], abs=1)  # where it was before the path


def test_the_part_of_the_map_that_is_shown_is_kept_when_the_page_is_left(page):
    chart = settled(page)
    view = "chart => chart.getRootNode().__instance.view"
    box = chart.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 150)
    page.mouse.wheel(0, -600)
    page.mouse.down()
    page.mouse.move(box["x"] + 230, box["y"] + 170, steps=3)
    page.mouse.up()
    left = chart.evaluate(view)
    assert left["zoom"] == pytest.approx(3.32, abs=0.01)
    page.get_by_role("button", name="Open in Edit").click()
    expect(page.locator(".editor")).to_be_visible()
    settle(page)
    page.go_back()
    expect(chart).to_be_visible()
    settle(page)
    assert chart.evaluate(view) == left


def test_the_map_under_a_finger(browser, server):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{server}/map")
    chart, picture = page.locator("canvas.chart"), page.get_by_test_id("stImage")
    expect(page.get_by_text("Tap a point")).to_be_visible()
    expect(picture).to_be_visible()
    settle(page)

    finger = context.new_cdp_session(page)

    def swiped() -> float:
        """How far the page goes when a finger on the map goes up by 200 pixels."""
        chart.scroll_into_view_if_needed()
        before = chart.bounding_box()
        x, y = before["x"] + before["width"] / 2, before["y"] + before["height"] - 20
        for kind, up in (("touchStart", 0), *(("touchMove", 10 * n) for n in range(1, 21)), ("touchEnd", None)):
            points = [] if up is None else [{"x": x, "y": y - up}]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        still(page)
        return before["y"] - chart.bounding_box()["y"]

    view = "chart => chart.getRootNode().__instance.view"
    assert swiped() > 100
    assert chart.evaluate(view) == {"x": 0, "y": 0, "zoom": 1}
    box = chart.bounding_box()
    page.touchscreen.tap(box["x"] + 40, box["y"] + box["height"] - 12)
    expect(page.get_by_text(re.compile(r"A blend at −?-?\d"))).to_be_visible()
    settle(page)
    is_true(chart, "chart => chart.getBoundingClientRect().y >= 50")  # the page goes up, to below the bar
    still(page)
    assert picture.bounding_box()["y"] + picture.locator("img").bounding_box()["height"] <= 844  # both are in sight

    page.get_by_role("button", name="Draw a path").tap()
    expect(page.get_by_text("Draw with a finger")).to_be_visible()
    swiped()  # draws, else there would be no film
    expect(page.get_by_role("slider", name="Place in the film")).to_be_visible()
    settle(page)
    context.close()


# How many of the places on the lines of the density have the colour of text, of all that are in view.
INKED = """chart => {
  const plane = chart.getRootNode().__instance
  const context = chart.getContext("2d")
  const ratio = chart.width / plane.width
  const ink = getComputedStyle(chart).getPropertyValue("--st-text-color").match(/\\w\\w/g).map((v) => parseInt(v, 16))
  const seen = plane.data.outlines[0].flat().map((place) => plane.toCanvas(place).map((v) => Math.round(v * ratio)))
    .filter(([x, y]) => x > 0 && y > 0 && x < chart.width && y < chart.height)
  const inked = seen.filter(([x, y]) => {
    const pixel = context.getImageData(x, y, 1, 1).data
    return Math.hypot(...ink.map((v, i) => pixel[i] - v)) < 100
  })
  return [inked.length / seen.length, seen.length]
}"""


def test_lines_of_the_density_follow_the_map_and_the_theme_and_stay_as_they_were_left(page):
    go(page, "Map")
    chart, button = page.locator("canvas.chart"), page.get_by_role("button", name="Density")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("nine in ten", exact=True)).to_be_visible()
    colour = "getComputedStyle(chart).getPropertyValue('--st-text-color')"
    light = chart.evaluate(f"chart => {colour}")

    def dark() -> None:
        page.emulate_media(color_scheme="dark")
        is_true(chart, f"chart => {colour} !== '{light}'")

    for change in (lambda: None, page.get_by_role("button", name="Zoom in").click, dark):
        change()
        is_true(chart, f"chart => {{ const [share, count] = ({INKED})(chart); return count > 20 && share > 0.8 }}")
    button.click()
    assert chart.evaluate(INKED)[0] < 0.5
    expect(page.get_by_text("nine in ten", exact=True)).to_be_hidden()
    go(page, "Sample")
    go(page, "Map")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert chart.evaluate(INKED)[0] < 0.5


# Of the points well in view: how many there are, how many are rings of their group's colour around a picture, and where
# on the page one of them is that no other lies on.
FACES_SEEN = """chart => {
  const plane = chart.getRootNode().__instance
  const context = chart.getContext("2d")
  const ratio = chart.width / plane.width
  const places = plane.data.points.map((point, index) => ({ index, at: plane.toCanvas(point) }))
    .filter(({ at: [x, y] }) => x > 40 && y > 40 && x < plane.width - 40 && y < plane.height - 40)
  const alone = places.filter(({ index, at }) =>
    places.every((other) => other.index === index || Math.hypot(other.at[0] - at[0], other.at[1] - at[1]) > 60))
  const ringed = alone.filter(({ index, at: [x, y] }) => {
    const ring = plane.data.colors[plane.data.groups[index]].match(/\\w\\w/g).map((v) => parseInt(v, 16))
    const pixel = context.getImageData(Math.round((x - 19) * ratio), Math.round((y + 9) * ratio), 1, 1).data
    return Math.hypot(...ring.map((v, i) => pixel[i] - v)) < 12
  })
  const box = chart.getBoundingClientRect()
  const place = alone.length && [alone[0].index, box.x + alone[0].at[0], box.y + alone[0].at[1]]
  return [alone.length, ringed.length, place]
}"""


def test_a_map_of_many_shows_faces_once_few_are_in_view(page):
    go(page, "Map")
    chart, nearer = page.locator("canvas.chart"), page.get_by_role("button", name="Zoom in")
    expect(chart).to_be_visible()
    settle(page)
    is_true(chart, "chart => chart.getRootNode().__instance.sheet")
    many = chart.evaluate("chart => chart.getRootNode().__instance.data.points.length") > 60
    if many:
        assert chart.evaluate(FACES_SEEN)[1] == 0
    for _ in range(8 if many else 2):
        nearer.click()
    alone, ringed, (index, x, y) = chart.evaluate(FACES_SEEN)
    assert ringed == alone > 0
    page.mouse.click(x + 14, y - 14)  # on its corner
    expect(page.get_by_text(f"Face {index} of the map")).to_be_visible()


# Where the map has the colour of the edit's ring, from the left and the top, once nothing else is drawn.
RINGED = """(chart, here) => {
  const plane = chart.getRootNode().__instance
  plane.data = { ...plane.data, points: [], groups: [], outlines: [], ends: ["", "", "", ""], here }
  plane.draw()
  const hex = getComputedStyle(chart).getPropertyValue("--st-primary-color")
  const color = hex.match(/\\w\\w/g).map((v) => parseInt(v, 16))
  const { data, width } = chart.getContext("2d").getImageData(0, 0, chart.width, chart.height)
  const far = (i) => Math.hypot(...color.map((v, c) => data[4 * i + c] - v))
  const inked = [...Array(data.length / 4).keys()].filter((i) => far(i) < 60)
  return [[plane.width, plane.height], inked.map((i) => [i % width + 0.5, Math.floor(i / width) + 0.5])]
}"""


def test_the_ring_of_an_edit_outside_the_map_is_at_its_edge_and_points_there(page):
    chart = settled(page)
    for way in ([0, 0], [1, 0], [0, 1], [-1, -1]):
        size, inked = (np.array(values) for values in chart.evaluate(RINGED, [99 * v for v in way]))
        away = np.array([way[0], -way[1]])  # on the canvas y goes down
        off = inked - (size / 2 + away * (size / 2 - 14))
        assert np.abs(off).max() < 14
        along = off @ (away if any(way) else [1, 0]) / (np.hypot(*way) or 1)
        assert along.min() == pytest.approx(-9.5, abs=1)
        assert along.max() == pytest.approx(12.5 if any(way) else 9.5, abs=1)


PLANE = """chart => {
  const { data, spot } = chart.getRootNode().__instance
  return { ends: data.ends, here: data.here, spot }
}"""


def test_the_map_is_arranged_by_the_attributes_that_are_chosen(page):
    chart = settled(page)
    before = chart.evaluate(PLANE)
    assert before["ends"] == ["serious", "smiling", "feminine", "masculine"]
    box = chart.bounding_box()
    page.mouse.click(box["x"] + 30, box["y"] + 60)
    expect(page.get_by_text(re.compile(r"A blend at −?-?\d"))).to_be_visible()
    place = chart.evaluate(PLANE)["spot"]

    def arrange(name: str) -> None:
        page.get_by_role("combobox", name="Across").click()
        page.get_by_role("option", name=name, exact=True).click()

    arrange("Glasses")
    expect(page.get_by_text(re.compile(r"Face \d+ of the map"))).to_be_visible()  # not the place of the other map
    settle(page)
    after = chart.evaluate(PLANE)
    assert after["ends"] == ["without glasses", "with glasses", "feminine", "masculine"]
    assert after["spot"] is None
    assert after["here"][0] != before["here"][0]
    assert after["here"][1] == before["here"][1]
    arrange("Smile")
    expect(page.get_by_text(re.compile(r"A blend at −?-?\d"))).to_be_visible()
    settle(page)
    assert chart.evaluate(PLANE)["spot"] == pytest.approx(place, abs=0.01)
    arrange("Main variation")
    expect(page.get_by_text("in which faces vary most, and upwards by their masculine score")).to_be_visible()
