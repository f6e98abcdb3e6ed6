"""A press of a hand, which takes its time: the page may move the button before the release."""

from __future__ import annotations

import pytest

from tests.e2e.settling import settle

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


@pytest.fixture
def make(page):
    """The button that makes a slider, under a message that a first press has brought, with a name typed since."""
    page.get_by_role("link", name="Attributes", exact=True).click()
    button = page.get_by_role("button", name="Make the slider")
    button.click()
    expect(refusal(page)).to_be_visible()
    settle(page)
    page.get_by_role("textbox", name="Its name").fill("Freckles")
    return button


def refusal(page):
    return page.get_by_text("8 photos of each kind are needed")


def press(page, button) -> None:
    """Press on the button until the typed text's run has removed the message, and the button has moved up."""
    box = button.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    expect(refusal(page)).to_have_count(0)
    settle(page)
    assert box["y"] - button.bounding_box()["y"] > box["height"]


def test_a_button_that_moves_from_under_the_pointer_is_clicked(page, make):
    press(page, make)
    page.mouse.up()
    expect(refusal(page)).to_be_visible()


def test_a_press_that_leaves_the_button_is_not_a_click(page, make):
    press(page, make)
    box = make.bounding_box()
    page.mouse.move(box["x"] + box["width"] + 300, box["y"])
    page.mouse.up()
    settle(page)
    expect(refusal(page)).to_have_count(0)
