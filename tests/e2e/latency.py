"""Measure what a hand feels, in a real browser: `python tests/e2e/latency.py [--home DIR] [--json]`.

Every figure is taken inside the page, from the event to the frame that shows its result: release of a slider to the
exact picture, focus to a strip that can be scrubbed, scrubbing itself, an upload to its reconstruction, a change of
page, and a cold start of the server to the first picture.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from serving import CHROMIUM, FLAGS, REPOSITORY, application

PHOTO = REPOSITORY / "tests" / "data" / "astronaut.jpg"
HELPERS = Path(__file__).with_name("latency.js")


def spread(milliseconds: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(milliseconds)
    return {"p50": round(statistics.median(ordered)), "p95": round(ordered[int(0.95 * (len(ordered) - 1))])}


def page_switches(page: Page) -> dict[str, dict[str, float] | float]:
    """From the click on a page's name to its last part."""
    signs = {
        "Mix": "Save MP4",
        "Sample": "Save pictures",
        "Models": "Unload all models",
        "Attributes": "Make the slider",
        "Reconstruct": "Save the table as CSV",
        "Edit": "Exact 64 px PNG",
    }
    times: dict[str, list[float]] = {"first": [], "later": []}
    for turn in range(4):
        for name, sign in signs.items():
            times["later" if turn else "first"].append(switch(page, name, sign))
    return {
        "page switch ms": spread(times["later"]),
        "page switch, first visits ms": spread(times["first"]),
        "map, first visit ms": round(switch(page, "Map", "Open in Edit")),
    }


def switch(page: Page, name: str, sign: str) -> float:
    """Milliseconds of one change of page."""
    milliseconds = page.evaluate("([name, sign]) => measure.page(name, sign)", [name, sign])
    page.wait_for_timeout(700)
    return milliseconds


def measure(page: Page, address: str, started: float) -> dict[str, dict[str, float] | float]:
    """All figures."""
    page.goto(address)
    page.get_by_role("slider", name="Smile", exact=True).wait_for()
    page.evaluate(HELPERS.read_text(encoding="utf-8"))
    page.wait_for_function("() => measure.ready()")
    results: dict = {"cold start to first picture s": round(time.perf_counter() - started, 1)}
    page.wait_for_timeout(2000)
    names = page.locator(".row").evaluate_all("rows => rows.map(r => r.dataset.attribute)")
    page.evaluate("() => measure.release(3)")
    results["release to exact picture ms"] = spread(page.evaluate("() => measure.release(40)"))
    others = [n for n in names if n != "Smiling"]
    results["focus to strip ms"] = spread(page.evaluate("names => measure.strips(names)", others))
    results["scrubbing, pictures a second"] = round(page.evaluate("() => measure.scrub(120)"))
    old = page.evaluate("() => measure.original()")
    start = time.perf_counter()
    page.locator('input[type="file"]').first.set_input_files(PHOTO)
    page.wait_for_function("old => measure.original() !== old", arg=old)
    results["upload to reconstruction ms"] = round((time.perf_counter() - start) * 1000)
    return results | page_switches(page)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=REPOSITORY, help="folder with pretrained/ and runs/")
    parser.add_argument("--json", action="store_true", help="for machines")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        page.set_default_timeout(60_000)
        started = time.perf_counter()
        with application(Path(temporary) / "log.txt", given.home) as address:
            results = measure(page, address, started)
        browser.close()
    print(json.dumps(results) if given.json else "\n".join(f"{name}: {value}" for name, value in results.items()))


if __name__ == "__main__":
    main()
