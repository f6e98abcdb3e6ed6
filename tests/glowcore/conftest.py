"""A small model and a folder that it is saved in, for test files that bring none of their own."""

from __future__ import annotations

import pytest

from glowcore import checkpoint
from tests.glowcore.model_folders import small_model


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture
def folder(model, tmp_path):
    checkpoint.save(model, tmp_path / "model")
    return tmp_path / "model"
