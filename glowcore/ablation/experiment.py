"""The ablation study: small Glows that differ from a base in one idea each, trained alike over several seeds.

All runs of a seed see the same pictures in the same order with the same noise, so two variants are best compared seed
by seed. By default all runs take the same number of steps, which measures an idea apart from its cost; the cost is
reported beside it as pictures per second. With equal minutes the cost counts against the idea.
"""

from __future__ import annotations

import functools
import json
import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glowcore.errors import ConfigError
from glowcore.evaluation import evaluate
from glowcore.models import GlowConfig, build
from glowcore.progress import progress_bar
from glowcore.storage import output
from glowcore.training import Trainer, run_lock, training_set
from glowcore.training.settings import TrainSettings

#: Size of the base: about two minutes of training on one core. Its depth is split over three levels.
LEVELS, STEPS_PER_LEVEL, HIDDEN = 3, 4, 32
BASE_VARIANT = "base"


@dataclass(frozen=True)
class Variant:
    """The base with one idea exchanged.

    Attributes:
        idea: name of the part that is exchanged.
        label: that part in the variant.
        base_label: that part in the base.
        changes: settings of :class:`GlowConfig` that differ from the base's.
    """

    idea: str
    label: str
    base_label: str
    changes: dict[str, Any] = field(default_factory=dict)


#: All variants by name. The single level has as many steps as the base's three levels together.
VARIANTS: dict[str, Variant] = {
    "reverse": Variant("permutation", "reversed channels", "1x1, LU form", {"permutation": "reverse"}),
    "shuffle": Variant("permutation", "fixed shuffle", "1x1, LU form", {"permutation": "shuffle"}),
    "plain": Variant("permutation", "1x1, plain", "1x1, LU form", {"permutation": "conv1x1"}),
    "additive": Variant("coupling", "additive", "affine", {"coupling": "additive"}),
    "batchnorm": Variant("normalisation", "batch norm", "actnorm", {"norm": "batchnorm"}),
    "one-level": Variant(
        "levels",
        f"1 level of {LEVELS * STEPS_PER_LEVEL} steps",
        f"{LEVELS} levels of {STEPS_PER_LEVEL} steps",
        {"num_levels": 1, "steps_per_level": LEVELS * STEPS_PER_LEVEL},
    ),
}


@dataclass(frozen=True)
class Run:
    """One trained variant.

    Attributes:
        protocol: settings and data that runs must share to be compared.
        bits_per_dim: of the averaged weights on all held-out pictures.
        images_per_second: training pictures per second, of processor time on the CPU (other work on the machine does
            not count), of wall-clock time elsewhere.
        round_trip, pixels_changed: of ``decode(encode(x))`` over the held-out pictures.
        skipped: number of steps whose loss or gradient was not finite.
    """

    variant: str
    seed: int
    protocol: dict[str, Any]
    parameters: int
    images: int
    bits_per_dim: float
    bits_per_dim_std_error: float
    images_per_second: float
    round_trip: float
    pixels_changed: int
    skipped: int


@dataclass(frozen=True, eq=False)
class Setup:
    """The data and settings that all runs of an ablation share.

    Attributes:
        images, held_out: uint8 ``[N, C, H, W]``.
        settings: of the training; the seed is set per run.
        device: to train on.
    """

    images: Tensor
    held_out: Tensor
    settings: TrainSettings
    device: torch.device

    def config(self, variant: str) -> GlowConfig:
        """Return the config of a variant for these pictures."""
        return config_of(variant, tuple(self.images.shape[2:]), self.images.shape[1])

    @functools.cached_property
    def protocol(self) -> dict[str, Any]:
        """Everything that must agree for runs to be compared, as JSON reads it back."""
        shared = {
            "base": asdict(self.config(BASE_VARIANT)),
            "settings": {**asdict(self.settings), "seed": None},
            "images": training_set.fingerprint(self.images, None),
            "held_out": training_set.fingerprint(self.held_out, None),
        }
        return json.loads(json.dumps(shared))


