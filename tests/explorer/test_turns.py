"""The queue in front of a model is in order and bounded, and calls back while a request waits."""

import contextlib
import threading
import time

import pytest

from explorer.engines import turns as turns_module
from explorer.engines.turns import Busy, Turns


def start(turns, work, *names):
    """Start one thread per name that takes a turn; each is in the queue before the next one starts."""
    threads = []
    for name in names:
        known = list(turns._queue)
        thread = threading.Thread(target=work, args=(name,))
        thread.start()
        threads.append(thread)
        while thread.is_alive() and all(turn in known for turn in turns._queue):
            time.sleep(0.001)
    return threads


def test_never_two_at_once_and_first_come_first_served():
    turns, inside, order, most = Turns(), [], [], []

    def request(name):
        with turns.take():
            inside.append(name)
            most.append(len(inside))
            order.append(name)
            time.sleep(0.001)
            inside.remove(name)

    with turns.take():
        threads = start(turns, request, *range(20))
    for thread in threads:
        thread.join(5)
    assert max(most) == 1
    assert order == list(range(20))


def test_a_full_queue_is_a_sentence_at_once():
    turns = Turns(places=2)

    def request(_):
        with turns.take():
            pass

    with turns.take():
        threads = start(turns, request, 1, 2)
        with pytest.raises(Busy, match=r"^2 requests are already waiting; please try again in a moment$"):
            request(3)
        assert len(turns._queue) == 3
    for thread in threads:
        thread.join(5)
    with turns.take():
        assert len(turns._queue) == 1


def test_a_long_wait_ends_in_a_sentence_and_leaves_the_queue():
    turns, found = Turns(patience=0.05), []

    def request(_):
        try:
            with turns.take():
                found.append("served")
        except Busy as error:
            found.append(str(error))

    with turns.take():
        threads = start(turns, request, 1)
        threads[0].join(5)
        assert found == ["the model was busy for 0 s; please try again in a moment"]
        assert len(turns._queue) == 1
        threads = start(turns, request, 2)
    threads[0].join(5)
    assert found[1:] == ["served"]


class Gone(BaseException):
    """The exception of a page run that a newer one has replaced."""


def test_who_waits_is_told_how_many_are_before_each_time_the_wait_has_doubled(monkeypatch):
    monkeypatch.setattr(turns_module, "LOOK", 0.001)
    monkeypatch.setattr(turns_module, "NOTICE", 0.01)
    turns, told = Turns(), []
    begun = time.monotonic()

    def notice(ahead):
        told.append((ahead, time.monotonic() - begun))
        if len(told) == 3:
            raise Gone

    turns.on_wait = notice

    def request(_):
        with contextlib.suppress(Gone), turns.take():
            told.append("served")

    with turns.take():
        for thread in start(turns, request, 1):
            thread.join(5)
        assert [ahead for ahead, _ in told] == [1, 1, 1]
        assert all(waited >= least for (_, waited), least in zip(told, (0.01, 0.02, 0.04), strict=True))
        assert len(turns._queue) == 1


def test_who_is_not_wanted_any_more_leaves_the_queue_long_before_it_would_be_told(monkeypatch):
    monkeypatch.setattr(turns_module, "LOOK", 0.001)
    turns, order, wanted = Turns(), [], {"old": True, "new": True}

    def look():
        if not wanted[threading.current_thread().name]:
            raise Gone

    turns.on_look = look
    turns.on_wait = lambda ahead: order.append("told")

    def request(name):
        threading.current_thread().name = name
        try:
            with turns.take():
                order.append(name)
        except Gone:
            order.append(f"{name} gave way")

    with turns.take():
        old, new = start(turns, request, "old", "new")
        wanted["old"] = False
        old.join(5)
        assert order == ["old gave way"]  # at once, not at its turn
        assert len(turns._queue) == 2
    new.join(5)
    assert order == ["old gave way", "new"]


def test_who_has_the_model_is_asked_no_more():
    turns = Turns()
    turns.on_look = lambda: pytest.fail("it has its turn")
    with turns.take():
        assert len(turns._queue) == 1


def test_an_error_inside_gives_the_model_back():
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.take():
        raise ZeroDivisionError
    with turns.take():
        assert len(turns._queue) == 1
