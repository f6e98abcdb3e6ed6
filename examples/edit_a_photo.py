"""Edit a photo in ten lines: find the face, make it smile, put it back into the photo.

python examples/edit_a_photo.py holiday.jpg smiling.png
"""

import sys
from pathlib import Path

from explorer.engine import Engine
from explorer.photos import Photo
from explorer.pictures import png
from explorer.recipe import EditRecipe

if len(sys.argv) != 3:
    sys.exit("usage: python examples/edit_a_photo.py PHOTO OUT.png")
engine = Engine.open(Path(__file__).parents[1] / "pretrained" / "faces64")
photo = Photo.read(Path(sys.argv[1]).read_bytes())
recipe = EditRecipe(photo.source, moves=(("Smiling", 2.0), ("Eyeglasses", -1.0)), locks=("Male",))
aligned = photo.aligned(min(engine.size), photo.source).image
rendered = engine.render(recipe, aligned)
Path(sys.argv[2]).write_bytes(png(photo.with_edit(photo.source, rendered.picture)))
print(f"{len(photo.found)} faces, {engine.encode(aligned).bits_per_dim:.2f} bits/dim, recipe {recipe.token()}")
