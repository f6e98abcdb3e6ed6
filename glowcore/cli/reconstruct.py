"""``reconstruct``: encode and decode pictures, and show the difference."""

from __future__ import annotations

import argparse
import math
from typing import Any

import numpy as np
import torch

from glowcore import images
from glowcore.cli import class_option, console, options, pictures
from glowcore.errors import ConfigError
from glowcore.exact import ExactFlow
from glowcore.grids import grid
from glowcore.image_difference import amplified, pixels_changed
from glowcore.latents import Latents
from glowcore.likelihood import NOISE_SEED
from glowcore.likelihood_model import LikelihoodModel
from glowcore.storage import output
from glowcore.temperature import from_text
from glowcore.text import printable

EXAMPLE = "python -m glowcore reconstruct --model pretrained/faces64 --image a.png --image b.png --out rows.png"


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "reconstruct", summary, EXAMPLE)
    options.add_model(p)
    p.add_argument(
        "--image",
        required=True,
        action="extend",
        nargs="+",
        type=options.path,
        metavar="PICTURE",
        help="one or more pictures",
    )
    p.add_argument(
        "--levels",
        type=int,
        metavar="K",
        help="keep only the latents of the K coarsest levels, and set the finer ones to zero",
    )
    p.add_argument(
        "--temperature", metavar="T", help="with --levels: draw the finer levels at this temperature instead"
    )
    p.add_argument("--seed", type=int, metavar="N", help="with --temperature: seed of the first picture (default 0)")
    p.add_argument(
        "--amplify",
        metavar="X",
        help="factor by which the difference is amplified (default: the power of ten that makes it visible)",
    )
    p.add_argument("--scale", type=int, default=2, metavar="N", help="enlarge N times, by whole pixels (default 2)")
    class_option.add(p)
    p.add_argument("--json", action="store_true", help="print the numbers as JSON to stdout")
    p.add_argument(
        "--out",
        type=options.path,
        required=True,
        metavar="FILE",
        help="sheet to write, .png or .jpg: one row per picture, original | reconstruction | difference",
    )


@torch.inference_mode()
def run(args: argparse.Namespace) -> int:
    """Reconstruct; exit code 0, or 1 if a reconstruction has values that are not finite and is black on the sheet."""
    out = output.check_path(args.out, pictures.PNG + pictures.JPEG)
    options.check_no_input(out, "--image", *args.image)
    options.check_range("--scale", args.scale, 1, 64)
    options.check_goes_with(args, ("seed",), "--temperature", args.temperature is not None)
    options.check_goes_with(args, ("temperature",), "--levels", args.levels is not None)
    seed = args.seed or 0
    options.check_seed(seed)
    gain = None if args.amplify is None else options.number("--amplify", args.amplify, 0, 1e12)
    model = options.load_model(args)
    y = class_option.chosen(model, args.class_name)
    originals = pictures.load(args.image, model)
    exact = pictures.with_float64(model)
    backs, rows = [], []
    for index, picture in enumerate(originals.split(1)):  # one at a time, as in the application
        encoded = exact.round_trip(picture, y)[0] if isinstance(exact, ExactFlow) else model.encode(picture)
        latents = _kept(model, encoded, args, seed=seed + index)
        backs.append(exact.decode(latents).cpu())
        noise = torch.Generator().manual_seed(NOISE_SEED)
        rows.append(
            {
                "image": str(args.image[index]),
                "float64": isinstance(exact, ExactFlow) and exact.retried(encoded),
                "bits_per_dim": float(exact.bits_per_dim(picture, y, generator=noise)),
                "n_bits": model.config.n_bits,
            }
        )
    shown, lost = pictures.show(backs)
    before = images.to_uint8(originals)
    # The reference is the float32 input, so that a float64 result is not charged with its rounding.
    errors = [back.double() - picture / 255 for back, picture in zip(backs, originals.split(1), strict=True)]
    error = torch.cat(errors).nan_to_num(nan=torch.inf).permute(0, 2, 3, 1).numpy()
    for index, row in enumerate(rows):
        row["reconstruction_max_abs_error"] = float(np.abs(error[index]).max())
        row["pixels_changed"] = pixels_changed(shown[index], before[index])
    gain = _visible(error) if gain is None else gain
    difference = amplified(error.clip(-1e9, 1e9), 255 * gain)
    triples = np.stack([before, shown, difference], axis=1)
    pictures.save(out, grid(triples.reshape(-1, *triples.shape[2:]), columns=3, scale=args.scale))
    if args.json:
        console.print_json({"pictures": rows, "difference_amplified_by": gain})
    else:
        for row in rows:
            print(_words(row))
        console.say(f"the difference is amplified {gain:g} times; grey where there is none")
    if lost:
        names = ", ".join(printable(rows[index]["image"]) for index in lost[:5])
        console.say(
            f"error: {len(lost)} of {len(rows)} reconstructions hold values that are not finite, in float64 "
            f"too, and are black: {names}{', ...' if len(lost) > 5 else ''}"
        )
    return 1 if lost else 0


def _words(row: dict[str, Any]) -> str:
    """Return the result of one picture in a line."""
    return (
        f"{printable(row['image'])}: largest error {row['reconstruction_max_abs_error']:.2e}, "
        f"{row['pixels_changed']} pixels changed at 8 bits, {row['bits_per_dim']:.3f} bits/dim at "
        f"{row['n_bits']} bits{', in float64, for float32 was not enough' if row['float64'] else ''}"
    )


def _kept(model: LikelihoodModel, latents: Latents, args: argparse.Namespace, seed: int) -> Latents:
    """Return the latents of one picture with all but the K coarsest levels set to zero or to a random sample."""
    count = len(latents.levels)
    if args.levels is None:
        return latents
    if not 0 <= args.levels <= count:
        raise ConfigError(f"--levels is {args.levels}, expected 0 to {count}, the levels of this model")
    temperature = 0.0 if args.temperature is None else from_text(args.temperature, count, name="--temperature")
    drawn = model.sample_latents([seed], temperature)
    return latents.mixed(drawn, range(count - args.levels))


def _visible(error: np.ndarray) -> float:
    """Return the largest power of ten, at least 1, that keeps the amplified error within half the range of grey."""
    largest = float(np.abs(error[np.isfinite(error)]).max(initial=0.0))
    return 10.0 ** max(0, math.floor(math.log10(0.5 / largest))) if largest > 0 else 1.0
