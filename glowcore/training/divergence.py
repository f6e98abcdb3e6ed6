"""Detection of divergence: the loss of a flow can fall while its inverse explodes."""

from __future__ import annotations

from collections.abc import Mapping

#: Upper bounds (``samples_finite``: a lower bound) on the metrics of an evaluation; beyond them the run is restored. In
#: sound runs a round trip errs by 1e-4, and condition numbers of 1x1 convolutions stay below 1e4. The bound
#: on the round trip is one step of 8 bits and holds for held-out pictures only: on out-of-distribution probes a sound
#: model may err by 0.1.
MOST_ROUND_TRIP = 1 / 255
MOST_CONDITION = 1e7
SAMPLES_FINITE = 0.5


def divergence(measured: Mapping[str, float | None], *, invertible: bool = True) -> str:
    """Return a short description of the first metric that is out of bounds, or "" if there is none.

    Args:
        measured: the metrics of :func:`~glowcore.training.held_out_metrics.held_out_metrics`; None stands for a number
            that is not finite, a missing key for a metric that was not measured.
        invertible: whether ``decode`` inverts ``encode``; ``round_trip`` is checked only then.
    """
    limits = {"bits_per_dim": float("inf"), "condition": MOST_CONDITION}
    if invertible:
        limits["round_trip"] = MOST_ROUND_TRIP
    for name, limit in limits.items():
        value = measured.get(name, 0.0)
        if value is None:
            return f"{name} is not finite"
        if value > limit:
            return f"{name} is {value:.3g}, more than {limit:.3g}"
    finite = measured.get("samples_finite", 1.0) or 0.0
    return "" if finite >= SAMPLES_FINITE else f"only {finite:.0%} of the samples are finite"
