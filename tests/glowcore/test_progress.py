"""Progress bars are drawn on a terminal only; a log would keep every redraw."""

import io

import pytest

from glowcore.evaluation.held_out import evaluate
from glowcore.progress import progress_bar
from tests.glowcore.tiny import model, pictures


class Stream(io.StringIO):
    """A stand-in for stderr that is a terminal or not."""

    def __init__(self, terminal):
        super().__init__()
        self.isatty = lambda: terminal


@pytest.mark.parametrize(
    ("terminal", "wanted", "drawn"),
    [(True, True, True), (False, True, False), (True, False, False), (False, False, False)],
)
def test_a_bar_is_drawn_where_it_is_wanted_and_there_is_a_terminal(monkeypatch, terminal, wanted, drawn):
    stream = Stream(terminal)
    monkeypatch.setattr("sys.stderr", stream)
    assert list(progress_bar(range(3), desc="work", progress=wanted)) == [0, 1, 2]
    assert ("work: 100%" in stream.getvalue()) == drawn
    assert bool(stream.getvalue()) == drawn


@pytest.mark.parametrize("terminal", [True, False])
def test_an_evaluation_writes_no_bar_into_a_pipe(monkeypatch, terminal):
    stream = Stream(terminal)
    monkeypatch.setattr("sys.stderr", stream)
    evaluate(model(), pictures(2), progress=True)
    assert ("evaluate" in stream.getvalue()) == terminal
