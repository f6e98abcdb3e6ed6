"""Helpers of most tests: wait until a page is complete and nothing moves on it, and find its first slider."""

from __future__ import annotations

PICTURES_ARE_HERE = "() => [...document.images].every(image => image.complete)"

# The boxes of all elements, also within components, are the same in two animation frames, and no transition runs, as of
# a colour; a spinner may turn.
STAYS = """() => new Promise((resolve) => {
  const inside = (e) => [e, ...(e.shadowRoot ? elements(e.shadowRoot) : [])]
  const elements = (root) => [...root.querySelectorAll("*")].flatMap(inside)
  const boxes = () => elements(document).map((e) => {
    const { x, y, width, height } = e.getBoundingClientRect()
    return [x, y, width, height]
  }).join()
  const ends = (animation) => animation.effect.getComputedTiming().endTime < Infinity
  const changes = () => document.getAnimations().some((a) => a.playState === "running" && ends(a))
  const compare = (before) => requestAnimationFrame(() => {
    const now = boxes()
    if (now === before && !changes()) resolve()
    else compare(now)
  })
  requestAnimationFrame(() => compare(boxes()))
})"""


def settle(page) -> None:
    """Wait until no script runs, no skeleton is left and every picture has loaded.

    The server drops the pictures of a page that is left, so a picture still loading would log a 404. Playwright's load
    state does not help, because Streamlit loads only one document.
    """
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.locator('[data-testid="stSkeleton"]').first.wait_for(state="detached")
    page.wait_for_function(PICTURES_ARE_HERE)


def still(page) -> None:
    """Wait until the page is laid out anew, after a change of its size, and nothing on it moves."""
    size = page.viewport_size
    page.wait_for_function("({ width, height }) => innerWidth === width && innerHeight === height", arg=size)
    page.evaluate(STAYS)


def smile(page):
    """The slider Smile of the editor."""
    return page.get_by_role("slider", name="Smile", exact=True)
