"""Small models and the folders that they are saved in, for test files that bring none of their own."""

from __future__ import annotations

import pytest

import glowcore
from glowcore import checkpoint
from tests.glowcore.model_folders import small_model
from tests.glowcore.tiny import write_model, write_pictures


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture
def folder(model, tmp_path):
    checkpoint.save(model, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder with `model` and 200 `faces` that have a table of attributes."""
    path = tmp_path_factory.mktemp("tiny")
    write_model(path / "model")
    write_pictures(path / "faces", 200, table=True)
    return path


@pytest.fixture
def tiny_model(tiny):
    return glowcore.load(tiny / "model", device="cpu")
