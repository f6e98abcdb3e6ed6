"""A model's vital statistics in plain words, from its folder alone: the weights are not read."""

from __future__ import annotations

from typing import Any

from explorer.atlas.latent_map import MAP_FILE
from explorer.edits.recipe import MODEL_DIGITS
from explorer.engines.models import ModelEntry
from glowcore import checkpoint
from glowcore.metadata import DATA, INIT_FROM, LICENCE, METRICS, TRAINING

KINDS = {"glow": "Glow", "realnvp": "Real NVP", "nice": "NICE", "vae": "VAE, no flow"}


def facts(entry: ModelEntry) -> list[tuple[str, str]]:
    """Pairs of a name and a value; `entry` has no problem."""
    config, metadata, files = entry.info["config"], entry.info["metadata"], entry.info["files"]
    weights = files[checkpoint.WEIGHTS]
    rows = [
        ("Kind", KINDS.get(entry.info["model"], str(entry.info["model"]))),
        ("Pictures", f"{_size(config['image_size'])}, {_colours(config)}"),
        ("Bits per value", str(config.get("n_bits", 8))),
        ("Levels", str(config.get("num_levels", 1))),
        ("Steps per level", _list(config.get("steps_per_level"))),
        ("Width", _list(config.get("hidden_channels"))),
        ("Weights", f"{weights['size'] / 1e6:.1f} MB"),
        ("SHA-256", weights["sha256"][:MODEL_DIGITS]),
    ]
    rows += held_out_bits(metadata)
    if config.get("num_classes"):
        rows.append(("Classes", str(config["num_classes"])))
    if entry.is_flow:
        rows.append(("Attributes", str(len((entry.info["attributes"] or {}).get("names", [])))))
        rows.append(("Map", "yes" if (entry.folder / MAP_FILE).is_file() else "of a few pictures"))
    return rows


def provenance(entry: ModelEntry) -> str:
    """What the model was trained on and under which licence it may be used, "" where it does not say."""
    return _pictures_of(entry.info["metadata"])


def began_from(entry: ModelEntry) -> list[str]:
    """The models whose weights the training started from, the latest first: digits of a SHA-256, and its pictures.

    Whatever in the metadata's `init_from` is no such statement is left out.
    """
    stated = entry.info["metadata"].get(INIT_FROM)
    earlier = [one for one in stated if isinstance(one, dict)] if isinstance(stated, list) else []
    digits = [(one, one["sha256"][:MODEL_DIGITS]) for one in earlier if isinstance(one.get("sha256"), str)]
    return [f"{start} ({told})" if (told := _pictures_of(one)) else start for one, start in digits]


def held_out_bits(metadata: dict[str, Any]) -> list[tuple[str, str]]:
    """Bits per dimension on pictures that the model has not learnt from, and which, where they are written down.

    Training measures on a few hundred pictures; a model card that tells of more of them tells another number.
    """
    training = metadata.get(TRAINING) or {}
    for place in (metadata, metadata.get(METRICS)):
        if _bits(place) is not None:
            return [("Held-out bits/dim", f"{_bits(place):.3f}")]
    bits = _bits(training.get("evaluation"))
    if bits is None:
        return []
    most = (training.get("settings") or {}).get("eval_pictures")
    which = f" on up to {most} held-out pictures" if isinstance(most, int) else ""
    return [("Bits/dim as training ended", f"{bits:.3f}{which}")]


def _pictures_of(metadata: dict[str, Any]) -> str:
    told = (metadata.get(k) for k in (DATA, LICENCE))
    return " · ".join(t[:200] for t in told if isinstance(t, str) and t)


def _bits(place: Any) -> float | None:
    bits = place.get("bits_per_dim") if isinstance(place, dict) else None
    return float(bits) if isinstance(bits, int | float) else None


def _size(size: int | list[int]) -> str:
    height, width = (size, size) if isinstance(size, int) else size
    return f"{height} × {width}"


def _colours(config: dict[str, Any]) -> str:
    return {1: "grey", 3: "colour"}.get(config.get("channels", 3), f"{config.get('channels')} channels")


def _list(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value if value is not None else "–")
