"""Formatting of tables as aligned columns for a terminal or as Markdown. The first row is the header."""

from __future__ import annotations

from collections.abc import Collection, Sequence

Rows = Sequence[Sequence[str]]


def plain(rows: Rows, right: Collection[int] = ()) -> str:
    """Return lines with columns two spaces apart; the columns with an index in ``right`` are right-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = zip(row, widths, strict=True)
        lines.append(
            "  ".join(
                cell.rjust(width) if index in right else cell.ljust(width) for index, (cell, width) in enumerate(cells)
            ).rstrip()
        )
    return "\n".join(lines)


def markdown(rows: Rows, right: Collection[int] = ()) -> str:
    """Return a Markdown table; the columns with an index in ``right`` are right-aligned."""
    rule = ["---:" if index in right else "---" for index in range(len(rows[0]))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], rule, *rows[1:]])
