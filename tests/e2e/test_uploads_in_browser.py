"""More photos than the server takes: a sentence of ours, not the words of an HTTP library."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from tests.e2e import serving

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
        expect(page.get_by_text("2 photos", exact=True)).to_be_visible()
        page.locator('[aria-invalid="true"]').get_by_role("button").click()
        expect(refused).to_have_count(0)
        page.close()
    assert "Traceback" not in (tmp_path / "log.txt").read_text(encoding="utf-8", errors="replace")


def test_why_a_file_was_not_taken_can_be_read(page, tmp_path):
    (tmp_path / "notes.pdf").write_bytes(b"%PDF")
    (tmp_path / "IMG_1.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "moving.gif").write_bytes(b"GIF89a")
    (tmp_path / "scan.tiff").write_bytes(b"II*\0")
    (tmp_path / "large.png").write_bytes(bytes(15 * 2**20 + 1))
    (tmp_path / "false.png").write_bytes(b"no picture")
    uploader = page.locator(".st-key-upload")
    expect(uploader).to_be_visible()
    heic = "this is a HEIC file; JPEG, PNG and WebP pictures are read, so save it as JPEG, on the phone or in a picture"
    other = "JPEG, PNG and WebP pictures are read, so save it as one of these in a picture viewer."
    for name, reason in (
        ("notes.pdf", "application/pdf files are not allowed."),
        ("IMG_1.heic", heic),
        ("moving.gif", f"this is a GIF file; {other}"),
        ("scan.tiff", f"this is a TIFF file; {other}"),
        ("large.png", "must be 15.0MB or"),
    ):
        uploader.locator('input[type="file"]').set_input_files(tmp_path / name)
        told = uploader.get_by_role("alert").filter(has_text=reason)
        expect(told).to_be_visible()
        assert told.bounding_box()["height"] >= 12  # to the eye, not only to a reader of the screen
    uploader.locator('input[type="file"]').set_input_files(tmp_path / "false.png")
    expect(page.get_by_text("false.png: this is not a picture; JPEG, PNG and WebP pictures are read.")).to_be_visible()
