"""The facts on a card of the Models page, and the table and heat map of the Attributes page."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import pytest
from PIL import Image

import glowcore
from explorer.engines import models
from explorer.ui import state
from explorer.views import attribute_facts
from explorer.views.model_facts import began_from, details, facts, held_out_bits, provenance, purpose
from tests.explorer import tiny_model
from tests.explorer.visiting import visit, words
from tests.explorer.widgets import told


def entry_of(folder, name, monkeypatch):
    monkeypatch.setenv("EXPLORER_HOME", str(folder))
    return models.find(name)


def test_facts_of_a_glow(tiny_home, monkeypatch):
    entry = entry_of(tiny_home, "pretrained/tiny", monkeypatch)
    found = dict(facts(entry) + details(entry))
    assert found["Kind"] == "Glow"
    assert found["Pictures"] == "32 × 32, colour"
    assert found["Levels"] == "3"
    assert found["Attributes"] == "8"
    assert found["Map"] == "of a few pictures"
    assert not any("its/dim" in name for name in found)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("nice", {"Kind": "NICE", "Levels": "1", "Pictures": "16 × 16, colour"}),
        ("digits", {"Kind": "Glow", "Classes": "3", "Pictures": "8 × 8, grey", "Bits per value": "4"}),
        ("vae", {"Kind": "VAE, no flow", "Steps per level": "–"}),
    ],
)
def test_facts_of_other_kinds(tmp_path, monkeypatch, kind, expected):
    tiny_model.write_kind(tmp_path / "runs" / "it", kind)
    entry = entry_of(tmp_path, "runs/it", monkeypatch)
    found = dict(facts(entry) + details(entry))
    assert {name: found[name] for name in expected} == expected
    assert ("Map" in found) == (kind != "vae")


def test_held_out_bits_are_found_where_training_puts_them_and_say_of_how_many_pictures():
    evaluation = {"evaluation": {"bits_per_dim": 1.42}}
    ended = "Bits/dim as training ended"
    assert held_out_bits({"training": evaluation}) == [(ended, "1.420")]
    sure = evaluation | {"settings": {"eval_pictures": 512}}
    assert held_out_bits({"training": sure}) == [(ended, "1.420 on up to 512 held-out pictures")]
    assert held_out_bits({"bits_per_dim": 3, "training": sure}) == [("Held-out bits/dim", "3.000")]
    for nothing in ({}, {"training": {}}, {"training": None}, {"metrics": {"bits_per_dim": "x"}}):
        assert held_out_bits(nothing) == []


def test_a_card_begins_with_what_the_model_is_for_and_its_hash_is_folded(tmp_path, monkeypatch, fresh_caches):
    folder = tiny_model.write(tmp_path / "pretrained" / "tiny", gallery=1)
    tiny_model.write_kind(tmp_path / "pretrained" / "digits", "digits")
    tiny_model.write_kind(tmp_path / "pretrained" / "vae", "vae")
    entry = entry_of(tmp_path, "pretrained/tiny", monkeypatch)
    assert purpose(entry) == ""
    (folder / "README.md").write_text("# Tiny\n\n> For *tests* ![](http://elsewhere/x.png)\n\n> A second one.\n")
    assert purpose(entry) == "For *tests* ![](http://elsewhere/x.png)"
    at = visit("models.py")
    assert not at.exception
    texts = [m.value for m in at.markdown]
    named = next(i for i, text in enumerate(texts) if text.startswith("**tiny**"))
    assert next(t for t in texts[named + 1 :] if "memory" not in t).replace("\\", "") == purpose(entry)
    assert "![" not in " ".join(texts)
    folded = [m.value for fold in at.expander for m in fold.markdown]
    assert sum("SHA-256" in text for text in folded) == sum("SHA-256" in text for text in texts) == 3
    assert [button.key for button in at.button if str(button.key).startswith("use_")] == [
        "use_pretrained/tiny",
        "use_pretrained/vae",
        "use_pretrained/digits",
    ]


def test_provenance(tiny_home, monkeypatch):
    entry = entry_of(tiny_home, "pretrained/tiny", monkeypatch)
    assert provenance(entry) == ""
    entry.info["metadata"].update(data="Blobs", licence="CC0")
    assert provenance(entry) == "Blobs · CC0"


def test_what_training_started_from_is_told_the_latest_first_on_the_card(tmp_path, monkeypatch):
    folder = tiny_model.write(tmp_path / "pretrained" / "tiny", gallery=1)
    model = glowcore.load(folder, device="cpu")
    earlier = [{"sha256": "ab" * 32, "data": "FairFace", "licence": "CC BY 4.0"}, {"sha256": "cd" * 32}]
    model.metadata |= {"data": "Own *photos*", "init_from": earlier}
    glowcore.save(model, folder)
    entry = entry_of(tmp_path, "pretrained/tiny", monkeypatch)
    assert began_from(entry) == ["abababababab (FairFace · CC BY 4.0)", "cdcdcdcdcdcd"]
    shown = [caption.value.replace("\\", "") for caption in visit("models.py").caption]
    assert "Trained on Own *photos*" in shown
    assert "Training started from the weights abababababab (FairFace · CC BY 4.0), before that cdcdcdcdcdcd" in shown
    for nonsense in (None, "x", [], {"sha256": "ab"}, ["ab", {"sha256": 5}, {"data": "FairFace"}]):
        entry.info["metadata"]["init_from"] = nonsense
        assert began_from(entry) == []


def test_cosines_are_a_symmetric_table_of_plain_numbers(engine):
    labels, values = attribute_facts.cosines(engine)
    json.dumps(values, allow_nan=False)
    assert labels[:2] == ["Smile", "Glasses"]
    for i in range(len(labels)):
        assert values[i][i] == pytest.approx(1, abs=1e-3)
        assert values[i] == [row[i] for row in values]


def test_statistics_count_the_pictures(engine):
    rows = {row["name"]: row for row in attribute_facts.statistics(engine)}
    assert (rows["Smiling"]["with"], rows["Smiling"]["without"]) == (100, 200)
    assert rows["Smiling"]["separation"] == 0.9
    assert list(rows["Smiling"]) == ["attribute", "name", "with", "without", "separation", "sigma"]


def fitted_anew(folder):
    model = glowcore.load(folder)
    model.attributes = replace(model.attributes, directions=-model.attributes.directions)
    glowcore.save(model, folder)


def with_another_picture(folder):
    Image.new("RGB", (32, 32), (200, 30, 30)).save(folder / "gallery" / "face_00.png")


@pytest.mark.usefixtures("fresh_caches")
@pytest.mark.parametrize(
    ("change", "changed"), [(fitted_anew, [0, 1, 2, 4, 5, 6]), (with_another_picture, [0, 1, 2, 3, 4, 5, 6])]
)
def test_what_was_changed_meanwhile_is_previewed_anew(broken_home, change, changed):
    at = visit("attributes.py")
    before = [tile["uri"] for tile in told(at, "preview_tiles")["tiles"]]
    change(broken_home / "pretrained" / "tiny")
    after = [tile["uri"] for tile in told(at.run(), "preview_tiles")["tiles"]]
    assert [strength for strength in range(7) if after[strength] != before[strength]] == changed


@pytest.mark.usefixtures("fresh_caches")
def test_samples_are_previewed_anew_at_another_temperature(broken_home):
    folder = broken_home / "pretrained" / "tiny"
    shutil.rmtree(folder / "gallery")
    at = visit("attributes.py")
    before = [tile["uri"] for tile in told(at, "preview_tiles")["tiles"]]
    state.engine_of("pretrained/tiny").temperature = (0.2,)
    after = [tile["uri"] for tile in told(at.run(), "preview_tiles")["tiles"]]
    assert not set(after) & set(before)


@pytest.mark.usefixtures("fresh_caches")
def test_a_model_card_shows_the_pictures_of_its_folder_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    folder = tiny_model.write(tmp_path / "pretrained" / "tiny")
    Image.new("RGB", (64, 32), "red").save(folder / "samples.png")
    Image.new("RGB", (8, 8), "red").save(tmp_path / "secret.png")
    (folder / "README.md").write_text(
        "# tiny\n\n![Seeds 0 to 7](samples.png)\n\nThe end.\n\n"
        "![elsewhere](https://example.com/a.png)\n\n![above](../../secret.png)\n\n![gone](gone.png)\n"
    )
    at = visit("models.py")
    before = [(i.caption, i.alt) for found in at.get("image") for i in found.proto.imgs]
    at.session_state["card_of_pretrained/tiny"] = True
    at.run()
    assert not at.exception
    after = [(i.caption, i.alt) for found in at.get("image") for i in found.proto.imgs]
    assert set(after) - set(before) == {("Seeds 0 to 7", "Seeds 0 to 7")}
    assert "The end." in words(at)
    assert not re.search("elsewhere|above|gone|!", " ".join(m.value for m in at.markdown))
