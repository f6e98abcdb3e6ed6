"""What a hand on the page does to the history: one pure function from message to history.

The editor in the browser sends small dictionaries. They come from outside, so everything in them is checked here;
a message that makes no sense changes nothing and says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from explorer.edits.history import History, Stroke
from explorer.edits.messages import numbers
from explorer.edits.recipe import RecipeError

EASE = 0.6
LATEST = 1e9  # seconds on the clock of a browser, which begins with its page


def reduce(history: History, message: Mapping[str, Any], attributes: Collection[str]) -> History:
    """Apply one message of the editor.

    Messages: {"op": "set", "name": str, "value": float, "at": float, "since": float, "joins": bool},
    {"op": "lock", "name": str, "on": bool}, {"op": "undo"}, {"op": "redo"}, {"op": "reset"}, {"op": "ease"}.

    `at`: when the hand made the move, in seconds of the browser's clock; without it the message is a step by itself.
    `since`: when it made the first of the moves that this one stands for; without it, `at`.
    `joins`: whether the move goes on with the one before it, as a key does that is held; a drag is a step by itself.

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
            return history.push(recipe.moved({name: message.get("value")}), _stroke(name, message))
        return history.push(recipe.locked(name, message.get("on") is True))
    raise RecipeError(f"the editor sent the unknown operation {operation!r:.60}")


def _stroke(name: str, message: Mapping[str, Any]) -> Stroke | None:
    at = message.get("at")
    times = numbers([message.get("since", at), at], 2, 0.0, LATEST)
    return times and Stroke(name, *times, joins=message.get("joins") is True)
