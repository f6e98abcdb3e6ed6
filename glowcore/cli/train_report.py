"""The messages of ``train`` before and after a run: the data, and the commands that continue from there."""

from __future__ import annotations

import argparse
import math
import shlex

from torch import nn

from glowcore import classes
from glowcore.cli import console
from glowcore.training import Trainer

SAMPLES = "samples.png"


def say_before(model: nn.Module, pictures: int, held_out: int) -> None:
    """Print the numbers of pictures and parameters."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    console.say(f"{pictures} pictures to train on, {held_out} held out; {parameters:,} parameters")


def say_after(args: argparse.Namespace, trainer: Trainer) -> None:
    """Print where the model is and the commands that continue with it, at the end of a run or after a stop."""
    s = trainer.settings
    if trainer.fraction >= 1 and trainer.step < s.warmup_steps:
        console.say(
            f"the run ended at step {trainer.step} of {s.warmup_steps} of warm-up, before the learning rate reached "
            f"{s.learning_rate:g}; train longer, or give a lower --warmup-steps"
        )
    status = "not saved since the last good evaluation" if trainer.recovery.bad_evaluations else "saved"
    console.say(f"{status}, in {args.out}; to go on, and to look at it:")
    for words in (_resume(args, trainer), *_next(args, trainer)):
        console.say(f"  {shlex.join(words)}")


def _resume(args: argparse.Namespace, trainer: Trainer) -> list[str]:
    count = trainer.processes.world_size
    start = ["python"] if count == 1 else ["torchrun", "--nproc-per-node", str(count)]
    words = [*start, "-m", "glowcore", "train", *_data(args), "--out", args.out, "--resume"]
    if trainer.fraction >= 1:  # a finished run resumes only with a later end
        s = trainer.settings
        by_steps = s.steps is not None and trainer.step >= s.steps
        if by_steps:
            words += ["--steps", str(2 * trainer.step)]
        else:  # a run that was resumed with an earlier end may be far past it
            past = trainer.seconds >= 120 * s.minutes
            minutes = math.ceil(trainer.seconds / 60) if past else s.minutes
            words += ["--minutes", f"{2 * minutes:g}"]
    return words


def _next(args: argparse.Namespace, trainer: Trainer) -> list[list[str]]:
    every = ["--class", "all"] if classes.num_classes(trainer.model) else []
    start = ["python", "-m", "glowcore"]
    return [
        [*start, "evaluate", "--model", args.out, *_data(args)],
        [*start, "sample", "--model", args.out, *every, "--out", SAMPLES],
    ]


def _data(args: argparse.Namespace) -> list[str]:
    return ["--data", args.data, *(["--skip-broken"] if args.skip_broken else [])]
