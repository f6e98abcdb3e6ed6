"""More visitors than a model can serve: a sentence, never a hang, and the picture that was there stays."""

import json
import threading
import time

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import RerunData
from streamlit.testing.v1.local_script_runner import LocalScriptRunner

from explorer.edits.messages import Wanted
from explorer.edits.recipe import Source
from explorer.engines import models
from explorer.engines.engine import Engine
from explorer.engines.turns import Busy
from explorer.ui import state
from glowcore.errors import ImageError
from tests.explorer.picture_files import jpeg_of
from tests.explorer.widgets import told


@pytest.fixture
def full(monkeypatch):
    """A queue that has no place left, once called."""

    def fill():
        def join(self):
            raise Busy("64 requests are already waiting; please try again in a moment")

        monkeypatch.setattr("explorer.engines.turns.Turns._join", join)

    return fill


def editor(at):
    """The view of the editor on the page."""
    found = [e.proto for e in at.main if getattr(e.proto, "component_name", "") == "explorer_editor"]
    return json.loads(found[0].json) if found else None


def test_who_comes_to_a_full_server_is_told_so_and_can_try_again(unopened, full):
    full()
    at = unopened.run()
    assert not at.exception
    assert [w.value for w in at.warning] == ["64 requests are already waiting; please try again in a moment."]
    assert at.button(key="try_again")


@pytest.mark.parametrize("every_view_fails", [False, True])
def test_who_is_there_keeps_the_picture_and_the_sliders_that_made_it(unopened, full, every_view_fails):
    at = unopened.run()
    before, history, marked = editor(at), at.session_state["desk"].history, told(at, "gallery")["selected"]
    assert before["note"] == ""
    assert marked != ""
    if every_view_fails:
        state.engine_of("pretrained/tiny").release()
    full()
    at.button(key="random_face").click().run()
    after = editor(at)
    assert not at.exception
    assert after["note"].startswith("The server is busy: 64 requests are already waiting")
    assert after["pictures"] == before["pictures"]
    assert after["sliders"] == before["sliders"]
    assert at.session_state["desk"].history == history
    assert told(at, "gallery")["selected"] == marked


def test_why_a_strip_could_not_be_made_is_told_until_one_is(unopened, monkeypatch):
    def busy(*_):
        raise Busy("64 requests are already waiting")

    at = unopened.run()
    desk = at.session_state["desk"]
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "strip", busy)
        desk.wanted = Wanted(strip="Smiling")
        assert editor(at.run())["note"] == "The server is busy: 64 requests are already waiting."
    desk.wanted = Wanted(strip="Smiling")
    after = editor(at.run())
    assert after["strip"]["name"] == "Smiling"
    assert after["note"] == ""


def test_a_removed_photo_does_not_come_back_while_the_server_is_busy(unopened, full, blobs):
    at = unopened.run()
    at.file_uploader(key="upload").set_value(("me.jpg", jpeg_of(blobs[0]), "image/jpeg")).run()
    desk = at.session_state["desk"]
    assert desk.recipe.source.kind == "photo"
    state.engine_of("pretrained/tiny").release()  # the greeting's picture is in its caches
    full()
    at.file_uploader(key="upload").set_value([]).run()
    assert not at.exception
    assert editor(at) is None
    assert [w.value for w in at.warning] == ["64 requests are already waiting; please try again in a moment."]
    assert {r.source.kind for r in (desk.recipe, *desk.history.past)} == {"gallery"}


def test_a_model_that_is_busy_keeps_its_steps_of_undo(desk, engine, bare):
    """Changing to it fails, so that what was shown is an edit of the other model."""
    desk.move({"Male": 2.0})
    own_steps = desk.history
    desk.prepare_view(engine)
    desk.adopt(bare)
    desk.prepare_view(bare)
    desk.keep_view({"view": "of bare"})
    desk.adopt(engine)
    assert desk.restore_view() is None
    assert desk.history == own_steps
    desk.keep_view({"view": "of engine"})
    desk.move({"Male": 1.0})
    assert desk.restore_view() == {"view": "of engine"}
    assert desk.history == own_steps


def test_a_dropped_attribute_does_not_come_back_while_the_server_is_busy(desk, engine, freckles):
    desk.take_own(freckles)
    equipped = desk.own.equip(engine)
    desk.move({"Freckles": 1.0})
    desk.keep_view({})
    desk.drop_own("Freckles", equipped)
    assert desk.restore_view() is None
    assert desk.recipe.strength("Freckles") == 0


