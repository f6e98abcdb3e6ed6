"""The operations of the editor: one pure function from a history and a message to a history.

The messages are small dictionaries from the browser, so everything in them is validated here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from explorer.edits.history import History, Stroke
from explorer.edits.messages import numbers
from explorer.edits.recipe import EditRecipe, RecipeError

FAR = 2.5  # norm of all moves, in standard deviations, from which many gallery faces of faces64 look wrecked
WITHIN = 2.4  # norm to which moves that are far are pulled back
EASE = 0.6  # factor of moves that are not far
LATEST = 1e9  # seconds; the browser's clock starts when its page is loaded


def reduce(history: History, message: Mapping[str, Any], attributes: Collection[str]) -> History:
    """Apply one message of the editor.

    The messages are ``{"op": "set", "name": str, "value": float, "at": float, "since": float, "joins": bool}``,
    ``{"op": "lock", "name": str, "on": bool}``, ``{"op": "undo"}``, ``{"op": "redo"}``, ``{"op": "reset"}`` and
    ``{"op": "ease"}``. In a ``set`` message,

    - ``at`` is when the user made the move, in seconds of the browser's clock; without it the move is a step of its
      own;
    - ``since`` is when the user made the first of the moves that this message stands for; ``at`` by default;
    - ``joins`` is whether the move may belong to the step before it, as with a key that is held; a drag is a step of
      its own.

    Raises:
        RecipeError: an unknown operation, an attribute that is not in ``attributes``, or a value that is not a finite
            number.
    """
    operation = message.get("op")
    if operation == "undo":
        return history.undo()
    if operation == "redo":
        return history.redo()
    recipe = history.present
    if operation == "reset":
        return history.push(recipe.reset())
    if operation == "ease":
        return history.push(pulled_back(recipe))
    if operation in ("set", "lock"):
        name = message.get("name")
        if not isinstance(name, str) or name not in attributes:
            raise RecipeError(f"this model has no attribute {name!r:.60}")
        if operation == "set":
            return history.push(recipe.moved({name: message.get("value")}), _stroke(name, message))
        return history.push(recipe.locked(name, message.get("on") is True))
    raise RecipeError(f"the editor sent the unknown operation {operation!r:.60}")


def pulled_back(recipe: EditRecipe) -> EditRecipe:
    """Scale all moves down, far ones to just inside ``FAR``, so that one step is enough."""
    return recipe.eased(min(EASE, WITHIN / recipe.distance)) if recipe.moves else recipe


def _stroke(name: str, message: Mapping[str, Any]) -> Stroke | None:
    at = message.get("at")
    times = numbers([message.get("since", at), at], 2, 0.0, LATEST)
    return times and Stroke(name, *times, joins=message.get("joins") is True)
