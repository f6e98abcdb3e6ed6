"""Strips of pictures that show what an attribute does at seven strengths."""

from __future__ import annotations

from weakref import ref

from explorer.catalogue.gallery import title
from explorer.edits.recipe import EditRecipe, Source
from explorer.pixels.pictures import data_uri
from explorer.ui.components.tiles import Look, Tile, tiles
from explorer.ui.frame import Bench, open_in_edit, warn_of_lost
from explorer.ui.memo import remembered
from explorer.wording.labels import brief_strength, words

STRENGTHS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
FACES = 3


def previews(bench: Bench, name: str, *, key: str, faces: int = FACES) -> None:
    """Show one attribute at seven strengths on up to ``faces`` faces; a click opens the picture in Edit."""
    engine = bench.engine
    gallery = engine.gallery
    sources = [Source("gallery", n) for n in gallery.names[:FACES]] or [Source("seed", str(i)) for i in range(FACES)]
    bases = [EditRecipe(s, temperature=engine.temperature, model=engine.model_hash) for s in sources]
    strips = remembered(
        "previews",
        # The hash is of the weights only. An attribute may be fitted anew, by a visitor or in the model's folder.
        (engine.model_hash, name, ref(engine.attributes), engine.temperature, *gallery.stamps[:FACES]),
        lambda: [engine.strip(b, name, STRENGTHS, bench.desk.picture(b, engine)) for b in bases],
    )[:faces]
    entries, recipes = [], {}
    for row, (base, frames) in enumerate(zip(bases, strips, strict=False), start=1):
        source = base.source
        subject = title(source.value) if source.kind == "gallery" else f"seed {source.value}"
        for strength, frame in zip(STRENGTHS, frames, strict=True):
            identity = f"{source.value} {strength}"
            recipes[identity] = base.moved({name: strength})
            text = brief_strength(strength)
            caption = text if row == len(strips) else ""
            alt = f"{subject} with {words(name).label.lower()} {text}"
            entries.append(Tile(identity, data_uri(frame), alt, caption))

    tiles(
        entries,
        key=key,
        label=f"Preview of {words(name).label}",
        on_choose=lambda identity: open_in_edit(bench, recipes[identity]),
        look=Look(columns=len(STRENGTHS), hint="Open in Edit"),
    )
    warn_of_lost([frame for frames in strips for frame in frames])
