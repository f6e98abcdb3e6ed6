"""Fixtures for all tests: one thread, fixed seeds, no network, and the folders of test data, from the environment."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import loopback

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded():
    """Every test starts from the same global seeds, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _offline():
    """Nothing in this process reaches for another machine."""
    loopback.refused.clear()
    yield
    assert loopback.refused == []


def _data_folder(variable: str, what: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set to {what}")
    if not Path(value).is_dir():
        pytest.skip(f"{variable}={value} is not a folder")
    return Path(value)


@pytest.fixture(scope="session")
def faces_folder() -> Path:
    """Folder with `fairface64/` and `celeba64/`, from GLOW_FACES."""
    return _data_folder("GLOW_FACES", "a folder with fairface64/ and celeba64/")


@pytest.fixture(scope="session")
def photos_folder() -> Path:
    """Folder of uncropped photos, from GLOW_PHOTOS."""
    return _data_folder("GLOW_PHOTOS", "a folder of photos")


@pytest.fixture
def cuda():
    """The CUDA device, or a skip."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return torch.device("cuda")
