"""One model, many who want it: in order, bounded, and with a word for those who wait."""

import contextlib
import threading
import time

import pytest

from explorer import turns as turns_module
from explorer.turns import Busy, Superseded, Turns


def start(turns, work, *sessions):
    """One thread a session that takes its turn and then works; each waits before the next one starts."""
    threads = []
    for session in sessions:
        known = list(turns._queue)
        thread = threading.Thread(target=work, args=(session,))
        thread.start()
        threads.append(thread)
        while thread.is_alive() and all(ticket in known for ticket in turns._queue):
            time.sleep(0.001)
    return threads


def test_of_a_session_s_requests_only_the_newest_gets_its_turn():
    turns, order = Turns(), []

    def request(name):
        session = name.split()[0]
        try:
            with turns.take("" if session == "export" else session):
                order.append(name)
        except Superseded:
            order.append(f"{name} gave way")

    with turns.take("other"):
        threads = start(turns, request, "me old")
        threads += start(turns, request, "me new", "you", "export 1", "export 2")
        threads[0].join(5)
        assert order == ["me old gave way"]  # at once, not when its turn would have come
    for thread in threads:
        thread.join(5)
    assert order == ["me old gave way", "me new", "you", "export 1", "export 2"]
    assert turns.waiting == 0


def test_who_holds_the_model_is_not_superseded():
    turns, order = Turns(), []

    def request(session):
        with turns.take(session):
            order.append("new")

    with turns.take("me"):
        threads = start(turns, request, "me")
        order.append("old")
    threads[0].join(5)
    assert order == ["old", "new"]


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
        with pytest.raises(Busy, match=r"^2 pictures are waited for already; please try again in a moment$"):
            request(3)
        assert turns.waiting == 3
    for thread in threads:
        thread.join(5)
    with turns.take():
        assert turns.waiting == 1


def test_a_request_that_gives_way_leaves_its_place_to_the_newer_one():
    turns, order = Turns(places=2), []

    def request(session):
        with contextlib.suppress(Superseded), turns.take(session):
            order.append(session)

    with turns.take("other"):
        threads = start(turns, request, "you")
        turns._queue.append(turns_module._Ticket("me"))  # waits, and does not yet know that it is superseded
        threads += start(turns, request, "me")
        assert [ticket.superseded for ticket in turns._queue] == [False, False, True, False]
        del turns._queue[2]
    for thread in threads:
        thread.join(5)
    assert order == ["you", "me"]


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
        assert turns.waiting == 1
        threads = start(turns, request, 2)
    threads[0].join(5)
    assert found[1:] == ["served"]


def test_who_waits_is_told_how_many_are_before_and_may_give_up(monkeypatch):
    monkeypatch.setattr(turns_module, "NOTICE", 0.01)
    turns, told = Turns(), []

    class Gone(BaseException):
        """What a page raises whose visitor has left."""

    def notice(ahead):
        told.append(ahead)
        if len(told) == 3:
            raise Gone

    turns.on_wait = notice

    def request(_):
        with contextlib.suppress(Gone), turns.take():
            told.append("served")

    with turns.take():
        for thread in start(turns, request, 1):
            thread.join(5)
        assert told == [1, 1, 1]
        assert turns.waiting == 1


def test_an_error_inside_gives_the_model_back():
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.take("me"):
        raise ZeroDivisionError
    with turns.take("me"):
        assert turns.waiting == 1
