r"""Memory modes of training: a level keeps all activations, the input of each step, or only its output.

A flow step is invertible, so the backward pass can recover its input from its output. The memory of a level then does
not depend on the number of steps (Gomez et al. 2017 for activations; Kingma & Dhariwal 2018, section 1, claim it for
Glow). A coupling leaves half of its input unchanged, so the backward pass evaluates its network once and uses the same
graph for the inversion and the gradient. The cost is one additional forward pass, as with checkpointing.

Rounding errors accumulate when a long chain is inverted. An *anchor*, the kept input of every N-th step, bounds them;
the difference between the recovered input and the anchor is recorded in a :class:`DriftMeter`.

A level with hooks is checkpointed instead of inverted: if a bijection has forward or backward hooks or a ``forward`` of
its own, which the inverse does not undo, or if a parameter has hooks (``Tensor.register_hook``), which would run once
for the gradient of the step and again for that of the level. Hooks on the networks of couplings run in all modes.

Without kept activations, networks are evaluated again in the backward pass and must be deterministic. Where buffers
change in the forward pass, it is evaluated once more at the same input, and networks that return something else then
(spectral norm) are refused. Random numbers that a module of the user's own draws are not noticed.

Decoding with gradients (of latents, or of weights) keeps the input of each step in both modes but ``"full"``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint

from glowcore.errors import ConfigError
from glowcore.transforms.base import Transform, hooked, in_torch_func
from glowcore.transforms.coupling import Coupling
from glowcore.transforms.mixing import Mixing, MixingGradients, mixing_parameters, mixings
from glowcore.transforms.step import mix_alike

MEMORY_MODES = ("full", "checkpoint", "reversible")

#: Identity, version and ``requires_grad`` of parameters, or None where these are not compared.
States = list[tuple[int, int, bool]] | None
#: Buffers, each with its module, name and version.
Buffers = list[tuple[nn.Module, str, Tensor, int]]
Function = Callable[..., tuple[Tensor, Tensor]]


class DriftMeter:
    """Largest difference between a recovered input and its anchor since the last reading.

    Activations are of order 1 after actnorm, so this is a relative error of what the gradients are computed from.
    """

    #: Drift above which gradients are visibly wrong and training logs a warning.
    ALARM = 1e-2

    def __init__(self) -> None:
        self._worst: Tensor | None = None

    def note(self, recovered: Tensor, anchor: Tensor) -> None:
        """Record one comparison, without synchronizing with the device."""
        drift = (recovered - anchor).abs().amax()
        self._worst = drift if self._worst is None else torch.maximum(self._worst, drift)

    def read(self) -> float | None:
        """Return the largest drift since the last call, or None if no anchor was reached."""
        worst, self._worst = self._worst, None
        return None if worst is None else float(worst)


def nondeterministic(steps: Iterable[Transform]) -> list[str]:
    """Return the class names of the modules in ``steps`` whose second evaluation would differ from the first.

    In training mode these are dropout and norms that update running statistics.
    """
    parts = (part for step in steps if step.RECOVERABLE for part in step.modules() if part.training)
    return sorted({type(part).__name__ for part in parts if _draws(part) or _moves_statistics(part)})


def _draws(part: nn.Module) -> bool:
    """Return whether a module draws random numbers in training."""
    if isinstance(part, nn.MultiheadAttention | nn.RNNBase):
        return part.dropout > 0
    return isinstance(part, nn.RReLU) or (isinstance(part, nn.modules.dropout._DropoutNd) and part.p > 0)


def _moves_statistics(part: nn.Module) -> bool:
    """Return whether a module updates running statistics in training."""
    return isinstance(part, nn.modules.batchnorm._NormBase) and part.running_mean is not None


def run_steps(
    steps: Sequence[Transform], x: Tensor, memory: str, anchor_every: int, drift: DriftMeter
) -> tuple[Tensor, Tensor]:
    """Run the steps of one level on ``x``; return ``(z, logdet)``."""
    if not torch.is_grad_enabled() or in_torch_func():
        memory = "full"
    elif memory == "reversible" and any(map(_has_hooks, steps)):
        memory = "checkpoint"
    if memory == "reversible":
        params, buffers = _parameters(steps), _buffers(steps)
        outputs = _Reversible.apply(
            steps, anchor_every, drift, _states(params), x, *(p for p in params if p.requires_grad)
        )
        _refuse_moving(buffers, outputs, partial(run_steps, steps, x, "full", 0, drift))
        return outputs
    logdet = x.new_zeros(x.shape[0])
    for step, mixing in _calls(steps):
        # A step with batch statistics is not recomputed: that would update its running statistics twice.
        if memory == "checkpoint" and step.RECOVERABLE:
            x, part = _recomputed(step, step, x, *mixing)
        else:
            x, part = step(x, *mixing)
        logdet = logdet + part
    return x, logdet


def _has_hooks(step: Transform) -> bool:
    """Return whether a step has hooks that rule out the reversible operator."""
    return any(map(hooked, _bijections(step))) or any(p._backward_hooks for p in step.parameters())


def _bijections(module: nn.Module) -> Iterator[Transform]:
    """Yield the transforms in a module, itself included, without descending into the networks of couplings."""
    if isinstance(module, Transform):
        yield module
    for name, part in module.named_children():
        if name != "net" or not isinstance(module, Coupling):
            yield from _bijections(part)


def undo_steps(steps: Sequence[Transform], z: Tensor, memory: str = "full") -> Tensor:
    """Return the ``x`` that the steps of one level map to ``z``; all memory modes but ``"full"`` are checkpointed."""
    recompute = memory != "full" and torch.is_grad_enabled() and not in_torch_func()
    for step, unmixing in reversed(_calls(steps, inverse=True)):
        if recompute:
            z, _ = _recomputed(step, step.inverse, z, *unmixing)
        else:
            z, _ = step.inverse(z, *unmixing)
    return z


def _calls(steps: Sequence[Transform], *, inverse: bool = False) -> list[tuple[Transform, tuple[Mixing, ...]]]:
    """Return each step with its arguments beside the input.

    The argument is the step's mixing or its inverse, if those of all steps can be composed together.
    """
    if not mix_alike(steps):
        return [(step, ()) for step in steps]
    batched = mixings(steps).inverse() if inverse else mixings(steps)
    return [(step, (mixing,)) for step, mixing in zip(steps, batched.each(), strict=True)]


def _parameters(steps: Sequence[Transform]) -> list[Tensor]:
    """Return the parameters of a level in the order in which the backward pass returns their gradients."""
    if not mix_alike(steps):
        return [p for step in steps for p in step.parameters()]
    return [*mixing_parameters(steps), *(p for step in steps for p in step.coupling.parameters())]


def _states(parameters: Iterable[Tensor]) -> States:
    """Return the state of parameters that must not change between forward and backward."""
    if torch.compiler.is_compiling():  # a traced parameter is another object; the compiled graph guards its inputs
        return None
    return [(id(p), p._version, p.requires_grad) for p in parameters]


def _refuse_changed(before: States, parameters: Iterable[Tensor]) -> None:
    if before is not None and _states(parameters) != before:
        raise RuntimeError(
            "parameters were changed, replaced, frozen or unfrozen between forward and backward, which in memory modes "
            "'reversible' and 'checkpoint' evaluates the model again: call backward before that"
        )


def _buffers(steps: Iterable[Transform]) -> Buffers:
    """Return the buffers whose changes :func:`_refuse_moving` looks for; none while ``torch.compile`` traces."""
    if torch.compiler.is_compiling():
        return []
    return [
        (module, name, buffer, buffer._version)
        for step in steps
        for module in step.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]


def _refuse_moving(before: Buffers, outputs: tuple[Tensor, Tensor], evaluate: Callable[[], object]) -> None:
    """Raise if buffers have changed and a second evaluation differs from the ``outputs`` of the first.

    The modules of these buffers are compared themselves too: a last convolution of zeros hides them in the outputs.
    """
    moved = {
        module
        for module, name, buffer, version in before
        if module._buffers[name] is not buffer or buffer._version != version
    }
    if not moved:
        return
    names, left, same = sorted({type(module).__name__ for module in moved}), set(moved), []

    def call_again(module: nn.Module, args: tuple, kwargs: dict, output: object) -> None:
        if module in left:  # the second call comes here as well
            left.remove(module)
            same.append(_alike(module(*args, **kwargs), output))

    hooks = [module.register_forward_hook(call_again, with_kwargs=True) for module in moved]
    try:
        with torch.no_grad():
            same.append(_alike(evaluate(), outputs))
    finally:
        for hook in hooks:
            hook.remove()
    if not all(same):
        raise ConfigError(
            "memory modes 'reversible' and 'checkpoint' evaluate networks twice, and the second result differs, since "
            f"buffers of {', '.join(names)} change; use 'full', or networks without"
        )


def _alike(one: object, other: object) -> bool:
    """Return whether two results, tensors or structures of them, are equal; NaN equals NaN."""
    pairs = zip(tree_leaves(one), tree_leaves(other), strict=True)
    return all(torch.allclose(a, b, 0, 0, equal_nan=True) for a, b in pairs if isinstance(a, Tensor))


def _recomputed(step: Transform, function: Function, *inputs: Any) -> tuple[Tensor, Tensor]:
    """Evaluate a step or its inverse and keep only the inputs, from which backward evaluates it again."""
    recomputable, buffers = partial(_unchanged, step, function, _states(step.parameters())), _buffers([step])
    outputs = checkpoint(recomputable, *inputs, use_reentrant=False, preserve_rng_state=False)
    _refuse_moving(buffers, outputs, partial(function, *inputs))
    return outputs


def _unchanged(step: Transform, function: Function, before: States, *inputs: Any) -> tuple[Tensor, Tensor]:
    """Evaluate ``function``; raise if the parameters of ``step`` have changed since ``before``."""
    _refuse_changed(before, step.parameters())
    return function(*inputs)


class _Reversible(torch.autograd.Function):
    """The steps of a level as one operator that saves only its output (and anchors) and recovers the inputs of steps.

    The parameters are inputs of the operator and ``backward`` returns their gradients, so that optimizers, gradient
    accumulation, ``DistributedDataParallel`` and ``GradScaler`` work as usual. While gradients are accumulated, those
    of one level exist twice.
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
