"""Messages of the map in the browser are handled once and acknowledged."""

from __future__ import annotations

import pytest

from explorer.ui.components import plane as plane_module
from explorer.ui.components import received as received_module
from explorer.ui.components.plane import Walk


class Shown:
    """A stand-in for a component that records its arguments."""

    def __call__(self, **arguments):
        self.arguments = arguments


@pytest.fixture
def hand(monkeypatch):
    """Return a function that sends a message and returns the calls of the page and the acknowledgement."""
    state = {}
    component, receipt = Shown(), Shown()
    monkeypatch.setattr(plane_module.st, "session_state", state)
    monkeypatch.setattr(plane_module, "_PLANE", component)
    monkeypatch.setattr(received_module, "_RECEIVED", receipt)

    def send(message):
        calls = []
        chart = plane_module.Chart(
            points=[[0.0, 0.0], [1.0, 1.0]],
            groups=[0, 0],
            labels=["face"],
            colors=["red"],
            uri="data:",
            columns=1,
            side=8,
            outlines=[],
            reach=3.0,
            few=60,
            here=None,
            ends=("",) * 4,
            name="tiny",
            alt="Map",
        )
        plane_module.plane(chart, key="plane", start=Walk(), on_walk=calls.append)
        state["plane"] = {"went": message}
        component.arguments["on_went_change"]()
        plane_module.acknowledge("plane")
        return calls, receipt.arguments["data"]

    return send


def test_a_message_is_dealt_with_once_and_acknowledged(hand):
    first = {"spot": [0.5, -1], "nonce": "a", "seq": 1}
    assert hand(first) == ([Walk(spot=(0.5, -1.0))], {"nonce": "a", "seq": 1})
    assert hand(first) == ([], {"nonce": "a", "seq": 1})
    assert hand({"point": 1, "nonce": "a", "seq": 2}) == ([Walk(point=1, spot=(1.0, 1.0))], {"nonce": "a", "seq": 2})
    path = [[0, 0], [1, 1]]
    assert hand({"path": path, "nonce": "b", "seq": 1})[0] == [Walk(path=((0.0, 0.0), (1.0, 1.0)))]
    assert hand({"path": [], "nonce": "b", "seq": 2})[0] == [Walk()]


@pytest.mark.parametrize("odd", [{"point": 2}, {"point": -1}, {"point": True}, {"spot": [1]}, {"path": [[0, 0]]}, {}])
def test_odd_messages_are_acknowledged_so_that_the_next_one_comes(hand, odd):
    assert hand({**odd, "nonce": "a", "seq": 7}) == ([], {"nonce": "a", "seq": 7})
