"""What a hand on the page does to the history: one pure function from message to history.

The editor in the browser sends small dictionaries. They come from outside, so everything in them is checked here;
a message that makes no sense changes nothing and says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from explorer.edits.history import History, Stroke
from explorer.edits.recipe import RecipeError

EASE = 0.6


def reduce(
    history: History, message: Mapping[str, Any], attributes: Collection[str], at: float | None = None
) -> History:
    """Apply one message of the editor, that came `at` these seconds of the caller's clock; each is a step without it.

    Messages: {"op": "set", "name": str, "value": float}, {"op": "lock", "name": str, "on": bool},
    {"op": "undo"}, {"op": "redo"}, {"op": "reset"}, {"op": "ease"}.

    Raises:
        RecipeError: an unknown operation, an attribute that is not in `attributes`, or a value that is no finite
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
        return history.push(recipe.eased(EASE))
    if operation in ("set", "lock"):
        name = message.get("name")
        if not isinstance(name, str) or name not in attributes:
            raise RecipeError(f"this model has no attribute {name!r:.60}")
        if operation == "set":
            return history.push(recipe.moved({name: message.get("value")}), None if at is None else Stroke(name, at))
        return history.push(recipe.locked(name, message.get("on") is True))
    raise RecipeError(f"the editor sent the unknown operation {operation!r:.60}")