def config_of(variant: str, image_size: int | tuple[int, int], channels: int = 3) -> GlowConfig:
    """Return the config of a variant, or of ``"base"``.

    Raises:
        ConfigError: no such variant, or a size that the levels of the base cannot halve.
    """
    base = GlowConfig(
        image_size=image_size,
        channels=channels,
        num_levels=LEVELS,
        steps_per_level=STEPS_PER_LEVEL,
        hidden_channels=HIDDEN,
        scale_min=0.1,
    )
    if variant == BASE_VARIANT:
        return base
    if variant not in VARIANTS:
        raise ConfigError(f"unknown variant {variant!r:.40}, expected among {', '.join([BASE_VARIANT, *VARIANTS])}")
    return replace(base, **VARIANTS[variant].changes)


def run_all(setup: Setup, variants: Sequence[str], seeds: int, out: Path, *, progress: bool = True) -> int | None:
    """Train every variant with seeds 0 to ``seeds - 1``, except the runs that ``out/runs.jsonl`` already holds.

    A run that was interrupted begins again. The outer loop is over seeds, so that the runs finished before an
    interruption can be compared (:func:`read_runs`).

    Returns:
        The number of a signal that ended a run early, None when all are finished.

    Raises:
        CheckpointError: another ablation trains the same run in ``out``.
        ConfigError: ``out`` holds finished runs of another protocol, or ``runs.jsonl`` cannot be written.
        TrainingError: a run diverged.
    """
    known = read_runs(out)
    if any(run.protocol != setup.protocol for run in known):
        raise ConfigError(f"{out} holds runs of other settings or pictures; give the same ones, or another --out")
    finished = {(run.variant, run.seed) for run in known}
    wanted = [(name, seed) for seed in range(seeds) for name in variants if (name, seed) not in finished]
    for name, seed in progress_bar(wanted, desc="ablate", unit="run", progress=progress):
        folder = _folder(out, name, seed)
        with run_lock.alone(folder):  # not that of an ablation that is still running
            shutil.rmtree(folder, ignore_errors=True)
        run = _train(setup, name, seed, folder)
        if not isinstance(run, Run):
            return run
        known.append(run)
        output.write(out / "runs.jsonl", "".join(json.dumps(asdict(each)) + "\n" for each in known).encode())
        shutil.rmtree(folder / "state")
    return None


def read_runs(out: Path) -> list[Run]:
    """Return the finished runs of a folder, oldest first.

    Raises:
        ConfigError: ``runs.jsonl`` cannot be read as runs.
    """
    path = out / "runs.jsonl"
    if not path.is_file():
        return []
    try:
        return [Run(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path} holds no runs of an ablation ({error})") from error


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and sample standard deviation (NaN of a single value)."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else float("nan")


def against_base(runs: Sequence[Run], variant: str) -> list[float]:
    """Return the bits/dim of a variant minus those of the base, for every seed that both have."""
    bits = {(run.variant, run.seed): run.bits_per_dim for run in runs}
    seeds = sorted(seed for name, seed in bits if name == variant and (BASE_VARIANT, seed) in bits)
    return [bits[variant, seed] - bits[BASE_VARIANT, seed] for seed in seeds]


def _folder(out: Path, name: str, seed: int) -> Path:
    return out / "runs" / f"{name}-seed{seed}"


def _train(setup: Setup, variant: str, seed: int, folder: Path) -> Run | int:
    """Train one run; return the number of a signal if one ended it."""
    torch.manual_seed(seed)
    model = build(setup.config(variant)).to(setup.device)
    settings = replace(setup.settings, seed=seed)
    trainer = _Timed(model, setup.images, setup.held_out, settings, folder, progress=False)
    trainer.run()
    if trainer.stop_signal is not None:
        return trainer.stop_signal
    averaged = trainer.averaged.eval()
    evaluation = evaluate(averaged, setup.held_out)
    return Run(
        variant,
        seed,
        setup.protocol,
        sum(p.numel() for p in averaged.parameters()),
        trainer.images_seen,
        evaluation.bits_per_dim,
        evaluation.bits_per_dim_std_error,
        trainer.images_seen / trainer.busy,
        evaluation.reconstruction_max_abs_error,
        evaluation.pixels_changed,
        trainer.recovery.skipped,
    )


class _Timed(Trainer):
    """A trainer that sums the time of its steps: processor time on the CPU, wall-clock time elsewhere."""

    busy = 0.0

    def train_step(self) -> float:
        """Take one step."""
        clock = time.process_time if self.device.type == "cpu" else time.perf_counter
        started = clock()
        loss = super().train_step()
        self.busy += clock() - started
        return loss
