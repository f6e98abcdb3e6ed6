"""Sentences about an edit: what it shows, what cannot be shown, and what its link holds."""

from __future__ import annotations

from collections.abc import Collection

from explorer.edits.recipe import EditRecipe
from explorer.wording.labels import join_labels, slider_order, strength, words

ELSEWHERE = "This edit was made with another model; it is shown as far as this one can follow it."
NOT_FINITE = "That is further than the model can go, so the last step was undone."
OTHER_THINGS = "This model draws something else; your picture and its edit are kept with the previous model."
ANOTHER_PHOTO = "This is not the photo the edit was made from, or not the same file."
FACELESS = "No face was found in this photo, so its centre is used. Place the eyes for a better fit."
COMES_BACK = "Comes back exactly"  # of a reconstruction without a changed pixel
MOST_NAMES = 3  # that a sentence lists

TYPICAL, UNUSUAL, PLAIN = "typical", "unusual", "plainer than real faces"
MOVED, LEFT, NO_FACE = "moved far", "left the model's range", "no face found"
SOFTENS = " Pull back softens the edit."
VERDICTS = {  # how usual a picture is, with its explanation
    TYPICAL: "This {noun} looks like the {noun}s that the model has learnt.",
    UNUSUAL: "This {noun} is unlike most that the model has learnt, so expect artefacts.",
    PLAIN: "This face is nearer to the average than real faces are, so it may look smooth.",
    MOVED: "The sliders have moved this {noun} far, so expect artefacts.",
    LEFT: "The colours no longer fit the range from black to white, so some are cut off.",
    NO_FACE: FACELESS,
}


def with_moves(recipe: EditRecipe) -> str:
    """Return what a text alternative says of the moves, after the name of the picture: " with smile +1.20"."""
    moved = ", ".join(f"{words(n).label.lower()} {strength(s)}" for n, s in slider_order(recipe.moves))
    return f" with {moved}" if moved else ", unchanged"


def absence(names: Collection[str]) -> str:
    """Return the note about attributes that an edit uses and this session does not have, "" for none."""
    if not names:
        return ""
    which = f"{join_labels(names, MOST_NAMES)}, which {'is' if len(names) == 1 else 'are'} not known here"
    return (
        f"This edit uses {which}. An attribute made from somebody's own photos does not travel in a link: load its "
        "file on the Attributes page."
    )


def of_another_model(names: Collection[str]) -> str:
    """Return the note about own attributes of an edit that were made with a model not in use, "" for none."""
    if not names:
        return ""
    which = f"{join_labels(names, MOST_NAMES)}, made with another one"
    return f"This model does not know {which}; that part of the edit is kept there."


def link_words(recipe: EditRecipe, own: Collection[str], crops: Collection[str]) -> str:
    """Return what the link to an edit lacks, "" for nothing; ``own`` and ``crops`` exist in this session only."""
    mine = join_labels((n for n in recipe.attributes if n in own), MOST_NAMES)
    if mine:
        return f"The link holds the edit, but not {mine}: send its file along, from the Attributes page."
    if recipe.source.kind == "photo" and recipe.source.value in crops:
        return "The link holds the edit, but not this picture: save the PNG with it inside to come back to it."
    if recipe.source.kind == "photo":
        return "The link holds the edit, not your photo: whoever opens it is asked for the same file."
    return ""
