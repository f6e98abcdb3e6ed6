"""Checks that a trained model is exact on this machine: round trips, log-determinant, likelihood.

The log-determinant is compared with that of the model's Jacobian, by ``slogdet`` in float64. A whole picture has too
many values for that, so a *crop of the model* is used: a model of the smallest pictures that its levels allow, with the
same weights, of which those that belong to positions are cut from the middle. It runs the same code with the same
weights, so a wrong sign, factor or half shows. Where weights cannot be cropped (NICE), the whole model is used.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from glowcore import checkpoint, classes, likelihood
from glowcore.classes import any_classes
from glowcore.devices import on_cpu
from glowcore.errors import CheckpointError, ConfigError
from glowcore.evaluation.held_out import in_batches
from glowcore.evaluation.ood_probes import ood_probes
from glowcore.exact import in_float64, largest_error
from glowcore.flow import Flow
from glowcore.images import HALF_STEP, to_uint8
from glowcore.metadata import USUAL_TEMPERATURE
from glowcore.models import build
from glowcore.priors import noise_log_prob
from glowcore.storage.sealed import read_set
from glowcore.text import counted
from glowcore.weight_draws import WeightDraws

#: Largest difference of a log-determinant from that of the Jacobian, in nats per value of the picture, in float64.
LOGDET_BOUND = 1e-11
#: Largest difference of bits/dim between float32 and float64, batch sizes, or numbers of threads.
BITS_BOUND = 1e-4
#: Largest error of latents after decode and encode.
LATENT_BOUND = 1e-2
#: Pictures encoded and decoded at once.
BATCH = 32
#: Largest number of values of a picture whose Jacobian is computed.
MOST_DIMS = 4096


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: of the check.
        measured: the measured value, None if there is none.
        bound: the largest value that passes, None if there is none.
        passed: None if the check was not made.
        note: details, or why the check was not made.
    """

    name: str
    measured: float | None
    bound: float | None
    passed: bool | None
    note: str = ""


@on_cpu()
@torch.no_grad()
def check_model(model: Flow, *, samples: int = 8, probes: int = 20, seed: int = 0) -> list[Check]:
    """Check everything but the files of a model in eval mode.

    Args:
        model: in eval mode.
        samples: number of pictures to sample from it.
        probes: number of out-of-distribution pictures (:mod:`glowcore.evaluation.ood_probes`).
        seed: of samples, probes and noise.
    """
    exact = in_float64(model)
    drawn = model.sample(range(seed, seed + samples), USUAL_TEMPERATURE, any_classes(model, samples))
    drawn = torch.from_numpy(to_uint8(drawn)).permute(0, 3, 1, 2).contiguous()
    checks = [_round_trip("round trip: its own samples", model, exact, drawn)]
    names, pictures = ood_probes((model.config.channels, *model.image_size), probes, seed)
    for kind in dict.fromkeys(names):
        chosen = torch.from_numpy(pictures[[name == kind for name in names]])
        checks.append(_round_trip(f"round trip: {kind}", model, exact, chosen))
    checks.append(_latents_come_back(model, exact, range(seed, seed + samples)))
    checks.append(check_logdet(model, seed))
    return checks + _bits_per_dim(model, exact, drawn, seed)


@on_cpu()
@torch.no_grad()
def check_pictures(model: Flow, images: Tensor, kind: str, seed: int = 0) -> list[Check]:
    """Check the round trip of pictures, and that their likelihood is above that of a uniform distribution.

    The uniform distribution has ``n_bits`` bits/dim; a model with more was trained on other pictures. The likelihood of
    a class-conditional model is that over all classes.

    Args:
        model: in eval mode.
        images: uint8 ``[N, C, H, W]``.
        kind: what the pictures are, for the names of the checks.
        seed: of the dequantisation noise, the same as in :func:`~glowcore.evaluation.evaluate`.
    """
    bits = []
    for first, part, y in in_batches(images, any_classes(model, len(images)), BATCH):
        latents = model.encode_dequantised(part, y, generator=likelihood.generators(seed, len(part), first))
        log_prob = classes.log_marginal(model, latents)
        bits.append(likelihood.bits_per_dim(log_prob, model.num_dims, model.config.n_bits).cpu().double())
    mean, bound = float(torch.cat(bits).mean()), float(model.config.n_bits)
    note = f"{counted(len(images), 'picture')}; without a model {bound:g}"
    return [
        _round_trip(f"round trip: {kind}", model, in_float64(model), images),
        Check(f"bits/dim: {kind}", mean, bound, mean < bound, note),
    ]


def check_files(folder: str | Path) -> Check:
    """Compare the SHA-256 of every file of a model folder with its manifest."""
    try:
        contents = read_set(Path(folder), checkpoint.FILES, lambda files: [files.read(name) for name in files.entries])
    except CheckpointError as error:
        return Check("files", None, None, False, str(error))
    return Check("files", 0.0, 0.0, True, counted(len(contents), "file"))


@on_cpu()
@torch.no_grad()
def check_logdet(model: Flow, seed: int = 0) -> Check:
    """Compare the log-determinant with that of the Jacobian, on a crop of the model in float64."""
    name = "log-det against the Jacobian"
    small = crop(model)
    height, width = small.image_size
    if small.num_dims > MOST_DIMS:
        note = f"the smallest crop, {height}x{width}, has a Jacobian of {small.num_dims} x {small.num_dims}"
        return Check(name, None, None, None, f"not checked: {note}")
    shape = (1, small.config.channels, height, width)
    x = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    y = any_classes(small, 1)
    latents = small.encode(x, y)
    stated = latents.log_prob - sum(noise_log_prob(level, latents.prior) for level in latents.levels)
    true = log_abs_det_jacobian(lambda v: small.encode(v, y).flatten(), x)
    bound = LOGDET_BOUND * small.num_dims
    miss = abs(float(stated[0]) - true)
    return Check(name, miss, bound, miss <= bound, f"{height}x{width}, float64; {true:.6f} nats")


