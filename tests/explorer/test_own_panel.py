"""The panel that makes own attributes: its inputs, its messages, and the models they apply to."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from explorer.own import held_out
from explorer.wording.labels import attributes_of, ordered
from tests.explorer import tiny_model
from tests.explorer.picture_files import png_files
from tests.explorer.visiting import visit
from tests.explorer.widgets import told


@pytest.fixture
def at(home, fresh_caches) -> AppTest:
    return visit("attributes.py")


@pytest.fixture
def files(many_blobs) -> list[tuple[str, bytes, str]]:
    """Sixteen photos, none with a face."""
    return png_files(many_blobs)


def give(at: AppTest, files, name: str) -> AppTest:
    """Fill in the panel and press the button in one run."""
    at.file_uploader(key="own_with").set_value(files[:8])
    at.file_uploader(key="own_without").set_value(files[8:])
    at.text_input(key="own_name").set_value(name)
    at.button(key="own_make").click().run()
    assert not at.exception
    return at


def container(at: AppTest, key: str) -> Block:
    """Return the container with a key, which Streamlit makes a part of its identifier."""

    def below(block: Block) -> Iterator[Block]:
        for child in block.children.values():
            if isinstance(child, Block):
                yield child
                yield from below(child)

    return next(block for block in below(at.main) if getattr(block.proto, "id", "").endswith(f"-{key}"))


def counts(at: AppTest) -> list[str]:
    """Return what is said about the number of photos in either group."""
    return [c.value for c in at.caption if re.match(r"\d+ photos?\b|No photos", c.value)]


def said(at: AppTest, kind: str) -> str:
    return " ".join(e.value.replace("\\", "") for e in at.get(kind))


def test_the_button_says_what_is_missing(at, files):
    at.button(key="own_make").click().run()
    assert said(at, "warning") == "8 photos of each kind are needed: add more above."
    at.file_uploader(key="own_with").set_value(files[:3]).run()
    assert counts(at) == ["3 photos; 5 more needed", "No photos yet; 8 needed"]
    assert not container(at, "own_name_messages").children
    give(at, files, "  ")
    assert container(at, "own_name_messages").get("warning")
    assert said(at, "warning") == "The slider needs a name: type one above."
    assert counts(at) == ["8 photos", "8 photos"]


def test_photos_in_both_groups_are_named(at, files):
    at.file_uploader(key="own_without").set_value(files[6:])
    at.file_uploader(key="own_with").set_value(files[:8])
    at.text_input(key="own_name").set_value("Freckles")
    at.button(key="own_make").click().run()
    assert said(at, "warning") == "These photos are in both groups; take each out of one: 6.png, 7.png"
    assert not own_names(at)
    at.file_uploader(key="own_without").set_value(files[7:])
    at.button(key="own_make").click().run()
    assert said(at, "warning") == "This photo is in both groups; take it out of one: 7.png"


def test_one_press_is_enough_and_photos_without_a_face_are_told(at, files):
    give(at, files, "red Freckles")
    assert own_names(at) == ["Red Freckles"]
    note = said(at, "info") + said(at, "warning")
    assert note.startswith("Red Freckles is among the sliders of Edit")
    assert "No face was found in 16 photos, so their centres were used: 0.png, 1.png, 2.png, 3.png, 4.png …." in note


def test_one_that_was_broken_off_by_a_change_of_the_page_is_told(at, files, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(held_out, "separation", lambda *_, **__: st.stop())
        give(at, files, "Freckles")
    at.run()
    assert said(at, "warning").startswith("Freckles was not made, since the page changed before it was ready.")
    at.run()
    assert said(at, "warning") == ""


def test_one_that_fails_is_not_told_as_broken_off_by_a_change_of_the_page(at, files, monkeypatch):
    give(at, files, "Freckles")
    monkeypatch.setattr(held_out, "separation", lambda *_, **__: 1 / 0)
    assert at.button(key="own_make").click().run().exception
    assert said(at.run(), "warning") == ""


@pytest.mark.parametrize(
    ("share", "kind", "judged"),
    [
        (0.42, "warning", "but it tells held-out photos apart 42 % of the time, no better than guessing (50 %), "),
        (0.59, "warning", "will move something else. Add photos that differ in nothing else, and make it again."),
        (0.6, "info", "It tells held-out photos apart 60 % of the time (guessing: 50 %), "),
    ],
)
def test_one_that_is_no_better_than_guessing_is_no_success(at, files, monkeypatch, share, kind, judged):
    monkeypatch.setattr(held_out, "separation", lambda *_: share)
    give(at, files, "Freckles")
    assert judged in said(at, kind).replace("\N{NO-BREAK SPACE}", " ")
    assert "measured on 8 photos with it and 8 without" in said(at, kind)
    assert not said(at, "info" if kind == "warning" else "warning")


def test_a_file_that_is_refused_is_named_as_the_user_calls_it(at):
    at.file_uploader(key="own_file").upload("mine.safetensors", b"x", "application/x").run()
    remedy = "expected one that the Attributes page has saved."
    assert said(at, "info") == f"mine.safetensors: this is no attribute file, or a damaged one; {remedy}"


def own_names(at) -> list[str]:
    return [name for _, name in at.session_state["desk"].own.made]


def test_a_name_that_is_too_long_is_cut_with_a_word_about_it(at, files):
    give(at, files, f"Freckles {'x' * 30} and more")
    cut = f"Freckles {'x' * 30}"
    assert f"A name has 40 characters at most; it is cut to “{cut}”." in said(at, "markdown")
    assert own_names(at) == [cut]
    columns = json.loads(at.dataframe[0].proto.columns)
    assert min(columns[c]["width"] for c in ("attribute", "name")) >= 8 * len(cut)  # the table cuts without a mark
    at.text_input(key="own_name").set_value("x" * 40).run()
    assert "is cut" not in said(at, "markdown")
    assert at.text_input(key="own_name").proto.max_chars == 0  # Streamlit would silently drop a longer paste


def test_the_photos_are_still_there_for_another_model(home, tmp_path, monkeypatch, fresh_caches, files):
    shutil.copytree(home / "pretrained", tmp_path / "pretrained")
    tiny_model.write_kind(tmp_path / "runs" / "bare", "real_nvp")  # of 16 pixels, not 32
    tiny_model.write_kind(tmp_path / "runs" / "digits", "digits")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    at = give(visit("attributes.py"), files, "Freckles")

    def use(name: str) -> None:
        at.switch_page("explorer/ui/pages/models.py").run()
        at.button(key=f"use_{name}").click().run()
        at.switch_page("explorer/ui/pages/attributes.py").run()
        assert not at.exception

    use("runs/bare")
    assert "Freckles: made with" in said(at, "caption")
    at.button(key="own_make").click().run()
    assert not at.exception
    assert not at.error
    both = [sum(a * b * c for a, b, c in vectors.shapes) for vectors in at.session_state["desk"].own.made.values()]
    assert both == [3 * 32 * 32, 3 * 16 * 16]
    assert own_names(at) == ["Freckles", "Freckles"]  # one of each model
    use("pretrained/tiny")
    assert [b.key for b in at.button if b.key.startswith("own_drop")] == ["own_drop_Freckles"]
    at.button(key="own_drop_Freckles").click().run()
    use("runs/bare")
    assert [b.key for b in at.button if b.key.startswith("own_drop")] == ["own_drop_Freckles"]
    use("runs/digits")  # which photos of faces do not serve
    assert counts(at) == ["No photos yet; 8 needed"] * 2


def test_a_name_that_the_model_uses_is_refused_and_one_s_own_is_made_anew(at, files):
    give(at, files, "smile")
    assert [e.value for e in container(at, "own_name_messages").get("error")] == [e.value for e in at.error]
    assert said(at, "error") == "The model has a slider Smile already; another name is expected."
    assert not at.session_state["desk"].own.made
    give(at, files, "Freckles")
    (first,) = at.session_state["desk"].own.made.values()
    give(at, files, "freckles")
    assert own_names(at) == ["Freckles"]
    (second,) = at.session_state["desk"].own.made.values()
    assert second is not first


def test_one_s_own_is_offered_whatever_it_is_called(at, files):
    assert ordered(("Chubby", "Smiling")) == ["Smiling"]
    give(at, files, "Chubby")
    assert "Chubby" in at.pills(key=next(p.key for p in at.pills if p.key.startswith("preview"))).options
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert "Chubby" in [s["label"] for s in told(at, "editor")["sliders"]]


def test_a_model_without_attributes_gets_one_here(tmp_path, monkeypatch, fresh_caches, files):
    tiny_model.write_kind(tmp_path / "runs" / "bare", "real_nvp")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    at = visit("attributes.py")
    assert "came without attributes" in said(at, "info")
    give(at, files, "Freckles")
    assert not at.error
    assert [p.value for p in at.pills] == ["Freckles"]
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert not at.exception
    assert [s["label"] for s in told(at, "editor")["sliders"]] == ["Freckles"]


@pytest.mark.parametrize(("kind", "fitted"), [("real_nvp", True), ("digits", False)])
def test_the_command_that_fits_attributes_is_named_where_it_would_work(
    tmp_path, monkeypatch, fresh_caches, kind, fitted
):
    tiny_model.write_kind(tmp_path / "runs" / "bare", kind)
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    words_there = said(visit("attributes.py"), "info")
    assert "came without attributes" in words_there
    assert ("glowcore attributes" in words_there) == fitted


def test_one_made_with_another_model_stays_away_from_a_model_without_any(desk, engine, freckles, open_bare):
    desk.take_own(freckles)
    assert "Freckles" in attributes_of(desk.own.equip(engine))
    assert desk.own.equip(open_bare).attribute_names == ()


@pytest.fixture
def open_bare(tmp_path):
    from explorer.engines.engine import Engine

    return Engine.open(tiny_model.write_kind(tmp_path / "bare", "real_nvp"))


def test_it_is_a_slider_until_it_is_dropped(at, files, engine):
    give(at, files, "Freckles")
    desk = at.session_state["desk"]
    assert "Freckles" in desk.own.equip(engine).attribute_names
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert not at.exception
    assert "Freckles" in [s["label"] for s in told(at, "editor")["sliders"]]
    at.switch_page("explorer/ui/pages/attributes.py").run()
    at.button(key="own_drop_Freckles").click().run()
    assert not at.exception
    assert not at.session_state["desk"].own.made
    at.switch_page("explorer/ui/pages/edit.py").run()
    assert "Freckles" not in [s["label"] for s in told(at, "editor")["sliders"]]


def elsewhere_and_back(at: AppTest) -> AppTest:
    at.switch_page("explorer/ui/pages/edit.py").run()
    at.switch_page("explorer/ui/pages/attributes.py").run()
    assert not at.exception
    return at


def test_photos_outlive_a_look_at_another_page_until_they_are_cleared(at, files):
    at.file_uploader(key="own_with").set_value(files[:8])
    at.file_uploader(key="own_without").set_value(files[8:15]).run()
    elsewhere_and_back(at)
    assert counts(at) == ["8 photos", "7 photos; 1 more needed"]
    at.file_uploader(key="own_without").set_value(files[14:]).run()  # one of them is there already
    assert counts(at) == ["8 photos", "8 photos"]
    at.text_input(key="own_name").set_value("Freckles")
    at.button(key="own_make").click().run()
    assert own_names(at) == ["Freckles"]
    at.button(key="own_with clear").click().run()
    at.button(key="own_without clear").click().run()
    assert not at.exception
    assert counts(at) == ["No photos yet; 8 needed", "2 photos; 6 more needed"]


def test_a_photo_of_a_group_goes_with_its_file_and_what_is_none_is_told_at_once(at, files):
    at.file_uploader(key="own_with").set_value([*files[:3], ("odd.png", b"no picture", "image/png")]).run()
    assert counts(at)[0].startswith("3 photos")
    assert "odd.png" in said(at, "markdown")
    at.file_uploader(key="own_with").set_value(files[:2]).run()
    assert counts(at)[0].startswith("2 photos")
    assert "odd.png" not in said(at, "markdown")


def test_a_slider_that_was_just_made_is_previewed_and_tried_in_edit(at, files):
    preview = next(p.key for p in at.pills if p.key.startswith("preview"))
    assert at.pills(key=preview).value == "Smiling"
    give(at, files, "Tilted")
    assert at.pills(key=preview).value == "Tilted"
    assert "with tilted +3" in told(at, "preview_tiles")["tiles"][-1]["alt"]
    beside = told(at, "own_strip")
    assert [tile["alt"].split(" with ")[1] for tile in beside["tiles"]] == [
        f"tilted {s}" for s in ("−3", "−2", "−1", "0", "+1", "+2", "+3")
    ]
    assert beside["label"] == "Preview of Tilted"
    at.pills(key=preview).set_value("Male").run()
    assert at.pills(key=preview).value == "Male"
    assert "own_strip" not in [c.key for c in at.get("bidi_component")]
    at.button(key="own_try_Tilted").click().run()
    assert not at.exception
    assert {s["label"]: s["value"] for s in told(at, "editor")["sliders"]}["Tilted"] == 1.5
    at.switch_page("explorer/ui/pages/attributes.py").run()
    at.pills(key=preview).set_value("Tilted").run()
    at.button(key="own_drop_Tilted").click().run()
    assert not at.exception
    assert at.pills(key=preview).value == "Smiling"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"Tilted": 1.5}),  # the greeting's smile is not of the visitor's making
        ({"Male": -1.0}, {"Male": -1.0, "Smiling": 1.0, "Tilted": 1.5}),
        ({"Smiling": 2.0}, {"Smiling": 2.0, "Tilted": 1.5}),
    ],
)
def test_an_outcome_has_the_only_button_that_tries_it_and_only_a_visitor_s_own_edit_stays(at, files, before, after):
    desk = at.session_state["desk"]
    desk.move(before)
    moves = desk.recipe.moves
    give(at, files, "Tilted")
    assert container(at, "own_messages").get("button")[0].key == "own_try_Tilted"
    assert [b.key for b in at.button].count("own_try_Tilted") == 1
    at.button(key="own_try_Tilted").click().run()
    assert not at.exception
    assert dict(desk.recipe.moves) == after
    assert desk.history.past[-1].moves == moves
    assert told(at, "editor")
