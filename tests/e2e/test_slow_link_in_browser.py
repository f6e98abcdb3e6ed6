"""A slow link: what is pressed right after a slider does not lose its move, and does not save the edit before it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from explorer.edits.recipe import EditRecipe
from explorer.edits.recipe_png import read_png
from tests.e2e import serving
from tests.e2e.settling import settle, smile

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

DELAY = 0.08  # seconds, each way


@pytest.fixture
def slow(link, page):
    """The editor on a slow link, once it has nothing more to request."""
    expect(smile(page)).to_have_value("1")
    expect(page.locator(".frames-name")).to_have_text("Smile")
    settle(page)
    link.delay = DELAY
    return page


def drag(page, name: str, fraction: float) -> float:
    """Move a slider with the mouse, release it, and return its value."""
    slider = page.get_by_role("slider", name=name, exact=True)
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * fraction, y, steps=6)
    page.mouse.up()
    return float(slider.input_value())


@pytest.mark.parametrize("names", [("Young",), ("Young", "Glasses")], ids=["one", "two"])
def test_moves_made_just_before_another_page_are_in_the_edit_afterwards(slow, names):
    values = {name: drag(slow, name, 0.8) for name in names}
    assert all(value > 1 for value in values.values())
    slow.get_by_role("link", name="Mix", exact=True).click()
    expect(slow.get_by_text("Between faces")).to_be_visible()
    settle(slow)
    slow.get_by_role("link", name="Edit", exact=True).click()
    fact = slow.locator('.thumb[data-show="edited"] .fact')
    for name, value in values.items():
        expect(fact).to_contain_text(f"{name} +{value:.2f}")
        expect(slow.get_by_role("slider", name=name, exact=True)).to_have_value(str(value))
    settle(slow)


@pytest.mark.parametrize("wait", [0, 400])
def test_a_move_made_just_before_a_reload_is_in_the_edit_afterwards(slow, wait):
    value = drag(slow, "Young", 0.8)
    slow.wait_for_timeout(wait)
    slow.reload()
    expect(slow.locator('.thumb[data-show="edited"] .fact')).to_contain_text(f"Young +{value:.2f}")
    expect(slow.get_by_role("slider", name="Young", exact=True)).to_have_value(str(value))
    settle(slow)


def test_a_picture_that_was_not_ready_when_the_page_was_left_is_said_to_be_unsaved(slow):
    slow.locator(".editor").evaluate("e => { e.getRootNode().__instance.wire.dispatch = () => {} }")  # sends nothing
    drag(slow, "Young", 0.8)
    slow.get_by_role("button", name="Exact 64 px PNG", exact=True).click()
    slow.get_by_role("link", name="Mix", exact=True).click()
    expect(slow.get_by_text("Between faces")).to_be_visible()
    settle(slow)
    slow.get_by_role("link", name="Edit", exact=True).click()
    note = slow.get_by_text("The picture was not saved: the page was left before it was ready.")
    expect(slow.locator('.thumb[data-show="edited"] .fact')).to_contain_text("Young +")
    settle(slow)
    expect(note).to_be_visible()
    smile(slow).press("Shift+ArrowRight")
    expect(note).to_be_hidden()
    settle(slow)


def test_a_picture_saved_just_after_a_move_has_the_move(slow):
    value = drag(slow, "Young", 0.8)
    slow.wait_for_timeout(200)
    with slow.expect_download() as download:
        slow.get_by_role("button", name="Exact 64 px PNG", exact=True).click()
    recipe, _ = read_png(download.value.path().read_bytes())
    assert dict(recipe.moves) == {"Smiling": 1, "Young": value}
    settle(slow)


def test_save_buttons_are_dimmed_until_the_change_is_answered(page):
    expect(smile(page)).to_have_value("1")
    settle(page)
    wire, save = "e => e.getRootNode().__instance.wire", page.get_by_role("button", name="Exact 64 px PNG", exact=True)
    page.locator(".editor").evaluate(f"e => {{ ({wire})(e).dispatch = () => {{}} }}")  # sends nothing
    opacity = smile(page).evaluate(
        """(slider, save) => { slider.value = 2
        for (const type of ['input', 'change']) slider.dispatchEvent(new Event(type))
        return document.documentElement.hasAttribute('data-edit-pending') && getComputedStyle(save).opacity }""",
        save.element_handle(),
    )
    assert opacity == "1"  # for a moment: no flicker on a fast link
    expect(save).to_have_css("opacity", "0.5")
    page.locator(".editor").evaluate(f"e => ({wire})(e).done()")
    expect(save).to_have_css("opacity", "1")
    settle(page)


def another_face(page) -> None:
    page.locator(".st-key-gallery").get_by_role("button").nth(3).click()


def warmer(page) -> None:
    page.get_by_role("slider", name="Temperature").press("ArrowRight")


def place_on_map(page) -> None:
    page.locator("canvas.chart").click(position={"x": 12, "y": 12})


@pytest.mark.parametrize(
    ("name", "act", "button", "before", "after"),
    [
        ("Edit", another_face, "Exact 64 px PNG", "face-01", "face-04-"),
        ("Sample", warmer, "Save pictures", r"-0\.7\.", "-0.75."),
        ("Map", place_on_map, "Exact 64 px PNG", r"map-\d+-64px", "map-"),
    ],
)
def test_a_save_button_pressed_just_after_something_else_waits_for_the_answer(
    link, page, name, act, button, before, after
):
    expect(smile(page)).to_have_value("1")
    page.get_by_role("link", name=name, exact=True).click()
    save = page.get_by_role("button", name=button, exact=True)
    expect(save).to_be_visible()
    expect(page.get_by_role("img").first).to_be_visible()  # one that is replaced before it has come would log a 404
    settle(page)
    link.delay = 0.3
    act(page)
    with page.expect_download() as download:
        save.dispatch_event("click")  # at once, while the old page is still on show
        expect(save).to_have_attribute("aria-busy", "true")
    saved = download.value.suggested_filename
    assert after in saved
    assert not re.search(before, saved)
    settle(page)


def test_a_save_button_pressed_while_a_script_runs_waits_for_its_end(page):
    expect(page.locator(".frames-name")).to_have_text("Smile")
    settle(page)
    app, save = page.locator('[data-testid="stApp"]'), page.get_by_role("button", name="Save picture", exact=True)
    downloads = []
    page.on("download", lambda download: downloads.append(download))
    app.evaluate("app => { app.dataset.testScriptState = 'running' }")
    save.click()
    expect(save).to_have_attribute("aria-busy", "true")
    page.evaluate("new Promise(resolve => setTimeout(resolve, 1500))")
    assert downloads == []
    with page.expect_download():
        app.evaluate("app => { app.dataset.testScriptState = 'notRunning' }")
    expect(save).not_to_have_attribute("aria-busy", "true")
    settle(page)


def test_keys_that_a_temperature_gets_while_the_page_answers_all_count(link, page):
    expect(smile(page)).to_have_value("1")
    page.get_by_role("button", name="Random").click()
    temperature = page.get_by_role("slider", name=re.compile("Temperature of seed"))
    expect(temperature).to_have_value("0.7")
    settle(page)
    recipe = EditRecipe.from_token(page.evaluate("new URLSearchParams(location.search).get('s')"))
    link.delay = DELAY
    temperature.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight", delay=150)
    warm = replace(recipe, temperature=(1.0,)).token()
    expect(page).to_have_url(re.compile(re.escape(warm)))
    expect(temperature).to_have_value("1")
    settle(page)


def test_a_move_made_while_the_page_is_answered_leaves_the_editor_where_it_is(browser, models_home, tmp_path):
    slow = "import streamlit.runtime.runtime as runtime\nruntime.MESSAGE_FLUSH_INTERVAL_SECS = 0.6\n"
    (tmp_path / "sitecustomize.py").write_text(slow)
    with serving.application(tmp_path / "log.txt", models_home, PYTHONPATH=str(tmp_path)) as address:
        page = browser.new_page()
        page.goto(address)
        expect(smile(page)).to_have_value("1")
        settle(page)
        editor = page.locator(".editor").element_handle()
        page.get_by_role("button", name="Random").click()
        smile(page).press("Shift+ArrowRight")  # its run begins when that of the page ends
        expect(page.locator('.thumb[data-show="edited"] .fact')).to_contain_text("Smile +1.50")
        settle(page)
        assert editor.evaluate("element => element.isConnected")
        page.close()
