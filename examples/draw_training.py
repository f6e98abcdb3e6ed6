"""Draw held-out bits/dim against minutes of training from the logs of runs:
``python examples/draw_training.py docs/images/training.png docs/logs/*.jsonl``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def main(out: str, *logs: str) -> None:
    """Draw one panel a picture size: runs of different sizes are not to be compared."""
    from matplotlib import pyplot  # here, so that its absence is one line

    runs = {Path(log).stem: [json.loads(line) for line in Path(log).read_text().splitlines()] for log in logs}
    sizes = sorted({name.split("-")[0] for name in runs})
    figure, axes = pyplot.subplots(1, len(sizes), figsize=(5.5 * len(sizes), 4), constrained_layout=True, squeeze=False)
    for axis, size in zip(axes[0], sizes, strict=True):
        for name, rows in sorted(runs.items()):
            if name.split("-")[0] == size:
                points = [(row["train_minutes"], row["bits_per_dim"]) for row in rows]
                axis.plot(*zip(*points, strict=True), "o-", label=name, markersize=3)
        axis.set(title=size, xlabel="minutes of one core", ylabel="held-out bits/dim")
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", metavar="OUT.png", help="picture to write")
    parser.add_argument("logs", metavar="LOG.jsonl", nargs="+", help="log.jsonl of a run, renamed SIZE-NAME.jsonl")
    args = parser.parse_args()
    try:
        main(args.out, *args.logs)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        sys.exit("error: matplotlib, which draws, is not installed; pip install matplotlib")
    except OSError as error:
        sys.exit(f"error: {error}")
    except (KeyError, ValueError) as error:
        sys.exit(f"error: not the logs of runs ({error}); expected log.jsonl as python -m glowcore train writes it")
