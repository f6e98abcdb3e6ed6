"""The editor without Streamlit around it: what it sends when overtaken, while a button is pressed, and once gone."""

from __future__ import annotations

import pytest

from explorer.engines.engine import Engine
from explorer.session.desk import Desk
from explorer.session.editor_view import editor_view
from explorer.ui.components import sources
from explorer.ui.components.editor import SCRIPTS
from tests.explorer import tiny_model

START = """async ([html, js, data]) => {
  const host = document.body.appendChild(document.createElement("div"))
  const root = host.attachShadow({ mode: "open" })
  root.innerHTML = html
  const show = (await import(URL.createObjectURL(new Blob([js], { type: "text/javascript" })))).default
  const [sent, wait] = [[], (time) => new Promise((done) => setTimeout(done, time))]
  const call = () => show({ data, parentElement: root, setStateValue: (_, message) => sent.push(message.op) })
  const drawn = async () => { while (!root.querySelector("input[type=range]")) await wait(10) }
"""

# As Streamlit does: newer data before the first call is over, and then the clean-up of the first.
OVERTAKEN = (
    START
    + """
  const [overtaken, gone] = [call(), call()]
  overtaken()
  await drawn()
  const slider = root.querySelector("input[type=range]")
  slider.value = 2
  for (const type of ["input", "change"]) slider.dispatchEvent(new Event(type))
  await wait(50)
  const there = sent.splice(0)
  host.remove()
  gone()
  window.dispatchEvent(new KeyboardEvent("keydown", { key: "z", ctrlKey: true }))
  await wait(50)
  return { there, away: sent }
}"""
)

PRESSED = (
    START
    + """
  call()
  await drawn()
  window.dispatchEvent(new PointerEvent("pointerdown"))
  await wait(1500)
  const pressed = sent.splice(0)
  window.dispatchEvent(new PointerEvent("pointerup"))
  while (!sent.length) await wait(10)
  return { pressed, free: sent }
}"""
)

UNANSWERED = (
    START
    + """
  call()
  await drawn()
  const slider = root.querySelector("input[type=range]")
  const before = slider.value
  slider.value = 2
  for (const type of ["input", "change"]) slider.dispatchEvent(new Event(type))
  const moved = slider.value
  while (root.querySelector(".note").hidden) await wait(10)
  const note = root.querySelector(".note-words").textContent
  const sets = sent.splice(0).filter((op) => op === "set").length
  await wait(1000) // longer than the rest after which a strip is requested
  return { moved, restored: slider.value === before, sets, later: sent, note }
}"""
)

# The answer with the strip, and at once another without it; then answers without a strip.
STRIP_LOST = (
    START
    + """
  const [messages, { original }] = [[], data.pictures]
  const send = (_, message) => { if (!message.again) messages.push(message) }
  const newest = (more) => ({ ...data, ack: messages.at(-1), ...more })
  const answer = (more) => show({ data: newest(more), parentElement: root, setStateValue: send })
  const requested = async (count) => { for (let i = 0; i < 1000 && messages.length < count; i++) await wait(10) }
  const strip = { name: data.sliders[0].name, strengths: [-3, 3], uri: original.uri, lost: [], lostWords: "" }
  answer()
  await requested(1)
  answer({ strip })
  answer()
  await requested(2)
  const overtaken = messages.map((m) => m.op)
  answer()
  await wait(1500)
  return { overtaken, refused: messages.slice(2) }
}"""
)

# Whether the row of frames is still valid after data in which the strip's own slider is moved, after data with a new
# slider, and after data in which another slider is moved, none of it by the editor; and all requests.
MOVED_BESIDE = (
    START
    + """
  const [messages, { original }] = [[], data.pictures]
  const setStateValue = (_, message) => messages.push(message)
  const requested = async (count) => { while (messages.length < count) await wait(10) }
  const newest = (more) =>
    show({ data: { ...data, ack: messages.at(-1), ...more }, parentElement: root, setStateValue })
  newest()
  await requested(1)
  const [frames, strengths] = [root.querySelector(".frames"), [-4, -3, -2, -1, 0, 1, 2, 3, 4]]
  const strip = { name: data.sliders[0].name, strengths, uri: original.uri, lost: [], lostWords: "" }
  newest({ strip })
  while (frames.querySelector("button").disabled) await wait(10)
  const seen = []
  const [own, other, ...rest] = data.sliders
  const moves = [
    [{ ...own, value: 1.5 }, other],
    [own, other, { ...own, name: "new", value: 0 }],
    [own, { ...other, value: 1 }],
  ]
  for (const moved of moves) {
    const sliders = [...moved, ...rest]
    newest({ sliders })
    while (root.__instance.data.sliders !== sliders) await wait(10)
    seen.push(!frames.matches(".stale"))
  }
  for (let i = 0; i < 300 && messages.length < 2; i++) await wait(10)
  return { seen, sent: messages.map((m) => [m.op, m.name]) }
}"""
)

