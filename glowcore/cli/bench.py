"""``bench``: measure speed, compared with the limits of this machine, and memory."""

from __future__ import annotations

import argparse
import dataclasses
from importlib.util import find_spec
from typing import Any

from glowcore.benchmarks.configs import BENCH_CONFIGS
from glowcore.benchmarks.memory import DEFAULT_STEPS, STEPS_PER_LEVEL
from glowcore.cli import console, options
from glowcore.devices import pick_device
from glowcore.errors import ConfigError
from glowcore.heap import keep_heap
from glowcore.reversible import MEMORY_MODES
from glowcore.storage.output import check_path

EXAMPLE = "python -m glowcore bench speed --config A --threads 1\n  python -m glowcore bench memory --plot memory.png"
#: Pictures of a training step of each config unless ``--batch`` says otherwise.
BATCHES = {"A": 32, "B": 16, "C": 8}


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "bench", summary, EXAMPLE)
    p.add_argument("what", choices=("speed", "memory"), help="what to measure")
    p.add_argument(
        "--config",
        choices=tuple(BENCH_CONFIGS),
        default="A",
        help="; ".join(map(_described, BENCH_CONFIGS)) + " (default %(default)s)",
    )
    batches = ", ".join(f"{name} {batch}" for name, batch in BATCHES.items())
    p.add_argument("--batch", type=int, metavar="N", help=f"batch size of a training step (default {batches})")
    p.add_argument(
        "--depths",
        type=options.int_per_level,
        metavar="K[,K...]",
        help=f"memory: steps per level to try (default {','.join(map(str, STEPS_PER_LEVEL))})",
    )
    p.add_argument(
        "--modes",
        type=lambda text: text.split(","),
        metavar="MODE[,MODE...]",
        help=f"memory: modes to try (default {','.join(MEMORY_MODES)})",
    )
    p.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help=f"memory: training steps per measurement, 2 or more (default {DEFAULT_STEPS})",
    )
    p.add_argument("--plot", type=options.path, metavar="PNG", help="memory: draw the result (needs matplotlib)")
    p.add_argument("--json", action="store_true", help="print the result as JSON to stdout")
    options.add_device(p)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table or JSON, and return exit code 0."""
    options.set_threads(args.threads)
    device = pick_device(args.device)
    batch = BATCHES[args.config] if args.batch is None else args.batch
    options.check_range("--batch", batch, 1, 65_536)
    result = _speed(args, device, batch) if args.what == "speed" else _memory(args, device, batch)
    if args.json:
        console.print_json({**result, "rows": [dataclasses.asdict(row) for row in result["rows"]]})
    return 0


def _described(name: str) -> str:
    config = BENCH_CONFIGS[name]
    size = "x".join(map(str, config.height_width))
    return f"{name}: {size} L{config.num_levels} K{config.steps_per_level} hidden {config.hidden_channels}"


def _speed(args: argparse.Namespace, device, batch: int) -> dict[str, Any]:
    from glowcore.benchmarks.speed import measure_speed
    from glowcore.fused.onnx_backend import OnnxBackend

    for name in ("depths", "modes", "steps", "plot"):
        if getattr(args, name) is not None:
            raise ConfigError(f"--{name} belongs to bench memory, bench speed has no use for it; leave it out")
    keep_heap()
    backends = ["torch"]
    if device.type == "cuda":
        backends.append("cudagraphs")
    elif device.type == "cpu" and (missing := OnnxBackend.missing()):
        console.say(f"without onnxruntime: not installed: {', '.join(missing)}")
    elif device.type == "cpu":
        backends.append("onnxruntime")
    result = measure_speed(args.config, device=device, train_batch=batch, backends=backends, progress=True)
    if not args.json:
        limits = result["conv_gflops_per_second"]
        print(
            f"config {args.config}: {result['mflop_per_image']:.0f} MFLOP per picture one way; {result['device']}, "
            f"{result['threads']} threads; limit (3x3 convolution) {limits['float32']:.0f} GFLOP/s float32, "
            f"{limits['bfloat16']:.0f} bfloat16"
        )
        print(f"{'':28}{'batch':>6}{'nets':>10}{'ms':>10}{'images/s':>10}{'floor ms':>10}{'ratio':>7}  floor of")
        for r in result["rows"]:
            print(
                f"{r.what:28}{r.batch:6}{r.dtype:>10}{r.milliseconds:10.2f}{r.images_per_second:10.1f}"
                f"{r.floor_ms:10.2f}{r.ratio:7.2f}  {r.floor}"
            )
    return result


def _memory(args: argparse.Namespace, device, batch: int) -> dict[str, Any]:
    from glowcore.benchmarks.memory import measure_memory, plot

    depths = STEPS_PER_LEVEL if args.depths is None else args.depths
    depths = (depths,) if isinstance(depths, int) else depths
    for depth in depths:
        options.check_range("--depths", depth, 1, 1024)  # what Glow takes
    modes = MEMORY_MODES if args.modes is None else args.modes
    for mode in modes:
        if mode not in MEMORY_MODES:
            raise ConfigError(f"--modes: {mode!r} is not one of {', '.join(MEMORY_MODES)}")
    steps = DEFAULT_STEPS if args.steps is None else args.steps
    options.check_range("--steps", steps, 2, 10_000)
    target = None if args.plot is None else check_path(args.plot, (".png",))
    if target is not None and find_spec("matplotlib") is None:
        raise ConfigError("--plot needs matplotlib, which is not installed (requirements-dev.txt has it)")
    result = measure_memory(
        args.config, device=device, batch=batch, depths=depths, modes=modes, steps=steps, progress=True
    )
    if target is not None:
        plot(result, target)
    if not args.json:
        print(
            f"{'':32}{'K':>5}{'saved MB':>10}{'peak MB':>10}{'in all MB':>10}{'level MB':>10}{'s/step':>8}"
            "  gradient error"
        )
        for r in result["rows"]:
            print(
                f"{r.memory:32}{r.steps_per_level:5}{r.saved / 1e6:10.1f}{r.peak / 1e6:10.1f}"
                f"{r.resident / 1e6:10.1f}{r.largest_level / 1e6:10.1f}{r.seconds:8.2f}  {r.gradient_error:.1e}"
            )
    return result
