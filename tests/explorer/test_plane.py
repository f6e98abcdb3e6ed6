"""Messages of the map in the browser are handled once and acknowledged."""

from __future__ import annotations

import pytest

from explorer.atlas.walk import Walk
from explorer.ui.components import plane as plane_module


class Shown:
    """A stand-in for a component that records its arguments."""

    def __call__(self, **arguments):
        self.arguments = arguments


@pytest.fixture
def hand(monkeypatch):
    """Return a function that sends a message and returns the calls of the page and the acknowledgement."""
    state = {}
    chart, receipt = Shown(), Shown()
    monkeypatch.setattr(plane_module.st, "session_state", state)
    monkeypatch.setattr(plane_module, "_PLANE", chart)
    monkeypatch.setattr(plane_module, "_RECEIVED", receipt)

    def send(message):
        calls = []
        sheet = plane_module.Sheet("data:", 1, 8)
        points = [(0.0, 0.0), (1.0, 1.0)]
        shown = plane_module.Chart(points, [0, 0], ["face"], ["red"], sheet, [], reach=3.0)
        plane_module.plane(shown, key="plane", alt="Map", start=Walk(), on_walk=calls.append)
        state["plane"] = {"went": message}
        chart.arguments["on_went_change"]()
        plane_module.received("plane")
        return calls, receipt.arguments["data"]

    return send


def test_a_message_is_dealt_with_once_and_acknowledged(hand):
    first = {"spot": [0.5, -1], "nonce": "a", "seq": 1}
    assert hand(first) == ([Walk(spot=(0.5, -1.0))], {"nonce": "a", "seq": 1})
    assert hand(first) == ([], {"nonce": "a", "seq": 1})
    assert hand({"point": 1, "nonce": "a", "seq": 2}) == ([Walk(point=1, spot=(1.0, 1.0))], {"nonce": "a", "seq": 2})
    path = [[0, 0], [1, 1]]
    assert hand({"path": path, "nonce": "b", "seq": 1})[0] == [Walk(path=((0.0, 0.0), (1.0, 1.0)))]


@pytest.mark.parametrize(
    "nonsense", [None, 3, [], {}, {"point": 1}, {"point": 1, "nonce": "a", "seq": True}, {"point": 1, "seq": "2"}]
)
def test_what_has_no_number_is_nothing(hand, nonsense):
    assert hand(nonsense) == ([], {"nonce": "", "seq": 0})


@pytest.mark.parametrize("odd", [{"point": 2}, {"point": -1}, {"point": True}, {"spot": [1]}, {"path": [[0, 0]]}, {}])
def test_odd_messages_are_acknowledged_so_that_the_next_one_comes(hand, odd):
    assert hand({**odd, "nonce": "a", "seq": 7}) == ([], {"nonce": "a", "seq": 7})
