"""An edit made with another model: its link chooses that model, its PNG offers it."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.edits import recipe_png
from explorer.edits.recipe import EditRecipe, Source
from glowcore import checkpoint
from tests.explorer import tiny_model
from tests.explorer.visiting import app, visit, words

pytestmark = pytest.mark.usefixtures("fresh_caches")


@pytest.fixture
def edit_of_other(tmp_path, monkeypatch) -> EditRecipe:
    """An edit made with the second of two models."""
    tiny_model.write(tmp_path / "pretrained" / "first")
    other = tiny_model.write_kind(tmp_path / "runs" / "other", "nice")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    return EditRecipe(Source("seed", "3"), temperature=(0.4,), model=checkpoint.fingerprint(other)[:12])


@pytest.mark.parametrize("page", ["edit.py", "models.py", "sample.py"])
def test_a_link_chooses_the_model_of_its_edit(edit_of_other, page):
    at = app()
    at.query_params["s"] = edit_of_other.token()
    at.switch_page(f"explorer/ui/pages/{page}").run()
    assert at.session_state["model_name"] == "runs/other"
    del at.query_params["s"]  # as the browser does on the way to another page
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert at.session_state["desk"].recipe == edit_of_other
    assert at.session_state["desk"].note == ""


def test_a_model_that_is_chosen_takes_the_present_edit_over_at_once(edit_of_other):
    at = visit("models.py")
    at.button(key="use_runs/other").click().run()
    assert at.session_state["desk"].recipe.model == edit_of_other.model


def test_an_edit_of_another_model_can_be_looked_at_with_that_one(edit_of_other):
    wanted, at = edit_of_other, visit("edit.py")
    saved = recipe_png.to_png(np.zeros((16, 16, 3), np.uint8), wanted)
    at.file_uploader(key="upload").upload("edited-face.png", saved, "image/png").run()
    assert "another model" in at.session_state["desk"].note
    assert "other" in words(at)
    at.button(key="switch_model").click().run()
    assert not at.exception
    assert at.session_state["desk"].recipe == wanted
    assert at.session_state["desk"].note == ""


def test_an_edit_of_an_unknown_model_offers_nothing(home):
    at = visit("edit.py", EditRecipe(Source("seed", "3"), model="f" * 12).token())
    assert not [b for b in at.button if b.key == "switch_model"]
