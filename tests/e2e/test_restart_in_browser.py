"""A page that was open while the server was restarted: its session begins anew, and its first click counts."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from tests.e2e import serving
from tests.e2e.settling import settle

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
NOTICE_A_RUN = """() => {
  const app = document.querySelector('[data-testid="stApp"]')
  const notice = () => { window.wasRun ||= app.dataset.testScriptState === "running" }
  new MutationObserver(notice).observe(app, { attributeFilter: ["data-test-script-state"] })
}"""


def test_the_first_click_after_a_restart_of_the_server_counts(browser, models_home, tmp_path):
    Image.new("RGB", (64, 64), (40, 90, 120)).save(tmp_path / "photo.png")
    port, pages = serving.free_port(), [browser.new_page() for _ in range(2)]
    with serving.application(tmp_path / "before.txt", models_home, port) as address:
        for page in pages:
            page.goto(f"{address}/mix")
            expect(page.get_by_role("radio", name="Film")).to_be_checked()
            settle(page)
            page.evaluate(NOTICE_A_RUN)
    with serving.application(tmp_path / "after.txt", models_home, port):
        for page in pages:
            page.wait_for_function("window.wasRun")  # before anything is clicked
            settle(page)
        clicks, adds = pages
        clicks.get_by_role("radio", name="Four corners").click()
        expect(clicks).to_have_url(re.compile("mix=corners"))
        expect(clicks.get_by_role("radio", name="Four corners")).to_be_checked()
        adds.get_by_role("button", name="Add photos").click()
        adds.locator(".st-key-mix_upload input").set_input_files(tmp_path / "photo.png")
        # The photo is taken in without a second question.
        expect(adds.get_by_role("button", name="photo.png", exact=True).first).to_be_visible()
        for page in pages:
            page.close()
    assert "Traceback" not in (tmp_path / "after.txt").read_text(encoding="utf-8", errors="replace")
