"""``evaluate``: bits per dimension and exactness on held-out pictures, or with ``--edits`` the effect of edits."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict

from glowcore import checkpoint
from glowcore.cli import console, edit_report, options
from glowcore.errors import ConfigError
from glowcore.evaluation import evaluate
from glowcore.flow import Flow
from glowcore.heap import keep_heap
from glowcore.text import counted

EXAMPLE = "python -m glowcore evaluate --model pretrained/faces64 --data faces/ --split test --json"


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "evaluate", summary, EXAMPLE)
    options.add_model(p)
    options.add_data(p, split=edit_report.DEFAULT_SPLIT)
    p.add_argument("--batch-size", type=int, default=50, metavar="N", help="pictures per batch (default 50)")
    p.add_argument("--seed", type=int, metavar="N", help="seed of the dequantisation noise (default 0)")
    p.add_argument("--json", action="store_true", help="print the result as JSON to stdout")
    edit_report.add_arguments(p)


def run(args: argparse.Namespace) -> int:
    """Evaluate and return exit code 0."""
    options.check_range("--batch-size", args.batch_size, 1, 1_000_000)
    options.check_goes_with(args, edit_report.ARGUMENTS, "--edits", args.edits)
    if args.edits and args.seed is not None:
        raise ConfigError(f"--seed {args.seed} is of the dequantisation noise, and --edits draws none; leave one out")
    seed = args.seed or 0
    options.check_seed(seed)
    keep_heap()
    if args.edits:
        return edit_report.run(args)
    model = options.load_model(args)
    pictures = options.open_pictures(args, model)
    started = time.perf_counter()
    result = evaluate(
        model,
        pictures.images,
        labels=options.labels(model, pictures, args.data),
        batch_size=args.batch_size,
        seed=seed,
        progress=not args.quiet,
    )
    seconds = time.perf_counter() - started
    bound = "dequantised" if isinstance(model, Flow) else "the evidence lower bound, one draw of the latent"
    if args.json:
        console.print_json(
            {
                **asdict(result),
                "bound": bound,
                "split": args.split,
                "skipped": len(pictures.skipped),
                "seconds": round(seconds, 3),
                "device": str(model.device),
                "model_sha256": checkpoint.fingerprint(args.model),
            }
        )
        return 0
    spread = f" +- {result.bits_per_dim_std_error:.4f}" if result.images > 1 else ""
    print(
        f"{counted(result.images, 'picture')} of split {args.split} in {seconds:.1f} s\n"
        f"bits/dim      {result.bits_per_dim:.4f}{spread} at {result.n_bits} bits (a bound: {bound})\n"
        f"round trip    largest error {result.reconstruction_max_abs_error:.2e}, mean "
        f"{result.reconstruction_mean_abs_error:.2e}, {result.pixels_changed} pixels "
        f"changed at 8 bits, {100 * result.reconstructions_finite:.4g} % finite"
        + (
            f"; {result.beyond_float32} pictures are too much for float32 and would be done again in float64"
            if result.beyond_float32
            else ""
        )
    )
    if result.class_accuracy_generative is not None:
        head = result.class_accuracy_head
        print(
            f"classes       {100 * result.class_accuracy_generative:.1f} % right by argmax p(x|y) p(y)"
            + ("" if head is None else f", {100 * head:.1f} % by the head ({result.class_head_bits:.3f} bits)")
        )
    return 0