# How often the photo has been requested after answers without it: for each its key, and whether it acknowledges.
PHOTO_MISSED = (
    START
    + """
  const [messages, counts] = [[], []]
  show({ parentElement: root, setStateValue: (_, message) => messages.push(message) })
  const answers = [["a", 1], ["a", 0], ["a", 1], ["a", 1], ["b", 1], ["a", 0], ["a", 1], ["a", 1], ["a", 1]]
  for (const [key, acknowledges] of answers) {
    const ack = acknowledges ? messages.at(-1) : null
    await root.__instance.update({ ...data, ack, photo: { key } })
    counts.push(messages.length)
  }
  return counts
}"""
)

# How many faces of a photo have been chosen: while one waits for the answer to a change, and after that answer, which
# may be of another picture; while another page is loading. Then which ones, once that page has not come.
CHOSEN = (
    START
    + """
  const [messages, chosen] = [[], []]
  const counts = []
  const setStateValue = (_, message) => messages.push(message)
  show({ parentElement: root, setStateValue, setTriggerValue: (_, face) => chosen.push(face) })
  const editor = root.__instance
  const update = (more) => editor.update({ ...data, ack: messages.at(-1), ...more })
  await update()
  for (const source of [data.source, "another"]) {
    editor.change({ op: "reset" })
    editor.choose(1)
    counts.push(chosen.length)
    await update({ source })
    counts.push(chosen.length)
  }
  const link = document.body.appendChild(document.createElement("a"))
  link.href = "/other"
  link.onclick = (event) => event.preventDefault()
  link.click()
  editor.choose(2)
  counts.push(chosen.length)
  while (editor.wire.departure.begun) await wait(10)
  return [counts, chosen]
}"""
)

# The strip of an editor that has just come.
FIRST_STRIP = (
    START
    + """
  const [messages, { original }] = [[], data.pictures]
  const seen = () => getComputedStyle(root.querySelector(".frames-place")).visibility
  const setStateValue = (_, message) => messages.push(message)
  show({ data, parentElement: root, setStateValue })
  while (!messages.length) await wait(10)
  const before = seen()
  const [{ name }, strengths] = [messages[0], [-4, -3, -2, -1, 0, 1, 2, 3, 4]]
  const strip = { name, strengths, uri: original.uri, lost: [], lostWords: "" }
  show({ data: { ...data, ack: messages[0], strip }, parentElement: root, setStateValue })
  while (root.querySelector(".frames-row button").disabled) await wait(10)
  return { of: name, place: [before, seen()] }
}"""
)

NO_SLIDERS = (
    START
    + """
  call()
  const empty = root.querySelector(".empty")
  while (empty.hidden) await wait(10)
  const thumbs = [...root.querySelectorAll(".thumb")]
  return {
    seen: thumbs.filter((e) => e.offsetHeight).map((e) => e.dataset.show),
    pressed: thumbs.filter((e) => e.ariaPressed === "true").map((e) => e.dataset.show),
    tag: root.querySelector(".tag-after").textContent,
    blank: root.querySelector(".words").offsetHeight,
  }
}"""
)

PANEL = (
    START
    + """
  call()
  await drawn()
  const [first, second] = root.querySelectorAll(".row")
  const label = first.querySelector(".label")
  label.textContent = "Freckles on the nose"
  root.querySelector(".hint button").click()
  const [readout, numbers] = [".readout", ".numbers"].map((s) => root.querySelector(s).getBoundingClientRect())
  return {
    rows: [first.offsetHeight, second.offsetHeight],
    cut: [label.scrollWidth > label.clientWidth, label.scrollHeight > label.clientHeight + 2],
    gap: numbers.top - readout.bottom,
    reserved: root.querySelector(".words").offsetHeight,
  }
}"""
)


