"""Which half of a picture a coupling leaves as it is, and which it moves."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn


class ChannelHalves(nn.Module):
    """The first half of the channels stays and the second moves (Glow), or the other way round with ``swap``."""

    def __init__(self, swap: bool = False) -> None:
        super().__init__()
        self.swap = swap

    def halve(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the half that stays, as the network sees it, and the half that moves."""
        first, second = x.chunk(2, dim=1)
        return (second, first) if self.swap else (first, second)

    def join(self, stays: Tensor, moves: Tensor) -> Tensor:
        """Undo :meth:`halve`."""
        return torch.cat([moves, stays] if self.swap else [stays, moves], dim=1)

    def moving(self, values: Tensor) -> Tensor:
        """Set to 0 what does not belong to the half that moves, for sums over it."""
        return values


class Checkerboard(nn.Module):
    r"""Positions whose row plus column is even stay and the odd ones move, or the other way round with ``swap``.

    Real NVP's spatial mask (Dinh et al. 2016, section 3.4). Both halves keep the shape of the picture: the network sees
    :math:`b \odot x`, zero where b is, and its output counts where :math:`1 - b` is 1.
    """

    def __init__(self, size: tuple[int, int], swap: bool = False) -> None:
        super().__init__()
        self.size = tuple(size)
        self.swap = swap

    def halve(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``b * x`` and ``x``, of which :meth:`join` takes the moving positions."""
        return self._mask(x, x.dtype) * x, x

    def join(self, stays: Tensor, moves: Tensor) -> Tensor:
        """Return ``stays`` where the mask b is 1 and ``moves`` elsewhere."""
        return torch.where(self._mask(stays, torch.bool), stays, moves)

    def moving(self, values: Tensor) -> Tensor:
        """Set to 0 what does not belong to the positions that move."""
        return (1 - self._mask(values, values.dtype)) * values

    def _mask(self, like: Tensor, dtype: torch.dtype) -> Tensor:
        # Compiled, the mask is a constant; the compiler cannot see through a cache, and warns.
        make = _checkerboard.__wrapped__ if torch.compiler.is_compiling() else _checkerboard
        return make(self.size, self.swap, dtype, like.device)


# No buffer: no file holds it, and a model made on the meta device gets its buffers from a file.
@lru_cache(maxsize=256)
def _checkerboard(size: tuple[int, int], swap: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the mask b, ``[H, W]``."""
    height, width = size
    with torch.inference_mode(False):  # training may be the next to ask for it
        rows, columns = (torch.arange(n, device=device) for n in (height, width))
        return ((rows[:, None] + columns + (not swap)) % 2).to(dtype)


class OddEven(nn.Module):
    """Values of even index (counted along channels, rows and columns) stay and the odd ones move; or with ``swap``.

    NICE's partition (Dinh et al. 2014, section 5.1). The halves are vectors ``[B, C * H * W / 2]``; ``C * H * W`` even.
    """

    def __init__(self, shape: tuple[int, int, int], swap: bool = False) -> None:
        super().__init__()
        self.shape = shape
        self.swap = swap

    def halve(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the half that stays and the half that moves."""
        even, odd = x.reshape(x.shape[0], -1, 2).unbind(dim=2)
        return (odd, even) if self.swap else (even, odd)

    def join(self, stays: Tensor, moves: Tensor) -> Tensor:
        """Undo :meth:`halve`."""
        pair = [moves, stays] if self.swap else [stays, moves]
        return torch.stack(pair, dim=2).reshape(-1, *self.shape)

    def moving(self, values: Tensor) -> Tensor:
        """Return the values: all of the half moves."""
        return values
