"""Undo and redo restore recipes exactly, and messages of the editor are validated."""

import random
from dataclasses import replace

import pytest

from explorer.edits.actions import reduce
from explorer.edits.history import MAX_STEPS, History
from explorer.edits.recipe import EditRecipe, RecipeError, Source

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


def set_to(value, name="Male", **times):
    return {"op": "set", "name": name, "value": value, "joins": True, **times}


def test_arrow_keys_on_one_slider_are_one_step_until_the_hand_rests():
    history = reduce(History(START), {"op": "lock", "name": "Young", "on": True}, NAMES)
    for press in range(70):
        history = reduce(history, set_to(press / 50 + 0.02, at=5 + press * 0.9), NAMES)
    assert [r.strength("Male") for r in (*history.past, history.present)] == [0, 0, 1.4]
    after_a_rest = reduce(history, set_to(1.5, at=5 + 69 * 0.9 + 1.0), NAMES)
    assert [r.strength("Male") for r in (*after_a_rest.past, after_a_rest.present)] == [0, 0, 1.4, 1.5]


@pytest.mark.parametrize("joins", [False, None, 1, "true"])
def test_strokes_of_a_pointer_are_a_step_each_however_soon(joins):
    history = reduce(History(START), set_to(0.5, at=1.0), NAMES)
    history = reduce(history, set_to(1, at=1.1, joins=joins), NAMES)
    assert [r.strength("Male") for r in history.past] == [0, 0.5]
    assert [r.strength("Male") for r in reduce(history, set_to(2, at=1.2), NAMES).past] == [0, 0.5]


def test_moves_that_a_busy_server_learns_of_together_are_of_one_step_by_the_hand_s_clock():
    history, presses = History(START), [press * 0.3 for press in range(60)]
    answers = [0, *range(4, 60, 4)]  # an answer takes 1.2 s, and only the latest press of that time is sent
    for before, press in zip([-1, *answers], answers, strict=False):
        times = {"since": presses[before + 1], "at": presses[press]}
        history = reduce(history, set_to((press + 1) / 50, **times), NAMES)
    assert history == History(START.moved({"Male": 1.14}), (START,))
    for rested in (0.999, 1.0):
        after = reduce(history, set_to(1.5, since=presses[56] + rested, at=99.0), NAMES)
        assert len(after.past) == (1 if rested < 1 else 2)


@pytest.mark.parametrize("times", [{}, {"at": "1"}, {"at": True}, {"at": float("nan")}, {"at": 0.5}, {"since": 1}])
def test_a_move_without_a_time_or_before_the_last_is_a_step_by_itself(times):
    history = reduce(History(START), set_to(0.5, at=1.0), NAMES)
    assert reduce(history, set_to(1, **times), NAMES).past == (START, history.present)


@pytest.mark.parametrize(
    "between",
    [set_to(1, "Smiling"), {"op": "lock", "name": "Male", "on": True}, {"op": "undo"}, {"op": "ease"}, {"op": "reset"}],
)
def test_whatever_comes_between_two_moves_of_a_slider_ends_a_step(between):
    history = reduce(History(START), set_to(0.5, at=0.0), NAMES)
    history = reduce(history, set_to(1, at=0.1), NAMES)
    middle = reduce(history, between, NAMES)
    after = reduce(middle, set_to(2, at=0.3), NAMES)
    assert after.past == (*middle.past, middle.present)


def test_a_slider_that_comes_back_to_where_its_step_began_leaves_no_step():
    history = reduce(History(START), set_to(1, at=0.0), NAMES)
    for value in (1.1, 1):
        history = reduce(history, set_to(value, at=2.0), NAMES)
    assert history == History(START.moved({"Male": 1}), (START,))
    assert reduce(history, set_to(1.2, at=2.1), NAMES).past == (START, history.present)


def test_of_a_stroke_only_the_last_move_is_taken_back():
    history = reduce(History(START), {"op": "lock", "name": "Young", "on": True}, NAMES)
    locked = history.present
    for press in range(5):
        history = reduce(history, set_to(0.5 * press + 0.5, at=press / 10), NAMES)
    back = history.taken_back()
    assert back == History(locked.moved({"Male": 2}), (START, locked))
    assert back.taken_back() == History(locked, (START,))
    first = reduce(History(START), set_to(0.5, at=0.0), NAMES)
    assert first.taken_back() == History(START)


