"""Load the application with real sessions: `python -m tests.load --sessions 20 --edits 25`.

Starts the server as a user does, lets N visitors come over the websocket without a browser, each with a photo and
sliders, and compares every picture with what the library computes offline and with what every other visitor should see.
`--memory --edits 1000` measures the server's memory over the edits of one visitor instead, `--visits 500` over visitors
who come and go.

The exit code is 0 only if nothing failed and no picture was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.load import driver
from tests.load.serving import REPOSITORY, first_model, server

REST = 90  # seconds, by which the server has forgotten those who left


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--sessions", type=int, default=20, help="visitors at once (20)")
    parser.add_argument("--edits", type=int, default=25, help="edits of each (25)")
    parser.add_argument("--home", type=Path, default=REPOSITORY, help="folder with pretrained/ (the repository)")
    parser.add_argument("--memory", action="store_true", help="one session, resident memory over its edits")
    parser.add_argument("--visits", type=int, help="visitors one after another, resident memory over them")
    parser.add_argument("--json", action="store_true", help="for machines")
    given = parser.parse_args()
    if min(given.sessions, given.edits) < 1:
        parser.error("--sessions and --edits are 1 or more")
    model = first_model(given.home)
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "log.txt", given.home) as (address, process):
        if given.memory or given.visits:
            if given.visits:
                memory = asyncio.run(driver.churn(address, given.visits, process, REST))
            else:
                memory = asyncio.run(driver.patience(address, model, given.edits, process))
            figures, good = asdict(memory) | {"ratio": round(memory.ratio, 3)}, memory.ratio <= 1.1
        else:
            report = asyncio.run(driver.crowd(address, model, given.sessions, given.edits, process))
            figures = report.figures()
            good = not (report.failures or report.wrong or report.foreign_pixels)
    print(json.dumps(figures) if given.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
