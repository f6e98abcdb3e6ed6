"""A least-recently-used cache with a limit in bytes; thread-safe."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class ByteLRU(Generic[T]):
    """A cache of the most recently used values, as many as fit into ``limit`` bytes.

    The caller gives the size of each value.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._items: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """The total size of the cached values."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: Hashable) -> T | None:
        """Return the value of ``key``, now the most recently used, or None."""
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key][0]

    def put(self, key: Hashable, value: T, size: int) -> None:
        """Cache ``value``, which takes ``size`` bytes; a value larger than the limit is not cached."""
        with self._lock:
            if key in self._items:
                self._bytes -= self._items.pop(key)[1]
            if size > self.limit:
                return
            self._items[key] = (value, size)
            self._bytes += size
            while self._bytes > self.limit:
                self._bytes -= self._items.popitem(last=False)[1][1]

    def drop(self, key: Hashable) -> None:
        """Remove the value of ``key``, if cached."""
        with self._lock:
            if key in self._items:
                self._bytes -= self._items.pop(key)[1]

    def clear(self) -> None:
        """Remove all values."""
        with self._lock:
            self._items.clear()
            self._bytes = 0
