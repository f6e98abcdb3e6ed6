"""Validation of messages from the browser: their numbering, and lists of numbers in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

MessageNumber = tuple[str, int]  # the page instance that sent a message, and the message's place in its sequence
NO_MESSAGE = ("", 0)
REQUESTS = ("strip", "photo")  # operations that change nothing


@dataclass(frozen=True)
class Wanted:
    """What the answer to the browser's last message holds besides the edit.

    Attributes:
        strip: the attribute whose strip is requested.
        photo: whether the whole photo is requested.
    """

    strip: str | None = None
    photo: bool = False

    @classmethod
    def of(cls, message: Mapping[str, Any], attributes: Collection[str]) -> Wanted:
        """Read a message; a strip of an attribute that is not in ``attributes`` is ignored."""
        operation, name = message.get("op"), message.get("name")
        return cls(
            strip=name if operation == "strip" and isinstance(name, str) and name in attributes else None,
            photo=operation == "photo",
        )


NOTHING = Wanted()


def newer(message: Any, last: MessageNumber) -> MessageNumber | None:
    """Return the number of a message that is later than ``last`` or from another page instance, else None.

    A message is a dictionary with a ``nonce`` and an integer ``seq``; None for anything else.
    """
    if not isinstance(message, dict):
        return None
    nonce, sequence = str(message.get("nonce", ""))[:32], message.get("seq")
    if not isinstance(sequence, int) or isinstance(sequence, bool) or (nonce == last[0] and sequence <= last[1]):
        return None
    return nonce, sequence


def acknowledgement(last: MessageNumber) -> dict[str, Any]:
    """Return the acknowledgement of a message and of all before it, for the browser."""
    return {"nonce": last[0], "seq": last[1]}


def numbers(value: Any, count: int, low: float, high: float) -> tuple[float, ...] | None:
    """Return a list of ``count`` finite numbers, each clamped to [``low``, ``high``]; None for anything else."""
    if not isinstance(value, list) or len(value) != count:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < inf for v in value):
        return None
    return tuple(float(min(max(v, low), high)) for v in value)  # an integer may be too large for a float
