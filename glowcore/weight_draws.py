"""Initial weights of modules from a given generator instead of torch's global one.

PyTorch modules draw their initial weights from the global generator. Saving and restoring its state around their
construction would make other threads draw the same numbers twice.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

#: Functions with which the modules of this package and of torch initialise weights.
_FILLS = {nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_, Tensor.normal_, Tensor.uniform_}


class WeightDraws(TorchFunctionMode):
    """Context in which modules created by this thread do not use torch's global generator.

    Args:
        generator: the generator of initial weights. None leaves most weights uninitialised, which is faster if they are
            replaced afterwards.
    """

    def __init__(self, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.fills = generator is not None
        self.generator = generator or torch.Generator()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Call a torch function, with the generator if it draws random numbers."""
        kwargs = kwargs or {}
        if func in _FILLS and not self.fills:
            return args[0] if args else kwargs["tensor"]
        if func in _FILLS or func is torch.randn:
            kwargs = {**kwargs, "generator": self.generator}
        return func(*args, **kwargs)