@pytest.fixture
def play(browser, tmp_path):
    """Run a scene with an editor of the greeting, with its sliders changed by a function."""
    engine = Engine.open(tiny_model.write(tmp_path / "tiny"), device="cpu")
    desk = Desk.arrive(engine)
    view = editor_view(desk, engine, desk.prepare_view(engine))
    parts = sources("editor", *SCRIPTS)
    page = browser.new_page()
    page.route("http://app/edit", lambda route: route.fulfill(content_type="text/html", body=""))
    page.goto("http://app/edit")
    script = parts["js"].replace("PATIENCE = 8000", "PATIENCE = 80").replace("LEAVING = 5000", "LEAVING = 500")
    assert script.count("PATIENCE = 80 ") == script.count("LEAVING = 500 ") == 1
    html = f"<style>{parts['css']}</style>{parts['html']}"
    yield lambda scene, change=list: page.evaluate(scene, [html, script, view | {"sliders": change(view["sliders"])}])
    page.close()


def test_a_call_that_newer_data_has_overtaken_does_not_end_the_editor(play):
    sent = play(OVERTAKEN)
    assert sent["there"] == ["strip", "set"]  # a change does not wait for a strip
    assert sent["away"] == []


def test_comments_of_the_scripts_are_not_sent():
    script = sources("editor", *SCRIPTS)["js"]
    assert not any(line.lstrip().startswith("//") for line in script.splitlines())
    assert "class Editor" in script
    assert len(script) < 48_000  # with its comments 54,000; it goes with every answer


def test_no_strip_is_asked_for_while_a_button_is_pressed(play):
    assert play(PRESSED) == {"pressed": [], "free": ["strip"]}


def test_a_strip_that_newer_data_has_overtaken_is_requested_once_more(play):
    assert play(STRIP_LOST) == {"overtaken": ["strip", "strip"], "refused": []}


def test_a_strip_is_outdated_by_a_move_of_another_slider_and_not_by_one_of_its_own(play):
    names = []

    def known(sliders):
        names.extend(slider["name"] for slider in sliders)
        return sliders

    result = play(MOVED_BESIDE, known)
    assert result == {"seen": [True, True, False], "sent": [["strip", names[0]]] * 2}


def test_a_photo_that_did_not_come_with_the_answer_is_requested_once_more(play):
    assert play(PHOTO_MISSED, lambda sliders: []) == [1, 1, 2, 2, 3, 3, 4, 5, 5]


def test_a_face_that_waits_is_of_the_present_photo_and_is_not_sent_while_another_page_is_on_its_way(play):
    assert play(CHOSEN, lambda sliders: []) == [[0, 1, 1, 1, 1], [1, 2]]


def test_a_change_that_is_never_answered_is_taken_back(play):
    result = play(UNANSWERED)
    assert result.pop("note").startswith("The server has not answered yet.")
    # A strip would replace the change, which Streamlit may still hold, and so make it lost.
    assert result == {"moved": "2", "restored": True, "sets": 2, "later": []}


@pytest.mark.parametrize(("moved", "of"), [([], 0), ([0], 0), ([0, -1], -1)])
def test_the_first_strip_is_of_the_last_moved_slider_and_its_mark_waits_for_it(play, moved, of):
    names = []

    def move(sliders):
        names.extend(slider["name"] for slider in sliders)
        strengths = {names[index]: 1 for index in moved}
        return [slider | {"value": strengths.get(slider["name"], 0)} for slider in sliders]

    assert play(FIRST_STRIP, move) == {"of": names[of], "place": ["hidden", "visible"]}


def test_without_sliders_the_original_is_chosen_and_no_edit_is_offered(play):
    result = play(NO_SLIDERS, lambda sliders: [])
    assert result == {"seen": ["original", "reconstruction"], "pressed": ["original"], "tag": "Original", "blank": 0}


def test_a_long_name_has_two_lines_and_the_place_of_a_note_does_not_divide_the_panel(play):
    result = play(PANEL)
    assert result["cut"] == [False, False]
    assert result["rows"][0] == result["rows"][1]
    assert result["gap"] < 10
    assert result["reserved"] > 40
