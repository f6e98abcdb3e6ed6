"""What garbage collection leaves out: the objects of modules, and nobody's garbage."""

import gc
import sys
import weakref
from types import ModuleType

import pytest

from explorer.ui import garbage


@pytest.fixture(scope="module", autouse=True)
def _released():
    """What these tests freeze is not kept for the tests after them."""
    yield
    garbage.settle()


@pytest.fixture(autouse=True)
def _settled():
    """No automatic collection in between, and nothing frozen twice."""
    gc.disable()
    garbage.settle()
    gc.collect()
    yield
    gc.enable()


def test_the_objects_of_a_new_module_are_frozen_by_the_next_full_collection(monkeypatch):
    module = ModuleType("imported_later")
    module.table = [[] for _ in range(5000)]
    gc.collect()
    assert len(gc.get_objects()) > 5000
    monkeypatch.setitem(sys.modules, module.__name__, module)
    gc.collect(1)
    assert len(gc.get_objects()) > 5000
    gc.collect()
    assert len(gc.get_objects()) < 500


def test_without_a_new_module_nothing_is_frozen():
    visitors = [[] for _ in range(5000)]
    gc.collect()
    assert len(gc.get_objects()) > len(visitors)


def test_frozen_garbage_is_freed_by_the_next_settling():
    class Session:
        pass

    session = Session()
    session.itself = session
    gone = weakref.ref(session)
    gc.freeze()
    del session
    gc.collect()
    assert gone() is not None
    garbage.settle()
    assert gone() is None
