"""Noticing early that a run goes wrong: the loss of a flow can fall while its inverse explodes."""

from __future__ import annotations

from collections.abc import Mapping

#: What an evaluation may show at most (``samples_finite``: at least) before the run is taken back. Far beyond what
#: healthy runs show: there a round trip errs by 1e-4, no scale passes e^10, and no 1x1 convolution a condition of 1e4.
#: The round trip is that of held-out pictures, and a step of 8 bits; the out-of-distribution probes are no measure of a
#: run, since a healthy model brings them back to 0.1 only.
MOST_ROUND_TRIP = 1 / 255
MOST_LOG_SCALE = 30.0
MOST_CONDITION = 1e7
SAMPLES_FINITE = 0.5


def divergence(measured: Mapping[str, float | None], *, invertible: bool = True) -> str:
    """Say in a few words what is wrong with an evaluation; "" where nothing is.

    Args:
        measured: the metrics of :func:`~glowcore.training.held_out_metrics.held_out_metrics`; None stands for a number
            that is not finite, a missing key for a metric that was not measured.
        invertible: whether pictures are meant to come back.
    """
    limits = {"bits_per_dim": float("inf"), "condition": MOST_CONDITION, "log_scale": MOST_LOG_SCALE}
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
