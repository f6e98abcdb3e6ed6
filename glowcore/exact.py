"""The fast form of a model, and float64 where float32 is not enough.

A trained flow takes a picture unlike all it has learnt (white noise, a screenshot, one hot pixel) to latents so far out
that float32 does not bring it back; float64 does. Latents that were made in float64 stay so through every edit, and
their dtype is what sends them to the float64 model: nothing else has to know. Application and commands share this.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from glowcore.errors import ConfigError
from glowcore.fused import FusedFlow
from glowcore.latents import Latents

if TYPE_CHECKING:
    from glowcore.flow import Flow
    from glowcore.likelihood_model import Noise

#: Largest error of a round trip, in the [0, 1] of pictures, that is left alone; half a step of 8 bits is 2e-3.
RETRY_ABOVE = 1e-3
#: How far outside of [0, 1] values may lie in an edit. Those of 3 sigma stay within 1; where the inverse has run away
#: it is thousands, and clipped nobody would see it.
MOST_OUT_OF_RANGE = 10.0


@dataclass(frozen=True, eq=False)
class EncodedPart:
    """Pictures of a batch that were encoded in one precision.

    Attributes:
        rows: which pictures of the batch, int64 ``[N]`` on the CPU.
        latents: theirs, float32 or float64.
        back: what these are decoded to, ``[N, C, H, W]``.
        errors: the largest ``|x - back|`` of each picture, float64 ``[N]``; infinite where ``back`` is not finite.
    """

    rows: Tensor
    latents: Latents
    back: Tensor
    errors: Tensor


class ExactFlow(FusedFlow):
    """A :class:`FusedFlow` in float32 whose float64 latents, and whose results that are not finite, go through float64.

    Args:
        flow: the model.
        backend: as of :class:`FusedFlow`.
    """

    def __init__(self, flow: Flow, backend: str = "auto") -> None:
        super().__init__(flow, dtype="float32", backend=backend)

    def __reduce__(self) -> tuple:
        return type(self), (self.flow, self.backend)

    def refresh(self) -> None:
        """Fold the weights as they are now, as :meth:`FusedFlow.refresh`, and forget the float64 model."""
        with self._folding:
            super().refresh()
            self._double: Flow | None = None

    @property
    def double(self) -> Flow:
        """The model in float64, made when it is first needed; on the CPU where the device has no float64 (mps)."""
        with self._folding:  # nobody folds new weights between the look and the making
            self._refresh()
            if self._double is None:
                self._double = in_float64(self.flow).eval()
            return self._double

    @torch.no_grad()
    def encode_parts(self, images: Tensor, y: Tensor | None = None) -> list[EncodedPart]:
        """Encode pictures and decode them again, each in the precision that it needs: one part, or two.

        What float32 brings back with an error above `RETRY_ABOVE` is done again in float64, and the better one counts.
        """
        values = self.flow.as_float(images)
        latents = self.encode(values, y)
        back = super().decode(latents)
        errors = largest_errors(back, values)
        far = (errors > RETRY_ABOVE).nonzero()[:, 0]
        if not len(far):
            return [EncodedPart(torch.arange(len(values)), latents, back, errors)]
        double = self.double
        again = double.encode(values[far].to(double.device).double(), _of_rows(y, far, len(values)))
        precisely = double.decode(again)
        better = largest_errors(precisely, values[far])
        gained = better.to(errors.device) < errors[far]
        rest = torch.ones_like(errors, dtype=torch.bool)
        rest[far[gained]] = False
        gained = gained.to(double.device)
        parts = [
            EncodedPart(rest.nonzero()[:, 0].cpu(), latents[rest], back[rest], errors[rest]),
            EncodedPart(far.cpu()[gained.cpu()], again[gained], precisely[gained], better[gained]),
        ]
        return [part for part in parts if len(part.rows)]

    def round_trip(self, images: Tensor, y: Tensor | None = None) -> tuple[Latents, Tensor, float]:
        """Return the latents of one picture ``[1, C, H, W]``, their reconstruction, and its largest error.

        Raises:
            ConfigError: another number of pictures, which may need two precisions: use :meth:`encode_parts`.
        """
        if len(images) != 1:
            raise ConfigError(f"round_trip takes one picture, not {len(images)}; use encode_parts for a batch")
        (part,) = self.encode_parts(images, y)
        return part.latents, part.back, float(part.errors[0])

    def decode(self, latents: Latents) -> Tensor:
        """Return the pictures of latents; float64 ones where any of them needed that."""
        return self.decode_marked(latents)[0]

    def retried(self, latents: Latents) -> bool:
        """Return whether latents are float64 because float32 was not enough: never those of a float64 model."""
        return is_double(latents) and self.flow.dtype != torch.float64

    @torch.no_grad()
    def decode_marked(self, latents: Latents) -> tuple[Tensor, Tensor]:
        """Return the pictures of latents and which of them were decoded in float64, bool ``[B]``.

        Those that were `retried` are, all of them; of others only what is not finite is done again.
        """
        if self.retried(latents):
            values = self.double.decode(latents)
            return values, torch.ones(len(values), dtype=torch.bool, device=values.device)
        values = super().decode(latents)
        lost = ~values.isfinite().flatten(1).all(dim=1)
        if bool(lost.any()):
            again = self.double.decode(latents[lost])
            values, lost = values.to(again), lost.to(again.device)
            values[lost] = again
        return values, lost

    @torch.no_grad()
    def bits_per_dim(self, images: Tensor, y: Tensor | None = None, *, generator: Noise = None) -> Tensor:
        """Return bits per dimension, as :meth:`Flow.bits_per_dim`; what is not finite again in float64, noise alike."""
        x = self.flow.dequantised(images, generator)
        bits = self.flow.bits_of(self._encode_cube(x, y))
        lost = (~bits.isfinite()).nonzero()[:, 0]
        if len(lost):
            double = self.double
            latents = double.encode_cube(x[lost].to(double.device).double(), _of_rows(y, lost, len(x)))
            bits = bits.to(double.device).double()
            bits[lost.to(double.device)] = double.bits_of(latents)
        return bits


def in_float64(flow: Flow) -> Flow:
    """Return a copy of a model in float64; on the CPU where its device has none (mps)."""
    return copy.deepcopy(flow).to("cpu" if flow.device.type == "mps" else flow.device).double()


def is_double(latents: Latents) -> bool:
    """Return whether latents, or those they were mixed from, were made in float64."""
    return any(level.dtype == torch.float64 for level in latents.levels)


def largest_errors(back: Tensor, values: Tensor) -> Tensor:
    """Return the largest difference of each pair of pictures, float64 ``[B]``; infinite where one is not finite."""
    back = back.cpu() if back.device.type == "mps" else back
    difference = (back.double() - values.to(back.device).double()).abs().flatten(1).amax(dim=1)
    return difference.nan_to_num(nan=torch.inf, posinf=torch.inf)


def largest_error(back: Tensor, values: Tensor) -> float:
    """Return the largest difference of two batches of pictures; infinite where one of them is not finite."""
    return float(largest_errors(back, values).max())


def _of_rows(y: Tensor | int | None, rows: Tensor, batch: int) -> Tensor | int | None:
    """Return the labels of some pictures of a batch, given one for all or one a picture."""
    return y[rows.to(y.device)] if isinstance(y, Tensor) and y.ndim and len(y) == batch else y
