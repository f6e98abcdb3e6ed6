"""Helpers of most tests: wait until a page is complete, and find its first slider."""

from __future__ import annotations

PICTURES_ARE_HERE = "() => [...document.images].every(image => image.complete)"


def settle(page) -> None:
    """Wait until no script runs, no skeleton is left and every picture has loaded.

    The server drops the pictures of a page that is left, so a picture still loading would log a 404. Playwright's load
    state does not help, because Streamlit loads only one document.
    """
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.locator('[data-testid="stSkeleton"]').first.wait_for(state="detached")
    page.wait_for_function(PICTURES_ARE_HERE)


def smile(page):
    """The slider Smile of the editor."""
    return page.get_by_role("slider", name="Smile", exact=True)
