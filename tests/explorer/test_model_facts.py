"""What a card of the Models page says, and what the table and the heat map of the Attributes page hold."""

from __future__ import annotations

import json

import pytest

from explorer import attribute_table, models
from explorer.model_facts import facts, held_out_bits, provenance
from tests.explorer import tiny_model


def entry_of(folder, name, monkeypatch):
    monkeypatch.setenv("EXPLORER_HOME", str(folder))
    return models.find(name)


def test_facts_of_a_glow(tiny_home, monkeypatch):
    found = dict(facts(entry_of(tiny_home, "pretrained/tiny", monkeypatch)))
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
        ("digits", {"Kind": "Glow", "Classes": "3", "Pictures": "8 × 8, grey", "Bits a value": "4"}),
        ("vae", {"Kind": "VAE, no flow", "Steps a level": "–"}),
    ],
)
def test_facts_of_other_kinds(tmp_path, monkeypatch, kind, expected):
    tiny_model.write_kind(tmp_path / "runs" / "it", kind)
    found = dict(facts(entry_of(tmp_path, "runs/it", monkeypatch)))
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


def test_provenance(tiny_home, monkeypatch):
    entry = entry_of(tiny_home, "pretrained/tiny", monkeypatch)
    assert provenance(entry) == ""
    entry.info["metadata"].update(data="Blobs", licence="CC0")
    assert provenance(entry) == "Blobs · CC0"


def test_cosines_are_a_symmetric_table_of_plain_numbers(engine):
    labels, values = attribute_table.cosines(engine)
    json.dumps(values, allow_nan=False)
    assert labels[:2] == ["Smile", "Glasses"]
    for i in range(len(labels)):
        assert values[i][i] == pytest.approx(1, abs=1e-3)
        assert values[i] == [row[i] for row in values]


def test_statistics_count_the_pictures(engine):
    rows = {row["name"]: row for row in attribute_table.statistics(engine)}
    assert (rows["Smiling"]["with"], rows["Smiling"]["without"]) == (100, 200)
    assert rows["Smiling"]["separation"] == 0.9
