"""The fast model, and float64 where float32 is not enough.

A trained flow takes a picture unlike all it has learnt (white noise, a screenshot, one hot pixel) to latents so far out
that float32 does not bring it back; float64 does. Latents that were made in float64 stay so through every edit, and
their dtype is what sends them to the float64 model: nothing else in the application has to know.
"""

from __future__ import annotations

import copy
import threading

import torch

from glowcore.flow import Flow
from glowcore.fused import FusedFlow
from glowcore.latents import Latents

RETRY = 1e-3  # largest error of a round trip, in the [0, 1] of pictures, that is left alone; half a level is 2e-3


class ExactFlow(FusedFlow):
    """A `FusedFlow` in float32 whose float64 latents, and whose results that are no numbers, go through float64."""

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow, dtype="float32")
        self._double: Flow | None = None
        self._making = threading.Lock()

    @property
    def double(self) -> Flow:
        """The model in float64, made when it is first needed; on the CPU where the device has no float64 (mps)."""
        with self._making:
            if self._double is None:
                device = "cpu" if self.device.type == "mps" else self.device
                self._double = copy.deepcopy(self.flow).to(device).double().eval()
            return self._double

    @torch.inference_mode()
    def decode(self, latents: Latents) -> torch.Tensor:
        """The pictures of latents, in the latents' precision; of a batch, only what float32 loses is done again."""
        if is_double(latents):
            return self.double.decode(latents)
        values = super().decode(latents)
        lost = ~values.isfinite().flatten(1).all(dim=1)
        if not bool(lost.any()):
            return values
        again = self.double.decode(latents[lost])
        values = values.to(again)
        values[lost] = again
        return values

    @torch.inference_mode()
    def bits_per_dim(self, images: torch.Tensor, y: torch.Tensor | None = None, *, generator=None) -> torch.Tensor:
        """Bits per dimension, as `Flow.bits_per_dim`."""
        start = None if generator is None else generator.get_state()
        bits = super().bits_per_dim(images, y, generator=generator)
        if bool(bits.isfinite().all()):
            return bits
        if start is not None:
            generator.set_state(start)  # the same noise again
        return self.double.bits_per_dim(images.to(self.double.device), y, generator=generator)

    @torch.inference_mode()
    def round_trip(self, values: torch.Tensor, y: torch.Tensor | None = None) -> tuple[Latents, torch.Tensor, float]:
        """Latents of a picture, float32 [1, C, H, W] in [0, 1], what they give back, and the largest error of it.

        Where float32 errs by more than `RETRY` it is done again in float64, and the better one counts.
        """
        latents = self.encode(values, y)
        back = super().decode(latents)
        error = largest_error(back, values)
        if error <= RETRY:
            return latents, back, error
        again = self.double.encode(values.to(self.double.device).double(), y)
        precisely = self.double.decode(again)
        better = largest_error(precisely, values)
        return (again, precisely, better) if better < error else (latents, back, error)


def is_double(latents: Latents) -> bool:
    """Whether latents, or those they were mixed from, were made in float64."""
    return any(level.dtype == torch.float64 for level in latents.levels)


def largest_error(back: torch.Tensor, values: torch.Tensor) -> float:
    """The largest difference of two batches of pictures; infinite where one of them holds what is no number."""
    difference = (back.double() - values.to(back.device).double()).abs().max()
    return float(difference.nan_to_num(nan=torch.inf, posinf=torch.inf))
