"""``sample``: draw pictures from a model."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from glowcore.captions import caption
from glowcore.cli import class_option, console, options, pictures
from glowcore.errors import ConfigError
from glowcore.grids import grid, sheet_size
from glowcore.latents import Latents
from glowcore.likelihood_model import LikelihoodModel
from glowcore.metadata import USUAL_TEMPERATURE, recommended_temperature
from glowcore.storage import output
from glowcore.temperature import HIGHEST, from_text

EXAMPLE = "python -m glowcore sample --model pretrained/faces64 --seeds 0:16 --temperature 0.7 --out samples.png"
#: Most pictures on a sheet.
MOST = 4096


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "sample", summary, EXAMPLE)
    options.add_model(p)
    p.add_argument(
        "--seeds",
        default="0:16",
        metavar="A:B|N[,N...]",
        help="one picture per seed: A to B - 1, or a list (default 0:16); a seed always gives the same one",
    )
    p.add_argument(
        "--temperature",
        metavar="T[,T...]",
        help="spread of the noise, one number or one per level, finest first (default: the model's, or "
        f"{USUAL_TEMPERATURE})",
    )
    p.add_argument(
        "--compare",
        metavar="T,T[,T...]",
        help="the same seeds at several temperatures, one labelled row each, such as 0.5,0.7,1.0",
    )
    class_option.add(p, every=True)
    p.add_argument(
        "--columns", type=int, metavar="N", help="pictures per row (default: roughly a square, or one per class)"
    )
    p.add_argument("--scale", type=int, default=2, metavar="N", help="enlarge N times, by whole pixels (default 2)")
    p.add_argument("--out", required=True, type=options.path, metavar="FILE", help="sheet to write, .png or .jpg")


@torch.inference_mode()
def run(args: argparse.Namespace) -> int:
    """Sample; exit code 0, or 1 if a picture has values that are not finite and is black on the sheet."""
    out = output.check_path(args.out, pictures.PNG + pictures.JPEG)
    seeds = options.read_seeds(args.seeds, MOST)
    options.check_range("--scale", args.scale, 1, 64)
    if args.columns is not None:
        options.check_range("--columns", args.columns, 1, MOST)
    if args.compare is not None:
        return _compare(args, out, seeds)
    model = options.load_model(args)
    if args.temperature is None:
        temperature = recommended_temperature(model)
    else:
        temperature = from_text(args.temperature, len(model.latent_shapes()), name="--temperature")
    drawn, y = class_option.seeds_and_classes(model, seeds, args.class_name)
    options.check_range("number of pictures", len(drawn), 1, MOST)
    every = len(drawn) // len(seeds)  # classes per seed: 1, except for --class all
    columns = min(args.columns or (every if every > 1 else math.ceil(math.sqrt(len(seeds)))), len(drawn))
    # Refuses a sheet that is too large before the work.
    sheet_size((len(drawn), *model.image_size), columns, args.scale)
    shown, lost = _show(model, model.sample_latents(drawn, temperature, y))
    pictures.save(out, grid(shown, columns=columns, scale=args.scale))
    return _report_lost([drawn[index] for index in lost], len(drawn))


def _compare(args: argparse.Namespace, out: Path, seeds: Sequence[int]) -> int:
    """Draw the sheet of ``--compare``, with one row per temperature and one column per seed; return the exit code."""
    if args.temperature is not None or args.columns is not None:
        raise ConfigError(
            "--compare has its own temperatures and one column per seed, expected no --temperature and "
            "no --columns beside it"
        )
    values = [options.number("--compare", part, 0, HIGHEST) for part in args.compare.split(",")]
    options.check_range("pictures of --compare", len(values) * len(seeds), 1, MOST)
    model = options.load_model(args)
    if class_option.is_every(model, args.class_name):
        raise ConfigError(f"--compare draws one class a sheet, expected no --class {class_option.EVERY}")
    y = class_option.chosen(model, args.class_name)
    sheet_size((len(values) * len(seeds), *model.image_size), len(seeds), args.scale)
    drawn = Latents.cat([model.sample_latents(seeds, value, y) for value in values])
    shown, lost = _show(model, drawn)
    sheet = grid(shown, columns=len(seeds), scale=args.scale)
    pictures.save(out, caption(sheet, [f"{value:g}" for value in values]))
    return _report_lost([seeds[index % len(seeds)] for index in lost], len(drawn))


def _show(model: LikelihoodModel, latents: Latents) -> tuple[np.ndarray, list[int]]:
    """Decode samples for display; return uint8 pictures ``[N, H, W, C]`` and the indices of those that are lost."""
    decoded = pictures.decode(pictures.with_float64(model), latents)
    return pictures.show(model.for_display(batch) for batch in decoded)


def _report_lost(lost: Sequence[int], count: int) -> int:
    """Print the first few seeds whose pictures are lost; return the exit code."""
    if not lost:
        return 0
    first_seeds = ", ".join(map(str, lost[:5])) + (", ..." if len(lost) > 5 else "")
    console.say(
        f"error: {len(lost)} of {count} pictures (of seed {first_seeds}) hold values that are not finite, in float64 "
        "too, and are black; a lower temperature may do"
    )
    return 1
