"""What most tests ask of a page: that it has everything it asked for, and its first slider."""

from __future__ import annotations

PICTURES_ARE_HERE = "() => [...document.images].every(image => image.complete)"


def settle(page) -> None:
    """Wait until nothing runs, nothing is a skeleton and every picture has come.

    The server forgets the pictures of a page that is left: one still on its way would be a 404 in the console. The load
    state of Playwright does not tell, for after the first page no other is loaded.
    """
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.locator('[data-testid="stSkeleton"]').first.wait_for(state="detached")
    page.wait_for_function(PICTURES_ARE_HERE)


def smile(page):
    """The slider Smile of the editor."""
    return page.get_by_role("slider", name="Smile", exact=True)
