"""Do the tests have teeth? ``python -m tests.mutations`` plants faults one by one and says which were not noticed."""

from __future__ import annotations

import argparse
import os
import sys

from tests.mutations.faults import FAULTS, Fault
from tests.mutations.runner import survivors

#: Part of the faults that the tests have to notice.
ENOUGH = 0.95


def main() -> int:
    """Run; exit code 0 if enough faults were noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="faults tried at a time")
    parser.add_argument("--only", default="", metavar="TEXT", help="faults whose file or name has this in it")
    args = parser.parse_args()
    chosen = [fault for fault in FAULTS if args.only in f"{fault.file}: {fault.name}"]
    if not chosen:
        parser.error(f"no fault has {args.only!r} in its file or name")

    def report(fault: Fault, noticed: bool) -> None:
        print(f"{'caught    ' if noticed else 'NOT CAUGHT'}  {fault.file}: {fault.name}", flush=True)

    missed = survivors(chosen, max(1, args.jobs), report)
    caught = len(chosen) - len(missed)
    print(f"{caught} of {len(chosen)} faults caught ({caught / max(1, len(chosen)):.1%})")
    for fault in missed:
        print(f"not caught: {fault.file}: {fault.name}")
    return 0 if caught >= ENOUGH * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
