"""An own attribute belongs to the weights it was fitted with, even if another model has latents of the same shape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

import glowcore
from explorer.engines.engine import Engine
from explorer.own import attribute_file, sliders, weights
from glowcore import checkpoint
from glowcore.errors import CheckpointError, ConfigError
from tests.explorer import tiny_model
from tests.explorer.visiting import visit

MINE = Path("mine.safetensors")
REMEDY = "make it again here from photos"


@pytest.fixture
def twin(tmp_path) -> Path:
    """A model of the same shapes and attributes with other weights, at runs/twin beside pretrained/tiny."""
    tiny_model.write(tmp_path / "pretrained" / "tiny")
    model = glowcore.load(tiny_model.write(tmp_path / "runs" / "twin"), device="cpu")
    with torch.no_grad():
        next(p for p in model.parameters() if p.requires_grad).add_(0.01)
    model.origin = None  # so that its attributes are saved with the changed weights
    glowcore.save(model, tmp_path / "runs" / "twin")
    return tmp_path / "runs" / "twin"


def forgetful(vectors):
    """Return the attributes without weights, as in a file of an earlier version."""
    facts = {n: {k: v for k, v in f.items() if k != weights.WEIGHTS} for n, f in vectors.facts.items()}
    return replace(vectors, facts=facts)


def test_it_knows_its_weights_in_its_file_and_among_others(engine, freckles):
    read = attribute_file.from_file(attribute_file.to_file(freckles), MINE)
    assert weights.made_with(read) == {engine.model_hash}
    used = sliders.joined(engine.attributes, [read])
    assert weights.made_with(attribute_file.alone(used, "Freckles")) == {engine.model_hash}


def test_it_stays_away_from_other_weights_of_the_same_shapes(desk, engine, twin, freckles):
    other = Engine.open(twin, "runs/twin")
    assert other.latent_shapes == engine.latent_shapes
    assert other.model_hash != engine.model_hash
    desk.take_own(freckles)
    assert "Freckles" in desk.own.equip(engine).attribute_names
    assert "Freckles" not in desk.own.equip(other).attribute_names


def test_one_name_stands_for_an_attribute_of_each_model(desk, engine, twin, freckles):
    other = Engine.open(twin, "runs/twin")
    theirs = replace(forgetful(freckles), directions=2 * freckles.directions)
    desk.take_own(freckles)
    desk.take_own(weights.taken_for(theirs, other))

    def length(of: Engine) -> float:
        return float(desk.own.equip(of).attributes.directions[-1].norm())

    assert length(other) == pytest.approx(2 * length(engine))
    desk.own = desk.own.dropped("Freckles", engine)
    assert "Freckles" not in desk.own.equip(engine).attribute_names
    assert "Freckles" in desk.own.equip(other).attribute_names


def test_of_two_that_came_in_one_file_one_can_be_dropped_or_made_anew(engine, freckles):
    again = weights.taken_for(forgetful(replace(freckles, names=("Spots",), facts={})), engine)
    own = sliders.OwnSliders().added(sliders.joined(freckles, [again]))
    assert own.equip(engine).attribute_names[-2:] == ("Freckles", "Spots")
    own = own.added(replace(freckles, directions=2 * freckles.directions))
    assert float(own.equip(engine).attributes.direction("Freckles").flatten().norm()) == pytest.approx(
        2 * float(freckles.directions[0].norm())
    )
    own = own.dropped("Freckles", engine)
    assert own.equip(engine).attribute_names == (*engine.attribute_names, "Spots")


def test_a_file_of_other_weights_is_refused_with_what_to_do(twin, freckles, engine, monkeypatch):
    monkeypatch.setenv("EXPLORER_HOME", str(twin.parents[1]))
    other = Engine.open(twin, "runs/twin")
    told = f"Freckles: made with pretrained/tiny; choose that model, or {REMEDY}"
    with pytest.raises(ConfigError) as error:
        weights.taken_for(freckles, other)
    assert str(error.value) == told
    monkeypatch.setenv("EXPLORER_HOME", str(twin))  # where that model is not
    with pytest.raises(ConfigError) as error:
        weights.taken_for(freckles, other)
    assert str(error.value) == f"Freckles: made with other weights than this model's; {REMEDY}"


def test_one_that_does_not_say_counts_as_of_the_model_it_is_loaded_for(engine, twin, freckles):
    old = attribute_file.from_file(attribute_file.to_file(forgetful(freckles)), MINE)
    assert weights.made_with(old) == {""}
    taken = weights.taken_for(old, engine)
    assert weights.is_of(taken, engine)
    assert not weights.is_of(taken, Engine.open(twin, "runs/twin"))
    assert not weights.is_of(old, engine)
    with pytest.raises(ConfigError, match=REMEDY):
        weights.taken_for(replace(old, shapes=((1, 1, 1),)), engine)


@pytest.mark.parametrize("digits", ["", "x", "0" * 11, "[a](b)", 7, None, ["a"], {"a": 1}])
def test_nonsense_instead_of_a_hash_is_no_attribute_file(freckles, digits):
    facts = {"Freckles": {**freckles.facts["Freckles"], weights.WEIGHTS: digits}}
    with pytest.raises(CheckpointError, match="12 hexadecimal digits"):
        attribute_file.from_file(attribute_file.to_file(replace(freckles, facts=facts)), MINE)


def on_the_page(home: Path, monkeypatch) -> AppTest:
    monkeypatch.setenv("EXPLORER_HOME", str(home))
    return visit("attributes.py")


def give(at: AppTest, vectors) -> str:
    """Load a file and return the text of the page."""
    at.file_uploader(key="own_file").upload("a.safetensors", attribute_file.to_file(vectors), "application/x").run()
    assert not at.exception
    return " ".join(i.value for i in at.info).replace("\\", "")


@pytest.mark.usefixtures("fresh_caches")
def test_the_page_refuses_a_stranger_and_takes_one_that_does_not_say_with_a_warning(twin, freckles, monkeypatch):
    at = on_the_page(twin.parents[1], monkeypatch)
    stranger = replace(freckles, facts={"Freckles": {weights.WEIGHTS: "f" * 12}})
    assert give(at, stranger) == f"Freckles: made with other weights than this model's; {REMEDY}."
    assert not at.session_state["desk"].own.made
    assert give(at, freckles) == "Freckles: among the sliders of Edit."
    told = give(at, forgetful(freckles))
    assert "does not say which model it was made with" in told
    assert "make it again from photos" in told
    assert [name for _, name in at.session_state["desk"].own.made] == ["Freckles"]


@pytest.mark.usefixtures("fresh_caches")
def test_the_page_says_where_an_attribute_is_at_home(twin, freckles, monkeypatch):
    at = on_the_page(twin.parents[1], monkeypatch)
    give(at, freckles)
    assert [b.key for b in at.button if b.key == "own_drop_Freckles"]
    at.switch_page("explorer/ui/pages/models.py").run()
    at.button(key="use_runs/twin").click().run()
    assert at.session_state["desk"].recipe.model == checkpoint.fingerprint(twin)[:12]
    at.switch_page("explorer/ui/pages/attributes.py").run()
    assert not at.exception
    said = [c.value.replace("\\", "") for c in at.caption]
    assert f"Freckles: made with pretrained/tiny; choose that model, or {REMEDY}." in said
    assert not [b.key for b in at.button if b.key == "own_drop_Freckles"]
