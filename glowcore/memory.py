"""Memory that a training step takes, and the choice of a memory mode that fits the device."""

from __future__ import annotations

import contextlib

import psutil
import torch

from glowcore.classes import any_classes
from glowcore.errors import ConfigError
from glowcore.flow import Flow
from glowcore.likelihood_model import LikelihoodModel
from glowcore.transforms.batchnorm import running_statistics

#: ``auto`` chooses "full" if it takes at most this share of the free memory.
FULL_SHARE = 0.5


def saved_bytes(model: LikelihoodModel, batch_size: int, precision: str = "float32") -> int:
    """Return the bytes that autograd saves between forward and backward for a batch, without the parameters.

    They are measured in one forward pass on noise with ``torch.autograd.graph.saved_tensors_hooks``; each storage
    counts once. ``precision`` is that of the coupling networks. Running statistics and buffers are restored afterwards.
    """
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}
    statistics = [(tensor, tensor.clone()) for tensor in (*running_statistics(model), *model.buffers())]

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    shape = (batch_size, model.config.channels, *model.image_size)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator, device="cpu")
    autocast = torch.autocast(model.device.type, torch.bfloat16, enabled=precision == "bfloat16")
    try:
        with torch.enable_grad(), autocast, torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
            # The loss keeps the graph and every saved storage alive, so no address is reused.
            loss = model.bits_per_dim(images, any_classes(model, batch_size), generator=generator).mean()
        del loss
    finally:
        with torch.no_grad():
            for tensor, value in statistics:
                tensor.copy_(value)
    return sum(kept.values())


def saved_for_any_and_each(model: LikelihoodModel, precision: str) -> tuple[int, int]:
    """Return the :func:`saved_bytes` that any batch takes, such as converted weights, and those of each picture."""
    one, two = (saved_bytes(model, count, precision) for count in (1, 2))
    return 2 * one - two, two - one


def free_bytes(device: torch.device) -> int:
    """Return the free memory of a device in bytes."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


def choose_memory(model: LikelihoodModel, batch_size: int, precision: str = "float32") -> str:
    """Return ``"full"`` where a training step fits comfortably into the free memory, else ``"reversible"``.

    Models that do not support ``"reversible"`` get their :func:`leanest_mode` instead, and those whose first step it
    refuses, since their buffers change, ``"full"``.
    """
    leanest = leanest_mode(model)
    if leanest == "full":
        return "full"
    before, model.memory = model.memory, "full"
    try:
        fixed, each = saved_for_any_and_each(model, precision)
        if fixed + batch_size * each > FULL_SHARE * free_bytes(model.device):
            model.memory = leanest
            with contextlib.suppress(ConfigError):
                saved_bytes(model, 1, precision)
                return leanest
    finally:
        model.memory = before
    return "full"


def leanest_mode(model: LikelihoodModel) -> str:
    """Return the memory mode that takes least memory among those that a model supports: ``"reversible"`` for most.

    Models with a step whose input cannot be recovered from its output (batch norm) support ``"checkpoint"``, and
    networks whose second evaluation would differ (dropout) and baselines only ``"full"``.
    """
    if not isinstance(model, Flow) or model.nondeterministic:
        return "full"
    return "checkpoint" if model.unrecoverable else "reversible"
