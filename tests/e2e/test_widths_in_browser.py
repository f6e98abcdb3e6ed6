"""Everything has its room on the pages, from a wide screen to a telephone."""

from __future__ import annotations

import pytest

from tests.e2e.settling import settle, still

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def go(page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def test_what_comes_back_is_in_sight_beside_the_controls_at_any_width(page):
    go(page, "Reconstruct")
    badge = page.get_by_text("Comes back exactly: all 4,096 pixels", exact=True).first
    first = page.get_by_test_id("stImage").first
    sliders = page.locator(".st-key-reconstruct_sliders").get_by_role("slider")
    expect(sliders).to_have_count(5)
    slider = sliders.first
    for width in (1360, 768, 390):
        page.set_viewport_size({"width": width, "height": 844})
        expect(badge).to_be_visible()
        settle(page)
        still(page)
        assert badge.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, width
        picture, moved = first.bounding_box(), slider.bounding_box()
        assert picture["y"] + picture["height"] < 844, width
        assert moved["y"] + moved["height"] < 844, width
    page.mouse.move(200, 300)
    page.mouse.wheel(0, 1200)
    expect(first).not_to_be_in_viewport()
    still(page)
    assert slider.bounding_box() == moved  # it stays while the pictures go by
    page.set_viewport_size({"width": 360, "height": 640})
    still(page)
    for moved in map(bottom, sliders.all()):
        assert 320 < moved < 640  # all are in the lower half, beside the pictures


def test_the_controls_of_sample_have_their_room(page):
    go(page, "Sample")
    new = page.get_by_role("button", name="New")
    for width in (1360, 768, 680):
        page.set_viewport_size({"width": width, "height": 844})
        expect(new).to_be_visible()
        still(page)
        for label in (new.get_by_text("New"), page.get_by_role("radio", name="Over temperatures")):
            assert label.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, width
        grid, tile = page.get_by_role("radio", name="Grid").bounding_box(), page.locator(".tiles button").first
        right = page.locator(".st-key-mode").bounding_box()
        last = page.get_by_role("radio", name="Over temperatures").bounding_box()
        assert last["x"] + last["width"] <= right["x"] + right["width"] + 1, width
        assert last["y"] == grid["y"], width  # one row of buttons, and the pictures beside it
        assert tile.bounding_box()["x"] > last["x"] + last["width"], width
        assert new.bounding_box()["width"] > 80, width
        seed = page.get_by_role("textbox", name="Number of the first face")
        assert seed.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, width
        assert seed.bounding_box()["width"] > 80, width


def test_faces_and_cosines_have_their_room(page):
    go(page, "Attributes")
    for width in (1360, 1100, 900, 700, 390):
        page.set_viewport_size({"width": width, "height": 1000})
        for box in (page.get_by_role("toolbar", name="Preview"), page.locator(".scroll:has(td)")):
            expect(box).to_be_visible()
            still(page)
            assert box.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, width
            assert box.evaluate("e => e.getBoundingClientRect().right") <= width


def bottom(box) -> float:
    place = box.bounding_box()
    return place["y"] + place["height"]


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (820, 1180), (390, 844)])
def test_the_film_of_mix_stays_in_sight_and_covers_no_focused_control(page, width, height):
    page.emulate_media(reduced_motion="reduce")
    go(page, "Mix")
    expect(page.locator(".st-key-tiles_B button").first).to_be_visible()
    page.set_viewport_size({"width": width, "height": height})
    page.get_by_role("radio", name="5", exact=True).click()
    last = page.locator('.st-key-tiles_E [tabindex="0"]')
    expect(last).to_be_visible()
    settle(page)
    screen, strip = page.locator(".film .screen"), page.locator(".film .frames")
    stacked = width < 900
    assert screen.bounding_box()["width"] > min(480, 0.8 * width)
    page.get_by_test_id("stMain").evaluate("e => e.scrollTo(0, 1e6)")
    still(page)
    assert screen.bounding_box()["y"] >= (59 if stacked else 0)
    assert bottom(strip) <= height
    modes = [radio.bounding_box()["y"] for radio in page.locator(".st-key-mix_mode").get_by_role("radio").all()]
    assert max(modes) - min(modes) < 1
    first = page.locator('.st-key-tiles_A [tabindex="0"]')
    first.focus()
    page.keyboard.press("ArrowRight")  # the focus is moved by a key
    still(page)
    focused = page.locator(".st-key-tiles_A .tile:focus").bounding_box()
    assert focused["y"] >= (bottom(strip) if stacked else 59)
    assert focused["y"] + focused["height"] <= height


FILLS = "image => Math.abs(image.width - image.closest('.st-key-equation').clientWidth) < 1"


def test_every_result_of_mix_is_as_wide_as_the_film_and_repeats_no_choices_on_a_telephone(page):
    page.emulate_media(reduced_motion="reduce")
    go(page, "Mix")
    film, result = page.locator(".film .screen"), page.locator(".st-key-equation img").first
    sizes = {1440: [], 1920: []}
    for mode, picture in (("Film", film), ("Parts of two faces", result)):
        page.get_by_role("radio", name=mode, exact=True).click()
        expect(picture).to_be_visible()
        settle(page)
        for width, places in sizes.items():
            page.set_viewport_size({"width": width, "height": 900})
            still(page)
            if picture is result:  # Streamlit sets its width some time after the window's
                page.wait_for_function(FILLS, arg=picture.element_handle())
            box = picture.bounding_box()
            places.append((round(box["x"]), round(box["width"])))
    assert all(len(set(places)) == 1 for places in sizes.values()), sizes
    term = page.get_by_role("img", name="Picture A", exact=True)
    expect(term).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(term).to_be_hidden()


def test_a_model_on_a_telephone_has_the_width_for_its_text_and_one_row_of_buttons(page):
    go(page, "Models")
    card = page.locator('.stVerticalBlock[class*="st-key-card_"]').first
    expect(card.get_by_text("Kind")).to_be_visible()
    settle(page)
    page.set_viewport_size({"width": 390, "height": 844})
    still(page)
    assert card.get_by_text("Kind").locator("xpath=ancestor::p").bounding_box()["width"] > 300
    buttons = [card.get_by_role("button", name=name) for name in ("Check it here", "Model card")]
    rows = {round(button.bounding_box()["y"]) for button in (*buttons, card.locator('[class*="st-key-use_"]'))}
    assert len(rows) == 1
    assert card.bounding_box()["height"] < 450


@pytest.mark.parametrize(("name", "part"), [("Mix", ".st-key-mix_mode"), ("Sample", ".st-key-samples")])
def test_columns_one_below_the_other_have_no_empty_band_between(page, name, part):
    go(page, name)
    expect(page.locator(part)).to_be_visible()
    settle(page)
    page.set_viewport_size({"width": 390, "height": 844})
    still(page)
    columns = page.locator(f'.stHorizontalBlock:has({part}) > [data-testid="stColumn"]')
    assert columns.nth(1).bounding_box()["y"] - bottom(columns.first) < 25
