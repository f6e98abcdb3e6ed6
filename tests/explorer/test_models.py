"""A name opens only listed folders."""

import os
import random
import shutil

import pytest

from explorer.engines import models
from glowcore.errors import CheckpointError


def test_listing_names_the_reason(broken_home):
    (broken_home / "runs" / "half").mkdir(parents=True)
    entries = {e.name: e for e in models.list_models()}
    assert list(entries) == ["pretrained/tiny", "pretrained/broken", "runs/half"]
    assert entries["pretrained/tiny"].problem == ""
    assert "config.json" in entries["runs/half"].problem
    with pytest.raises(CheckpointError, match="safetensors"):
        models.open_model(entries["pretrained/broken"])
    assert models.default_name(models.list_models()) == "pretrained/tiny"


def test_damage_that_only_loading_shows_is_remembered(broken_home):
    weights = broken_home / "pretrained" / "broken" / "model.safetensors"
    whole = (broken_home / "pretrained" / "tiny" / "model.safetensors").read_bytes()
    weights.write_bytes(whole[:-50] + bytes([whole[-50] ^ 1]) + whole[-49:])
    assert models.find("pretrained/broken").problem == ""
    with pytest.raises(CheckpointError):
        models.open_model(models.find("pretrained/broken"))
    assert "safetensors" in models.find("pretrained/broken").problem
    weights.write_bytes(whole)
    assert models.open_model(models.find("pretrained/broken")).name == "pretrained/broken"


def test_a_copy_that_keeps_the_times_of_the_files_is_no_damaged_model(broken_home):
    weights = broken_home / "pretrained" / "broken" / "model.safetensors"
    shutil.copy2(broken_home / "pretrained" / "tiny" / "model.safetensors", weights)
    times = weights.stat().st_atime_ns, weights.stat().st_mtime_ns
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-50] + bytes([whole[-50] ^ 1]) + whole[-49:])
    os.utime(weights, ns=times)
    with pytest.raises(CheckpointError, match="safetensors"):
        models.open_model(models.find("pretrained/broken"))
    weights.write_bytes(whole)
    os.utime(weights, ns=times)
    assert models.find("pretrained/broken").problem == ""
    assert models.open_model(models.find("pretrained/broken")).name == "pretrained/broken"


def test_a_folder_is_read_again_only_once_its_files_have_changed(broken_home, monkeypatch):
    read, read_info = [], models.checkpoint.read_info
    monkeypatch.setattr(models.checkpoint, "read_info", lambda folder: read.append(folder.name) or read_info(folder))
    before = models.list_models()
    assert sorted(read) == ["broken", "tiny"]
    assert models.list_models() == before
    assert len(read) == 2
    manifest = broken_home / "pretrained" / "broken" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("safetensors", "safetensor"))
    assert models.find("pretrained/broken").problem != before[-1].problem
    assert read[2:] == ["broken"]


def test_a_link_out_of_the_folder_is_not_listed(home, tmp_path, monkeypatch):
    base = tmp_path / "base"
    (base / "pretrained").mkdir(parents=True)
    (base / "pretrained" / "tiny").symlink_to(home / "pretrained" / "tiny")
    monkeypatch.setenv("EXPLORER_HOME", str(base))
    assert models.list_models() == []


def test_models_are_those_of_the_clone_else_of_the_current_folder(home, tmp_path, monkeypatch):
    installed = tmp_path / "site-packages" / "explorer" / "engines" / "models.py"
    monkeypatch.setattr(models, "__file__", str(installed))
    monkeypatch.delenv("EXPLORER_HOME")
    monkeypatch.chdir(home)
    assert [entry.name for entry in models.list_models()] == ["pretrained/tiny"]
    (tmp_path / "site-packages" / "runs").mkdir(parents=True)
    assert models.home() == tmp_path / "site-packages"
    assert models.list_models() == []


def test_only_listed_names_open(home):
    rng = random.Random(0)
    parts = ["..", "/", "pretrained", "tiny", "%2e%2e", "\\", "\0", "C:", "//host/share", "~", "etc", ".", " "]
    for _ in range(100):
        name = "".join(rng.choice(parts) for _ in range(rng.randrange(1, 6)))
        if name == "pretrained/tiny":
            continue
        with pytest.raises(CheckpointError):
            models.find(name)


def test_a_command_line_may_name_a_folder_too(home, tmp_path, monkeypatch):
    tiny = home / "pretrained" / "tiny"
    monkeypatch.chdir(home)
    for given in ("pretrained/tiny", "pretrained/tiny/", "./pretrained/tiny", str(tiny), f"{tiny}/"):
        assert models.at(given).name == "pretrained/tiny", given
    shutil.copytree(tiny, tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    for given in ("mine/", "./mine", str(tmp_path / "mine")):
        entry = models.at(given)
        assert (entry.folder.resolve(), entry.usable) == (tmp_path / "mine", True)
    assert models.open_model(models.at("mine/")).name == "mine"
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"empty holds no config\.json, so it is not"):
        models.open_model(models.at("empty"))
    with pytest.raises(CheckpointError, match=r"no model or folder 'tin'; models in .*: pretrained/"):
        models.at("tin")


def test_a_command_line_may_leave_out_the_group_of_a_model_where_that_is_clear(broken_home, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for given in ("tiny", "tiny/", "pretrained/tiny/"):
        assert models.at(given).name == "pretrained/tiny", given
    (broken_home / "runs" / "tiny").mkdir(parents=True)
    several = r"^several models are called 'tiny': pretrained/tiny, runs/tiny; expected one of these names$"
    for given in ("tiny", "tiny/"):
        with pytest.raises(CheckpointError, match=several):
            models.at(given)


def test_a_model_is_found_by_its_hash(home, engine):
    assert models.of_hash(engine.model_hash).name == "pretrained/tiny"
    assert models.of_hash("f" * 12) is None
    assert models.of_hash("") is None
