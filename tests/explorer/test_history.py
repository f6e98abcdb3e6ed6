"""Undo and redo lead back to exactly what was there, and messages of the editor are checked."""

import random

import pytest

from explorer.actions import reduce
from explorer.history import MAX_STEPS, History
from explorer.recipe import EditRecipe, RecipeError, Source

NAMES = ("Smiling", "Male", "Young")
START = EditRecipe(Source("seed", "1"))


def random_message(rng):
    name = rng.choice(NAMES)
    return rng.choice(
        [
            {"op": "set", "name": name, "value": rng.uniform(-3, 3)},
            {"op": "lock", "name": name, "on": rng.random() < 0.5},
            {"op": "reset"},
            {"op": "ease"},
        ]
    )


def test_undo_and_redo_are_exact():
    rng = random.Random(3)
    history, seen = History(START), [START]
    for _ in range(30):
        history = reduce(history, random_message(rng), NAMES)
        if history.present != seen[-1]:
            seen.append(history.present)
    for expected in reversed(seen[:-1]):
        history = reduce(history, {"op": "undo"}, NAMES)
        assert history.present == expected
    assert reduce(history, {"op": "undo"}, NAMES) == history
    for expected in seen[1:]:
        history = reduce(history, {"op": "redo"}, NAMES)
        assert history.present == expected
    assert reduce(history, {"op": "redo"}, NAMES) == history


def test_a_new_step_forgets_the_future_and_the_past_is_bounded():
    history = History(START).push(START.moved({"a": 1})).undo().push(START.moved({"a": 2}))
    assert history.future == ()
    for step in range(3 * MAX_STEPS):
        history = history.push(START.moved({"a": (step % 500) / 100}))
    assert len(history.past) == MAX_STEPS
    assert history.push(history.present) is history


def test_steps_that_are_dropped_leave_no_step_that_changes_nothing():
    a, b, c, d = (START.moved({"a": value}) for value in (1, 2, 3, 0.5))
    history = History(c, (a, b, a, d, c, d), (d, c, b, d, b, a))
    assert history.without_lost(lambda recipe: recipe != d) == History(c, (a, b, a), (b, a))
    assert history.without_lost(lambda recipe: recipe == d).present == c  # which is shown


@pytest.mark.parametrize(
    "message",
    [
        {}, {"op": "drop tables"}, {"op": ["set"]}, {"op": "set"}, {"op": "set", "name": "Nobody", "value": 1},
        {"op": "set", "name": "Male", "value": "1"}, {"op": "set", "name": "Male", "value": float("nan")},
        {"op": "set", "name": ["Male"], "value": 1}, {"op": "set", "name": "Male"}, {"op": "lock", "name": None},
    ],
)  # fmt: skip
def test_nonsense_changes_nothing(message):
    with pytest.raises(RecipeError):
        reduce(History(START), message, NAMES)
