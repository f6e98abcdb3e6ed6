"""A limit on the memory and time that building a model takes, for configs from untrusted files.

Building on ``torch.device("meta")`` would allocate nothing, but the first use of that device imports over 800 modules:
0.8 seconds and 50 MB more in every command that loads a model (PyTorch 2.13.0).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

# Functions that create a tensor of a size given by their arguments; the result of any other is bounded by its inputs.
_FACTORIES = {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.eye}


class AllocationBudget(TorchFunctionMode):
    """Raise ``error()`` inside a ``with`` block once it exceeds a number of bytes or of calls of torch functions.

    Temporary tensors count as well, so building a model needs about twice its size and four calls per tensor.
    """

    def __init__(self, max_bytes: int, max_calls: int, error: Callable[[], Exception]) -> None:
        super().__init__()
        self.bytes, self.calls, self.error = max_bytes, max_calls, error

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Call a torch function and charge the call and its result to the budget."""
        kwargs = kwargs or {}
        self.calls -= 1
        if self.calls < 0 or (func in _FACTORIES and _requested_bytes(func, args, kwargs) > self.bytes):
            raise self.error()
        result = func(*args, **kwargs)
        if isinstance(result, Tensor):
            self.bytes -= result.nbytes
        if self.bytes < 0:
            raise self.error()
        return result


def _requested_bytes(func: Callable, args: tuple, kwargs: dict) -> int:
    size = kwargs.get("size", args)
    if size and isinstance(size[0], tuple | list):
        size = size[0]
    numbers = [n for n in size if isinstance(n, int)]
    if func is torch.eye and len(numbers) == 1:
        numbers *= 2
    return 4 * math.prod(numbers)
