"""A trial of a model on photos: detect and align the face, encode, decode and edit it."""

from collections.abc import Iterable
from dataclasses import dataclass

from explorer.edits.recipe import EditRecipe
from explorer.engines.engine import Engine
from explorer.portraits.photos import Photo


@dataclass(frozen=True)
class PhotoTrial:
    """The result for one photo.

    Attributes:
        name: the file name.
        found: whether a face was found; without one the centre crop is used.
        pixels_changed: number of pixels changed by encoding and decoding, at 8 bits.
        bits_per_dim: bits per dimension of the aligned face.
        edits: number of edits, one for each attribute of the model.
        finite_edits: number of edits whose values are all finite.
    """

    name: str
    found: bool
    pixels_changed: int
    bits_per_dim: float
    edits: int
    finite_edits: int


def try_photo(engine: Engine, name: str, data: bytes, strength: float) -> PhotoTrial:
    """Try a model on one photo, with edits of the given strength.

    Raises:
        ImageError: the file is not a picture of an accepted format.
    """
    photo = Photo.read(data)
    picture = photo.aligned(engine.image_size[0], photo.source).image
    encoded = engine.encode(picture)
    names = engine.attribute_names
    recipes = [EditRecipe(photo.source, ((n, strength),), model=engine.model_hash) for n in names]
    finite = sum(engine.render(recipe, picture).finite for recipe in recipes)
    return PhotoTrial(name, bool(photo.found), encoded.pixels_changed, encoded.bits_per_dim, len(names), finite)


def summary(trials: Iterable[PhotoTrial]) -> str:
    """Summarise the trials in a few lines."""
    trials = list(trials)
    edits, finite = sum(trial.edits for trial in trials), sum(trial.finite_edits for trial in trials)
    finite_words = f"{finite} of {edits}" if edits else "none made: the model has no attributes"
    mean = sum(trial.bits_per_dim for trial in trials) / len(trials)
    return "\n".join(
        [
            f"faces found             {sum(trial.found for trial in trials)} of {len(trials)}",
            f"pixels changed at 8 bit {sum(trial.pixels_changed for trial in trials)}",
            f"edits finite            {finite_words}",
            f"bits/dim                {mean:.3f}",
        ]
    )
