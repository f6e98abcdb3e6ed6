"""What is known of a model's attributes, as plain tables."""

from __future__ import annotations

import torch

from explorer.engines.engine import Engine
from explorer.wording.labels import attributes_of, words


def statistics(engine: Engine) -> list[dict[str, str | int | float | None]]:
    """One row an attribute: how many pictures it was learnt from, how well it is told apart, its length."""
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
                "norm": info.get("norm"),
                "sigma": info.get("sigma"),
            }
        )
    return rows


def cosines(engine: Engine) -> tuple[list[str], list[list[float]]]:
    """Labels of the attributes, and the cosine of every pair of directions as a square table."""
    names = attributes_of(engine)
    flat = torch.cat([engine.attributes.direction(n).flatten().cpu() for n in names])
    flat = flat / flat.norm(dim=1, keepdim=True)
    table = (flat @ flat.T).clamp(-1, 1).tolist()
    return [words(n).label for n in names], [[round(value, 3) for value in row] for row in table]
