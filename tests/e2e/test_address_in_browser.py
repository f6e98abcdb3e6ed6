"""The address of the page: it holds the edit and its model, and leaves the Back button to the pages."""

from __future__ import annotations

import re

import pytest

from explorer.edits.recipe import EditRecipe, Source
from tests.e2e.settling import smile

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
EDIT = "new URLSearchParams(location.search).get('s')"


def edit_of(page) -> EditRecipe:
    return EditRecipe.from_token(page.evaluate(EDIT))


def set_smile(page, value: str) -> None:
    """Move the slider and wait until the address holds the move, which the server has then seen."""
    smile(page).evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('change')) }", value)
    moves = f"JSON.parse(atob({EDIT}.replaceAll('-', '+').replaceAll('_', '/')))[2]"
    page.wait_for_function(f"hundredths => {moves}.Smiling === hundredths", arg=round(100 * float(value)))


def test_back_leaves_the_edit_page_however_often_the_edit_was_changed(page):
    expect(smile(page)).to_have_value("1")
    page.wait_for_function(f"() => {EDIT}")
    steps = page.evaluate("history.length")
    page.get_by_role("link", name="Mix", exact=True).click()
    expect(page.get_by_text("Between faces")).to_be_visible()
    page.get_by_role("link", name="Edit", exact=True).click()
    for value in ("0.5", "-0.5", "2"):
        set_smile(page, value)
    assert page.evaluate("history.length") == steps + 2
    page.go_back()
    expect(page.get_by_text("Between faces")).to_be_visible()
    expect(page).to_have_url(re.compile("/mix"))
    page.go_back()
    expect(smile(page)).to_have_value("2")  # the edit as it is now, not as it was then
    page.wait_for_function(f"now => {EDIT} === now", arg=page.evaluate(EDIT))
    assert edit_of(page).strength("Smiling") == 2


def test_loading_the_page_anew_keeps_the_model_and_the_edit(browser, server, models_home):
    if not (models_home / "pretrained" / "faces32-glow").is_dir():
        pytest.skip("there is no second model with attributes")
    page = browser.new_page()  # not the fixture: loaded below /models, Streamlit asks for files that are not there
    page.goto(server)
    expect(smile(page)).to_have_value("1")  # who leaves before that has no edit that an address could hold
    before = page.wait_for_function(EDIT).json_value()
    page.get_by_role("link", name="Models", exact=True).click()
    card = page.locator(".st-key-card_pretrained_faces32-glow")
    expect(card).to_be_visible()
    page.wait_for_function(f"before => {EDIT} === before", arg=before)  # a new page has none for a moment
    card.get_by_role("button", name="Use this model").click()
    page.wait_for_function(f"before => {EDIT} && {EDIT} !== before", arg=before)
    page.reload()
    expect(card.get_by_role("button", name="In use")).to_be_visible()
    page.get_by_role("link", name="Edit", exact=True).click()
    set_smile(page, "-1.5")
    expect(page.locator('.thumb[data-show="edited"]')).to_contain_text("Smile −1.50")
    shown = page.locator('.thumb[data-show="edited"] img').get_attribute("src")
    page.reload()
    expect(smile(page)).to_have_value("-1.5")
    expect(page.locator('.thumb[data-show="edited"] img')).to_have_attribute("src", shown)
    page.close()


def held(page, name: str) -> str | None:
    return page.evaluate("name => new URLSearchParams(location.search).get(name)", name)


def test_the_edit_is_in_the_address_of_every_page_on_the_way(page):
    expect(smile(page)).to_have_value("1")
    before = page.wait_for_function(EDIT).json_value()
    for name in ("Mix", "Models", "Sample", "Map", "Mix"):
        page.get_by_role("link", name=name, exact=True).click()
        page.wait_for_url(f"**/{name.lower()}*")
        page.wait_for_function(f"before => {EDIT} === before", arg=before)


def test_loading_sample_anew_shows_the_faces_that_the_shortcut_found(browser, server):
    page = browser.new_page()  # not the fixture: loaded below /sample, Streamlit asks for files that are not there
    page.goto(server)
    expect(smile(page)).to_have_value("1")
    page.get_by_role("link", name="Sample", exact=True).click()
    page.wait_for_function("new URLSearchParams(location.search).get('seed')")
    steps, seed = page.evaluate("history.length"), held(page, "seed")
    page.get_by_text("A temperature for each level").click()
    page.wait_for_function("(new URLSearchParams(location.search).get('temperature') ?? '').includes(',')")
    page.keyboard.press("Alt+n")  # the switch has the focus
    page.wait_for_function("seed => new URLSearchParams(location.search).get('seed') !== seed", arg=seed)
    found, level = held(page, "seed"), held(page, "temperature")
    expect(page.get_by_role("button", name=f"Sampled face, seed {found}", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name=f"Sampled face, seed {found}", exact=True)).to_be_visible()
    assert held(page, "temperature") == level
    assert page.evaluate("history.length") == steps
    page.close()


def test_edit_is_found_by_its_name_like_any_page(browser, server):
    page = browser.new_page()  # not the fixture, for the same reason
    wanted = EditRecipe(Source("seed", "5"), (("Smiling", 2.0),), temperature=(0.5,))
    page.goto(f"{server}/edit?s={wanted.token()}")
    expect(smile(page)).to_have_value("2")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name="Edit", exact=True)).to_have_count(1)
    assert edit_of(page).source == wanted.source
    page.close()
