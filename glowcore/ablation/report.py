"""The results of an ablation as a Markdown table and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from glowcore.ablation.experiment import BASE_VARIANT, LEVELS, STEPS_PER_LEVEL, VARIANTS, Run, against_base, spread
from glowcore.tables import markdown

HEAD = ("idea", "variant", "bits/dim", "less the base's", "pictures/s", "parameters", "round trip", "seeds")


def rows(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """Return the cells under :data:`HEAD` for the base and every variant with runs, mean ± standard deviation."""
    return [_cells(runs, name) for name in (BASE_VARIANT, *VARIANTS) if any(run.variant == name for run in runs)]


def table(runs: Sequence[Run]) -> str:
    """Return the rows as a Markdown table."""
    return markdown([HEAD, *rows(runs)], right=range(2, len(HEAD))) + "\n"


def plot(runs: Sequence[Run], path: Path) -> None:
    """Plot each variant's difference from the base, per seed and on average, to a PNG; needs matplotlib."""
    from matplotlib import pyplot

    names = [name for name in VARIANTS if against_base(runs, name)]
    figure, axis = pyplot.subplots(figsize=(8, 1 + 0.5 * len(names)), constrained_layout=True)
    for row, name in enumerate(names):
        differences = against_base(runs, name)
        mean, _ = spread(differences)
        axis.barh(row, mean, height=0.5, color="tab:orange" if mean > 0 else "tab:green", alpha=0.5)
        axis.plot(differences, [row] * len(differences), "o", color="black", markersize=4)
    labels = [f"{VARIANTS[name].label}\ninstead of {VARIANTS[name].base_label}" for name in names]
    axis.set_yticks(range(len(names)), labels, fontsize=8)
    axis.invert_yaxis()
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_xlabel("bits/dim above the base's: bar the mean, a dot each seed (to the right: worse)")
    axis.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _cells(runs: Sequence[Run], name: str) -> tuple[str, ...]:
    selected = [run for run in runs if run.variant == name]
    variant = VARIANTS.get(name)
    base = f"affine, 1x1 in LU form, actnorm, {LEVELS} levels of {STEPS_PER_LEVEL} steps"
    label = base if variant is None else variant.label
    differences = against_base(runs, name) if variant else []
    changed = sum(run.pixels_changed for run in selected)
    worst = max(run.round_trip for run in selected)
    return (
        variant.idea if variant else BASE_VARIANT,
        label,
        _plus_minus([run.bits_per_dim for run in selected]),
        _plus_minus(differences, sign="+") if differences else "",
        f"{spread([run.images_per_second for run in selected])[0]:.0f}",
        f"{selected[0].parameters:,}",
        f"{worst:.1e}" + (f", {changed} pixels changed" if changed else ""),
        str(len(selected)),
    )


def _plus_minus(values: Sequence[float], sign: str = "") -> str:
    mean, deviation = spread(values)
    return f"{mean:{sign}.4f}" + (f" ± {deviation:.4f}" if deviation == deviation else "")
