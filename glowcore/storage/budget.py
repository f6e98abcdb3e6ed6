"""A limit on what building a model may allocate, for configs that nobody vouches for."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

# Functions that make a tensor of a size given in their arguments; all others are bounded by their inputs.
_FACTORIES = {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.eye}


class AllocationBudget(TorchFunctionMode):
    """Raise ``error()`` inside a ``with`` block that asks for more than ``max_bytes`` of tensors or too many calls.

    Tensors made on the way count as well, so a model needs about twice its own size and four calls a tensor.
    """

    def __init__(self, max_bytes: int, max_calls: int, error: Callable[[], Exception]) -> None:
        super().__init__()
        self.bytes, self.calls, self.error = max_bytes, max_calls, error

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Check a call of a torch function before and after it is made."""
        kwargs = kwargs or {}
        self.calls -= 1
        if self.calls < 0 or (func in _FACTORIES and _asked(func, args, kwargs) > self.bytes):
            raise self.error()
        result = func(*args, **kwargs)
        if isinstance(result, Tensor):
            self.bytes -= result.nbytes
        if self.bytes < 0:
            raise self.error()
        return result


def _asked(func: Callable, args: tuple, kwargs: dict) -> int:
    size = kwargs.get("size", args)
    if size and isinstance(size[0], tuple | list):
        size = size[0]
    numbers = [n for n in size if isinstance(n, int)]
    if func is torch.eye and len(numbers) == 1:
        numbers *= 2
    return 4 * math.prod(numbers)
