"""The measurements of the Reconstruct page, as words and as a table."""

from __future__ import annotations

import csv
import io
import math

from explorer.engines.compressor import Compressor
from explorer.engines.engine import Engine
from explorer.engines.results import Encoded
from explorer.wording.sentences import COMES_BACK

# Both are upper bounds on the length of the shortest code, in bits/dim.
DEQUANTISED, ELBO = "dequantised bound", "ELBO bound"


def verdict(encoded: Encoded) -> str:
    """Return whether the picture came back, as a badge in Markdown."""
    height, width = encoded.picture.shape[:2]
    if encoded.exact:
        return f":green-badge[{COMES_BACK}: all {height * width:,} pixels]"
    return f":orange-badge[{encoded.pixels_changed:,} of {height * width:,} pixels differ]"


def figures(engine: Engine | Compressor, encoded: Encoded) -> str:
    """Return the measurements of a reconstruction as Markdown for a tooltip."""
    return (
        f"Largest error: {encoded.max_error:.1e} of the range from black to white  \n"
        f"Peak signal-to-noise ratio: {_decibels(encoded.psnr)} dB  \n"
        f"Code length: {encoded.bits_per_dim:.2f} bits/dim, at most ({_bound(engine)})"
    )


def measurements(name: str, engine: Engine | Compressor, encoded: Encoded) -> dict[str, str | float | int]:
    """Return one row of the table."""
    return {
        "picture": name,
        "model": engine.name,
        "pixels changed": encoded.pixels_changed,
        "max error": encoded.max_error,
        "PSNR dB": encoded.psnr,
        "bits/dim, at most": encoded.bits_per_dim,
        "bound": _bound(engine),
        "ms": encoded.milliseconds,
    }


def as_table(rows: list[dict]) -> list[dict]:
    """Return the rows as the page shows them: with short names of models, and "∞" for an exact picture."""
    return [{**row, "model": short(row["model"]), "PSNR dB": _decibels(row["PSNR dB"])} for row in rows]


def short(model: str) -> str:
    """Return a model's name for menus and captions."""
    return model.removeprefix("pretrained/")


def as_csv(rows: list[dict]) -> str:
    """Return the table as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _decibels(psnr: float) -> str:
    return "∞" if psnr == math.inf else f"{psnr:.1f}"


def _bound(engine: Engine | Compressor) -> str:
    return ELBO if isinstance(engine, Compressor) else DEQUANTISED
