"""The main job in a real browser: a photo in, a smile on it, and the original back to the last bit."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from explorer.edits.recipe import EditRecipe
from explorer.edits.recipe_png import read_png
from explorer.pixels.lost_pictures import LOST
from tests.e2e.settling import settle, smile, still

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def thumb(page, name):
    return page.locator(f'.thumb[data-show="{name}"]')


def picture(page, name) -> str:
    return thumb(page, name).locator("img").get_attribute("src")


def recipe_of(page) -> EditRecipe:
    """The edit that the address holds."""
    return EditRecipe.from_token(page.evaluate("new URLSearchParams(location.search).get('s')"))


def set_slider(page, slider, value: float) -> None:
    """Move a slider as a hand does: press, drag, let go, then the last steps by arrow key."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    thumb_width = 18
    at = lambda v: box["x"] + thumb_width / 2 + (box["width"] - thumb_width) * (v + 3) / 6  # noqa: E731
    page.mouse.move(at(float(slider.input_value())), y)
    page.mouse.down()
    page.mouse.move(at(value / 2), y, steps=4)
    page.mouse.move(at(value), y, steps=4)
    page.mouse.up()
    for _ in range(40):
        off = round((value - float(slider.input_value())) / 0.05)
        if off == 0:
            return
        slider.press("ArrowRight" if off > 0 else "ArrowLeft")
    raise AssertionError(f"the slider stands at {slider.input_value()}")


def test_a_photo_is_uploaded_smiles_and_comes_back_exactly(page, photo, tmp_path):
    # The page arrives with a face that smiles a little already.
    expect(smile(page)).to_have_value("1")
    expect(thumb(page, "original").locator("img")).to_have_attribute("src", re.compile("^data:image/webp"))
    expect(thumb(page, "edited").locator("img")).to_have_attribute("alt", re.compile("smile"))
    gallery_face = picture(page, "original")

    # A photo goes in; the model gives it back to the last bit.
    page.locator('input[type="file"]').first.set_input_files(photo)
    page.wait_for_function(
        """old => { for (const e of document.querySelectorAll('*')) { const i = e.shadowRoot?.querySelector(
        '.thumb[data-show="original"] img'); if (i) return i.getAttribute('src') !== old } }""",
        arg=gallery_face,
    )
    expect(thumb(page, "reconstruction")).to_contain_text("Comes back exactly")
    assert picture(page, "original") == picture(page, "reconstruction")

    # Smile to +2: the edited picture changes, and the address holds the edit.
    before = picture(page, "edited")
    set_slider(page, smile(page), 2.0)
    expect(thumb(page, "edited")).to_contain_text("Smile +2.00")
    assert picture(page, "edited") != before
    recipe = recipe_of(page)
    assert recipe.strength("Smiling") == 2.0
    assert recipe.source.kind == "photo"

    # Undo leads back to exactly the same picture, redo forward again.
    after = picture(page, "edited")
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(smile(page)).to_have_value("0")
    page.keyboard.press("Control+z")
    expect(smile(page)).to_have_value("2")
    expect(thumb(page, "edited").locator("img")).to_have_attribute("src", after)

    # The saved PNG is what is shown, holds the recipe, and brings it back.
    with page.expect_download() as download:
        page.get_by_role("button", name="Exact 64 px PNG").click()
    saved = tmp_path / "saved.png"
    download.value.save_as(saved)
    assert read_png(saved.read_bytes()) == (recipe, None)  # without the unedited face
    assert np.asarray(Image.open(io.BytesIO(saved.read_bytes()))).ndim == 3


def test_the_face_that_is_shown_is_the_one_that_is_marked(page):
    faces = page.locator(".st-key-gallery").get_by_role("button")
    expect(faces.first).to_have_attribute("aria-pressed", "true")
    faces.nth(3).click()
    expect(faces.nth(3)).to_have_attribute("aria-pressed", "true")
    for key, shown, other in (("Control+z", 0, 3), ("Control+Shift+z", 3, 0)):
        page.keyboard.press(key)
        expect(faces.nth(shown)).to_have_attribute("aria-pressed", "true")
        expect(faces.nth(other)).to_have_attribute("aria-pressed", "false")
    settle(page)


def test_an_imagined_face_is_marked_at_its_own_temperature_only(page):
    expect(smile(page)).to_have_value("1")
    settle(page)
    imagined = page.locator(".st-key-imagined").get_by_role("button").first
    if not imagined.count():
        pytest.skip("the model names no imagined faces")
    imagined.click()
    expect(imagined).to_have_attribute("aria-pressed", "true")
    warmth = page.get_by_role("slider", name=re.compile("Temperature of seed"))
    for key, pressed in (("ArrowRight", "false"), ("ArrowLeft", "true")):
        expect(warmth).to_be_visible()
        settle(page)  # a slider that is still being put in its place would not hear the key
        warmth.press(key)
        expect(imagined).to_have_attribute("aria-pressed", pressed)
        expect(warmth).to_be_focused()
    settle(page)


