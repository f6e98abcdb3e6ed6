"""``interpolate``: walk between two pictures, as a strip or a film."""

from __future__ import annotations

import argparse

import torch

from glowcore import films
from glowcore.cli import class_option, console, options, pictures
from glowcore.errors import ConfigError
from glowcore.exact import MOST_OUT_OF_RANGE
from glowcore.grids import grid, sheet_size
from glowcore.storage import output

EXAMPLE = (
    "python -m glowcore interpolate --model pretrained/faces64 --from a.png --to b.png --frames 60 --spherical "
    "--out film.mp4"
)
FILMS = (".mp4", ".gif")
#: Pixels of a film's shorter side unless ``--side`` says otherwise.
SIDE = 256
#: Number of pictures unless ``--frames`` says otherwise.
FILM_FRAMES, STRIP_FRAMES = 60, 9


def add_parser(commands, summary: str) -> None:
    """Add the command's arguments."""
    p = options.command(commands, "interpolate", summary, EXAMPLE)
    options.add_model(p)
    p.add_argument(
        "--from", dest="first", required=True, type=options.path, metavar="PICTURE", help="picture to start from"
    )
    p.add_argument("--to", dest="last", required=True, type=options.path, metavar="PICTURE", help="picture to end at")
    p.add_argument(
        "--frames",
        type=int,
        metavar="N",
        help=f"number of pictures, both ends included (default: film {FILM_FRAMES}, strip {STRIP_FRAMES})",
    )
    p.add_argument("--spherical", action="store_true", help="follow an arc in each level instead of a straight line")
    p.add_argument("--loop", action="store_true", help="film: there and back again")
    p.add_argument("--rate", type=float, help=f"film: frames per second (default {films.RATE})")
    p.add_argument(
        "--side", type=int, metavar="N", help=f"film: enlarge until the shorter side has N pixels (default {SIDE})"
    )
    class_option.add(p)
    p.add_argument(
        "--out", required=True, type=options.path, metavar="FILE", help=".mp4, .gif, or a strip as .png or .jpg"
    )


@torch.inference_mode()
def run(args: argparse.Namespace) -> int:
    """Interpolate; exit code 0, or 1 without output if a frame leaves the range of the model."""
    out = output.check_path(args.out, FILMS + pictures.PNG + pictures.JPEG)
    options.check_no_input(out, "--from", args.first)
    options.check_no_input(out, "--to", args.last)
    film = out.suffix.lower() in FILMS
    count = (FILM_FRAMES if film else STRIP_FRAMES) if args.frames is None else args.frames
    options.check_range("--frames", count, 2, 10_000)
    film_options = {"loop": args.loop or None, "rate": args.rate, "side": args.side}
    film_options = [name for name, value in film_options.items() if value is not None]
    if film_options and not film:
        raise ConfigError(
            f"--{film_options[0]} belongs to films and {out.name} is a strip; leave it out, or end --out in "
            + " or ".join(FILMS)
        )
    rate, side = films.RATE if args.rate is None else args.rate, SIDE if args.side is None else args.side
    is_gif = out.suffix.lower() == ".gif"
    options.check_range("--rate of a .gif" if is_gif else "--rate", rate, 1, films.GIF_RATE if is_gif else 120)
    options.check_range("--side", side, 16, 2048)
    if film and not is_gif and side % 2:
        raise ConfigError(f"--side is {side}, expected an even number for an .mp4, or a .gif")
    model = options.load_flow(args)
    if not film:
        sheet_size((count, *model.image_size), count)  # refuses a strip that is too large before the work
    exact, y = pictures.with_float64(model), class_option.chosen(model, args.class_name)
    first, last = (pictures.encode(exact, path, y) for path in (args.first, args.last))
    path = first.interpolate(last, torch.linspace(0, 1, count), spherical=args.spherical)
    frames, lost = pictures.show(pictures.decode(exact, path), MOST_OUT_OF_RANGE)
    if lost:
        console.say(
            f"error: {len(lost)} of {count} frames have left the model's range, with values that are not "
            f"finite or more than {MOST_OUT_OF_RANGE:g} outside of 0 to 1, in float64 too; nothing is written"
        )
        return 1
    if not film:
        pictures.save(out, grid(frames, columns=count))
        return 0
    film_frames = [films.enlarge(frame, side) for frame in frames]
    film_frames = films.there_and_back(film_frames) if args.loop else film_frames
    output.write(out, (films.gif if is_gif else films.mp4)(film_frames, rate))
    shown_rate = 1000 / films.gif_duration(rate) if is_gif else rate  # a GIF counts in hundredths of a second
    console.say(f"wrote {out} ({len(film_frames)} frames, {shown_rate:.3g} per second)")
    return 0
