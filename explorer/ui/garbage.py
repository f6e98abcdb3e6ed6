"""Exclusion of long-lived objects from garbage collection.

Streamlit collects garbage after every script run. With torch and a model in memory, a collection visits 260,000 objects
and takes 60 to 250 ms, most of the time from a slider to its picture. It does not visit frozen objects.
"""

from __future__ import annotations

import gc
import sys

_modules = 0  # imported at the last freeze


def settle() -> None:
    """Collect all garbage, frozen objects included, and freeze what remains."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _freeze_imports(phase: str, info: dict[str, int]) -> None:
    """Freeze the objects of new modules at the end of a full collection, which has just freed the garbage.

    Many modules are imported after the model: by its background thread, by Streamlit and at the first visit of a page.
    They hold 40,000 objects, which take 4 to 20 ms of every run. Visitors' objects that exist at that moment are frozen
    as well. They are few, because no more modules are imported after a while, and ``settle`` collects those in cycles.
    """
    global _modules
    if phase == "stop" and info["generation"] == 2 and len(sys.modules) != _modules:
        _modules = len(sys.modules)
        gc.freeze()


gc.callbacks.append(_freeze_imports)
