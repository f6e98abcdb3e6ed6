"""One tiny model folder for all tests of the application, and engines on it."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from explorer.atlas import maps
from explorer.catalogue.gallery import Gallery
from explorer.engines.engine import Engine
from explorer.own import attribute
from explorer.session.desk import Desk
from explorer.ui import garbage
from glowcore import AttributeVectors
from tests.explorer import tiny_model
from tests.explorer.visiting import app


@pytest.fixture(scope="session")
def _frozen():
    """Objects that outlive the tests, frozen once: Streamlit collects garbage after every run of a page."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def fresh_caches(_frozen, monkeypatch):
    """No model or page data is kept from one test to the next."""
    monkeypatch.setattr(garbage, "gc", Mock())  # a collection for each model that is loaded or released is slow
    _forget()
    yield
    _forget()


def _forget() -> None:
    st.cache_resource.clear()
    maps._maps.clear()
    maps._faces.clear()


@pytest.fixture(scope="session")
def blobs():
    """Ten pictures that no camera took, uint8 [10, 32, 32, 3]."""
    return tiny_model.pictures(10, seed=4)


@pytest.fixture(scope="session")
def many_blobs():
    """Sixteen more, for what needs two groups of eight."""
    return tiny_model.pictures(16, seed=5)


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory) -> Path:
    """A folder with `pretrained/tiny`, as EXPLORER_HOME names one."""
    home = tmp_path_factory.mktemp("home")
    tiny_model.write(home / "pretrained" / "tiny")
    return home


@pytest.fixture(scope="session")
def engine(tiny_home) -> Engine:
    return Engine.open(tiny_home / "pretrained" / "tiny", "pretrained/tiny")


@pytest.fixture(scope="session")
def gallery(engine) -> Gallery:
    return engine.gallery


@pytest.fixture
def home(tiny_home, monkeypatch) -> Path:
    """The application looks for its models in the tiny home."""
    monkeypatch.setenv("EXPLORER_HOME", str(tiny_home))
    return tiny_home


@pytest.fixture
def at(home) -> AppTest:
    """The application as it opens there."""
    return app().run()


@pytest.fixture
def unopened(home, fresh_caches) -> AppTest:
    """The application before its first run, with no model in memory."""
    return app()


@pytest.fixture
def broken_home(tiny_home, tmp_path, monkeypatch) -> Path:
    """One whole model and one whose weights are cut short."""
    shutil.copytree(tiny_home / "pretrained", tmp_path / "pretrained")
    shutil.copytree(tiny_home / "pretrained" / "tiny", tmp_path / "pretrained" / "broken")
    weights = tmp_path / "pretrained" / "broken" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def only_broken_home(broken_home) -> Path:
    """No usable model at all: the weights of the only one are cut short."""
    shutil.rmtree(broken_home / "pretrained" / "tiny")
    return broken_home


@pytest.fixture
def empty_home(tmp_path, monkeypatch) -> Path:
    """No models folder at all."""
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def desk(engine) -> Desk:
    """A desk as it is on arrival, with a face of the gallery."""
    return Desk.arrive(engine)


@pytest.fixture
def bare(engine, tmp_path) -> Engine:
    """Another model: the same pictures, no attributes and no gallery of its own."""
    other = engine.with_attributes(None)
    other.model_hash, other.folder = "b" * 12, tmp_path
    return other


@pytest.fixture
def freckles(engine, many_blobs) -> AttributeVectors:
    """An attribute of one's own, made with the tiny model."""
    latents = attribute.encode(engine, many_blobs)
    return attribute.fit("Freckles", latents[:8], latents[8:], engine.attributes, weights=engine.model_hash)
