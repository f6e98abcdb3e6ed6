"""A folder of photos through the whole way: found, aligned, encoded, decoded, edited."""

from collections.abc import Iterable
from dataclasses import dataclass

from explorer.edits.recipe import EditRecipe
from explorer.engines.engine import Engine
from explorer.portraits.photos import Photo


@dataclass(frozen=True)
class PhotoTrial:
    """What became of one photo.

    Attributes:
        name: of the file.
        found: whether a face was found; without one the central square is taken.
        pixels_changed: by encoding and decoding, at 8 bits.
        bits_per_dim: of the aligned face.
        edits: how many edits were made, one for each attribute of the model.
        finite_edits: how many of them have no value that is not finite.
    """

    name: str
    found: bool
    pixels_changed: int
    bits_per_dim: float
    edits: int
    finite_edits: int


def try_photo(engine: Engine, name: str, data: bytes, strength: float) -> PhotoTrial:
    """Take one photo, a file called `name`, through; ImageError where it is no picture we read."""
    photo = Photo.read(data)
    picture = photo.aligned(engine.size[0], photo.source).image
    encoded = engine.encode(picture)
    names = engine.attribute_names
    recipes = [EditRecipe(photo.source, ((n, strength),), model=engine.model_hash) for n in names]
    finite = sum(engine.render(recipe, picture).finite for recipe in recipes)
    return PhotoTrial(name, bool(photo.found), encoded.pixels_changed, encoded.bits_per_dim, len(names), finite)


def summary(trials: Iterable[PhotoTrial]) -> str:
    """The trials in a few lines."""
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
