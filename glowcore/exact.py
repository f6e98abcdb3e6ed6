"""The fast form of a model, with a fallback to float64 where float32 is not precise enough.

A trained flow maps an out-of-distribution picture (white noise, a screenshot, a single bright pixel) to latents of such
large norm that decoding in float32 does not recover it; decoding in float64 does. Latents encoded in float64 keep that
dtype through every edit, and the dtype selects the float64 model for decoding. Application and commands both use this.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from glowcore.errors import ConfigError
from glowcore.fused.fused_flow import FusedFlow, own_of_subclass
from glowcore.latents import Latents

if TYPE_CHECKING:
    from glowcore.flow import Flow
    from glowcore.likelihood_model import Noise

#: Error of a round trip, in the [0, 1] of pictures, above which it is repeated in float64. Half a step of 8 bits is
#: 2e-3.
RETRY_ABOVE = 1e-3
#: Largest distance of an edit's values from [0, 1]. Edits by 3 sigma stay within 1; if the inverse diverges, the
#: distance is in the thousands, which clipping to [0, 1] would hide.
MOST_OUT_OF_RANGE = 10.0


@dataclass(frozen=True, eq=False)
class EncodedPart:
    """The pictures of a batch that were encoded in the same precision.

    Attributes:
        rows: their indices in the batch, int64 ``[N]`` on the CPU.
        latents: their latents, float32 or float64.
        back: their reconstructions, ``[N, C, H, W]``.
        errors: the largest ``|x - back|`` of each picture, float64 ``[N]``; infinite if ``back`` is not finite.
    """

    rows: Tensor
    latents: Latents
    back: Tensor
    errors: Tensor


class ExactFlow(FusedFlow):
    """A :class:`FusedFlow` in float32 that uses float64 for float64 latents and to repeat results that are not finite.

    Args:
        flow: the model.
        backend: as in :class:`FusedFlow`.
    """

    def __init__(self, flow: Flow, backend: str = "auto") -> None:
        super().__init__(flow, dtype="float32", backend=backend)

    def __reduce__(self) -> tuple:
        return type(self), (self.flow, self.backend)

    def refresh(self) -> None:
        """Fold the current weights, as :meth:`FusedFlow.refresh`, and drop the float64 model."""
        with self._folding:
            super().refresh()
            self._double: Flow | None = None

    @property
    def double(self) -> Flow:
        """The model in float64, created when first used; on the CPU if the device does not support float64 (mps)."""
        with self._folding:  # no other thread may fold new weights between the check and the copy
            self._refresh()
            if self._double is None:
                self._double = in_float64(self.flow).eval()
            return self._double

    @torch.no_grad()
    def encode_parts(self, images: Tensor, y: Tensor | None = None) -> list[EncodedPart]:
        """Encode and decode pictures, each in the precision that it needs; return one part or two.

        A round trip whose error in float32 exceeds :data:`RETRY_ABOVE` is repeated in float64, and the better result is
        kept.
        """
        values = self.as_float(images)
        y = self.flow.top_prior.labels(y, len(values))
        latents = self.encode(values, y)
        back = super().decode(latents)
        errors = largest_errors(back, values)
        far = (errors > RETRY_ABOVE).nonzero()[:, 0]
        if not len(far):
            return [EncodedPart(torch.arange(len(values), device="cpu"), latents, back, errors)]
        double = self.double
        latents64 = double.encode(values[far].to(double.device).double(), None if y is None else y[far])
        back64 = double.decode(latents64)
        errors64 = largest_errors(back64, values[far])
        better = errors64.to(errors.device) < errors[far]
        kept = torch.ones_like(errors, dtype=torch.bool)
        kept[far[better]] = False
        better = better.to(double.device)
        parts = [
            EncodedPart(kept.nonzero()[:, 0].cpu(), latents[kept], back[kept], errors[kept]),
            EncodedPart(far.cpu()[better.cpu()], latents64[better], back64[better], errors64[better]),
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
        """Return the pictures of latents, in float64 if :meth:`decode_marked` needed it for any of them."""
        return self.decode_marked(latents)[0]

    def retried(self, latents: Latents) -> bool:
        """Return whether latents are float64 because float32 was not precise enough; False for a float64 model."""
        return is_double(latents) and self.flow.dtype != torch.float64

    @torch.no_grad()
    def decode_marked(self, latents: Latents) -> tuple[Tensor, Tensor]:
        """Return the pictures of latents and which of them were decoded in float64, bool ``[B]``.

        Latents that are :meth:`retried` are all decoded in float64; of others, only pictures that are not finite.
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

    @own_of_subclass
    def bits_per_dim(self, images: Tensor, y: Tensor | None = None, *, generator: Noise = None) -> Tensor:
        """Return bits per dimension, as :meth:`Flow.bits_per_dim`.

        Values that are not finite are computed again in float64 with the same noise; those of a subclass of
        :class:`Flow` stay as its own method returns them.
        """
        x = self.dequantised(images, generator)
        y = self.flow.top_prior.labels(y, len(x))
        bits = self.bits_of(self.encode_cube(x, y))
        lost = (~bits.isfinite()).nonzero()[:, 0]
        if len(lost):
            double = self.double
            latents = double.encode_cube(x[lost].to(double.device).double(), None if y is None else y[lost])
            bits = bits.to(double.device).double()
            bits[lost.to(double.device)] = double.bits_of(latents)
        return bits


def in_float64(flow: Flow) -> Flow:
    """Return a copy of a model in float64, on the CPU if its device does not support float64 (mps)."""
    return copy.deepcopy(flow).to("cpu" if flow.device.type == "mps" else flow.device).double()


def is_double(latents: Latents) -> bool:
    """Return whether any level of the latents is float64."""
    return any(level.dtype == torch.float64 for level in latents.levels)


def largest_errors(back: Tensor, values: Tensor) -> Tensor:
    """Return the largest difference of each pair of pictures, float64 ``[B]``; infinite if one is not finite."""
    back = back.cpu() if back.device.type == "mps" else back
    difference = (back.double() - values.to(back.device).double()).abs().flatten(1).amax(dim=1)
    return difference.nan_to_num(nan=torch.inf, posinf=torch.inf)


def largest_error(back: Tensor, values: Tensor) -> float:
    """Return the largest difference of two batches of pictures; infinite if one of them is not finite."""
    return float(largest_errors(back, values).max())
