"""The name of an attribute that a user makes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from explorer.wording.labels import words
from glowcore.errors import ConfigError

LONGEST = 40  # characters of a name
NAME = re.compile(rf"[^\W_][\w \-]{{0,{LONGEST - 1}}}")


def name_for(typed: str, of_model: Iterable[str], own: Iterable[str]) -> str:
    """Return the name for a new attribute from what the user typed.

    The name is ``tidy`` with a capital; if it equals one of ``own`` apart from case, it is that name, which the new
    attribute replaces.

    Raises:
        ConfigError: the name is invalid, or an attribute of the model has this name or label.
    """
    name = tidy(typed)
    check(name)
    folded = name.casefold()
    for known in of_model:
        if folded in {n.casefold() for n in (known, known.replace("_", " "), words(known).label)}:
            raise ConfigError(f"The model has a slider {words(known).label} already; another name is expected")
    return next((n for n in own if n.casefold() == folded), name[:1].upper() + name[1:])


def check(name: str) -> None:
    """Raise ConfigError if ``name`` does not match ``NAME``."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"A name has 1 to {LONGEST} letters, digits, spaces and hyphens, not {name!r:.60}")


def tidy(typed: str) -> str:
    """Return a typed name with single spaces, cut to ``LONGEST`` characters at the end of a word."""
    text = " ".join(typed.split())
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST + 1].rpartition(" ")[0] or text[:LONGEST]
