"""``train``: train a model on a folder of pictures."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from glowcore import checkpoint, classes
from glowcore.cli import console, model_options, options, train_report, training_pictures
from glowcore.cli.training_pictures import Splits
from glowcore.devices import pick_device
from glowcore.errors import ConfigError, TrainingError
from glowcore.flow import Flow
from glowcore.heap import keep_heap
from glowcore.likelihood_model import LikelihoodModel
from glowcore.memory import choose_memory
from glowcore.models import CONFIGS, build
from glowcore.models.scale_floor import set_scale_min
from glowcore.origin import inherited
from glowcore.reversible import MEMORY_MODES
from glowcore.storage import output
from glowcore.training import Trainer, run_lock, saved_states
from glowcore.training.distributed import Processes
from glowcore.training.settings import OPTIMIZERS, PRECISIONS, TrainSettings

#: Steps between anchors of ``--memory reversible``, unless ``--anchor-every`` says otherwise.
ANCHOR_EVERY = 8

_WHOLE: dict[str, Any] = {"type": int, "metavar": "N"}
_NUMBER: dict[str, Any] = {"type": float, "metavar": "X"}
#: Keyword arguments of the options for the settings of a run; the help is in :class:`TrainSettings`.
SETTINGS: dict[str, dict[str, Any]] = {
    "steps": _WHOLE,
    "minutes": _NUMBER,
    "batch_size": _WHOLE,
    "accumulate": _WHOLE,
    "optimizer": {"choices": OPTIMIZERS},
    "learning_rate": _NUMBER,
    "warmup_steps": _WHOLE,
    "decay": _NUMBER,
    "clip_norm": _NUMBER,
    "ema_decay": _NUMBER,
    "precision": {"choices": PRECISIONS},
    "class_weight": _NUMBER,
    "seed": _WHOLE,
    "eval_minutes": _NUMBER,
    "eval_pictures": _WHOLE,
}

EXAMPLE = (
    "python -m glowcore train --data faces/ --image-size 64 --num-levels 4 --steps-per-level 8 --hidden-channels 64 "
    "--scale-min 0.1 --minutes 60 --out runs/faces"
)


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "train", summary, EXAMPLE)
    p.add_argument(
        "--data",
        type=options.path,
        required=True,
        metavar="DIR",
        help="folder of pictures (with attributes.csv or class folders), CelebA's own layout, or torchvision:NAME:ROOT",
    )
    p.add_argument(
        "--out", required=True, type=options.path, metavar="DIR", help="folder of the run: model, log, samples, state"
    )
    p.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in --out, keeping its settings unless others are given; bit for bit on a "
        "CPU, to rounding on CUDA, whose convolutions sum in any order",
    )
    p.add_argument(
        "--init-from",
        type=options.path,
        metavar="MODEL",
        help="start from the weights of a model, with a fresh optimizer; "
        "of its settings only --scale-min may be changed. Its data and licence are noted as init_from",
    )
    options.add_skip_broken(p)

    m = p.add_argument_group("model (with --init-from, the defaults are the settings of that model)")
    model_options.add_settings(m)

    t = p.add_argument_group(
        "training (--steps or --minutes is required; with --resume, the defaults are what the run had)"
    )
    for name, reader in SETTINGS.items():
        default = getattr(TrainSettings, name)
        text = options.described(TrainSettings, name) + ("" if default is None else f" (default {default})")
        t.add_argument(f"--{name.replace('_', '-')}", **reader, help=text)
    t.add_argument(
        "--no-flip",
        dest="flip",
        action="store_false",
        default=None,
        help=f"do not {options.described(TrainSettings, 'flip')}",
    )
    t.add_argument(
        "--memory",
        default="auto",
        choices=("auto", *MEMORY_MODES),
        help="which activations a step keeps for the backward pass: all (full), the input of each step of "
        "flow (checkpoint), or only the last output of each level (reversible); auto (default): full "
        "where it takes at most half of the free memory, otherwise reversible, or checkpoint for "
        "models with batch norm",
    )
    t.add_argument(
        "--anchor-every",
        type=int,
        metavar="N",
        help=f"reversible: keep the input of every N-th step as well (default {ANCHOR_EVERY}; 0: of none)",
    )
    options.add_quiet(t)
    options.add_device(t)


def run(args: argparse.Namespace) -> int:
    """Train; exit code 0 at the end of the run, 130 or 143 where a signal stopped it, 1 where training failed."""
    options.set_threads(args.threads)
    keep_heap()
    out = Path(args.out)
    _check_out(args, out)
    state = saved_states.load_state(out / "state") if args.resume else None
    settings = _settings(args, state)
    memory = _memory_mode(args, state)
    processes = Processes.from_environment(device := pick_device(args.device))
    say = console.say if processes.is_first else _silent
    source = out if args.resume else args.init_from
    model = None if source is None else _loaded(args, source)
    config = _config(args) if model is None else model.config
    if state is not None and _is_finished(state, settings):
        say(
            f"the run in {out} has ended at step {state['step']}, nothing is left to do; give a later --steps or "
            "--minutes to go on with it"
        )
        processes.close()
        return 0
    training_pictures.check_elsewhere(args, say, going_on=args.resume)
    pictures = training_pictures.open_splits(args, config.height_width, config.channels, quiet=not processes.is_first)
    if not args.resume:
        config = training_pictures.with_classes(args, config, pictures.train, say, fresh=model is None)
    if model is None:
        torch.manual_seed(settings.seed)
        model = build(config)
    had_attributes = model.attributes is not None  # the trainer drops them
    model.to(torch.device("cuda", torch.cuda.current_device()) if device == torch.device("cuda") else device)
    _set_memory(args, model, memory, state)
    trainer = _trainer(args, model, pictures, settings, processes)
    if memory == "auto":
        model.memory = choose_memory(model, settings.batch_size, trainer.settings.precision)
    if state is not None:
        trainer.load_state(state)
        if args.precision is None:
            _compare_precision(trainer, say)
    if had_attributes:
        say(f"the attributes of {source} belong to its weights as they were; fit them again after training")
    if processes.is_first:
        train_report.say_before(model, len(pictures.train), len(pictures.held_out))
    try:
        trainer.run()
    except TrainingError as error:
        trainer.monitor.close()
        trainer.monitor.say(f"error: {error}")
        return 1
    finally:
        processes.close()
    if processes.is_first:
        train_report.say_after(args, trainer)
    return 0 if trainer.stop_signal is None else 128 + trainer.stop_signal


def _trainer(
    args: argparse.Namespace, model: LikelihoodModel, pictures: Splits, settings: TrainSettings, processes: Processes
) -> Trainer:
    """Return the trainer of a run, before its saved state is loaded."""
    labels = options.labels(model, pictures.train, args.data)
    if labels is not None:
        classes.store_classes(model, labels, pictures.train.class_names)
    return Trainer(
        model,
        pictures.train.images,
        pictures.held_out.images,
        settings,
        args.out,
        labels=labels,
        held_out_labels=options.labels(model, pictures.held_out, args.data),
        pictures_skipped=pictures.skipped,
        processes=processes,
        progress=not args.quiet,
    )


def _compare_precision(trainer: Trainer, say: Callable[[str], None]) -> None:
    """Say where a resumed run keeps another precision than ``auto`` takes on this device."""
    kept, here = trainer.settings.precision, trainer.auto_precision()
    if kept != here:
        say(f"the run keeps its precision, {kept}; here --precision auto chooses {here}")


def _settings(args: argparse.Namespace, state: dict | None) -> TrainSettings:
    """Return the settings of the command line; others have their default or, with ``--resume``, their last value."""
    names = [f.name for f in fields(TrainSettings)]
    overrides = {name: getattr(args, name) for name in names if getattr(args, name, None) is not None}
    ends = {"steps", "minutes"}
    before = {} if state is None else state["settings"]
    if state is not None and (optimizer := before["optimizer"]) != overrides.get("optimizer", optimizer):
        raise ConfigError(
            f"--optimizer {overrides['optimizer']} cannot go on with the state of {optimizer}; leave it out"
        )
    if ends & set(overrides):
        before = {name: value for name, value in before.items() if name not in ends}
    return TrainSettings(**{**before, **overrides})


def _is_finished(state: dict, settings: TrainSettings) -> bool:
    """Return whether a run has reached its end and was evaluated there."""
    evaluated = state["monitor"]["last"].get("step")
    return settings.fraction(state["step"], state["seconds"]) >= 1 and evaluated == state["step"]


def _memory_mode(args: argparse.Namespace, state: dict | None) -> str:
    """Return the given memory mode or that of the resumed run (modes differ by rounding); ``auto`` is neither."""
    mode = args.memory if state is None or args.memory != "auto" else state["memory"]["memory"]
    options.check_goes_with(args, ("anchor_every",), "--memory reversible", mode in ("auto", "reversible"))
    return mode


def _set_memory(args: argparse.Namespace, model: LikelihoodModel, mode: str, state: dict | None) -> None:
    """Set the memory mode, unless it is ``auto``, and the distance of the anchors."""
    if isinstance(model, Flow):
        before = ANCHOR_EVERY if state is None else state["memory"]["anchor_every"]
        model.anchor_every = before if args.anchor_every is None else args.anchor_every
    elif args.anchor_every is not None:
        kind = model.config.model_name
        raise ConfigError(f"--anchor-every {args.anchor_every} is for flows, expected none for a {kind}")
    if mode != "auto":
        model.memory = mode


def _check_out(args: argparse.Namespace, out: Path) -> None:
    if args.resume and args.init_from is not None:
        raise ConfigError(f"--init-from {args.init_from} begins a run, --resume goes on with one; leave one out")
    if args.resume and not (out / "state").is_dir():
        raise ConfigError(f"--resume: {out} holds no run to go on with; leave out --resume to start one")
    output.check_folder(out, "--out")
    run_lock.check_free(out)  # checked again and locked when training begins
    if not args.resume and (out / "config.json").exists():
        raise ConfigError(f"--out {out} holds a model already: use --resume to go on with it, or another folder")
    if not args.resume and (out / "state").exists():
        raise ConfigError(f"--out {out} holds the state of a run whose model is gone; expected another folder")


def _config(args: argparse.Namespace) -> Any:
    """Return the config of a fresh model."""
    kind = args.model or "glow"
    return CONFIGS[kind](**model_options.given_settings(args, kind))


def _silent(line: str) -> None:
    """A stand-in for ``console.say`` in all processes but the first."""


def _loaded(args: argparse.Namespace, source: Path | str) -> LikelihoodModel:
    """Return the model of ``--init-from`` or, with ``--resume``, of the run, after a check of the other options."""
    model = checkpoint.load(source, device="cpu")
    kind = model.config.model_name
    if args.model not in (None, kind):
        raise ConfigError(f"--model {args.model} differs from {kind} of the model in {source}; leave it out")
    overrides = model_options.given_settings(args, kind)
    if not args.resume:
        model.metadata = inherited(model.metadata, model.origin.sha256)
    model.origin = None  # from here on the metadata are those of the run
    if not args.resume and "scale_min" in overrides:
        set_scale_min(model, overrides.pop("scale_min"))
    for name, value in overrides.items():
        stored = getattr(model.config, name)
        if model_options.meaning(name, value, model.config) != model_options.meaning(name, stored, model.config):
            raise ConfigError(
                f"{model_options.typed(name, value)} differs from {model_options.text(name, stored)} of the "
                f"model in {source}; leave it out"
            )
    return model
