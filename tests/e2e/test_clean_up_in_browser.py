"""What a component does when it is told to clean up: stop once it is gone, and go on while it is there."""

from __future__ import annotations

import pytest

from explorer.engines.engine import Engine
from explorer.session.desk import Desk
from explorer.session.editor_view import editor_view
from explorer.ui.components import sources
from tests.explorer import tiny_model

# Calls the editor as Streamlit does: with data, with newer data before the first call is over, and then the clean-up of
# the first. Gives what its slider and its keys send while it is on the page, and after it was taken away.
SCENE = """async ([html, js, data]) => {
  const host = document.body.appendChild(document.createElement("div"))
  const root = host.attachShadow({ mode: "open" })
  root.innerHTML = html
  const show = (await import(URL.createObjectURL(new Blob([js], { type: "text/javascript" })))).default
  const sent = []
  const call = () => show({ data, parentElement: root, setStateValue: (_, message) => sent.push(message.op) })
  const [overtaken, gone] = [call(), call()]
  overtaken()
  while (!root.querySelector("input[type=range]")) await new Promise(requestAnimationFrame)
  const slider = root.querySelector("input[type=range]")
  slider.value = 2
  for (const type of ["input", "change"]) slider.dispatchEvent(new Event(type))
  await new Promise((done) => setTimeout(done, 50))
  const there = sent.splice(0)
  host.remove()
  gone()
  window.dispatchEvent(new KeyboardEvent("keydown", { key: "z", ctrlKey: true }))
  await new Promise((done) => setTimeout(done, 50))
  return { there, away: sent }
}"""


@pytest.fixture
def view(tmp_path):
    engine = Engine.open(tiny_model.write(tmp_path / "tiny"), device="cpu")
    desk = Desk()
    desk.arrive(engine, None)
    return editor_view(desk, engine, desk.picture(desk.recipe, engine))


def test_an_editor_whose_call_was_overtaken_by_newer_data_still_sends_what_the_hand_does(browser, view):
    parts = sources("editor", "edit_wire", "stage", "panel", "frames", "editor")
    page = browser.new_page()
    page.route("http://app/edit", lambda route: route.fulfill(content_type="text/html", body=""))
    page.goto("http://app/edit")
    sent = page.evaluate(SCENE, [parts["html"], parts["js"], view])
    page.close()
    assert sent["away"] == []
    assert sent["there"] == ["strip"]  # the value waits for the answer
