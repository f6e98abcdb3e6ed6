"""Own attributes kept apart from others: their directions are projected out, and the change can be undone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.edits.recipe import EditRecipe, Source
from explorer.own import attribute_file, sliders
from explorer.session.desk import Desk
from explorer.views.attribute_facts import cosines
from glowcore.errors import ConfigError
from tests.explorer.visiting import visit
from tests.explorer.widgets import of_model


@pytest.fixture
def desk(engine, freckles):
    found = Desk()
    found.arrive(engine, None)
    found.take_own(freckles)
    return found


def shared(engine, name) -> dict[str, float]:
    """Return the cosine of an attribute with every other one, by label."""
    labels, table = cosines(engine)
    row = table[labels.index(name)]
    return {label: value for label, value in zip(labels, row, strict=True) if label != name}


def test_what_it_shares_with_the_ticked_ones_goes_and_comes_back(desk, engine):
    before = shared(desk.own.equip(engine), "Freckles")
    assert abs(before["Smile"]) > 0.002  # random directions share a little
    desk.own = desk.own.orthogonalised("Freckles", ["Smiling", "Male"], engine)
    after = shared(desk.own.equip(engine), "Freckles")
    assert after["Smile"] == after["Masculine"] == 0
    assert after["Young"] == pytest.approx(before["Young"], abs=0.1)
    desk.own = desk.own.orthogonalised("Freckles", [], engine)
    assert shared(desk.own.equip(engine), "Freckles") == before


def test_the_slider_moves_by_the_new_direction(desk, engine, blobs):
    desk.own = desk.own.orthogonalised("Freckles", ["Smiling"], engine)
    apart = desk.own.equip(engine)
    latents = engine.encode(blobs[0]).latents
    recipe = EditRecipe(Source("gallery", "face_00.png"), (("Freckles", 2.0),))
    moved = apart._worker.move(latents, recipe, [{"Freckles": 2.0}], apart.attributes)
    step = (moved - latents).flatten()[0].double()
    smile = engine.attributes.direction("Smiling").flatten()[0].double()
    assert abs(float(torch.nn.functional.cosine_similarity(step, smile, dim=0))) < 1e-5
    assert float(step.norm()) == pytest.approx(2 * apart.attributes.sigma("Freckles"), rel=1e-4)


def test_nothing_left_is_a_sentence_and_changes_nothing(desk, engine, freckles):
    desk.own = desk.own.orthogonalised("Freckles", ["Smiling"], engine)
    desk.take_own(replace(freckles, names=("Spots",), facts={"Spots": freckles.facts["Freckles"]}))
    with pytest.raises(ConfigError, match="nothing is left of it"):
        desk.own = desk.own.orthogonalised("Spots", ["Freckles", "Smiling"], engine)
    assert desk.own.orthogonal_of(engine) == {"Freckles": ("Smiling",)}
    with pytest.raises(ConfigError, match="to itself"):
        desk.own = desk.own.orthogonalised("Freckles", ["Freckles"], engine)
    assert desk.own.orthogonal_of(engine)["Freckles"] == ("Smiling",)


def test_what_is_dropped_or_made_anew_is_apart_from_nothing(desk, engine, freckles):
    desk.own = desk.own.orthogonalised("Freckles", ["Smiling"], engine)
    desk.take_own(freckles)
    assert desk.own.orthogonal_of(engine) == {}
    desk.own = desk.own.orthogonalised("Freckles", ["Smiling"], engine)
    desk.drop_own("Freckles", engine)
    assert desk.own.orthogonal_of(engine) == {}


def test_names_that_are_not_here_count_for_nothing(engine, freckles):
    vectors = sliders.joined(engine.attributes, [freckles])
    same = sliders.orthogonalise_each(vectors, {"Freckles": ("Gone",), "Lost": ("Smiling",), "Young": ("Young",)})
    assert torch.equal(same.directions, vectors.directions)


def test_the_file_holds_it_as_it_is_used(desk, engine):
    desk.own = desk.own.orthogonalised("Freckles", ["Smiling"], engine)
    used = desk.own.equip(engine).attributes
    read = attribute_file.from_file(attribute_file.to_file(attribute_file.alone(used, "Freckles")))
    assert read.names == ("Freckles",)
    assert torch.equal(read.direction("Freckles").flatten(), used.direction("Freckles").flatten())
    assert read.sigma("Freckles") == pytest.approx(used.sigma("Freckles"))
    assert read.info("Freckles")["orthogonal_to"] == ["Smiling"]


def test_the_page_ticks_them(home, fresh_caches, engine, freckles):
    at = visit("edit.py")
    at.session_state["desk"].take_own(freckles)
    at.switch_page("explorer/ui/pages/attributes.py").run()
    at.pills(key="own_orthogonal_Freckles").set_value(["Smiling", "Young"]).run()
    assert not at.exception
    assert at.session_state["desk"].own.orthogonal_of(engine) == {"Freckles": ("Smiling", "Young")}
    assert "leaves Smile and Young unchanged" in [c.value for c in at.caption]
    at.pills(key="own_orthogonal_Freckles").set_value([]).run()
    assert at.session_state["desk"].own.orthogonal_of(engine) == {"Freckles": ()}
    assert not [c for c in at.caption if "unchanged" in c.value]


def test_strips_on_the_page_follow(home, fresh_caches, freckles):
    at = visit("edit.py")
    desk = at.session_state["desk"]
    desk.take_own(freckles)
    at.switch_page("explorer/ui/pages/attributes.py").run()
    at.pills(key=of_model(at, "preview")).set_value("Freckles").run()
    before = at.session_state["made previews"][1]
    at.pills(key="own_orthogonal_Freckles").set_value(["Smiling", "Male", "Beard"]).run()
    after = at.session_state["made previews"][1]
    assert not at.exception
    assert any(not np.array_equal(a, b) for a, b in zip(before[0], after[0], strict=True))
