"""Output of the commands: results go to stdout, remarks to stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from glowcore.data.bit_depth import narrow_range
from glowcore.data.files import passed_over
from glowcore.text import printable

if TYPE_CHECKING:
    from glowcore.data import PictureSet


def print_json(value: Any) -> None:
    """Print a dict or dataclass to stdout as JSON, which has no infinity or NaN: such numbers become null."""
    print(json.dumps(_finite(asdict(value) if is_dataclass(value) else value), indent=2, allow_nan=False))


def say(line: str) -> None:
    """Print a remark to stderr; the result that was asked for goes to stdout by ``print``."""
    print(line, file=sys.stderr)


def say_skipped(skipped: Sequence[tuple[str, str]], lists_all: str = "; python -m glowcore scan lists all") -> None:
    """Print the first few pictures that ``--skip-broken`` left out; ``lists_all`` names a command for the others."""
    lines = [f"skipped {printable(file, 120)}: {reason}" for file, reason in skipped]
    say_first(lines, f"skipped {{}} more{lists_all}")


def say_first(lines: Sequence[str], more: str) -> None:
    """Print the first five lines, and ``more`` with the number of the others in place of ``{}``."""
    for line in lines[:5]:
        say(line)
    if len(lines) > 5:
        say(more.format(len(lines) - 5))


def say_remarks(*sets: PictureSet) -> None:
    """Print the remarks on a data set, opened as one or several splits.

    They name the files left out as broken, the file endings that are not read, and unused bits.
    """
    say_skipped(list(dict.fromkeys(entry for pictures in sets for entry in pictures.skipped)))
    say_passed_over(sets[0].other_kinds)  # over all splits
    unused = {file: bits for pictures in sets for file, bits in pictures.unused_bits.items()}
    say_unused_bits(unused, sum(map(len, sets)))


def say_passed_over(other_kinds: Mapping[str, int]) -> None:
    """Print how many files have each ending that is not read, if there are any."""
    if other_kinds:
        say(passed_over(other_kinds))


def say_unused_bits(unused_bits: Mapping[str, int], pictures: int) -> None:
    """Print how many of the ``pictures`` have 16 bits and do not use the upper ones, if there are any."""
    if unused_bits:
        say(narrow_range(unused_bits.values(), pictures))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
