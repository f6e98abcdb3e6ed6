"""Tables of facts about a model's attributes."""

from __future__ import annotations

import torch

from explorer.engines.engine import Engine
from explorer.wording.labels import attributes_of, words


def statistics(engine: Engine) -> list[dict[str, str | int | float | None]]:
    """Return a row for each attribute: numbers of pictures, separation, and sigma of the direction."""
    rows = []
    for name in attributes_of(engine):
        info = engine.attributes.info(name)
        rows.append(
            {
                "attribute": words(name).label,
                "name": name,
                "with": info.get("positives"),
                "without": info.get("negatives"),
                "separation": info.get("separation"),
                "sigma": info.get("sigma"),
            }
        )
    return rows


def cosines(engine: Engine) -> tuple[list[str], list[list[float]]]:
    """Return the labels of the attributes and the square table of cosines between their directions."""
    names = attributes_of(engine)
    flat = torch.cat([engine.attributes.direction(n).flatten().cpu() for n in names])
    flat = flat / flat.norm(dim=1, keepdim=True)
    table = (flat @ flat.T).clamp(-1, 1).tolist()
    return [words(n).label for n in names], [[round(value, 3) for value in row] for row in table]
