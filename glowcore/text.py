"""Text for messages: sanitised names and counts with their noun."""

import unicodedata


def printable(name: str, length: int = 80) -> str:
    """Return a name that is safe to print on one line.

    Control characters, direction marks and line separators become ``?``; the middle of a name longer than ``length`` is
    replaced by an ellipsis.
    """
    clean = "".join("?" if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" else c for c in name)
    return clean if len(clean) <= length else clean[: length // 2 - 1] + "…" + clean[-(length - length // 2) :]


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: "1 photo", "2 photos"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
