"""Words of messages: names that come from outside, made fit for a line, and numbers of things."""

import unicodedata


def printable(name: str, length: int = 80) -> str:
    """Return a file's name fit for one line: control and direction characters as ``?``.

    The middle of one longer than ``length`` is left out.
    """
    clean = "".join("?" if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" else c for c in name)
    return clean if len(clean) <= length else clean[: length // 2 - 1] + "…" + clean[-(length - length // 2) :]


def counted(count: int, what: str) -> str:
    """Return a number of things in words: "1 photo", "2 photos"."""
    return f"{count} {what}{'' if count == 1 else 's'}"