def test_a_slider_says_the_number_of_the_edit(page, server):
    expect(page).to_have_url(re.compile("s="))
    source = recipe_of(page).source
    for strength, text, at in ((5.0, "+5.00", "3"), (0.33, "+0.33", "0.35"), (-1.0, "−1.00", "-1")):
        page.goto(f"{server}/?s={EditRecipe(source, (('Smiling', strength),)).token()}")
        expect(thumb(page, "edited")).to_contain_text(f"Smile {strength:+.2f}".replace("-", "−"))
        expect(page.locator('.row[data-attribute="Smiling"] output')).to_have_text(text)
        expect(smile(page)).to_have_attribute("aria-valuetext", f"{text} standard deviations")
        expect(smile(page)).to_have_value(at)
    settle(page)


def test_compare_lock_and_hold(page):
    expect(smile(page)).to_have_value("1")
    stage = page.get_by_role("slider", name="Compare original and edited picture")
    box = stage.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    expect(stage).to_have_attribute("aria-valuenow", "25")
    stage.press("ArrowRight")
    expect(stage).to_have_attribute("aria-valuenow", "27")

    page.keyboard.down("b")
    expect(page.locator(".stage.held")).to_have_count(1)
    page.keyboard.up("b")
    expect(page.locator(".stage.held")).to_have_count(0)

    page.get_by_role("button", name="Lock Smile").click()
    expect(smile(page)).to_be_disabled()
    page.get_by_role("button", name="Lock Smile").click()
    expect(smile(page)).to_be_enabled()


def test_a_strip_is_scrubbed_without_the_server(page):
    expect(smile(page)).to_have_value("1")
    glasses = page.get_by_role("slider", name="Glasses", exact=True)
    glasses.focus()
    page.wait_for_function(
        """() => { for (const e of document.querySelectorAll('*')) {
        if (e.shadowRoot?.__instance?.stage?.strip?.name === 'Eyeglasses') return true } }"""
    )
    drawn = """() => { for (const e of document.querySelectorAll('*')) { const c = e.shadowRoot?.querySelector('.after')
        if (c) return c.getContext('2d').getImageData(0, 0, c.width, c.height).data
          .reduce((a, b) => (a * 31 + b) | 0) } }"""
    first = page.evaluate(drawn)
    glasses.evaluate("e => { e.value = 2.1; e.dispatchEvent(new Event('input')) }")
    assert page.evaluate(drawn) != first


def test_a_strip_says_where_the_model_gives_no_picture(page):
    """As with a strip of which the server says that its last two frames are none."""
    expect(smile(page)).to_have_value("1")
    glasses = page.get_by_role("slider", name="Glasses", exact=True)
    glasses.focus()
    page.wait_for_function(
        """() => { for (const e of document.querySelectorAll('*')) { const editor = e.shadowRoot?.__instance
        if (editor?.stage?.strip?.name !== 'Eyeglasses') continue
        const strip = { ...editor.stage.strip, lost: [7, 8] }
        editor.stage.strip = strip
        editor.panel.know(strip)
        editor.frames.show(strip, editor.data.sliders.find((s) => s.name === strip.name))
        return true } }"""
    )
    row, words = page.locator('.row[data-attribute="Eyeglasses"]'), re.compile(LOST)
    expect(page.locator(".frames-lost")).to_have_text(words)
    expect(page.get_by_role("button", name=re.compile(rf"Glasses \+3\.00, {LOST}"))).to_be_visible()
    expect(page.get_by_role("button", name="Glasses +1.50", exact=True)).to_be_visible()
    for value, beyond in (("3", True), ("1.8", False)):
        glasses.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')) }", value)
        expect(row.locator("output.lost")).to_have_count(int(beyond))
        assert bool(words.search(glasses.get_attribute("aria-valuetext"))) == beyond
        assert bool(words.search(page.locator(".tag-after").text_content())) == beyond


def test_links_that_stay_hold_no_edit_up(page):
    expect(smile(page)).to_have_value("1")
    page.get_by_role("link", name="Skip to main content").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.get_by_role("link", name="Edit", exact=True).click()
    assert not page.locator(".editor").evaluate("e => Boolean(e.getRootNode().__instance.wire.departure.begun)")
    smile(page).press("Shift+ArrowRight")
    expect(thumb(page, "edited")).to_contain_text("Smile +1.50")


