"""The commands of `python -m explorer`; every mistake of a user is a GlowcoreError."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from explorer import aligning, export, face_check, models, photo_folder, photo_trial
from explorer.latent_map import LatentMap
from explorer.photos import Photo
from explorer.recipe import STRENGTH_LIMIT, EditRecipe
from explorer.sources import aligned_picture
from explorer.temperatures import in_words
from explorer.words import noun
from glowcore.cli import options, pictures
from glowcore.data import open_dataset
from glowcore.errors import CheckpointError, ConfigError, ImageError
from glowcore.images import printable
from glowcore.storage import output

#: Of so many samples the seeds are named, those that the detector is least sure of.
NAMED_SEEDS = 9


def render(given: argparse.Namespace) -> None:
    """Render a token to a PNG."""
    out = output.check_path(given.out, pictures.PNG)
    recipe = EditRecipe.from_token(given.recipe)
    entry = models.find(given.model) if given.model else _model_of(recipe)
    photo = Photo.read(_bytes(given.image)) if given.image is not None else None
    if photo is not None and recipe.source.value != photo.key:
        options.say("note: the recipe was made for another picture; its moves are applied to this one")
        recipe = replace(recipe, source=photo.source)
    engine = models.open_engine(entry, given.device)
    recipe = replace(recipe, model=engine.model_hash)
    picture = aligned_picture(recipe.source, engine, entry.gallery, photo)
    output.write(out, export.to_png(engine.render(recipe, picture).picture, recipe))


def make_map(given: argparse.Namespace) -> None:
    """Encode a set of pictures and write `map.safetensors` into the model's folder."""
    entry = models.find(given.model)
    engine = models.open_engine(entry, given.device)
    found = open_dataset(given.data, image_size=engine.size, split=given.split)
    shown = found.images.permute(0, 2, 3, 1).contiguous().numpy()
    path = LatentMap.build(engine, shown, found.attributes.numpy(), found.attribute_names).save(entry.folder)
    options.say(f"{path}: {len(found)} pictures, {path.stat().st_size / 1e6:.1f} MB")


def count_faces(given: argparse.Namespace) -> None:
    """Print the share of samples, and of real pictures, in which the detector finds a face."""
    if given.seeds < 1:
        raise ConfigError(f"--seeds is {given.seeds}, expected 1 or more")
    parts = given.temperature.split(",") if given.temperature is not None else []
    temperatures = [tuple(pictures.number("--temperature", t, 0, 10) for t in part.split("/")) for part in parts]
    engine = models.open_engine(models.find(given.model))
    for temperature in temperatures:
        if len(temperature) not in (1, engine.num_levels):
            raise ConfigError(f"--temperature {in_words(temperature)} has {len(temperature)} levels, "
                              f"expected {engine.num_levels}")
    real = open_dataset(given.data, image_size=engine.size, split=given.split).images.permute(0, 2, 3, 1).numpy()
    print(f"score >= {face_check.SCORE}, pictures enlarged {face_check.ENLARGE} times; "
          "spread: mean standard deviation of a value in [0, 1] over the pictures")
    for temperature in temperatures or [engine.temperature]:
        words, scores = face_check.summary(np.stack(engine.sample(range(given.seeds), temperature)))
        least = ",".join(str(seed) for seed in sorted(np.argsort(scores)[:NAMED_SEEDS]))
        print(f"{words}: {given.seeds} samples at temperature {in_words(temperature)}; least sure at seeds {least}")
    print(f"{face_check.summary(real)[0]}: {len(real)} real pictures")


def try_photos(given: argparse.Namespace) -> None:
    """Print what becomes of the photos in a folder."""
    options.check_range("--strength", given.strength, -STRENGTH_LIMIT, STRENGTH_LIMIT)
    paths = photo_folder.photos_in(given.data, "*")
    engine = models.open_engine(models.find(given.model))
    if noun(engine) != "face":
        raise ConfigError(f"--model {given.model} draws classes of pictures, expected a model of faces")
    trials, skipped = [], []
    for path in tqdm(paths, disable=None):
        try:
            trials.append(photo_trial.try_photo(engine, path.name, _bytes(path), given.strength))
        except ImageError as error:
            if not given.skip_broken:
                raise ImageError(f"{path.name}: {error}; --skip-broken leaves out what cannot be read") from error
            skipped.append((path.name, str(error)))
    options.say_skipped(skipped)
    if not trials:
        files = f"{len(skipped)} files, {photo_folder.SUFFIXES}"
        raise ConfigError(f"--data {given.data} holds no photo that can be read ({files})")
    print(photo_trial.summary(trials))


def align_photos(given: argparse.Namespace) -> None:
    """Write the aligned faces of a folder of photos."""
    options.check_range("--size", given.size, 8, 1024)
    pairs = aligning.targets(given.data, given.out)
    done = aligning.align_all(tqdm(pairs.items(), unit=" photos", disable=None), given.size)
    for name in done.faceless[:5]:
        options.say(f"no face found: {printable(name, 120)}")
    options.say_skipped(done.unreadable)
    words = [f"{len(done.written)} of {len(pairs)} faces of {given.size}x{given.size} written to {given.out}"]
    words += [f"{len(done.kept)} were there already"] if done.kept else []
    words += [f"no face in {len(done.faceless)} photos"] if done.faceless else []
    words += [f"{len(done.unreadable)} files cannot be read"] if done.unreadable else []
    options.say("; ".join(words))


def _model_of(recipe: EditRecipe) -> models.ModelEntry:
    """The listed model a recipe was made with; any model for a recipe that names none."""
    entries = [e for e in models.list_models() if e.usable]
    if not entries:
        raise CheckpointError(f"no model found in pretrained/ or runs/ of {models.home()}")
    if not recipe.model:
        return models.find(models.default_name(entries))
    entry = models.of_hash(recipe.model)
    if entry is None:
        raise CheckpointError(
            f"no model here has the recipe's hash {recipe.model}; name one with --model to use it instead"
        )
    return entry


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from error
