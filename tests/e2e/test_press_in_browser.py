"""Presses of a hand, which last: the page may move a control before the release, or open a dialog under it."""

from __future__ import annotations

import re

import pytest

from explorer.edits.recipe import EditRecipe, Source
from explorer.ui.components import sources
from explorer.ui.components.clicks import SCRIPTS
from tests.e2e.settling import settle, smile

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def down(page, target, share: float = 0.5) -> None:
    """Press on a target, at a share of its width."""
    box = target.bounding_box()
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
    page.mouse.down()


# Take up the component of clicks; what is above the button goes when the button is pressed.
MOUNT = """async (js) => {
  const show = (await import(URL.createObjectURL(new Blob([js], { type: "text/javascript" })))).default
  show({ parentElement: document.body })
  window.count = 0
  const button = document.querySelector("button")
  button.onclick = () => { window.count += 1 }
  button.onpointerdown = () => document.querySelector("p").remove()
}"""


@pytest.mark.parametrize(("away", "clicks"), [("", 1), ("moved", 0), ("scrolled", 0)])
def test_a_button_that_the_page_moves_is_clicked_unless_the_hand_goes_away(browser, away, clicks):
    page = browser.new_page()
    page.set_content('<p style="height: 200px">Above</p><button>Press</button><div style="height: 3000px"></div>')
    page.evaluate(MOUNT, sources("clicks", *SCRIPTS)["js"])
    button = page.get_by_role("button")
    before = button.bounding_box()
    down(page, button)
    assert before["y"] - button.bounding_box()["y"] > before["height"]
    if away == "moved":
        page.mouse.move(before["x"] + 300, before["y"])
    elif away == "scrolled":
        page.mouse.wheel(0, 100)
        page.wait_for_function("scrollY > 0")
    page.mouse.up()
    page.evaluate("new Promise((done) => setTimeout(done, 50))")  # the click comes in a later task
    assert page.evaluate("window.count") == clicks
    page.close()


@pytest.fixture
def refused(page):
    """The page Sample with a number that was not taken, and another one typed since."""
    page.get_by_role("link", name="Sample", exact=True).click()
    field = page.get_by_role("textbox", name="Number of the first face")
    field.fill("abc")
    field.press("Enter")
    expect(page.get_by_text("; expected a whole number")).to_be_visible()
    settle(page)
    field.fill("7")
    return page


def held(page, target, share: float = 0.5) -> None:
    """Press on a target until the run of the number typed before has moved it."""
    before = target.bounding_box()["y"]
    down(page, target, share)
    expect(page.get_by_text("; expected a whole number")).to_have_count(0)
    settle(page)
    assert before - target.bounding_box()["y"] > 20
    page.mouse.up()


def test_a_toggle_that_moves_from_under_the_pointer_is_switched(refused):
    held(refused, refused.get_by_text("A temperature for each level"))
    expect(refused.get_by_role("slider")).to_have_count(5)


def test_an_option_that_moves_from_under_the_pointer_is_chosen(refused):
    held(refused, refused.get_by_role("radio", name="3", exact=True))
    expect(refused.get_by_role("button", name=re.compile("seed [0-9]+$"))).to_have_count(9)


def test_a_slider_that_moves_from_under_the_pointer_is_set(refused):
    temperature = refused.get_by_role("slider", name="Temperature")
    held(refused, refused.locator('[data-testid="stSlider"]').first, share=0.9)
    expect(temperature).not_to_have_value("0.7")


def test_the_editor_stays_when_a_row_above_it_goes(page):
    page.goto(f"{page.url.split('?')[0]}?s={EditRecipe(Source('photo', 'ab' * 16)).token()}")
    expect(page.get_by_text("Stay with this one")).to_be_visible()
    expect(smile(page)).to_be_visible()
    settle(page)
    editor = page.locator(".editor").element_handle()
    page.get_by_role("button", name="Stay with this one").click()
    expect(page.get_by_text("Stay with this one")).to_have_count(0)
    settle(page)
    assert editor.evaluate("element => element.isConnected")


def test_a_double_click_opens_a_dialog_and_leaves_it_open(page):
    expect(smile(page)).to_have_value("1")
    settle(page)
    button, dialog = page.get_by_role("button", name="Grid of two attributes"), page.get_by_role("dialog")
    button.scroll_into_view_if_needed()
    down(page, button, share=0.1)
    page.mouse.up()
    expect(dialog).to_be_visible()
    page.evaluate("window.explorerPress.began = performance.now() + 1e6")  # the second comes soon on a busy machine too
    page.mouse.down()
    page.mouse.up()
    settle(page)
    expect(dialog).to_be_visible()
    page.evaluate("window.explorerPress.began = -Infinity")
    page.mouse.click(5, 5)
    expect(dialog).to_have_count(0)
