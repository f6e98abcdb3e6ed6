"""Draw the pictures of docs/how-it-works.md from a photo, with a trained model, and measure what the last one shows.

python examples/draw_how_it_works.py --model pretrained/faces64 --out docs/images

Needs matplotlib. Uses one thread and times by processor time, so other work on the machine does little harm.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

import glowcore
from glowcore import images
from glowcore.errors import GlowcoreError
from glowcore.fused import FusedFlow
from glowcore.latents import Latents
from glowcore.transforms.partition import ChannelHalves, Checkerboard, OddEven
from glowcore.transforms.squeeze import Squeeze

TEMPERATURE = 0.7
SEEDS = 5
REPEATS = 3
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
GREY = 0.5
COLOURS = ("Reds", "Greens", "Blues")


def show(axis, picture: Tensor, title: str, **options) -> None:
    """Show a picture [1 or 3, H, W] with values in [0, 1], its pixels as squares."""
    axis.imshow(picture.clamp(0, 1).permute(1, 2, 0).squeeze(2), vmin=0, vmax=1, interpolation="nearest", **options)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


def panels(rows: int, columns: int, size: float = 1.7):
    """Return a figure of rows x columns panels and the panels."""
    from matplotlib import pyplot  # here, so that its absence is one line

    figure, axes = pyplot.subplots(
        rows, columns, figsize=(size * columns, (size + 0.25) * rows), squeeze=False, layout="constrained"
    )
    return figure, axes


def draw_squeeze(photo: Tensor, **_):
    """A photo, its corner enlarged, and the twelve channels that a squeeze makes of it."""
    figure, axes = panels(3, 6)
    squeezed, _ = Squeeze()(photo[None])
    for axis in axes.flat:
        axis.set_axis_off()
    show(axes[0, 0], photo, f"photo\n3 x {photo.shape[1]} x {photo.shape[2]}")
    top, left = photo.shape[1] // 3, photo.shape[2] // 4
    corner = photo[:, top : top + 8, left : left + 8]
    show(axes[1, 0], corner, "8 x 8 of it, in\n2 x 2 blocks")
    for line in (1.5, 3.5, 5.5):
        axes[1, 0].axhline(line, color="white", linewidth=1)
        axes[1, 0].axvline(line, color="white", linewidth=1)
    corners = ("upper left", "upper right", "lower left", "lower right")
    for channel, plane in enumerate(squeezed[0]):
        colour, corner = divmod(channel, 4)
        axis = axes[colour, 2 + corner]
        show(axis, plane[None], f"channel {channel}\n{'RGB'[colour]}, {corners[corner]}", cmap=f"{COLOURS[colour]}_r")
    axes[1, 1].text(0.5, 0.5, "squeeze\n→", ha="center", va="center", fontsize=13)
    height, width = squeezed.shape[2:]
    axes[2, 0].text(0.5, 0.5, f"12 x {height} x {width}\nlog-det 0", ha="center", va="center")
    return figure


def draw_masks(photo: Tensor, **_):
    """What a coupling's network sees, and what it moves, under the masks of the three papers."""
    size, shape = tuple(photo.shape[1:]), tuple(photo.shape)
    halves = {
        "NICE: values of even\nand odd index": OddEven(shape),
        "Real NVP: checkerboard": Checkerboard(size),
        "Real NVP and Glow:\nchannels, after a squeeze": ChannelHalves(),
    }
    figure, axes = panels(len(halves), 3, size=2.4)
    for row, (name, partition) in zip(axes, halves.items(), strict=True):
        x = Squeeze()(photo[None])[0] if isinstance(partition, ChannelHalves) else photo[None]
        stays, moves = partition.halve(torch.ones_like(x))
        mask = partition.join(torch.ones_like(stays), torch.zeros_like(moves))
        for axis, kept, title in ((row[1], mask, "the network sees"), (row[2], 1 - mask, "and moves")):
            shown = x * kept + GREY * (1 - kept)
            show(axis, Squeeze().inverse(shown)[0][0] if x.shape[1] > 3 else shown[0], title)
        show(row[0], photo, name)
    return figure


@torch.no_grad()
def draw_levels(photo: Tensor, model: glowcore.Flow, **_):
    """Every level of a photo's latents drawn anew, alone, at a temperature; and the levels forgotten one by one."""
    latents = model.encode(photo[None])
    drawn = model.sample_latents(range(SEEDS), TEMPERATURE)
    count = len(latents.levels)
    figure, axes = panels(count + 1, SEEDS + 1)
    for level in range(count):
        c, h, w = latents.levels[level].shape[1:]
        anew = model.decode(latents.repeat(SEEDS).mixed(drawn, [level]))
        name = "level 0, the finest" if level == 0 else f"level {level}"
        share = 100 * c * h * w / model.num_dims
        show(axes[level, 0], model.decode(latents)[0], f"{name}:\n{c} x {h} x {w}, {share:.1f} %")
        for seed, picture in enumerate(anew):
            show(axes[level, 1 + seed], picture, f"drawn anew, seed {seed}" if level == 0 else "")
    expected = model.sample_latents([0], 0.0)
    for axis in axes[count]:
        axis.set_axis_off()
    for kept in range(min(count + 1, SEEDS + 1)):
        only = latents.mixed(expected, range(count - kept))
        show(axes[count, kept], model.decode(only)[0], f"{kept} coarsest\nlevels kept")
    return figure


