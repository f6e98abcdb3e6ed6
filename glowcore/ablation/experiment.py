"""What did each idea buy? Small Glows that differ from a base in one idea each, trained alike, over several seeds.

Every run of a seed sees the same pictures in the same order with the same noise, so two variants are best compared seed
by seed. By default all train on the same number of pictures (equal steps): what an idea is worth apart from its cost,
which is stated beside it as pictures a second. Equal minutes charge an idea for its cost.
"""

from __future__ import annotations

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
from glowcore.training import Trainer, saved_states, training_set
from glowcore.training.settings import TrainSettings

#: Size of the base: what one core trains in two minutes or so. Its depth is split over three levels.
LEVELS, STEPS_PER_LEVEL, HIDDEN = 3, 4, 32
BASE_VARIANT = "base"


@dataclass(frozen=True)
class Variant:
    """The base with one idea exchanged.

    Attributes:
        idea: what is exchanged.
        label: what for.
        base_label: what the base has there.
        changes: settings of :class:`GlowConfig` that differ from the base's.
    """

    idea: str
    label: str
    base_label: str
    changes: dict[str, Any] = field(default_factory=dict)


#: All variants by name. One level has as many steps as the three levels together.
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
        protocol: all that runs must share to be compared.
        bits_per_dim: of the averaged weights on all held-out pictures.
        images_per_second: training pictures a second of processor time on the CPU (other work on the machine does not
            count), of wall-clock elsewhere.
        round_trip, pixels_changed: of ``decode(encode(x))`` over the held-out pictures.
        skipped: steps whose loss or gradient was not finite.
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


def config_of(variant: str, image_size: int | tuple[int, int], channels: int = 3) -> GlowConfig:
    """Return the config of a variant, or of ``"base"``.

    Raises:
        ConfigError: no such variant, or a size that the base cannot halve so often.
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


def run_all(
    variants: Sequence[str],
    seeds: int,
    images: Tensor,
    held_out: Tensor,
    settings: TrainSettings,
    out: Path,
    *,
    device: torch.device,
    progress: bool = True,
) -> int | None:
    """Train every variant with seeds 0 to ``seeds - 1``; what ``out/runs.jsonl`` holds already is not trained again.

    Seed by seed, so that what is there after an interruption can be compared (:func:`read_runs`).

    Returns:
        The signal that ended a run before its time, None where all are done.

    Raises:
        ConfigError: ``out`` holds runs of another protocol, finished or not, or ``runs.jsonl`` cannot be written.
        TrainingError: a run diverged.
    """
    size, channels = tuple(images.shape[2:]), images.shape[1]
    configs = {name: config_of(name, size, channels) for name in variants}
    protocol = _protocol(config_of(BASE_VARIANT, size, channels), settings, images, held_out)
    known = read_runs(out)
    if any(run.protocol != protocol for run in known):
        raise ConfigError(f"{out} holds runs of other settings or pictures; give the same ones, or another --out")
    finished = {(run.variant, run.seed) for run in known}
    wanted = [(name, seed) for seed in range(seeds) for name in variants if (name, seed) not in finished]
    for name, seed in wanted:
        _check_begun(_folder(out, name, seed), replace(settings, seed=seed), protocol)
    for name, seed in progress_bar(wanted, desc="ablate", unit="run", progress=progress):
        run = _train(
            name,
            configs[name],
            replace(settings, seed=seed),
            images,
            held_out,
            _folder(out, name, seed),
            protocol,
            device,
        )
        if not isinstance(run, Run):
            return run
        known.append(run)
        output.write(out / "runs.jsonl", "".join(json.dumps(asdict(each)) + "\n" for each in known).encode())
        shutil.rmtree(_folder(out, name, seed) / "state")
    return None


def read_runs(out: Path) -> list[Run]:
    """Return the finished runs of a folder, in the order they were made.

    Raises:
        ConfigError: its ``runs.jsonl`` is none.
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
    """Return bits/dim of a variant less those of the base, for every seed that both have."""
    found = {(run.variant, run.seed): run.bits_per_dim for run in runs}
    seeds = sorted(seed for name, seed in found if name == variant and (BASE_VARIANT, seed) in found)
    return [found[variant, seed] - found[BASE_VARIANT, seed] for seed in seeds]


def _folder(out: Path, name: str, seed: int) -> Path:
    return out / "runs" / f"{name}-seed{seed}"


def _check_begun(folder: Path, settings: TrainSettings, protocol: dict[str, Any]) -> None:
    """Raise :class:`ConfigError` where an interrupted run in ``folder`` is of other settings or pictures."""
    if not saved_states.saved_steps(folder / "state"):
        return
    state = saved_states.load_state(folder / "state")
    data = {"training": protocol["images"], "held-out": protocol["held_out"]}
    if (state["settings"], state["data"]) != (asdict(settings), data):
        raise ConfigError(
            f"{folder} holds an interrupted run of other settings or pictures, at step {state['step']}; "
            "give the same ones, or another --out, or delete it"
        )


def _train(
    name: str,
    config: GlowConfig,
    settings: TrainSettings,
    images: Tensor,
    held_out: Tensor,
    folder: Path,
    protocol: dict[str, Any],
    device: torch.device,
) -> Run | int:
    """Train one run, going on with what an interrupted one left; returns the number of a signal that ended it."""
    torch.manual_seed(settings.seed)
    trainer = _Timed(build(config).to(device), images, held_out, settings, folder, progress=False)
    if saved_states.saved_steps(folder / "state"):
        trainer.load_state(saved_states.load_state(folder / "state"))
    before = trainer.images_seen
    trainer.run()
    if trainer.stop_signal is not None:
        return trainer.stop_signal
    model = trainer.averaged.eval()
    found = evaluate(model, held_out)
    # Where an earlier sitting took every step and only the result was missing, its wall-clock has to do.
    images, busy = trainer.images_seen - before, trainer.busy
    rate = images / busy if busy else trainer.images_seen / trainer.seconds
    return Run(
        name,
        settings.seed,
        protocol,
        sum(p.numel() for p in model.parameters()),
        trainer.images_seen,
        found.bits_per_dim,
        found.bits_per_dim_std_error,
        rate,
        found.reconstruction_max_abs_error,
        found.pixels_changed,
        trainer.recovery.skipped,
    )


class _Timed(Trainer):
    """A trainer that adds up the processor time of its steps (off the CPU: wall-clock)."""

    busy = 0.0

    def train_step(self) -> float:
        """Take one step."""
        clock = time.process_time if self.device.type == "cpu" else time.perf_counter
        started = clock()
        loss = super().train_step()
        self.busy += clock() - started
        return loss


def _protocol(base: GlowConfig, settings: TrainSettings, images: Tensor, held_out: Tensor) -> dict[str, Any]:
    """Return, as JSON reads it back, what all runs of a folder share."""
    shared = {
        "base": asdict(base),
        "settings": {**asdict(settings), "seed": None},
        "images": training_set.fingerprint(images, None),
        "held_out": training_set.fingerprint(held_out, None),
    }
    return json.loads(json.dumps(shared))
