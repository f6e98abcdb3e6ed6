"""Changes within and beside a fragment in one moment, which Streamlit sends as one message of the fragment."""

from __future__ import annotations

import pytest

from tests.e2e.settling import settle, smile

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

# Move the slider and click on a button, in one task of the browser.
MOVE_AND_CLICK = """(slider, button) => {
  slider.value = 2
  for (const type of ["input", "change"]) slider.dispatchEvent(new Event(type, { bubbles: true }))
  document.querySelector(button).click()
}"""

# Go to a place of the map and choose an option of the open list, in one task of the browser.
GO_AND_CHOOSE = """(chart, name) => {
  chart.getRootNode().__instance.go([0.5, 0.5])
  const options = [...document.querySelectorAll("[role=option]")]
  options.find((o) => o.textContent === name).click()
}"""


def move_and_click(page, button: str) -> None:
    settle(page)
    smile(page).evaluate(MOVE_AND_CLICK, f".st-key-{button} button")


def test_the_dialog_of_eyes_opens(page, photo):
    expect(smile(page)).to_have_value("1")
    page.locator('input[type="file"]').first.set_input_files(photo)
    expect(page.get_by_role("button", name="Place the eyes")).to_be_visible()
    dialog = page.get_by_role("dialog")
    move_and_click(page, "place_eyes")
    expect(dialog).to_be_visible()
    expect(page.get_by_text("Click on one eye")).to_be_visible()
    settle(page)
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    expect(smile(page)).to_have_value("2")


def test_the_camera_opens(page):
    expect(smile(page)).to_have_value("1")
    move_and_click(page, "cam_box")
    expect(page.get_by_text("This app would like to use your camera.")).to_be_visible()
    expect(smile(page)).to_have_value("2")


@pytest.mark.parametrize(("choice", "words"), [("Across", "by their glasses score"), ("Colour", "without")])
def test_a_choice_arranges_and_colours_the_map(page, choice, words):
    page.get_by_role("link", name="Map", exact=True).click()
    chart = page.locator("canvas.chart")
    expect(chart).to_be_visible()
    settle(page)
    page.get_by_role("combobox", name=choice).click()
    expect(page.get_by_role("option", name="Glasses", exact=True)).to_be_visible()
    chart.evaluate(GO_AND_CHOOSE, "Glasses")
    expect(page.get_by_text(words, exact=choice == "Colour")).to_be_visible()
