"""How messages go to the server: one at a time, again when no answer comes, and never blocked for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.engines import turns

COMPONENTS = Path(__file__).resolve().parents[2] / "explorer" / "ui" / "components"

# A wire whose clock stands still until it is told how many milliseconds have gone by.
SCENE = """([sources, kind, acts]) => {
  let now = 0, timers = [], sent = [], busy = []
  const set = (act, after) => { const timer = { act, at: now + after }; timers.push(timer); return timer }
  const clear = (timer) => { timers = timers.filter((t) => t !== timer) }
  const made = new Function("setTimeout", "clearTimeout", `${sources}; return ${kind}`)(set, clear)
  history.replaceState(null, "", "/edit")
  const wire = new made((m) => sent.push(m), (b) => busy.push(b))
  for (const [act, value] of acts) {
    if (act === "post") wire.post(value)
    if (act === "ack") wire.acknowledge({ nonce: wire.nonce, seq: value })
    if (act === "close") wire.close()
    if (act === "click") {
      const node = document.body.appendChild(document.createElement(value.split(" ")[0]))
      for (const attribute of value.split(" ").slice(1)) node.setAttribute(...attribute.split("="))
      node.onclick = (event) => event.preventDefault()
      node.dispatchEvent(new MouseEvent("click", { bubbles: true, composed: true, cancelable: true }))
    }
    if (act === "back") {
      history.replaceState(null, "", value)
      window.dispatchEvent(new PopStateEvent("popstate"))
    }
    if (act === "state") {
      const made = () => document.body.appendChild(document.createElement("p"))
      const app = document.querySelector('[data-testid="stApp"]') ?? made()
      app.dataset.testid = "stApp"
      app.dataset.testScriptState = value
    }
    if (act === "keep") wire.keep(value)
    if (act === "end") wire.keep(value, true)
    if (act === "settle") wire.settle(value.message, value.token)
    if (act === "other ack") wire.acknowledge({ nonce: "other", seq: value })
    if (act === "wait") {
      const until = now + value
      for (;;) {
        const next = timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        now = next.at
        clear(next)
        next.act()
      }
      now = until
    }
  }
  window.kept = (data) => made.takeKept({ ...data, ack: { nonce: data.nonce ?? wire.nonce, seq: data.answered } })
  return { sent: sent.map(({ nonce, ...rest }) => rest), busy }
}"""


@pytest.fixture
def play(browser):
    """Act on a wire of the given kind; what it has sent, and when it said that it was busy."""
    page = browser.new_page()
    page.route("http://app/edit", lambda route: route.fulfill(content_type="text/html", body=""))
    page.goto("http://app/edit")

    def acted(kind, *acts):
        files = [COMPONENTS / "shared.js", COMPONENTS / "wire.js", COMPONENTS / "editor" / "edit_wire.js"]
        sources = "\n".join(f.read_text(encoding="utf-8") for f in files)
        return page.evaluate(SCENE, [sources, kind, [list(a) for a in acts]])

    acted.kept = lambda **data: page.evaluate("data => window.kept(data)", data)
    acted.hours_later = lambda: page.evaluate("() => { Date.now = (now => () => now() + 7.2e6)(Date.now) }")
    yield acted
    page.close()


def test_one_is_on_its_way_and_of_those_that_wait_the_newest_goes(play):
    first, second, third = ({"spot": [i, 0]} for i in range(3))
    posts = [("post", m) for m in (first, second, third)]
    assert play("Wire", *posts)["sent"] == [{**first, "seq": 1}]
    assert play("Wire", *posts, ("other ack", 1), ("ack", 0))["sent"] == [{**first, "seq": 1}]
    assert play("Wire", *posts, ("ack", 1))["sent"] == [{**first, "seq": 1}, {**third, "seq": 2}]


def test_a_message_without_an_answer_is_sent_once_more_and_then_given_up(play):
    first, second = {"spot": [0, 0]}, {"spot": [1, 0]}
    posts = [("post", first), ("post", second)]
    again, after = {**first, "seq": 1, "again": True}, {**second, "seq": 2}
    assert play("Wire", *posts, ("wait", 7999))["sent"] == [{**first, "seq": 1}]
    assert play("Wire", *posts, ("wait", 8000))["sent"] == [{**first, "seq": 1}, again]
    assert play("Wire", *posts, ("wait", 8000), ("ack", 1))["sent"] == [{**first, "seq": 1}, again, after]
    assert play("Wire", *posts, ("wait", 16000))["sent"] == [{**first, "seq": 1}, again, after]
    assert play("Wire", ("post", first), ("ack", 1), ("wait", 60000))["sent"] == [{**first, "seq": 1}]


def test_while_a_script_runs_the_patience_is_longer_than_the_server_s_queue(play):
    first = {"spot": [0, 0]}
    posts = [("state", "running"), ("post", first)]
    again = {**first, "seq": 1, "again": True}
    patience = 1000 * turns.PATIENCE
    assert play("Wire", *posts, ("wait", patience + 5000), ("ack", 1))["sent"] == [{**first, "seq": 1}]
    assert play("Wire", *posts, ("wait", 40000))["sent"] == [{**first, "seq": 1}, again]
    assert play("Wire", *posts, ("wait", 9000), ("state", "notRunning"), ("wait", 7000))["sent"][1:] == [again]


def test_no_strip_follows_a_change_that_was_given_up(play):
    move, strip = moves(1)[0], {"op": "strip", "name": "Smiling"}
    sent = play("EditWire", ("post", move), ("post", strip), ("wait", 60000))["sent"]
    assert sent == [{**move, "seq": 1}, {**move, "seq": 1, "again": True}]


@pytest.mark.parametrize("leave", [("click", "a href=/mix"), ("back", "/mix")])
def test_nothing_is_sent_while_another_page_is_on_its_way(play, leave):
    first = {"spot": [0, 0]}
    assert play("Wire", leave, ("post", first), ("wait", 4999))["sent"] == []
    assert play("Wire", leave, ("post", first), ("wait", 5000))["sent"] == [{**first, "seq": 1}]
    # Nor is a message repeated, until a whole wait later; then the page has stayed.
    before = [("post", first), ("wait", 7000), leave]
    assert play("Wire", *before, ("wait", 8999))["sent"] == [{**first, "seq": 1}]
    assert play("Wire", *before, ("wait", 9000))["sent"][1:] == [{**first, "seq": 1, "again": True}]


@pytest.mark.parametrize(
    "stay",
    [
        ("click", "i"),
        ("click", "a"),
        ("click", "a href=/mix target=_blank"),
        ("click", "a href=/x.png download=x.png"),
        ("click", "a href=#main"),
        ("click", "a href=/edit?s=1"),
        ("back", "/edit#main"),
    ],
)
def test_a_link_that_leads_to_no_other_page_holds_nothing_up(play, stay):
    assert play("Wire", stay, ("post", {"spot": [0, 0]}))["sent"] == [{"spot": [0, 0], "seq": 1}]


def test_nothing_is_sent_when_the_page_is_gone(play):
    first = {"spot": [0, 0]}
    assert play("Wire", ("close", None), ("post", first), ("wait", 60000)) == {"sent": [], "busy": []}
    gone = play("Wire", ("post", first), ("close", None), ("wait", 60000))
    assert gone == {"sent": [{**first, "seq": 1}], "busy": []}


def test_it_is_busy_after_a_moment_and_until_the_answer(play):
    assert play("Wire", ("post", {}), ("wait", 299), ("ack", 1))["busy"] == [False]
    assert play("Wire", ("post", {}), ("wait", 300), ("ack", 1))["busy"] == [True, False]


def moves(*values, joins=True):
    """Values of Smiling, each at its own time."""
    return [{"op": "set", "name": "Smiling", "value": v, "since": v, "at": v, "joins": joins} for v in values]


def numbered(messages, first=1):
    return [{**message, "seq": number} for number, message in enumerate(messages, first)]


STRIP, LOCK, UNDO = {"op": "strip", "name": "Smiling"}, {"op": "lock", "name": "Male", "on": True}, {"op": "undo"}


def test_the_editor_s_changes_all_go_and_strips_come_last(play):
    first, second, third = [{**m, "joins": m["value"] > 1} for m in moves(1, 2, 3)]
    acts = [("post", first), ("post", STRIP), ("post", second), ("post", third)]
    sent = play("EditWire", *acts, ("ack", 1), ("ack", 2), ("ack", 3))["sent"]
    both = {**third, "since": 2}  # replaces `second`
    assert sent == numbered([first, both, STRIP])
    sent = play("EditWire", *acts[:2], ("post", LOCK), ("ack", 1), ("ack", 2), ("ack", 3))["sent"]
    assert sent == numbered([first, LOCK])


def test_a_slider_s_value_is_not_replaced_behind_an_undo(play):
    three, two, one = moves(3, 2, 1)
    acts = [("post", m) for m in (LOCK, three, two, UNDO, one, three)]
    sent = play("EditWire", *acts, *(("ack", n) for n in range(1, 5)))["sent"]
    assert sent == numbered([LOCK, {**two, "since": 3}, UNDO, {**three, "since": 1}])


def test_a_separate_stroke_replaces_nothing(play):
    strokes, (key,) = moves(1, 2, joins=False), moves(3)
    acts = [("post", m) for m in (LOCK, *strokes, key)]  # the key goes on from the second stroke
    sent = play("EditWire", *acts, *(("ack", n) for n in range(1, 5)))["sent"]
    assert sent == numbered([LOCK, strokes[0], {**key, "since": 2, "joins": False}])


def test_a_change_does_not_wait_for_a_strip(play):
    move, strip_of_another = moves(1)[0], {"op": "strip", "name": "Young"}
    assert play("EditWire", ("post", STRIP), ("post", move))["sent"] == numbered([STRIP, move])
    assert play("EditWire", ("post", move), ("post", LOCK))["sent"] == numbered([move])
    assert play("EditWire", ("post", STRIP), ("post", strip_of_another))["sent"] == numbered([STRIP])
    # The strip's own slider leaves it correct, so it is requested again; the change has its full time for an answer.
    again = [("post", STRIP), ("wait", 7000), ("post", move), ("wait", 7000), ("ack", 1), ("ack", 2)]
    assert play("EditWire", *again)["sent"] == numbered([STRIP, move, STRIP])
    other = play("EditWire", ("post", strip_of_another), ("post", move), ("ack", 2))["sent"]
    assert other == numbered([strip_of_another, move])


def test_a_photo_comes_after_changes_and_is_requested_again_when_one_overtakes_it(play):
    move, photo = moves(1)[0], {"op": "photo"}
    sent = play("EditWire", ("post", move), ("post", photo), ("post", LOCK), ("ack", 1), ("ack", 2))["sent"]
    assert sent == numbered([move, LOCK, photo])
    sent = play("EditWire", ("post", photo), ("post", STRIP), ("post", move), ("ack", 2), ("ack", 3))["sent"]
    assert sent == numbered([photo, move, photo, STRIP])


def sliders(smiling, bangs=0):
    return [{"name": "Smiling", "value": smiling}, {"name": "Bangs", "value": bangs}]


def test_changes_that_a_page_takes_with_it_are_sent_by_the_next_editor_of_this_edit(play):
    first, second = moves(1, 2, joins=False)
    edit = {"token": "t", "source": "face", "sliders": sliders(0.15)}
    acts = [("post", STRIP), ("post", first), ("post", second), ("keep", edit), ("close", None)]
    other, moved = {**edit, "token": "u"}, {**edit, "token": "u", "source": "other"}
    for data, kept in (
        ({**edit, "answered": 1}, [first, second]),
        ({**other, "answered": 1, "sliders": sliders(0.15, 1)}, []),  # the edit was changed elsewhere
        ({**other, "answered": 2, "sliders": sliders(1)}, [second]),  # the first was received, and has changed the edit
        ({**moved, "answered": 1}, [first, second]),  # another picture was chosen just before
        ({**moved, "answered": 2, "sliders": sliders(1)}, [second]),
        ({**moved, "answered": 2}, []),  # then another edit was opened
    ):
        play("EditWire", *acts)
        assert play.kept(**data) == kept
        assert play.kept(**data) == []  # only once
    undo = {"op": "undo"}
    play("EditWire", ("post", undo), ("keep", edit))
    assert play.kept(**moved, answered=0) == []  # would take back the choice of the picture
    play("EditWire", *acts)
    play.hours_later()
    assert play.kept(**edit, answered=1) == []
    play("EditWire", ("post", STRIP), ("keep", edit))
    assert play.kept(**edit, answered=0) == []


def test_a_change_that_was_acknowledged_while_the_page_reloaded_is_sent_again(play):
    first, second = moves(1, 2, joins=False)
    settled = [("settle", {"message": m, "token": t}) for m, t in ((first, "a"), (LOCK, "b"), (STRIP, "c"))]
    after = {"token": "c", "source": "face", "sliders": sliders(2, 1)}
    fresh = {"source": "face", "answered": -1, "nonce": "of a new session", "sliders": sliders(0)}
    for token, kept in (
        ("a", [first, LOCK, second]),  # the address is that before both changes
        ("b", [LOCK, second]),
        ("c", [second]),  # the address has both
        ("d", []),
    ):
        play("EditWire", *settled, ("post", second), ("end", after))
        assert play.kept(**fresh, token=token) == kept
    play("EditWire", *settled, ("end", after))
    assert play.kept(**{**fresh, "nonce": None}, token="a") == []  # the session went on and has the changes
    play("EditWire", *settled, ("keep", after))  # another page, not the end of the document
    assert play.kept(**fresh, token="a") == []
