"""A photo of several people in the editor: which of them is edited, and how it is shown first."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.e2e.settling import settle, smile
from tests.e2e.test_in_photo_in_browser import ASTRONAUT, shown

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


@pytest.fixture
def two_people(page, tmp_path):
    """The editor with a photo of two faces, shown as a whole."""
    with Image.open(ASTRONAUT) as opened:
        face = opened.convert("RGB")
    both = Image.new("RGB", (1000, 512))
    both.paste(face.crop((0, 0, 500, 512)), (0, 0))
    both.paste(face.crop((0, 0, 500, 512)).point(lambda v: v // 2), (500, 0))
    both.save(tmp_path / "two.png")
    expect(smile(page)).to_have_value("1")
    page.locator('input[type="file"]').first.set_input_files(tmp_path / "two.png")
    page.get_by_role("button", name="In the photo").click()
    expect(page.locator(".whose")).to_be_visible()
    smile(page).press("Shift+ArrowRight")
    expect(page.locator('.thumb[data-show="edited"] .fact')).to_have_text("Smile +0.50")
    settle(page)
    return page


def test_every_face_of_a_photo_has_a_frame_and_a_click_in_it_chooses_the_face(two_people):
    page = two_people
    frames, other = page.locator(".whose g"), page.locator(".whose .other")
    corners = "e => e.lastElementChild.getAttribute('points').split(/[ ,]/).map(Number)"
    stage, whole = page.locator(".stage"), page.get_by_role("button", name="In the photo")
    page.mouse.move(0, 0)
    expect(other).to_be_hidden()
    expect(frames.nth(1)).to_be_visible()  # the face that is edited stays marked
    stage.hover(position={"x": 4, "y": 4})
    expect(other).to_be_visible()
    assert frames.evaluate_all("all => all.map(e => getComputedStyle(e).opacity)") == ["0.5", "1"]
    places = [np.reshape(frame.evaluate(corners), (4, 2)) for frame in frames.all()]
    left, right = sorted(places, key=lambda points: points[0, 0])
    assert np.abs(right - left - (500, 0)).max() < 20
    assert left[:, 0].max() < 500 < right[:, 0].min()
    faces = page.get_by_role("toolbar", name="Who in the photo?").get_by_role("button")
    expect(page.get_by_text("Who in the photo?")).to_be_visible()
    expect(faces.nth(0)).to_have_attribute("aria-pressed", "true")
    assert other.get_attribute("data-face") == "1"
    assert other.locator("title").text_content() == "Edit this face"
    box = other.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=4)  # a press that moves compares
    expect(frames.nth(1)).to_be_hidden()
    page.mouse.up()
    assert int(stage.get_attribute("aria-valuenow")) > 0
    stage.press("Home")
    page.mouse.click(x, y)
    expect(faces.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(other).to_have_attribute("data-face", "0")
    expect(stage).to_have_attribute("aria-valuenow", "0")
    expect(whole).to_have_attribute("aria-pressed", "true")
    expect(smile(page)).to_have_value("0")
    smile(page).press("Shift+ArrowLeft")
    expect(page.locator('.thumb[data-show="edited"] .fact')).to_have_text("Smile −0.50")
    page.mouse.click(x, y)  # the frame of the face that is edited
    assert int(stage.get_attribute("aria-valuenow")) > 0
    expect(faces.nth(1)).to_have_attribute("aria-pressed", "true")
    settle(page)
    expect(page.get_by_role("checkbox", name="With 1 other face edited before")).to_be_checked()
    # Moves that still wait for the server are of the face before.
    other.evaluate(
        """g => { const editor = g.getRootNode().__instance
        for (const value of [1, 2]) editor.commit("Smiling", value, false)
        editor.stage.press = { face: g.dataset.face }
        editor.stage.node.click() }"""
    )
    expect(faces.nth(0)).to_have_attribute("aria-pressed", "true")
    expect(smile(page)).to_have_value("0.5")
    settle(page)
    page.keyboard.press("Control+z")
    expect(faces.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(smile(page)).to_have_value("2")
    settle(page)


def test_of_a_group_the_face_alone_is_shown_first(page, tmp_path):
    with Image.open(ASTRONAUT) as opened:
        group = Image.new("RGB", (1000, 700), "grey")
        group.paste(opened.convert("RGB"), (450, 100))
    group.save(tmp_path / "group.png")
    expect(smile(page)).to_have_value("1")
    page.locator('input[type="file"]').first.set_input_files(tmp_path / "group.png")
    views = page.get_by_role("group", name="Picture", exact=True)
    expect(views).to_be_visible()
    page.wait_for_function(
        "e => e.getRootNode().__instance.stage.photo !== null", arg=page.locator(".editor").element_handle()
    )
    expect(views.get_by_role("button", name="Face", exact=True)).to_have_attribute("aria-pressed", "true")
    views.get_by_role("button", name="In the photo").click()
    assert shown(page).shape == (700, 1000, 3)
    settle(page)


def test_the_view_is_the_same_for_all_faces_of_a_photo(page, tmp_path):
    with Image.open(ASTRONAUT) as opened:
        face = opened.convert("RGB").crop((60, 0, 390, 330))
    people = Image.new("RGB", (600, 330), "grey")
    people.paste(face, (0, 0))
    people.paste(face.resize((220, 220)), (360, 50))
    people.save(tmp_path / "people.png")
    expect(smile(page)).to_have_value("1")
    page.locator('input[type="file"]').first.set_input_files(tmp_path / "people.png")
    faces = page.get_by_role("toolbar", name="Who in the photo?").get_by_role("button")
    whole = page.get_by_role("button", name="In the photo")
    other = page.locator(".whose .other")
    expect(whole).to_have_attribute("aria-pressed", "true")
    settle(page)
    sides = []
    for number in (0, 1):
        faces.nth(number).click()
        expect(faces.nth(number)).to_have_attribute("aria-pressed", "true")
        settle(page)
        expect(other).to_have_attribute("data-face", str(1 - number))
        expect(whole).to_have_attribute("aria-pressed", "true")
        (ax, ay), (bx, by), *_ = page.locator(".stage").evaluate("e => e.getRootNode().__instance.stage.photo.corners")
        sides.append(np.hypot(bx - ax, by - ay) / 600)
    assert min(sides) < 1 / 6 < max(sides)
    settle(page)