def crop(model: Flow) -> Flow:
    """Return a model of the smallest pictures with the same weights, in float64 on the CPU.

    Weights that belong to positions are cut from their middle. If other weights depend on the size of the picture, a
    copy of the whole model is returned.
    """
    state = model.state_dict()
    side = 4
    while side < min(model.image_size):
        try:
            with WeightDraws():
                small = build(dataclasses.replace(model.config, image_size=side))
        except ConfigError:
            side *= 2
            continue
        # With a single position at the top level no convolution there sees a neighbour: twice the side, if still small.
        if small.num_dims < 100 and 2 * side <= min(model.image_size):
            side *= 2
            continue
        cropped = {name: _middle(state[name], target.shape) for name, target in small.state_dict().items()}
        if all(cropped[name].shape == target.shape for name, target in small.state_dict().items()):
            small.load_state_dict(cropped)
            return small.double().eval()
        break
    return copy.deepcopy(model).cpu().double().eval()


def log_abs_det_jacobian(function: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Return ``log |det|`` of the Jacobian of a function at ``x``, of as many values; 64 rows at once."""
    jacobian = torch.func.jacrev(function, chunk_size=64)(x.detach())
    return float(torch.linalg.slogdet(jacobian.detach().reshape(x.numel(), x.numel())).logabsdet)


def _round_trip(name: str, model: Flow, exact: Flow, images: Tensor) -> Check:
    """Check ``decode(encode(x))`` in float32, and in float64 if that is not exact."""
    error = _round_trip_error(model, images)
    if error <= HALF_STEP:
        return Check(name, error, HALF_STEP, True, counted(len(images), "picture"))
    exactly = _round_trip_error(exact, images)
    note = f"needs float64: the error in float32 is {error:.1e}"
    return Check(name, exactly, HALF_STEP, exactly <= HALF_STEP, note)


def _round_trip_error(model: Flow, images: Tensor) -> float:
    worst = 0.0
    for _, part, y in in_batches(images, any_classes(model, len(images)), BATCH):
        latents = model.encode(part, y)
        finite = bool(latents.flatten().isfinite().all())
        worst = max(worst, largest_error(model.decode(latents), part / 255) if finite else math.inf)
    return worst


def _latents_come_back(model: Flow, exact: Flow, seeds: range) -> Check:
    name, y = "latents after decode and encode", any_classes(model, len(seeds))
    errors = []
    for each in (model, exact):
        latents = each.sample_latents(seeds, USUAL_TEMPERATURE, y)
        error = (each.encode(each.decode(latents), y).flatten() - latents.flatten()).abs().amax()
        errors.append(float(error) if torch.isfinite(error) else math.inf)
        if errors[-1] <= LATENT_BOUND:
            break
    note = "" if len(errors) == 1 else f"needs float64: the error in float32 is {errors[0]:.1e}"
    return Check(name, errors[-1], LATENT_BOUND, errors[-1] <= LATENT_BOUND, note)


def _bits_per_dim(model: Flow, exact: Flow, images: Tensor, seed: int) -> list[Check]:
    y = any_classes(model, len(images))

    def measure(each: Flow, batch: int) -> Tensor:
        parts = []
        for first, part, labels in in_batches(images, y, batch):
            # Both precisions get the same float32 points.
            x = model.dequantised(part, likelihood.generators(seed, len(part), first)).to(each.device, each.dtype)
            log_prob = each.encode_cube(x, labels).log_prob
            parts.append(likelihood.bits_per_dim(log_prob.cpu().double(), each.num_dims, each.config.n_bits))
        return torch.cat(parts)

    bits = measure(model, len(images))
    finite = bool(torch.isfinite(bits).all())
    mean = float(bits.mean())
    checks = [Check("bits/dim of its own samples", mean, None, finite, "finite" if finite else "not finite")]
    noise = likelihood.generators(seed, len(images))
    fused = model.fused(backend="torch").bits_per_dim(images, y, generator=noise).cpu().double()
    others = {"float64": measure(exact, len(images)), "a batch of one": measure(model, 1), "fused": fused}
    checks += [_difference(f"bits/dim: against {other}", bits, measured) for other, measured in others.items()]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        checks.append(
            _difference(
                f"bits/dim: {threads} threads against {torch.get_num_threads()}", bits, measure(model, len(images))
            )
        )
    finally:
        torch.set_num_threads(threads)
    return checks


def _difference(name: str, a: Tensor, b: Tensor) -> Check:
    miss = float((a - b).abs().max())
    return Check(name, miss, BITS_BOUND, miss <= BITS_BOUND)


def _middle(tensor: Tensor, shape: torch.Size) -> Tensor:
    """Return the middle of the last two dimensions, as large as those of ``shape``."""
    if tensor.ndim < 3 or tensor.shape == shape or tensor.shape[:-2] != shape[:-2]:
        return tensor
    for dim in (-2, -1):
        size = min(shape[dim], tensor.shape[dim])
        tensor = tensor.narrow(dim, (tensor.shape[dim] - size) // 2, size)
    return tensor
