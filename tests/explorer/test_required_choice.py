"""A choice among options has a value, whatever the session holds."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from explorer.ui.required import required_choice

    chosen = required_choice(st.segmented_control, "Mode", ["Film", "Levels"], key="mode", start="Film")
    st.write(f"{chosen}, {st.session_state['mode']}")


def shown(at: AppTest) -> str:
    assert not at.exception
    return at.markdown[0].value


def test_it_starts_and_follows_the_user():
    at = AppTest.from_function(page).run()
    assert shown(at) == "Film, Film"
    at.segmented_control(key="mode").set_value("Levels").run()
    assert shown(at) == "Levels, Levels"
    assert shown(at.run()) == "Levels, Levels"


@pytest.mark.parametrize("lost", [None, "Gone"])
def test_the_start_takes_the_place_of_a_value_that_is_no_option(lost):
    at = AppTest.from_function(page).run()
    at.session_state["mode"] = lost
    assert shown(at.run()) == "Film, Film"
