"""The settings of a training run, checked before anything is allocated."""

from __future__ import annotations

import math
from dataclasses import dataclass

from glowcore import config_checks as checks
from glowcore.errors import ConfigError

OPTIMIZERS = ("adam", "adamax")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class TrainSettings:
    """Settings of a run, which ends after ``steps`` steps or ``minutes`` of training, whichever comes first.

    One of the two must be given.

    Args:
        batch_size: pictures per step and process, or per micro-batch where there are several.
        optimizer: ``"adam"`` or ``"adamax"``.
        learning_rate: learning rate after warm-up.
        warmup_steps: steps over which the learning rate rises linearly from 0.
        decay: fraction of the run, 0 to 1, at its end, over which the learning rate falls linearly to 0; 0 keeps it
            constant.
        clip_norm: upper bound on the norm of the gradient of bits per dimension; a larger one is scaled down to it.
        ema_decay: decay per step of the averaged weights that are evaluated and saved, in [0, 1); rises to this from
            0.18.
        accumulate: micro-batches per step, whose gradients are averaged.
        precision: precision of the coupling networks, ``"float32"``, ``"bfloat16"`` or ``"auto"``, which is bfloat16
            where the device is faster in it; a run keeps what was chosen. The bijection itself is always float32.
        class_weight: weight of the classification head's cross-entropy (bits per picture) beside bits per dimension,
            for a class-conditional model that has a head; 0 leaves it untrained.
        flip: mirror pictures at random.
        seed: seed of the weights, the order of the pictures, the mirroring and the noise, 0 to 2**32 - 1.
        steps: stop after so many steps, counting earlier sessions of a resumed run.
        minutes: stop after so many minutes of training, counting earlier sessions of a resumed run.
        eval_minutes: minutes of training between evaluations, each of which also saves; one more comes at the end.
        eval_pictures: number of held-out pictures per evaluation.
        max_bad_steps: non-finite steps in a row after which the last saved state is restored at half the learning rate.
        max_restores: restores after which the run gives up.

    Where no range is given, counts are whole numbers from 1 (``warmup_steps`` and ``max_restores`` from 0) and other
    numbers are above 0 (``class_weight`` from 0).

    Raises:
        ConfigError: a value outside these ranges, or neither ``steps`` nor ``minutes``.
    """

    batch_size: int = 32
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    decay: float = 0.0
    clip_norm: float = 50.0
    ema_decay: float = 0.998
    accumulate: int = 1
    precision: str = "auto"
    class_weight: float = 0.01
    flip: bool = True
    seed: int = 0
    steps: int | None = None
    minutes: float | None = None
    eval_minutes: float = 5.0
    eval_pictures: int = 512
    max_bad_steps: int = 5
    max_restores: int = 3

    def __post_init__(self) -> None:
        checks.make_plain(self)
        for name, low in (
            ("batch_size", 1),
            ("accumulate", 1),
            ("warmup_steps", 0),
            ("eval_pictures", 1),
            ("max_bad_steps", 1),
            ("max_restores", 0),
            ("seed", 0),
            ("steps", 1),
        ):
            value = getattr(self, name)
            if not (value is None and name == "steps"):
                checks.check_int(name, value, low, 2**32 - 1)  # torch's CPU generator takes seeds of 32 bits
        for name in ("learning_rate", "clip_norm", "eval_minutes", "minutes"):
            value = getattr(self, name)
            if not (value is None and name == "minutes") and not (checks.is_number(value) and 0 < value < math.inf):
                raise ConfigError(f"{name} is {value!r}, expected a number above 0")
        checks.check_number("class_weight", self.class_weight, math.inf)
        checks.check_number("ema_decay", self.ema_decay, 1)
        if not (checks.is_number(self.decay) and 0 <= self.decay <= 1):
            raise ConfigError(f"decay is {self.decay!r}, expected a fraction of the run, 0 to 1")
        checks.check_bool("flip", self.flip)
        checks.check_choice("optimizer", self.optimizer, OPTIMIZERS)
        checks.check_choice("precision", self.precision, PRECISIONS)
        if self.steps is None and self.minutes is None:
            raise ConfigError("the end of the run is missing, expected steps or minutes (--steps N or --minutes N)")

    def fraction(self, step: int, seconds: float) -> float:
        """Return the completed fraction of the run after ``step`` steps and ``seconds`` of training; 1 is the end."""
        by_steps = step / self.steps if self.steps else 0.0
        return max(by_steps, seconds / (60 * self.minutes) if self.minutes else 0.0)

    def rate(self, step: int, fraction: float) -> float:
        """Return the learning rate of ``step`` (from 1) at ``fraction`` of the run: warm-up, plateau, decay."""
        warm = min(1.0, step / max(1, self.warmup_steps))
        fall = min(1.0, max(0.0, 1 - fraction) / self.decay) if self.decay else 1.0
        return self.learning_rate * warm * fall
