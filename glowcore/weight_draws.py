"""Where fresh weights come from while modules are made: from a generator of one's own.

Modules of torch draw their weights from the global generator when they are made. To save and restore its state around
them would take back what other threads have drawn meanwhile, who would then draw the same numbers twice.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

#: What the package's modules, and torch's that they are made of, fill weights with.
_FILLS = {nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_, Tensor.normal_, Tensor.uniform_}


class WeightDraws(TorchFunctionMode):
    """Modules made in a ``with`` block, by this thread, leave torch's global generator as it is.

    Args:
        generator: what their weights are drawn from; None for weights that are about to be replaced: most of them are
            then left as memory was, which is quicker.
    """

    def __init__(self, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.fills = generator is not None
        self.generator = generator or torch.Generator()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Make a call of a torch function, with the generator where it draws."""
        kwargs = kwargs or {}
        if func in _FILLS and not self.fills:
            return args[0] if args else kwargs["tensor"]
        if func in _FILLS or func is torch.randn:
            kwargs = {**kwargs, "generator": self.generator}
        return func(*args, **kwargs)
