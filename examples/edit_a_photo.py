"""Edit a photo in ten lines: find the face, make it smile, put it back into the photo.

python examples/edit_a_photo.py holiday.jpg smiling.png
"""

import argparse
import sys
from pathlib import Path

from explorer.edits.recipe import EditRecipe
from explorer.engines.engine import Engine
from explorer.pixels.pictures import png
from explorer.portraits.photos import Photo
from glowcore.errors import GlowcoreError


def main(path: str, out: str) -> None:
    """Edit the best face of the photo; how exactly the application does it, ``python -m explorer edit`` does."""
    engine = Engine.open(Path(__file__).parents[1] / "pretrained" / "faces64")
    photo = Photo.read(Path(path).read_bytes())
    recipe = EditRecipe(photo.source, moves=(("Smiling", 2.0), ("Eyeglasses", -1.0)), locks=("Male",))
    aligned = photo.aligned(min(engine.image_size), photo.source).image
    rendered = engine.render(recipe, aligned)
    Path(out).write_bytes(png(photo.with_edits({photo.source: rendered.picture})))
    print(f"{len(photo.found)} faces, {engine.encode(aligned).bits_per_dim:.2f} bits/dim, recipe {recipe.token()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", metavar="PHOTO", help="the photo, as a camera took it")
    parser.add_argument("out", metavar="OUT.png", help="picture to write")
    args = parser.parse_args()
    try:
        main(args.photo, args.out)
    except (GlowcoreError, OSError) as error:
        sys.exit(f"error: {error}")