def test_a_visitor_who_waits_is_told_how_many_are_ahead(unopened, monkeypatch):
    from explorer.engines import engine

    class Slow(engine.Turns):
        def _wait(self, turn):
            if self.on_wait:
                self.on_wait(3)
            super()._wait(turn)

    monkeypatch.setattr(engine, "Turns", Slow)
    at = unopened.run()
    assert not at.exception
    assert "Others are being served; 3 ahead of you." in {t.value for t in at.toast}


def test_waiting_outside_of_a_page_says_nothing(monkeypatch):
    """A request of a command or of a test has no visitor: there is no page for a toast, and no run to end."""
    used = []
    monkeypatch.setattr(st, "toast", lambda *args, **options: used.append(args))
    monkeypatch.setattr(type(st.session_state), "get", lambda *args: used.append(args))
    state._waiting(3)
    state._look()
    assert used == []


def until(done):
    """Wait for what another thread does."""
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def waiting_visitor(unopened, monkeypatch):
    """A function that lets a visitor wait for a random picture, sends a second request, and returns what was computed.

    The second request comes for seed 12345 while somebody else has the model; ``done(looks)`` says when its effect on
    the first one can be seen, by the engine and by the looks of the waiting threads since then.
    """
    monkeypatch.setattr("explorer.engines.turns.NOTICE", 1e9)  # a toast would end the older one as well
    monkeypatch.setattr("explorer.engines.turns.LOOK", 0.005)
    runners, rendered, looks = [], [], []
    start, render, look = LocalScriptRunner.start, Engine.render, state._look
    monkeypatch.setattr(LocalScriptRunner, "start", lambda self: runners.append(self) or start(self))
    monkeypatch.setattr(
        Engine, "render", lambda self, recipe, *rest: (render(self, recipe, *rest), rendered.append(recipe.source))[0]
    )
    monkeypatch.setattr(state, "_look", lambda: looks.append(1) or look())
    at = unopened.run()
    desk, engine = at.session_state["desk"], state.engine_of("pretrained/tiny")
    rendered.clear()

    def computed(of_fragment, done):
        at.button(key="random_face").click()
        visit = threading.Thread(target=at.run)
        with engine.turns.take():
            visit.start()
            until(lambda: looks)
            older = desk.recipe.source
            desk.start_from(Source("seed", "12345"))
            fragment = next(iter(runners[-1]._fragment_storage._fragments)) if of_fragment else None
            runners[-1].request_rerun(RerunData(fragment_id=fragment))
            looks.clear()
            until(lambda: done(engine, looks))
        visit.join(60)
        assert not at.exception
        return older, set(rendered)

    return computed


def test_a_new_run_of_the_page_ends_the_one_that_waits(waiting_visitor):
    queues = []

    def done(engine, looks):
        """The older request has left the queue and the newer one has joined it."""
        queue = list(engine.turns._queue)
        queues.extend(turn for turn in queue if turn not in queues)
        return len(queues) == 3 and len(queue) == 2

    older, rendered = waiting_visitor(False, done)
    assert older.value != "12345"
    assert rendered == {Source("seed", "12345")}


def test_a_new_run_of_a_fragment_waits_for_the_one_before(waiting_visitor):
    older, rendered = waiting_visitor(True, lambda engine, looks: len(looks) > 5)
    assert older in rendered


def test_twenty_who_come_at_once_load_the_model_once(home, monkeypatch):
    opened, found = [], []
    real = models.open_model

    def slowly(entry, *rest):
        opened.append(entry.name)
        time.sleep(0.05)
        return real(entry, *rest)

    monkeypatch.setattr(models, "open_model", slowly)
    st.cache_resource.clear()
    threads = [threading.Thread(target=lambda: found.append(state.engine_of("pretrained/tiny"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert opened == ["pretrained/tiny"]
    assert len(found) == 20
    assert all(engine is found[0] for engine in found)


def test_a_photo_whose_other_faces_cannot_be_cut_out_is_not_sent_in_part(unopened, blobs, monkeypatch):
    def refuse(*_):
        raise ImageError("this face cannot be cut out")

    sent = []
    monkeypatch.setattr("explorer.ui.components.editor._EDITOR", lambda data, **_: sent.append(data))
    monkeypatch.setattr("explorer.session.editor_view.other_faces", refuse)
    at = unopened.run()
    at.file_uploader(key="upload").upload("me.jpg", jpeg_of(blobs[5]), "image/jpeg").run()
    at.session_state["desk"].wanted = Wanted(photo=True)
    at.run()
    assert not at.exception
    assert list(sent[-1]["photo"]) == ["key"]
