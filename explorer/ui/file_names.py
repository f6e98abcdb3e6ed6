"""Names of the files that the Edit page saves, which tell the picture and what was done to it."""

from __future__ import annotations

from explorer.catalogue.gallery import title
from explorer.session.desk import Desk
from explorer.ui.downloads import stem
from explorer.wording.labels import slider_order, words

NAMED_MOVES = 3


def file_name(desk: Desk, what: str = "") -> str:
    """Return the name of a file without its suffix, which tells what was done: "astronaut-smile+1-glasses-0.5"."""
    moves = slider_order(desk.recipe.moves)
    named = [stem(words(name).label) + f"{value:+.2f}".rstrip("0").rstrip(".") for name, value in moves[:NAMED_MOVES]]
    more = f"and-{len(moves) - NAMED_MOVES}-more" if len(moves) > NAMED_MOVES else ""
    return "-".join(
        filter(None, [stem(*_subject(desk).split(" (")) or "picture", *(named or ["unchanged"]), more, what])
    )


def _subject(desk: Desk) -> str:
    """Return the name of the photo's file, or what the picture is."""
    source = desk.recipe.source
    if source.kind == "photo" and source.value in desk.photos:
        return desk.photos.name_of(source.value)
    if source.value in desk.crops.brought:
        return desk.crops.name_of(source.value)
    names = {"gallery": title(source.value), "seed": f"seed {source.value}", "map": f"map {source.value}"}
    return names.get(source.kind, "picture")
