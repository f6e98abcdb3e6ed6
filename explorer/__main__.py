"""`python -m explorer render`: what the application shows, without the application. `map`: makes a model's map.
`faces`: in how many samples a face is found. `photos`: a folder of photos through the whole way."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from explorer import export, face_check, models, photo_trial
from explorer.gallery import Gallery
from explorer.latent_map import LatentMap
from explorer.photos import Photo
from explorer.recipe import EditRecipe
from explorer.sources import aligned_picture
from explorer.temperatures import in_words
from glowcore import checkpoint, output
from glowcore.attribute_table import PICTURE_SUFFIXES
from glowcore.data import open_dataset
from glowcore.errors import CheckpointError, ConfigError, GlowcoreError, ImageError

EXAMPLE = """example:
  python -m explorer render --recipe WzEsWyJzIiwiNyJdLHt9LFtdLFs3MF0sIiJd --out face.png
  python -m explorer render --recipe TOKEN --image holiday.jpg --out face.png
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m explorer", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    render = commands.add_parser(
        "render",
        help="render an edit to a PNG",
        description="Render a recipe, the token that the application keeps in its address and in every PNG it exports.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    render.add_argument(
        "--recipe", required=True, metavar="TOKEN", help="what follows ?s= in the application's address"
    )
    render.add_argument("--image", type=Path, metavar="PHOTO", help="the photo, where the recipe starts from one")
    render.add_argument("--model", metavar="NAME", help="such as pretrained/faces64; by default the recipe's own model")
    render.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")
    render.add_argument("--out", type=Path, required=True, metavar="PNG", help="file to write")
    chart = commands.add_parser("map", help="make a model's map from a folder of pictures")
    chart.add_argument("--model", required=True, metavar="NAME", help="such as pretrained/faces64")
    chart.add_argument("--data", required=True, metavar="DIR", help="folder of pictures that may be passed on")
    chart.add_argument("--split", default="test", help="train, valid, test (default) or all")
    chart.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")
    faces = commands.add_parser("faces", help="count the samples in which a face is found")
    faces.add_argument("--model", required=True, metavar="NAME", help="such as pretrained/faces64")
    faces.add_argument("--seeds", type=int, default=1000, metavar="N", help="seeds 0 to N - 1 (default 1000)")
    faces.add_argument(
        "--temperature", metavar="T[,T...]", help="temperatures to try, one after another (default: the model's)"
    )
    faces.add_argument("--data", required=True, metavar="DIR", help="folder of real pictures to compare with")
    faces.add_argument("--split", default="test", help="train, valid, test (default) or all")
    trial = commands.add_parser("photos", help="take a folder of photos through the whole way")
    trial.add_argument("--model", required=True, metavar="NAME", help="such as pretrained/faces64")
    trial.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of uncropped photos")
    trial.add_argument("--strength", type=float, default=2.0, help="of the edits, one an attribute (default 2)")
    return top


def try_photos(name: str, folder: Path, strength: float) -> None:
    """Print what becomes of the photos in a folder."""
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise ConfigError(f"--data {folder} holds no photos ({', '.join(PICTURE_SUFFIXES)})")
    engine = models.open_engine(models.find(name))
    print(photo_trial.summary([photo_trial.try_photo(engine, path, strength) for path in tqdm(paths, disable=None)]))


def count_faces(name: str, seeds: int, temperatures: str | None, data: str, split: str) -> None:
    """Print the share of samples, and of real pictures, in which the detector finds a face."""
    if seeds < 1:
        raise ConfigError(f"--seeds is {seeds}, expected 1 or more")
    engine = models.open_engine(models.find(name))
    try:
        chosen = [(float(part),) for part in temperatures.split(",")] if temperatures else [engine.temperature]
    except ValueError:
        raise ConfigError(f"--temperature is {temperatures!r:.40}, expected numbers such as 0.7 or 0.5,0.7") from None
    real = open_dataset(data, image_size=engine.size, split=split).images.permute(0, 2, 3, 1).numpy()
    print(f"score >= {face_check.SCORE}, pictures enlarged {face_check.ENLARGE} times")
    for temperature in chosen:
        found = [face_check.has_face(picture) for picture in engine.sample(range(seeds), temperature)]
        missed = [str(seed) for seed, yes in enumerate(found) if not yes]
        print(f"a face in {np.mean(found):.1%} of {seeds} samples at temperature {in_words(temperature)}"
              + (f"; none at the seeds {','.join(missed[:16])}" if missed else ""))
    print(f"a face in {np.mean([face_check.has_face(picture) for picture in real]):.1%} of {len(real)} real pictures")


def make_map(name: str, data: str, split: str, device: str) -> None:
    """Encode a set of pictures and write `map.safetensors` into the model's folder."""
    entry = models.find(name)
    engine = models.open_engine(entry, device)
    found = open_dataset(data, image_size=engine.size, split=split)
    pictures = found.images.permute(0, 2, 3, 1).contiguous().numpy()
    path = LatentMap.build(engine, pictures, found.attributes.numpy(), found.attribute_names).save(entry.folder)
    print(f"{path}: {len(found)} pictures, {path.stat().st_size / 1e6:.1f} MB", file=sys.stderr)


def render(token: str, image: Path | None, model: str | None, device: str, out: Path) -> None:
    """Render `token` to `out`; every mistake is a GlowcoreError."""
    recipe = EditRecipe.from_token(token)
    entry = models.find(model) if model else _model_of(recipe)
    photo = Photo.read(_bytes(image)) if image is not None else None
    if photo is not None and recipe.source.value != photo.key:
        print("note: the recipe was made for another picture; its moves are applied to this one", file=sys.stderr)
        recipe = replace(recipe, source=photo.source)
    engine = models.open_engine(entry, device)
    recipe = replace(recipe, model=engine.model_hash)
    picture = aligned_picture(recipe.source, engine, Gallery(entry.folder / "gallery"), photo)
    data = export.to_png(engine.render(recipe, picture).picture, recipe)
    output.write(out, data)


def _model_of(recipe: EditRecipe) -> models.ModelEntry:
    """The listed model a recipe was made with; any model for a recipe that names none."""
    entries = [e for e in models.listed() if e.usable]
    if not entries:
        raise CheckpointError(f"no model found in pretrained/ or runs/ of {models.home()}")
    if not recipe.model:
        return models.find(models.default_name(entries))
    for entry in entries:
        if checkpoint.fingerprint(entry.folder).startswith(recipe.model):
            return entry
    raise CheckpointError(
        f"no model here has the recipe's hash {recipe.model}; name one with --model to use it instead"
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from error


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 when the work is done, 2 for a user's mistake."""
    given = parser().parse_args(arguments)
    try:
        if given.command == "map":
            make_map(given.model, given.data, given.split, given.device)
        elif given.command == "photos":
            try_photos(given.model, given.data, given.strength)
        elif given.command == "faces":
            count_faces(given.model, given.seeds, given.temperature, given.data, given.split)
        else:
            render(given.recipe, given.image, given.model, given.device, given.out)
    except GlowcoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
