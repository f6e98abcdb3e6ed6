"""More photos than the server takes: a sentence of ours, not the words of an HTTP library."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from tests.e2e import serving
from tests.e2e.settling import settle

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
WORDS = "this server keeps 2 MB in 256 files for you. Remove some, or try again in a few minutes."


def test_files_beyond_the_bound_are_told_so_until_they_are_removed(browser, models_home, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (3, 600, 480, 3), dtype=np.uint8)
    files = [tmp_path / f"{n}.png" for n in range(3)]
    for file, picture in zip(files, noise, strict=True):
        Image.fromarray(picture).save(file)  # 0.86 MB each: two fit
    with serving.application(tmp_path / "log.txt", models_home, EXPLORER_UPLOAD_MB="2") as address:
        page = browser.new_page()
        page.goto(f"{address}/attributes")
        expect(page.get_by_text("up to 2 MB in 256 files in all")).to_be_visible()
        page.locator('[data-testid="stFileUploader"] input').first.set_input_files(files)
        refused = page.get_by_role("status").filter(has_text="not taken")
        expect(refused).to_have_text(f"One file was not taken: {WORDS}")
        uploader = page.locator('[data-testid="stFileUploader"]').filter(has_text="0.png")
        alert = uploader.get_by_role("alert")
        expect(alert).to_have_text(f"Error: Not taken: {WORDS}")
        page.locator('[aria-invalid="true"]').hover()
        expect(page.get_by_text(re.compile("^Not taken: this server"))).to_be_visible()
        expect(page.get_by_text("AxiosError")).to_have_count(0)
        expect(page.get_by_text("2 photos; 6 more needed", exact=True)).to_be_visible()
        page.locator('[aria-invalid="true"]').get_by_role("button").click()
        expect(refused).to_have_count(0)
        page.close()
    assert "Traceback" not in (tmp_path / "log.txt").read_text(encoding="utf-8", errors="replace")


def test_why_a_file_was_not_taken_can_be_read(page, tmp_path):
    (tmp_path / "notes.pdf").write_bytes(b"%PDF")
    (tmp_path / "IMG_1.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "large.png").write_bytes(bytes(15 * 2**20 + 1))
    (tmp_path / "false.png").write_bytes(b"no picture")
    uploader = page.locator(".st-key-upload")
    expect(uploader).to_contain_text("15MB per file • JPG, ")
    for name, reason in (
        ("notes.pdf", "application/pdf files are not allowed."),
        ("IMG_1.heic", " files are not allowed."),  # image/heic or image/heif
        ("large.png", "must be 15.0MB or"),
    ):
        uploader.locator('input[type="file"]').set_input_files(tmp_path / name)
        told = (
            uploader.get_by_test_id("stFileChip")
            .filter(has_text=name)
            .get_by_role("alert")
            .filter(has_text=reason)
            .last
        )
        expect(told).to_be_visible()
        assert told.bounding_box()["height"] >= 12  # to the eye, not only to a reader of the screen
        chips, called = uploader.get_by_test_id("stFileChips").bounding_box(), uploader.get_by_text(name, exact=True)
        assert called.bounding_box()["y"] >= chips["y"], name
    uploader.locator('input[type="file"]').set_input_files(tmp_path / "false.png")
    expect(page.get_by_text("false.png: this is not a picture; JPEG, PNG and WebP pictures are read.")).to_be_visible()


@pytest.mark.parametrize("width", [1360, 390])
def test_of_several_files_the_rejected_one_is_in_sight(page, tmp_path, width):
    page.set_viewport_size({"width": width, "height": 860})
    files = [tmp_path / name for name in ("IMG_1.heic", "0.png", "1.png", "false.png")]
    for file in files[1:3]:
        Image.new("RGB", (64, 64), (200, 90, 120)).save(file)
    files[0].write_bytes(b"\0\0\0\x18ftypheic")
    files[3].write_bytes(b"no picture")
    uploader = page.locator(".st-key-upload")
    expect(uploader).to_be_visible()
    uploader.locator('input[type="file"]').set_input_files(files)
    expect(page.get_by_text("false.png: this is not a picture")).to_be_visible()
    settle(page)
    chips = uploader.get_by_test_id("stFileChips").bounding_box()
    name = uploader.get_by_text("IMG_1.heic", exact=True).bounding_box()
    assert chips["y"] - 1 <= name["y"]
    assert name["y"] + name["height"] <= chips["y"] + chips["height"]
    assert page.locator(".st-key-uploads_and_words").evaluate("e => e.scrollHeight - e.clientHeight") <= 0


def test_a_warning_cuts_no_sentence_and_a_short_list_begins_at_its_top(page, tmp_path):
    (tmp_path / "false.png").write_bytes(b"no picture")
    for name in ("a.jfif", "b.jpe"):
        Image.new("RGB", (64, 64), (200, 90, 120)).save(tmp_path / name, "JPEG")
    uploader, box = page.locator(".st-key-upload"), page.locator(".st-key-uploads_and_words")
    notice, stage = box.get_by_text("Photos stay in the memory"), page.locator(".stage")
    expect(stage).to_be_visible()
    settle(page)
    top = stage.bounding_box()["y"]
    for count, name in enumerate(("a.jfif", "b.jpe", "false.png"), 1):
        uploader.locator('input[type="file"]').set_input_files(tmp_path / name)
        rows, chips = uploader.get_by_test_id("stFileChip"), uploader.get_by_test_id("stFileChips")
        expect(rows).to_have_count(count)
        if name == "false.png":
            expect(page.get_by_text("false.png: this is not a picture")).to_be_visible()
        settle(page)
        place, inner = box.bounding_box(), notice.bounding_box()
        assert inner["y"] + inner["height"] <= place["y"] + place["height"], name
        assert box.evaluate("e => e.scrollHeight - e.clientHeight") <= 0, name
        first = rows.nth(0 if count < 3 else 2).bounding_box()["y"]  # the list is one row high below a warning
        assert first == pytest.approx(chips.bounding_box()["y"], abs=2.5), name
        assert stage.bounding_box()["y"] == top, name
    expect(uploader.get_by_role("alert")).to_have_count(0)


def test_the_list_of_files_shows_whole_rows(page, tmp_path):
    files = [tmp_path / f"{n}.png" for n in range(4)]
    for n, file in enumerate(files):
        Image.new("RGB", (64, 64), (40 * n, 90, 120)).save(file)
    uploader = page.locator(".st-key-upload")
    expect(uploader).to_be_visible()
    uploader.locator('input[type="file"]').set_input_files(files)
    expect(uploader.get_by_text("3.png", exact=True)).to_be_in_viewport()
    settle(page)
    list_of = uploader.get_by_test_id("stFileChips").bounding_box()
    top, bottom = list_of["y"], list_of["y"] + list_of["height"]
    rows = [row.bounding_box() for row in uploader.get_by_test_id("stFileChip").all()]
    tops = [min(max(row["y"], top), bottom) for row in rows]
    shown = [min(max(r["y"] + r["height"], top), bottom) - y for r, y in zip(rows, tops, strict=True)]
    whole = [abs(s - r["height"]) < 1 for s, r in zip(shown, rows, strict=True)]
    assert whole == [False, False, True, True]
    assert max(shown[:2]) < 4  # not a line of letters


def test_the_focus_stays_in_the_uploader_when_its_button_goes(page, tmp_path):
    for n in range(2):
        Image.new("RGB", (64, 64), (80 * n, 90, 120)).save(tmp_path / f"{n}.png")
    uploader = page.locator(".st-key-upload")
    expect(uploader).to_be_visible()
    settle(page)
    with page.expect_file_chooser() as chooser:
        uploader.locator("button").press("Enter")
    chooser.value.set_files([tmp_path / "0.png", tmp_path / "1.png"])
    expect(uploader.get_by_text("1.png", exact=True)).to_be_visible()
    add = uploader.get_by_role("button", name="Add files")
    expect(add).to_be_focused()
    settle(page)
    uploader.get_by_role("button", name="Remove 1.png").press("Enter")
    expect(uploader.get_by_text("1.png", exact=True)).to_have_count(0)
    expect(add).to_be_focused()
    settle(page)
