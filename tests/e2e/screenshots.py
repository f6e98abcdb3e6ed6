"""Photograph every page in light and dark: `python tests/e2e/screenshots.py docs/images [--home DIR]`.

Writes PAGE-light.png and PAGE-dark.png. Needs Chromium and playwright; shows faces of the model's gallery and the
photo of tests/data only.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import settling
from playwright.sync_api import Page, sync_playwright
from serving import CHROMIUM, FLAGS, REPOSITORY, application

FACE = "Gallery face: Face 04"
PHOTO = REPOSITORY / "tests" / "data" / "astronaut.jpg"
SIZE = {"width": 1360, "height": 900}
PAGES = ("Mix", "Sample", "Map", "Attributes", "Models")
COMPARED = "faces32-glow"  # with the VAE, which the page adds by itself


def move(page: Page, name: str, value: float) -> None:
    """Set a slider of the editor and wait for the exact picture."""
    slider = page.get_by_role("slider", name=name, exact=True)
    slider.evaluate(
        "(e, v) => { e.value = v; for (const t of ['input', 'change']) e.dispatchEvent(new Event(t)) }", value
    )
    page.locator('.thumb[data-show="edited"] .fact', has_text=f"{name} {value:+.2f}").wait_for()


def settle(page: Page) -> None:
    """Wait until the last action has taken effect and is drawn."""
    page.wait_for_timeout(800)
    settling.settle(page)
    page.wait_for_timeout(1200)


def edit(page: Page, folder: Path, scheme: str) -> None:
    """The editor with a face of the gallery, several sliders moved and one locked."""
    page.get_by_role("slider", name="Smile", exact=True).wait_for()
    page.get_by_role("button", name=FACE, exact=True).click()
    page.get_by_role("button", name=FACE, exact=True, pressed=True).wait_for()
    move(page, "Smile", 2.0)
    page.get_by_role("button", name="Lock Young").click()
    move(page, "Beard", 1.0)
    page.mouse.move(SIZE["width"] - 5, SIZE["height"] - 5)
    settle(page)
    page.screenshot(path=folder / f"edit-{scheme}.png")


def in_photo(page: Page, folder: Path, scheme: str) -> None:
    """The editor with a whole photo, the face in it edited; a fresh visit."""
    page.get_by_role("slider", name="Smile", exact=True).wait_for()
    page.locator('input[type="file"]').first.set_input_files(PHOTO)
    page.get_by_role("button", name="In the photo", pressed=True).wait_for()
    move(page, "Glasses", 2.0)
    page.mouse.move(SIZE["width"] - 5, SIZE["height"] - 5)
    settle(page)
    page.screenshot(path=folder / f"photo-{scheme}.png")


def compare(page: Page, folder: Path, scheme: str) -> None:
    """Reconstructions by a flow and by the VAE; from the Models page."""
    page.locator(f".st-key-use_pretrained-{COMPARED} button").click()
    settle(page)
    page.get_by_role("link", name="Reconstruct", exact=True).click()
    settle(page)
    page.screenshot(path=folder / f"reconstruct-{scheme}.png")


def photograph(page: Page, folder: Path, scheme: str) -> None:
    """Every page in turn."""
    edit(page, folder, scheme)
    for name in PAGES:
        page.get_by_role("link", name=name, exact=True).click()
        settle(page)
        if name == "Mix":
            page.get_by_role("button", name="Frame at 50 %").click()
            settle(page)
        if name == "Map":
            box = page.locator("canvas.chart").bounding_box()
            page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.4 * box["height"])
            settle(page)
        page.screenshot(path=folder / f"{name.lower()}-{scheme}.png")
    compare(page, folder, scheme)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, default=REPOSITORY, help="folder with pretrained/ and runs/")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as temporary,
        application(Path(temporary) / "log.txt", args.home) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport=SIZE, color_scheme=scheme)
            page.set_default_timeout(60_000)
            page.goto(address)
            photograph(page, args.folder, scheme)
            page.close()
            page = browser.new_page(viewport=SIZE, color_scheme=scheme)
            page.goto(address)
            in_photo(page, args.folder, scheme)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
