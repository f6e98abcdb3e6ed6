"""Names of the files that the Edit page saves, which tell the picture and what was done to it."""

from __future__ import annotations

from explorer.session.desk import Desk
from explorer.session.editor_view import short_name
from explorer.ui.downloads import stem
from explorer.wording.labels import slider_order, words

NAMED_MOVES = 3


def file_name(desk: Desk, what: str = "") -> str:
    """Return the name of a file without its suffix, which tells what was done: "astronaut-smile+1-glasses-0.5"."""
    moves = slider_order(desk.recipe.moves)
    named = [stem(words(name).label) + f"{value:+.2f}".rstrip("0").rstrip(".") for name, value in moves[:NAMED_MOVES]]
    more = f"and-{len(moves) - NAMED_MOVES}-more" if len(moves) > NAMED_MOVES else ""
    return "-".join(
        filter(None, [stem(*short_name(desk).split(" (")) or "picture", *(named or ["unchanged"]), more, what])
    )
