"""A run waits until its elements have been sent, unless Streamlit does not say what has been; it can be stopped."""

from __future__ import annotations

import asyncio
import threading
from unittest.mock import Mock

import pytest
import streamlit as st
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import StopException
from streamlit.runtime.state import SafeSessionState, SessionState

from explorer.ui import delivery


class Renamed(AppSession):
    """A session without attributes, as if a release of Streamlit had renamed them."""

    def __init__(self) -> None: ...

    def __del__(self) -> None: ...


@pytest.fixture
def session(monkeypatch) -> AppSession:
    """The session in whose run the test is."""
    session = Renamed()
    monkeypatch.setattr(delivery, "get_script_run_ctx", lambda **_: Mock())
    monkeypatch.setattr(st.runtime, "exists", lambda: True)
    monkeypatch.setattr(st.runtime, "get_instance", lambda: Mock(get_app_session=lambda _: session))
    return session


def test_nothing_is_waited_for_where_the_queue_is_not_found(session):
    delivery.wait_until_sent()


@pytest.fixture
def empty(session):
    """What the session's queue says, three times, of whether it is empty."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    answers = iter([False, False, True])
    session._event_loop = loop
    session._browser_queue = Mock(is_empty=lambda: next(answers))
    yield answers
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_a_run_ends_once_the_queue_is_empty(empty):
    delivery.wait_until_sent()
    assert not list(empty)


def test_a_run_that_was_told_to_stop_while_it_waited_stops(empty, monkeypatch):
    def stop() -> None:
        if not list(empty):
            raise StopException

    state = SafeSessionState(SessionState(), stop)
    monkeypatch.setattr("streamlit.runtime.state.session_state_proxy.get_session_state", lambda: state)
    with pytest.raises(StopException):
        delivery.wait_until_sent()
