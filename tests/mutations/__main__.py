"""Do the tests have teeth? ``python -m tests.mutations`` plants faults one by one and says which were not noticed."""

from __future__ import annotations

import argparse
import os
import sys

from tests.mutations.faults import FAULTS, Fault
from tests.mutations.runner import CAUGHT, MISSED, TIME_OUT, outcomes


def main() -> int:
    """Run; exit code 0 if all faults were noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="faults tried at a time")
    parser.add_argument("--only", default="", metavar="TEXT", help="faults whose file or name has this in it")
    args = parser.parse_args()
    chosen = [fault for fault in FAULTS if args.only in f"{fault.file}: {fault.name}"]
    if not chosen:
        parser.error(f"no fault has {args.only!r} in its file or name")

    def report(fault: Fault, outcome: str) -> None:
        print(f"{outcome:10}  {fault.file}: {fault.name}", flush=True)

    found = outcomes(chosen, max(1, args.jobs), report)
    print(", ".join(f"{found.count(outcome)} {outcome}" for outcome in (CAUGHT, TIME_OUT, MISSED)))
    return 1 if MISSED in found else 0


if __name__ == "__main__":
    sys.exit(main())
