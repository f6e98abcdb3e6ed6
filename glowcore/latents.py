"""Latents of pictures: one tensor per level, and arithmetic on them."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from glowcore.errors import ConfigError
from glowcore.slerp import slerp
from glowcore.temperature import temperatures


@dataclass(eq=False)
class Latents:
    """Standardised latents ``eps = (z - mean) / std`` of a batch of pictures, one tensor per level.

    ``levels[0]`` is the finest level and ``levels[-1]`` the top, each ``[B, c, h, w]``. Those of a flow have exactly as
    many values as the pictures, those of a VAE fewer. Under the model they are independent and standard normal
    (``prior="gaussian"``) or standard logistic (``prior="logistic"``, NICE). Temperature, interpolation, attribute
    arithmetic and level mixing are therefore plain arithmetic, the same on all levels.

    ``log_prob`` (``[B]``, nats) is that of the encoded pictures; any operation that changes the latents sets it to
    ``None``. ``y`` (``[B]``, int64) are the class labels of a class-conditional model, else ``None``; one number for
    all pictures or a list is accepted. An operation on two latents keeps the labels of the first, or of the second if
    the first has none; :meth:`mixed` has a rule of its own. Operations on latents with different priors or shapes raise
    :class:`~glowcore.errors.ConfigError`.

    ``torch.load`` reads latents saved by ``torch.save`` after ``torch.serialization.add_safe_globals([Latents])``.
    """

    levels: list[Tensor]
    log_prob: Tensor | None = None
    y: Tensor | None = None
    prior: str = "gaussian"

    __array_ufunc__ = None  # so that numpy scalars defer to __rmul__

    def __post_init__(self) -> None:
        if self.y is not None and not isinstance(self.y, Tensor):
            y = torch.as_tensor(self.y, device=self.levels[0].device)
            self.y = y.expand(len(self)) if y.ndim == 0 else y

    def __len__(self) -> int:
        return self.levels[0].shape[0]

    def __getitem__(self, index: int | np.integer | slice | Sequence[int] | Tensor) -> Latents:
        """Return the selected pictures of the batch; a single integer selects a batch of one.

        Raises:
            IndexError: a picture that the batch does not have, or an index of something else than pictures.
        """
        if isinstance(index, Tensor) and index.ndim == 0 and index.dtype != torch.bool:
            index = int(index)
        if isinstance(index, int | np.integer) and not isinstance(index, bool):
            index = operator.index(index)
            if not -len(self) <= index < len(self):
                raise IndexError(f"picture {index} of a batch of {len(self)}")
            index = slice(index, index + 1 or None)
        levels = [] if isinstance(index, str | bool | None) else [level[index] for level in self.levels]
        if [level.shape[1:] for level in levels] != [level.shape[1:] for level in self.levels]:
            raise IndexError(f"index {index!r:.40} does not select pictures, expected a number, slice, list or mask")
        log_prob, y = (None if t is None else t[index] for t in (self.log_prob, self.y))
        return replace(self, levels=levels, log_prob=log_prob, y=y)

    def __add__(self, other: Latents) -> Latents:
        """Add level by level; the labels are those of the first operand.

        A mean has no labels, so that a difference of two means, added to a picture, leaves the picture's label.
        """
        return self._zip(other, torch.add) if isinstance(other, Latents) else NotImplemented

    def __radd__(self, other: int) -> Latents:
        """Accept the 0 that ``sum`` starts from."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __sub__(self, other: Latents) -> Latents:
        """Subtract level by level; the labels are those of the first operand, as for addition."""
        return self._zip(other, torch.sub) if isinstance(other, Latents) else NotImplemented

    def __neg__(self) -> Latents:
        return self._map(torch.neg)

    def __mul__(self, factor: float | Tensor) -> Latents:
        """Multiply by a number, or by one number per picture, ``[B]``.

        Raises:
            ConfigError: a tensor or array of another shape.
        """
        factor = self._factor(factor)
        return NotImplemented if factor is None else self._map(lambda t: t * factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float | Tensor) -> Latents:
        """Divide by a number, or by one number per picture, ``[B]``.

        Raises:
            ConfigError: a tensor or array of another shape.
        """
        divisor = self._factor(divisor)
        return NotImplemented if divisor is None else self._map(lambda t: t / divisor)

    @property
    def num_dims(self) -> int:
        """Number of values per picture, ``C * H * W``."""
        return sum(level[0].numel() for level in self.levels)

    @staticmethod
    def cat(parts: Sequence[Latents]) -> Latents:
        """Concatenate batches; ``log_prob`` and ``y`` are kept if every part has them.

        Raises:
            ConfigError: there are no parts.
        """
        if not parts:
            raise ConfigError("there are no latents to concatenate, expected at least one batch")
        log_probs = [p.log_prob for p in parts if p.log_prob is not None]
        labels = [p.y for p in parts if p.y is not None]
        for part in parts[1:]:
            parts[0]._check_alike(part)
        return Latents(
            [torch.cat(level) for level in zip(*(p.levels for p in parts), strict=True)],
            torch.cat(log_probs) if len(log_probs) == len(parts) else None,
            torch.cat(labels) if len(labels) == len(parts) else None,
            parts[0].prior,
        )

    def to(self, *args, **kwargs) -> Latents:
        """Convert the levels and ``log_prob`` as ``Tensor.to`` does; ``y`` is only moved to their device."""
        levels = [level.to(*args, **kwargs) for level in self.levels]
        log_prob = None if self.log_prob is None else self.log_prob.to(*args, **kwargs)
        y = None if self.y is None else self.y.to(levels[0].device)
        return replace(self, levels=levels, log_prob=log_prob, y=y)

    def detach(self) -> Latents:
        """Return the same latents, detached from the autograd graph."""
        return self._map(Tensor.detach, keep=True)

    def clone(self) -> Latents:
        """Return a copy that shares no memory with these latents."""
        return self._map(Tensor.clone, keep=True)

    def requires_grad_(self, requires_grad: bool = True) -> Latents:
        """Let autograd record operations on the levels, in place, and return these latents.

        ``z = latents.detach().clone().requires_grad_()`` can be optimised by ``torch.optim.Adam(z.levels)`` and leaves
        ``latents`` as they are: an optimizer needs leaves, which the levels that ``encode`` returns with gradients
        enabled are not. ``log_prob`` becomes None, since it does not follow the optimised levels.
        """
        for level in self.levels:
            level.requires_grad_(requires_grad)
        self.log_prob = None
        return self

    def mean(self) -> Latents:
        """Return the mean over the pictures, a batch of one without a class.

        Raises:
            ConfigError: there are no pictures.
        """
        if not len(self):
            raise ConfigError("latents of 0 pictures have no mean, expected at least one picture")
        return replace(self._map(lambda t: t.mean(dim=0, keepdim=True)), y=None)

    def repeat(self, times: int) -> Latents:
        """Repeat every picture ``times`` times in a row, as ``Tensor.repeat_interleave`` does."""
        return self._map(lambda t: t.repeat_interleave(times, 0), keep=True)

    def flatten(self) -> Tensor:
        """Return all levels as one matrix ``[B, D]``, finest level first, each in channel-row-column order."""
        return torch.cat([level.flatten(1) for level in self.levels], dim=1)

    def with_flat(self, flat: Tensor) -> Latents:
        """Return latents with these shapes from a matrix ``[N, D]`` made by :meth:`flatten`.

        The labels are kept if N is the number of pictures or if there is only one label.
        """
        made = Latents.from_flat(flat, [tuple(level.shape[1:]) for level in self.levels], self.prior)
        y = self.y.expand(len(flat)) if self.y is not None and len(self.y) in (1, len(flat)) else None
        return replace(made, y=y)

    @classmethod
    def from_flat(cls, flat: Tensor, shapes: Sequence[tuple[int, int, int]], prior: str = "gaussian") -> Latents:
        """Return latents without classes from a matrix ``[N, D]`` made by :meth:`flatten`.

        ``shapes`` are ``(c, h, w)`` of each level, finest first.
        """
        sizes = [math.prod(shape) for shape in shapes]
        if flat.ndim != 2 or flat.shape[1] != sum(sizes):
            raise ConfigError(f"flat latents have shape {tuple(flat.shape)}, expected [N, {sum(sizes)}]")
        parts = zip(flat.split(sizes, dim=1), shapes, strict=True)
        return cls([part.reshape(-1, *shape) for part, shape in parts], prior=prior)

    def interpolate(self, other: Latents, t: float | Tensor, *, spherical: bool = False) -> Latents:
        """Interpolate from these latents (``t = 0``) to ``other`` (``t = 1``).

        ``t`` is a number, or ``[T]`` numbers if both batches have one picture; the result is then a batch of T. Linear
        interpolation is ``(1 - t) a + t b``. ``spherical`` rotates within each level from the direction of a to that of
        b at constant angular speed while the norm changes linearly, so that the path stays where a Gaussian has its
        mass (Shoemake 1985; per level, since each level is a Gaussian of its own).

        Raises:
            ConfigError: the latents differ in shape, number of pictures or classes, or ``t`` has several numbers and a
                batch has several pictures.
        """
        self._batch_with(other)
        if self.y is not None and other.y is not None and not bool((self.y == other.y).all()):
            raise ConfigError(
                f"latents of the classes {self.y.tolist()!s:.40} and {other.y.tolist()!s:.40} do not go "
                "together, expected the same (set y of one to that of the other)"
            )
        t = (t if isinstance(t, Tensor) else torch.tensor(t, dtype=torch.float64, device="cpu")).reshape(-1, 1, 1, 1)
        if len(t) != 1 and not len(self) == len(other) == 1:
            raise ConfigError(
                f"t has {len(t)} numbers for latents of {len(self)} and of {len(other)} pictures, "
                "expected one number, or one picture on both sides"
            )
        return self._zip(other, lambda a, b: slerp(a, b, t.to(a)) if spherical else torch.lerp(a, b, t.to(a)))

    def scaled(self, temperature: float | Sequence[float]) -> Latents:
        """Multiply by a temperature, one for all levels or one for each level (finest first)."""
        factors = temperatures(temperature, len(self.levels))
        return replace(self, levels=[f * level for f, level in zip(factors, self.levels, strict=True)], log_prob=None)

    def mixed(self, other: Latents, levels: Sequence[int]) -> Latents:
        """Return latents with some levels (0 the finest, negative from the top) of ``other`` and the rest of these.

        Both have the same number of pictures, or one has a single picture, which is combined with each of the others.
        The labels are those of the latents that the top level comes from, if these have any.

        Raises:
            ConfigError: a level does not exist, or the latents differ in shape or number of pictures.
        """
        count = len(self.levels)
        wrong = [i for i in levels if not -count <= i < count]
        if wrong:
            raise ConfigError(f"level {wrong[0]} does not exist; levels are 0 (finest) to {count - 1} (top)")
        batch = self._batch_with(other)
        chosen = {i % count for i in levels}
        pairs = enumerate(zip(self.levels, other.levels, strict=True))
        mixed = [(b if i in chosen else a).expand(batch, -1, -1, -1) for i, (a, b) in pairs]
        labels = [other.y, self.y] if count - 1 in chosen else [self.y, other.y]
        y = next((y.expand(batch) for y in labels if y is not None), None)
        return replace(self, levels=mixed, log_prob=None, y=y)

    def level_norms(self) -> Tensor:
        """Return ``[B, L]``: the root mean square of each level over that of its prior.

        It is about 1 for the encodings of dequantised training pictures (``encode_dequantised``), and T for samples at
        temperature T. ``encode`` adds no noise: the shipped models of faces then give 0.5 to 1 for photos, that of
        digits 1.1 to 1.9, since its pictures of 4 bits are at the lower edges of their bins.
        """
        spread = math.pi / math.sqrt(3) if self.prior == "logistic" else 1.0
        return torch.stack([level.flatten(1).square().mean(1).sqrt() / spread for level in self.levels], dim=1)

    def _factor(self, value: object) -> float | Tensor | None:
        """Return a factor that broadcasts over a level, None if ``value`` is neither a number nor an array.

        A tensor gets the dtype and the device of the levels.
        """
        if isinstance(value, numbers.Real):
            return float(value)
        if isinstance(value, np.ndarray):
            value = torch.as_tensor(value, device="cpu")
        if not isinstance(value, Tensor):
            return None
        if value.is_complex() or value.shape not in ((), (len(self),)):
            raise ConfigError(
                f"the factor of latents is a {type(value).__name__} {tuple(value.shape)}, expected a number, or one "
                f"for each of {len(self)} pictures"
            )
        return value.to(self.levels[0]).reshape(-1, 1, 1, 1)

    def _map(self, function: Callable[[Tensor], Tensor], *, keep: bool = False) -> Latents:
        log_prob = function(self.log_prob) if keep and self.log_prob is not None else None
        y = function(self.y) if keep and self.y is not None else self.y
        return replace(self, levels=[function(level) for level in self.levels], log_prob=log_prob, y=y)

    def _check_alike(self, other: Latents) -> None:
        shapes, others = ([tuple(level.shape[1:]) for level in latents.levels] for latents in (self, other))
        if shapes != others:
            raise ConfigError(f"latents of two models do not go together: levels {shapes} and {others}")
        if self.prior != other.prior:
            raise ConfigError(f"latents of two models do not go together: priors {self.prior} and {other.prior}")

    def _batch_with(self, other: Latents) -> int:
        """Return the number of pictures of these and ``other``, which are equal, or one of them is 1."""
        self._check_alike(other)
        sizes = {len(self), len(other)}
        if len(sizes - {1}) > 1:
            raise ConfigError(
                f"latents of {len(self)} and of {len(other)} pictures do not go together, expected as many, or one"
            )
        return len(self) if len(other) == 1 else len(other)

    def _zip(self, other: Latents, function: Callable[[Tensor, Tensor], Tensor]) -> Latents:
        self._batch_with(other)
        pairs = zip(self.levels, other.levels, strict=True)
        kinds = [(a, b, torch.promote_types(a.dtype, b.dtype)) for a, b in pairs]
        levels = [function(a.to(kind), b.to(kind)) for a, b, kind in kinds]
        y = other.y if self.y is None else self.y
        if y is not None and len(y) == 1:  # the label of one picture, which may have been broadcast
            y = y.expand(len(levels[0]))
        return replace(self, levels=levels, log_prob=None, y=y)
