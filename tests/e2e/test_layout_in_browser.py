"""Where things stand on Edit, and that they stay there: what is saved is in sight, and nothing jumps."""

from __future__ import annotations

import re

import pytest

from tests.e2e.settling import settle, smile, still

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def box(page, selector: str) -> dict[str, float]:
    return page.locator(selector).first.bounding_box()


def ready(page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    expect(smile(page)).to_have_value("1")
    expect(page.locator(".frames-name")).to_have_text("Smile")
    settle(page)
    still(page)


def below(place: dict[str, float]) -> float:
    return place["y"] + place["height"]


def test_what_is_saved_is_in_sight_below_the_sliders(page):
    for width, height in ((1440, 900), (1366, 768)):
        ready(page, width, height)
        grid, save, right = (box(page, part) for part in (".st-key-grid", ".st-key-save_face_large", ".right"))
        assert below(save) <= height
        assert below(right) <= save["y"] < below(right) + 30
        assert grid["x"] == pytest.approx(right["x"], abs=1)
        assert (grid["y"], grid["height"]) == (save["y"], save["height"])
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_temperature_of_a_sampled_face_lies_above_the_buttons_at_any_width(page):
    page.get_by_role("button", name="Random").click()
    temperature = page.locator('[class*="st-key-edit_temperature"]')
    expect(temperature).to_be_visible()
    for width, height in ((1440, 900), (1280, 720), (800, 900), (390, 844)):
        ready(page, width, height)
        temperature.scroll_into_view_if_needed()
        on_top = temperature.get_by_text("Temperature of seed").evaluate(
            """e => { const { x, y, width, height } = e.getBoundingClientRect()
            return document.elementFromPoint(x + width / 2, y + height / 2) === e }"""
        )
        assert on_top, width
        assert below(temperature.bounding_box()) <= box(page, ".st-key-grid")["y"], width
    settle(page)


def test_on_a_wide_screen_edit_stands_in_the_middle(page):
    ready(page, 2880, 1620)
    left, right = box(page, ".stage"), box(page, ".right")
    assert left["x"] == pytest.approx(2880 - right["x"] - right["width"], abs=10)
    assert left["width"] == 640
    assert box(page, ".st-key-uploads_and_words")["x"] == pytest.approx(left["x"], abs=1)


def test_on_a_wide_screen_all_pages_have_the_same_edges(page):
    ready(page, 2560, 1440)
    edges = {}
    for name in ("Edit", "Mix", "Sample", "Map", "Attributes", "Reconstruct", "Models"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_title(f"{name} · glowcore explorer")
        settle(page)
        edges[name] = page.get_by_test_id("stMainBlockContainer").evaluate(
            """e => { const { x, width } = e.getBoundingClientRect(), style = getComputedStyle(e)
            return [x + parseFloat(style.paddingLeft), x + width - parseFloat(style.paddingRight)] }"""
        )
        if name == "Mix":
            film, left = box(page, ".film .screen"), edges[name][0]
            assert film["x"] == pytest.approx(left, abs=1)  # it fills its column
            assert film["width"] > 600
    assert len(set(map(tuple, edges.values()))) == 1, edges
    assert edges["Edit"][0] - 496 == pytest.approx(80, abs=1)


def test_headings_of_a_model_card_are_smaller_than_the_title_of_the_page(page):
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("button", name="Model card").first.click()
    card = page.get_by_test_id("stPopoverBody")
    expect(card.get_by_role("heading").first).to_be_visible()
    size = "e => parseFloat(getComputedStyle(e).fontSize)"
    title = page.get_by_role("heading", name="Models", exact=True).evaluate(size)
    sizes = [heading.evaluate(size) for heading in card.get_by_role("heading").all()]
    assert max(sizes) < title
    assert min(sizes) > 14
    settle(page)


def test_in_a_low_window_the_picture_stays_in_sight_while_sliders_move(page):
    ready(page, 844, 390)
    for name in ("Beard", "Moustache"):
        page.get_by_role("slider", name=name, exact=True).evaluate("e => e.scrollIntoView({ block: 'center' })")
        still(page)
        stage = box(page, ".stage")
        assert stage["y"] >= 59
        assert below(stage) <= 390
        assert stage["height"] > 300
    frame = page.locator(".frames-row button").nth(4)
    smile(page).focus()
    page.locator(".frames-row [tabindex='0']").focus()
    page.keyboard.press("ArrowLeft")
    stage, focused = box(page, ".stage"), page.locator(".frames-row :focus").bounding_box()
    assert frame.is_visible()
    assert focused["y"] >= below(stage)  # what has the focus is not behind it


def test_on_a_telephone_the_picture_is_in_sight_at_once(page):
    ready(page, 390, 844)
    stage, shelf = box(page, ".stage"), box(page, ".st-key-shelves")
    assert stage["y"] < 260
    assert below(stage) < 844
    assert below(smile(page).bounding_box()) < 844
    assert shelf["height"] < 70
    words = page.locator(".st-key-uploads_and_words")
    assert words.evaluate("e => e.scrollHeight - e.clientHeight") <= 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tiles = page.locator(".st-key-gallery .tiles")
    assert tiles.evaluate("e => e.scrollWidth - e.clientWidth") > 100  # all are there, sideways
    first, last = (page.locator(".st-key-gallery button").nth(n).bounding_box()["y"] for n in (0, -1))
    assert first == pytest.approx(last, abs=4)


def test_nothing_below_the_sliders_jumps_and_the_hint_leaves_the_place_of_a_line(page):
    expect(smile(page)).to_have_value("1")
    hint = page.locator(".hint")
    expect(hint).to_be_visible()
    settle(page)
    parts = ".sliders", ".readout", ".numbers", ".st-key-save_face"
    places = lambda: [page.locator(part).bounding_box()["y"] for part in parts]  # noqa: E731
    before = places()
    smile(page).press("Shift+ArrowRight")
    expect(hint).to_be_hidden()
    settle(page)
    assert places() == before
    assert page.locator(".words").bounding_box()["height"] < 42
    for _ in range(3):
        smile(page).press("Shift+ArrowRight")
    expect(page.locator(".verdict")).to_have_text("moved far")
    ease = page.get_by_role("button", name="Pull back")
    expect(ease).to_have_attribute("title", re.compile(r"^Moves all sliders nearer to 0: Smile \+1\.80$"))
    assert places() == before
    page.locator(".editor").evaluate("e => e.getRootNode().__instance.readout.note('No face was found.')")
    expect(page.locator(".note")).to_be_visible()
    assert places() == before
    page.get_by_role("button", name="Close the note").click()
    assert places() == before
    ease.click()
    expect(page.locator(".verdict")).to_have_text("typical")
    expect(ease).to_be_hidden()
    assert places() == before
    settle(page)


@pytest.mark.parametrize("width", [1440, 1100, 390])
def test_the_strengths_of_many_sliders_move_nothing(page, width):
    ready(page, width, 900)
    fact = page.locator('.thumb[data-show="edited"] .fact')
    before = [box(page, ".thumbs"), box(page, ".st-key-save_face")["x"]]
    for name in ("Glasses", "Young", "Masculine", "Beard", "Make-up", "Fringe"):
        page.get_by_role("slider", name=name, exact=True).press("Shift+ArrowRight")
        expect(fact).to_contain_text(f"{name} +0.50")
    after = [box(page, ".thumbs"), box(page, ".st-key-save_face")["x"]]
    assert after[0]["height"] == pytest.approx(before[0]["height"], abs=0.6)
    assert after[1] == before[1]
    expect(fact).to_have_attribute("title", fact.text_content())
    tops = {page.locator(".thumb .name").nth(n).bounding_box()["y"] for n in range(3)}
    assert max(tops) - min(tops) < 1
    settle(page)


def test_the_words_of_the_strip_have_their_room_before_they_come(page):
    ready(page, 1440, 900)
    heights = page.locator(".frames p").first.evaluate(
        """e => { const full = e.getBoundingClientRect().height
        for (const node of e.children) node.textContent = ''
        return [full, e.getBoundingClientRect().height] }"""
    )
    assert heights[0] == pytest.approx(heights[1], abs=0.1)


def test_a_slow_server_does_not_fade_the_picture(page):
    ready(page, 1440, 900)
    # As Streamlit marks what is still of the run before.
    page.add_style_tag(content=".stElementContainer { opacity: 0.6; transition: opacity 1s ease-in 0.5s; }")
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        still(page)
        faded = page.locator(".st-key-editor").evaluate(
            """e => { e.dataset.stale = 'true'
            const { opacity, transitionDuration } = getComputedStyle(e)
            return [opacity, transitionDuration] }"""
        )
        assert faded == ["1", "0s"], width


@pytest.mark.parametrize("keys", [[], ["Shift"]])  # Streamlit opens no new window for it
def test_the_menu_of_pages_closes_when_one_is_chosen_and_is_none_for_the_tab_key(page, keys):
    ready(page, 720, 450)
    links = page.get_by_test_id("stSidebar").get_by_role("link")
    expect(links).to_have_count(0)  # a closed menu has none that could get the focus
    for _ in range(8):
        page.keyboard.press("Tab")
        place = page.evaluate("document.activeElement.getBoundingClientRect().x")
        assert place >= 0
    page.get_by_test_id("stExpandSidebarButton").click()
    expect(links).to_have_count(7)
    links.nth(2).click(modifiers=keys)
    expect(page.get_by_text("Between faces")).to_be_visible()
    expect(links).to_have_count(0)
    page.wait_for_function("document.querySelector('[data-testid=stSidebar]').getBoundingClientRect().x < -200")
    settle(page)


@pytest.mark.parametrize("touch", [False, True])
def test_a_button_names_its_shortcut_only_where_there_are_keys(browser, server, touch):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=touch, is_mobile=touch)
    page = context.new_page()
    page.goto(f"{server}/sample")
    new = page.get_by_role("button", name="New")
    expect(new).to_be_visible()
    shortcut = new.locator("kbd")
    expect(shortcut).to_have_count(1)
    assert shortcut.is_visible() != touch
    settle(page)
    context.close()
