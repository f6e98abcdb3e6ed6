"""Messages of the browser, which may hold anything: which of them are new, and the numbers in them."""

from __future__ import annotations

from math import inf
from typing import Any

MessageNumber = tuple[str, int]  # the page instance that a message came from, and which of its messages it is
NO_MESSAGE = ("", 0)


def newer(message: Any, last: MessageNumber) -> MessageNumber | None:
    """The number of a message that came after `last`, or from another page instance; None for one dealt with already.

    None, too, for what is no message: all of ours are dictionaries with a "nonce" and a whole number "seq".
    """
    if not isinstance(message, dict):
        return None
    nonce, sequence = str(message.get("nonce", ""))[:32], message.get("seq")
    if not isinstance(sequence, int) or isinstance(sequence, bool) or (nonce == last[0] and sequence <= last[1]):
        return None
    return nonce, sequence


def acknowledgement(last: MessageNumber) -> dict[str, Any]:
    """What tells the browser that the message of this number, and all before it, have been dealt with."""
    return {"nonce": last[0], "seq": last[1]}


def numbers(value: Any, count: int, low: float, high: float) -> tuple[float, ...] | None:
    """A list of `count` finite numbers, each clamped to `low` ... `high`; None for anything else."""
    if not isinstance(value, list) or len(value) != count:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < inf for v in value):
        return None
    return tuple(float(min(max(v, low), high)) for v in value)  # a whole number may be too large for a float
