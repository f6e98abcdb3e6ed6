"""What the server sends: whole messages only, because the browser may have dropped those that it had cached."""

from __future__ import annotations

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.e2e.settling import settle, smile

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def test_no_message_refers_to_one_that_the_browser_may_have_dropped(server, browser):
    page, frames = browser.new_page(), []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    page.goto(server)
    expect(smile(page)).to_have_value("1")
    settle(page)
    before = len(frames)
    for name in ("Mix", "Edit"):  # nothing in the row of sources has changed on the way
        page.get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_title(f"{name} · glowcore explorer")
        settle(page)
    kinds = [ForwardMsg.FromString(frame).WhichOneof("type") for frame in frames[before:]]
    assert kinds.count("delta") > 50
    assert "ref_hash" not in kinds
    page.close()