def test_steps_that_are_dropped_leave_no_step_that_changes_nothing():
    a, b, c, d = (START.moved({"a": value}) for value in (1, 2, 3, 0.5))
    history = History(c, (a, b, a, d, c, d), (d, c, b, d, b, a))
    assert history.without_lost(lambda recipe: recipe != d) == History(c, (a, b, a), (b, a))
    assert history.without_lost(lambda recipe: recipe == d).present == c  # the present is always kept


def test_steps_that_a_change_makes_equal_are_one():
    a, b, c = (START.moved({"a": value}) for value in (1, 2, 3))
    history = History(b, (a, b, c, a), (c, b, a))
    assert history.mapped(lambda r: r if r == a else b) == History(b, (a, b, a), (a,))


def test_of_pictures_that_come_at_once_the_last_is_a_step_and_what_brought_an_edit():
    before = History(START).push(START.moved({"a": 1}))
    history = on(on(before, 0, OTHER), 1)
    assert history.one_choice_since(before) == before.push(history.present)
    brought = history.push(replace(history.present, moves=(("a", 2.0),)))
    history = on(on(brought, 2, OTHER), 3)
    assert history.one_choice_since(before) == before.push(brought.present).push(history.present)
    assert edited(history.one_choice_since(before)) == {1: {"a": 2}, 3: {"a": 2}}
    assert before.one_choice_since(before) == before


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


PHOTO, OTHER = "a" * 32, "b" * 32


def on(history, face, photo=PHOTO):
    """Choose a face."""
    return history.push(history.faces.choose(Source("photo", photo, face), history.present))


def edited(history, photo=PHOTO):
    return {r.source.face: dict(r.moves) for r in history.faces.of_photo(photo)}


def test_every_face_of_a_photo_keeps_its_own_edit():
    history = on(History(START.moved({"Smiling": 1})), 0)
    assert edited(history) == {0: {"Smiling": 1}}  # taken over from another picture
    history = reduce(history, set_to(1), NAMES)
    history = before = reduce(history, {"op": "lock", "name": "Young", "on": True}, NAMES)
    for face in (1, 2, 3):  # chosen but not edited
        history = on(history, face)
        assert (history.present.moves, history.present.locks) == ((), ())
    assert edited(history) == {0: {"Smiling": 1, "Male": 1}}
    history = reduce(history, set_to(2), NAMES)
    back = on(history, 0)
    assert back.present == before.present
    assert edited(back) == {0: {"Smiling": 1, "Male": 1}, 3: {"Male": 2}}
    assert back.undo() == replace(history, future=back.undo().future)
    assert back.undo().undo().present.source.face == 3
    assert edited(back.undo().undo()) == {0: {"Smiling": 1, "Male": 1}}
    history = reduce(on(history, 5, OTHER), set_to(3), NAMES)
    assert edited(history, OTHER) == {5: {"Male": 3}}
    history = reduce(history, {"op": "reset"}, NAMES)
    assert edited(history, OTHER) == {}  # the reset left no moves
    assert edited(history.undo(), OTHER) == {5: {"Male": 3}}
    eyes = Source("photo", PHOTO, -1, (0.2, 0.3, 0.6, 0.3))
    by_hand = back.push(back.faces.choose(eyes, back.present))
    assert by_hand.present == replace(before.present, source=eyes)  # of the face that they were placed for
    assert set(edited(by_hand)) == {0, 3}
    assert on(by_hand, 3).present.moves == (("Male", 2.0),)


def test_an_edited_face_is_known_when_its_steps_are_past_the_bound():
    history = reduce(on(History(START), 0), set_to(1), NAMES)
    history = on(reduce(on(history, 1), set_to(2), NAMES), 2)
    steps = MAX_STEPS + 5
    for step in range(steps):
        history = reduce(history, set_to(0.5 + step % 3), NAMES)
    assert len(history.past) == MAX_STEPS
    assert edited(history) == {0: {"Male": 1}, 1: {"Male": 2}, 2: {"Male": 0.5}}
    for _ in range(steps):
        history = history.undo()
    assert edited(history) == {0: {"Male": 1}, 1: {"Male": 2}, 2: {"Male": 1.5}}
    assert edited(history.redo()) == {0: {"Male": 1}, 1: {"Male": 2}, 2: {"Male": 2.5}}
    assert edited(history.without_lost(lambda r: r.source.value != PHOTO)) == {2: {"Male": 1.5}}  # the present stays
    assert edited(history.mapped(lambda r: replace(r, source=START.source))) == {}
    assert edited(history.mapped(lambda r: r.moved({"Male": 0, "Young": 1})))[0] == {"Young": 1}