@torch.no_grad()
def level_changes(photos: Tensor, model: glowcore.Flow) -> list[dict]:
    """Return how far a picture moves when one level is drawn anew: the median over pictures of the root mean square, in
    steps of 8 bits.

    ``coarse`` is the same of pictures averaged over 8 x 8 blocks: what one sees from afar. ``ran_away`` is in how many
    pictures a value moves by more than ten times the range, or out of all numbers.
    """
    latents = model.encode(photos)
    drawn = model.sample_latents(range(len(photos)), TEMPERATURE)
    rows = []
    for level in range(len(latents.levels)):
        change = 255 * (model.decode(latents.mixed(drawn, [level])) - photos)
        coarse = torch.nn.functional.avg_pool2d(change, 8)
        rows.append(
            {
                "level": level,
                "numbers": latents.levels[level][0].numel(),
                "change": float(root_mean_square(change).median()),
                "coarse": float(root_mean_square(coarse).median()),
                "ran_away": int((change.abs().amax(dim=(1, 2, 3)).nan_to_num(torch.inf) > 2550).sum()),
            }
        )
    return rows


def root_mean_square(values: Tensor) -> Tensor:
    """Return one number a picture; what is no number counts as infinite."""
    return values.square().mean(dim=(1, 2, 3)).sqrt().nan_to_num(torch.inf)


def milliseconds(work: Callable[[], object]) -> float:
    """Return the median processor time of a call."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append(1000 * (time.process_time() - start))
    return statistics.median(times)


@torch.inference_mode()
def both_ways(photos: Tensor, model: glowcore.Flow) -> list[dict]:
    """Return the time a picture takes in both directions, at every batch size, by the fast form of the model."""
    fast = FusedFlow(model, backend="torch")
    rows = []
    for batch in BATCHES:
        pictures = photos.repeat(-(-batch // len(photos)), 1, 1, 1)[:batch]
        latents: Latents = fast.encode(pictures)
        rows.append(
            {
                "batch": batch,
                "encode_ms": milliseconds(lambda pictures=pictures: fast.encode(pictures)) / batch,
                "decode_ms": milliseconds(lambda latents=latents: fast.decode(latents)) / batch,
            }
        )
    return rows


def draw_parallel(both: list[dict], model: glowcore.Flow, **_):
    """Time a picture in both directions against the batch, and the one over the other."""
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    batches = [row["batch"] for row in both]
    for way, words in (("encode_ms", "inference (encode)"), ("decode_ms", "synthesis (decode)")):
        left.plot(batches, [row[way] for row in both], "o-", label=words)
    left.set(xscale="log", xlabel="batch", ylabel="ms of one core, a picture", ylim=(0, None))
    left.set_title(f"{model.config.model_name}, {model.image_size[0]} x {model.image_size[1]}, float32", fontsize=10)
    right.plot(batches, [row["decode_ms"] / row["encode_ms"] for row in both], "o-", color="tab:green")
    right.set(xscale="log", xlabel="batch", ylim=(0, 2), title="time of synthesis over that of inference")
    right.title.set_fontsize(10)
    right.axhline(1, color="black", linewidth=0.8)
    for axis in (left, right):
        axis.set_xticks(batches, batches)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    left.legend()
    return figure


FIGURES = {"squeeze": draw_squeeze, "masks": draw_masks, "levels": draw_levels, "parallel": draw_parallel}


def main() -> None:
    """Draw what is asked for; the numbers behind it go to stdout as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=Path, help="a model folder with a gallery")
    parser.add_argument("--photo", default="face_02.jpg", help="picture of its gallery to draw with")
    parser.add_argument("--out", required=True, type=Path, help="folder of the pictures how-NAME.png, made if missing")
    parser.add_argument("--only", nargs="+", choices=list(FIGURES), default=list(FIGURES))
    args = parser.parse_args()
    from matplotlib import pyplot

    torch.set_num_threads(1)
    model = glowcore.load(args.model, device="cpu")
    names = sorted(path for path in (args.model / "gallery").iterdir() if path.suffix in (".jpg", ".png"))
    if args.photo not in (known := [path.name for path in names]):
        parser.error(f"--photo {args.photo} is not in {args.model}/gallery, expected one of {', '.join(known)}")
    args.out.mkdir(parents=True, exist_ok=True)
    gallery = images.to_tensor([images.fit(images.load(path, channels=3), model.image_size) for path in names])
    photo = gallery[known.index(args.photo)]
    numbers: dict[str, list[dict]] = {}
    if "levels" in args.only:
        numbers["levels"] = level_changes(gallery, model)
    if "parallel" in args.only:
        numbers["both"] = both_ways(gallery, model)
    for name in args.only:
        figure = FIGURES[name](photo=photo, model=model, **numbers)
        figure.savefig(args.out / f"how-{name}.png", dpi=100)
        pyplot.close(figure)
    print(json.dumps(numbers, indent=2))


if __name__ == "__main__":
    try:
        main()
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        sys.exit("error: matplotlib, which draws, is not installed; pip install matplotlib")
    except (GlowcoreError, OSError) as error:
        sys.exit(f"error: {error}")
