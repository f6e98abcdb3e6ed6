r"""Which activations of a level training keeps: all of them, each step's input, or only the last output.

A step of flow is invertible, so its input need not be kept: the backward pass recovers it from the output. The memory
of a level then does not depend on the number of steps (Gomez et al. 2017 for activations; Kingma & Dhariwal 2018,
section 1, claim it for Glow). A coupling leaves half of its input untouched, so its network is evaluated once in the
backward pass, and the same graph serves the inversion and the gradient: the price is one forward pass more, as with
checkpointing.

The inverse of a long chain drifts by rounding. An *anchor*, the kept input of every N-th step, bounds that, and the
difference found where one is reached is reported in a :class:`DriftMeter`.

Where activations are not kept, networks are evaluated again in the backward pass and have to give the same again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from glowcore.transforms.base import Transform, hooked, in_torch_func
from glowcore.transforms.coupling import Coupling
from glowcore.transforms.mixing import Mixing, MixingGradients, mixing_parameters, mixings
from glowcore.transforms.step import mix_alike

MEMORY_MODES = ("full", "checkpoint", "reversible")

#: Identity, version and ``requires_grad`` of parameters; None where nobody is to compare them.
States = list[tuple[int, int, bool]] | None


class DriftMeter:
    """The largest difference between a recovered input and its anchor since the last reading.

    Activations are of order 1 after actnorm, so this is a relative error of what the gradients are computed from.
    """

    #: Past this, gradients are visibly wrong: training says so.
    ALARM = 1e-2

    def __init__(self) -> None:
        self._worst: Tensor | None = None

    def note(self, recovered: Tensor, anchor: Tensor) -> None:
        """Take in one comparison; stays on the device, so that nothing waits for it."""
        drift = (recovered - anchor).abs().amax()
        self._worst = drift if self._worst is None else torch.maximum(self._worst, drift)

    def read(self) -> float | None:
        """Return the worst drift since the last call, None if no anchor was met."""
        worst, self._worst = self._worst, None
        return None if worst is None else float(worst)


def nondeterministic(steps: Iterable[Transform]) -> list[str]:
    """Return the class names of the modules in ``steps`` whose second evaluation would differ from the first.

    In training mode these are dropout and norms that update running statistics.
    """
    parts = (part for step in steps if step.RECOVERABLE for part in step.modules() if part.training)
    return sorted({type(part).__name__ for part in parts if _draws(part) or _moves_statistics(part)})


def _draws(part: nn.Module) -> bool:
    return isinstance(part, nn.RReLU) or (isinstance(part, nn.modules.dropout._DropoutNd) and part.p > 0)


def _moves_statistics(part: nn.Module) -> bool:
    return isinstance(part, nn.modules.batchnorm._NormBase) and part.running_mean is not None


def run_steps(
    steps: Sequence[Transform], x: Tensor, memory: str, anchor_every: int, drift: DriftMeter
) -> tuple[Tensor, Tensor]:
    """Run the steps of one level on ``x``; returns ``(z, logdet)``."""
    if not torch.is_grad_enabled() or in_torch_func():
        memory = "full"
    elif memory == "reversible" and any(hooked(part) for step in steps for part in _bijections(step)):
        memory = "checkpoint"  # a hook may change what a part returns, which its inverse does not undo
    if memory == "reversible":
        params = _parameters(steps)
        return _Reversible.apply(
            steps, anchor_every, drift, _states(params), x, *(p for p in params if p.requires_grad)
        )
    logdet = x.new_zeros(x.shape[0])
    for step, mixing in _calls(steps):
        # Not what takes its statistics from the batch: evaluated again, it would move its running ones again.
        if memory == "checkpoint" and step.RECOVERABLE:
            again = partial(_unchanged, step, _states(step.parameters()))
            x, part = checkpoint(again, x, *mixing, use_reentrant=False, preserve_rng_state=False)
        else:
            x, part = step(x, *mixing)
        logdet = logdet + part
    return x, logdet


def _bijections(module: nn.Module) -> Iterator[Transform]:
    """Yield the transforms in a module, itself included, but for what the networks of couplings are made of."""
    if isinstance(module, Transform):
        yield module
    for name, part in module.named_children():
        if name != "net" or not isinstance(module, Coupling):
            yield from _bijections(part)


def undo_steps(steps: Sequence[Transform], z: Tensor) -> Tensor:
    """Return the ``x`` that the steps of one level map to ``z``."""
    for step, unmixing in reversed(_calls(steps, inverse=True)):
        z, _ = step.inverse(z, *unmixing)
    return z


def _calls(steps: Sequence[Transform], *, inverse: bool = False) -> list[tuple[Transform, tuple[Mixing, ...]]]:
    """Return each step with what it is called with beside its input: its mixing, or the inverse of that, where those
    of all steps are computed together."""
    if not mix_alike(steps):
        return [(step, ()) for step in steps]
    together = mixings(steps).inverse() if inverse else mixings(steps)
    return [(step, (mixing,)) for step, mixing in zip(steps, together.each(), strict=True)]


def _parameters(steps: Sequence[Transform]) -> list[Tensor]:
    """Return the parameters of a level in the order in which its backward pass returns their gradients."""
    if not mix_alike(steps):
        return [p for step in steps for p in step.parameters()]
    return [*mixing_parameters(steps), *(p for step in steps for p in step.coupling.parameters())]


def _states(parameters: Iterable[Tensor]) -> States:
    """Return which parameters these are and what must not change while the backward pass still needs their values."""
    if torch.compiler.is_compiling():  # a traced parameter is another object; the compiled graph watches its inputs
        return None
    return [(id(p), p._version, p.requires_grad) for p in parameters]


def _refuse_changed(before: States, parameters: Iterable[Tensor]) -> None:
    if before is not None and _states(parameters) != before:
        raise RuntimeError(
            "parameters were changed, replaced, frozen or unfrozen between forward and backward, which in memory modes "
            "'reversible' and 'checkpoint' evaluates the model again: call backward before that"
        )


def _unchanged(step: Transform, before: States, *inputs: Any) -> tuple[Tensor, Tensor]:
    """Evaluate a step that backward will evaluate again."""
    _refuse_changed(before, step.parameters())
    return step(*inputs)


class _Reversible(torch.autograd.Function):
    """The steps of a level as one operator that saves its output and recovers the rest.

    The gradients of the parameters are returned as this operator's outputs, so that optimizers, gradient accumulation,
    ``DistributedDataParallel`` and ``GradScaler`` see ordinary leaves. Under accumulation, while they are added to what
    is there already, the gradients of one level exist twice.
    """

    @staticmethod
    def forward(
        ctx: Any,
        steps: Sequence[Transform],
        anchor_every: int,
        drift: DriftMeter,
        states: States,
        x: Tensor,
        *params: Tensor,
    ) -> tuple[Tensor, Tensor]:
        anchors = {}
        logdet = x.new_zeros(x.shape[0])
        for index, (step, mixing) in enumerate(_calls(steps)):
            if anchor_every and index and index % anchor_every == 0:
                anchors[index] = x
            x, part = step(x, *mixing)
            logdet = logdet + part
        device = x.device.type
        ctx.autocast = {
            "device_type": device,
            "dtype": torch.get_autocast_dtype(device),
            "enabled": torch.is_autocast_enabled(device),
        }
        ctx.steps, ctx.states, ctx.drift, ctx.anchors = steps, states, drift, sorted(anchors)
        ctx.save_for_backward(x, *(anchors[index] for index in ctx.anchors))
        return x, logdet

    @staticmethod
    def backward(ctx: Any, grad_z: Tensor, grad_logdet: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("memory='reversible' has no second derivative; set model.memory = 'full' for that")
        _refuse_changed(ctx.states, _parameters(ctx.steps))
        z, *kept = ctx.saved_tensors
        anchors = dict(zip(ctx.anchors, kept, strict=True))
        grads: list[Tensor | None] = []
        with torch.autocast(**ctx.autocast):
            mixing = MixingGradients(ctx.steps) if mix_alike(ctx.steps) else None
            for index in range(len(ctx.steps) - 1, -1, -1):
                if mixing is None:
                    z, grad_z, step_grads = ctx.steps[index].pull_back(z, grad_z, grad_logdet)
                else:
                    h, grad_h, step_grads = ctx.steps[index].coupling.pull_back(z, grad_z, grad_logdet)
                    z, grad_z = mixing.pull_back(index, h, grad_h, grad_logdet)
                grads[:0] = step_grads
                if index in anchors:
                    ctx.drift.note(z, anchors[index])
                    z = anchors[index]
            if mixing is not None:
                grads[:0] = mixing.gradients()
        return None, None, None, None, grad_z, *grads