def test_every_page_opens(page):
    expect(smile(page)).to_have_value("1")
    for name, sign in (
        ("Reconstruct", "What comes back"),
        ("Mix", "Between faces"),
        ("Sample", "Faces from nothing"),
        ("Attributes", "Each slider is a direction"),
        ("Models", "What every page works with"),
    ):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_text(sign).first).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)
        settle(page)
    page.get_by_role("link", name="Sample", exact=True).click()
    expect(page.get_by_text("Faces from nothing").first).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Sampled face, seed 18", exact=True).click()
    expect(thumb(page, "original")).to_be_visible()
    expect(thumb(page, "original").locator("img")).to_have_attribute("alt", re.compile("seed 18"))
    settle(page)


def test_on_a_telephone_the_picture_stays_in_sight_while_sliders_move(page):
    page.set_viewport_size({"width": 390, "height": 844})
    expect(smile(page)).to_have_value("1")
    sliders = page.locator(".sliders input")
    stage = page.locator(".stage")
    for slider in (sliders.first, sliders.last):
        slider.evaluate("e => e.scrollIntoView({ block: 'end' })")
        picture_box, slider_box = stage.bounding_box(), slider.bounding_box()
        assert picture_box["height"] > 300
        assert picture_box["y"] >= 50  # below the bar with the pages
        assert picture_box["y"] + picture_box["height"] < slider_box["y"]
        assert slider_box["y"] < 844


def test_on_the_narrowest_screen_nothing_of_a_slider_runs_over_its_box(page):
    page.set_viewport_size({"width": 320, "height": 640})
    expect(smile(page)).to_have_value("1")
    row = page.locator('.row[data-attribute="Smiling"]')
    for part in ("button", ".label", "input", "output"):
        inner, outer = row.locator(part).bounding_box(), row.bounding_box()
        assert inner["width"] > 28
        assert outer["x"] - 0.5 <= inner["x"] < inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 0.5
    assert row.locator("input").bounding_box()["width"] >= 96


def test_the_names_of_the_three_pictures_stay_in_their_cards(page):
    expect(smile(page)).to_have_value("1")
    for width in (1360, 700, 390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        still(page)
        for name in page.locator(".thumb .name").all():
            over = name.evaluate("e => e.scrollWidth - e.clientWidth")  # its padding has 5 px
            assert over <= 5, (width, name.text_content())


def test_what_has_the_focus_is_not_behind_the_picture(page):
    page.set_viewport_size({"width": 720, "height": 450})
    expect(smile(page)).to_have_value("1")
    page.locator(".sliders input").last.focus()
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        focused = page.locator(".right :focus")
        if not focused.count():
            break
        box, name = page.locator(".stage").bounding_box(), focused.get_attribute("aria-label")
        assert focused.bounding_box()["y"] >= box["y"] + box["height"], name


def test_the_link_that_is_copied_is_that_of_the_newest_edit(page):
    expect(smile(page)).to_have_value("1")
    settle(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    smile(page).press("Shift+ArrowRight")
    copy = page.locator(".copy")
    copy.click()
    expect(copy).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.url
    assert recipe_of(page).strength("Smiling") == 1.5
    expect(page.locator(".note")).to_be_hidden()  # all is in the link
    expect(copy).to_have_text("Copy link")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new DOMException('denied')) }")
    copy.click()
    expect(page.locator(".note-words")).to_have_text("Not copied: take the address from the address bar.")
    expect(copy).to_have_text("Copy link")
    settle(page)


def test_steps_are_taken_back_without_attributes_too(page):
    expect(smile(page)).to_have_value("1")
    expect(page.locator(".frames-row button:not([disabled])")).to_have_count(9)  # or the strip's data would come later
    settle(page)
    shown, disabled = page.locator(".editor").evaluate(  # in one task, before the server's next data
        """async e => { const root = e.getRootNode(), editor = root.__instance
        await editor.update({ ...editor.data, strip: null, sliders: [], undos: 1 }, editor.send)
        const seen = ["undo", "redo", "reset", "hold"].map((name) => root.querySelector(`.${name}`).checkVisibility())
        return [seen, root.querySelector(".undo").disabled] }"""
    )
    assert shown == [True, True, False, False]
    assert not disabled


def test_the_button_that_holds_is_called_what_it_shows(page):
    hold = page.get_by_role("button", name="Hold to compare", exact=True)
    expect(hold).to_have_text("Hold to compare")
    expect(hold).to_have_accessible_description(re.compile("hold B"))
    settle(page)
