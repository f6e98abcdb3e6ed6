"""Suggests a smaller batch where a training step or an evaluation runs out of memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from glowcore import memory
from glowcore.errors import TrainingError
from glowcore.likelihood_model import LikelihoodModel
from glowcore.out_of_memory import free_tensors_of, is_out_of_memory
from glowcore.text import counted
from glowcore.training.held_out_metrics import MOST_AT_ONCE
from glowcore.training.settings import TrainSettings

#: Fraction of the free memory that a suggested batch may take.
SHARE = 0.7


@contextlib.contextmanager
def advised(model: LikelihoodModel, settings: TrainSettings, *, evaluating: bool = False) -> Iterator[None]:
    """Turn an out-of-memory error in the body of the ``with`` into one line with a batch size to try.

    The body is a training step or, with ``evaluating``, an evaluation.

    Raises:
        TrainingError: the body ran out of memory.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        free_tensors_of(error)
        raise TrainingError(advice(model, settings, evaluating=evaluating)) from error


def advice(model: LikelihoodModel, settings: TrainSettings, *, evaluating: bool = False) -> str:
    """Return one line that names the batch size that did not fit and the largest power of two that should.

    An evaluation takes :data:`MOST_AT_ONCE` pictures at once or a smaller batch, and saves nothing for a backward pass.
    """
    size = min(settings.batch_size, MOST_AT_ONCE) if evaluating else settings.batch_size
    if model.device.type == "cuda":
        torch.cuda.empty_cache()
    what = f"in an evaluation, {counted(size, 'picture')} at once" if evaluating else f"at --batch-size {size}"
    line = f"out of memory on {model.device} {what}"
    leanest = memory.leanest_mode(model)
    modes = [] if evaluating or model.memory == leanest else [f"--memory {leanest}"]
    if size == 1:
        return f"{line}; try {', '.join([*modes, 'fewer --hidden-channels'])} or a smaller --image-size"
    fits = size // 2
    if model.memory == "full" and not evaluating:
        with contextlib.suppress(Exception):  # if the measurement runs out of memory too, half the batch is suggested
            fixed, each = memory.saved_for_any_and_each(model, settings.precision)
            fits = min(fits, int((SHARE * memory.free_bytes(model.device) - fixed) / each))
    smaller = 1 << max(1, fits).bit_length() - 1
    times = -(-settings.batch_size // smaller) * settings.accumulate
    line += f"; try --batch-size {smaller} (with --accumulate {times} a step sees as many pictures)"
    return " or ".join([line, *modes])
