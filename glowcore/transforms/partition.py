"""Partitions of a picture into the half that a coupling leaves unchanged and the half that it moves."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelHalves(nn.Module):
    """Glow's partition: the first half of the channels stays and the second moves; ``swap`` exchanges them."""

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
        """Set values outside the moving half to 0, for sums over it; here there are none."""
        return values


class Checkerboard(nn.Module):
    r"""Real NVP's spatial mask b (Dinh et al. 2016, section 3.4).

    Positions with an even sum of row and column stay (b = 1) and the odd ones move; ``swap`` exchanges them. Both
    halves have the shape of the picture: the network's input is :math:`b \odot x`, its output is used where b is 0.

    The mask is a buffer that is not saved, so ``to_empty`` does not preserve it: build a model on a real device, not on
    the meta device.
    """

    def __init__(self, size: tuple[int, int], swap: bool = False) -> None:
        super().__init__()
        self.size = tuple(size)
        self.swap = swap
        rows, columns = map(torch.arange, self.size)
        self.register_buffer("stays", (rows[:, None] + columns) % 2 == int(swap), persistent=False)

    def halve(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``b * x`` and ``x``, from which :meth:`join` takes the moving positions."""
        return self.stays * x, x

    def join(self, stays: Tensor, moves: Tensor) -> Tensor:
        """Return ``stays`` where the mask b is 1 and ``moves`` elsewhere."""
        return torch.where(self.stays, stays, moves)

    def moving(self, values: Tensor) -> Tensor:
        """Set the positions that stay to 0, for sums over those that move."""
        return ~self.stays * values


class OddEven(nn.Module):
    """NICE's partition (Dinh et al. 2014, section 5.1).

    Values of even index, counted along channels, rows and columns, stay and the odd ones move; ``swap`` exchanges them.
    The halves are vectors ``[B, C * H * W / 2]``, and ``C * H * W`` must be even.
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
        """Return ``values`` unchanged: the moving half is a tensor of its own."""
        return values
