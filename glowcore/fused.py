"""The fast form of a trained model for encode, decode and sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from glowcore import likelihood
from glowcore.errors import ConfigError
from glowcore.folding import can_fold, fold
from glowcore.fused_cuda import GraphedBackend
from glowcore.fused_torch import TorchBackend
from glowcore.latents import Latents
from glowcore.onnx_backend import OnnxBackend

if TYPE_CHECKING:
    from glowcore.flow import Flow, Noise

BACKENDS = ("auto", "torch", "onnxruntime")
DTYPES = ("float32", "bfloat16")


class FusedFlow:
    """A model with folded and cached weights: the same ``encode``, ``decode``, ``sample``, only faster, no gradients.

    Args:
        flow: the model. When its weights change, the next call folds them anew.
        dtype: ``"float32"``, or ``"bfloat16"``: the coupling networks in bfloat16, for previews; the error of a round
            trip is then some 1e-3 and the exact reconstruction is gone. Never chosen for you.
        backend: ``"torch"``, ``"onnxruntime"``, or ``"auto"``: onnxruntime on a CPU where it is installed, at
            interactive batch sizes, once it is built (in the background) and found equal to PyTorch, which answers
            until then.

    Raises:
        ConfigError: a dtype or backend that does not exist or does not go with the model.
    """

    def __init__(self, flow: Flow, dtype: str = "float32", backend: str = "auto") -> None:
        if dtype not in DTYPES:
            raise ConfigError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}")
        if backend not in BACKENDS:
            raise ConfigError(f"backend {backend!r} is not one of {', '.join(BACKENDS)}")
        self.flow = flow
        self.dtype = dtype
        self.backend = backend
        self._folds = can_fold(flow)
        self._tensors = [*flow.parameters(), *flow.buffers()]
        self._key: tuple | None = None
        self._torch: TorchBackend | GraphedBackend | None = None
        self._onnx: OnnxBackend | None = None
        self._refresh()
        if backend == "onnxruntime":
            if self._onnx is None:
                raise ConfigError(f"backend 'onnxruntime' needs a float32 Glow on the CPU, this is {self.describe()}")
            self._onnx.wait()

    @property
    def config(self):
        """The config of the model."""
        return self.flow.config

    @property
    def metadata(self) -> dict:
        """The metadata of the model."""
        return self.flow.metadata

    @property
    def attributes(self):
        """The attribute vectors of the model, or None."""
        return self.flow.attributes

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of its pictures."""
        return self.flow.image_size

    @property
    def num_dims(self) -> int:
        """Number of values per picture."""
        return self.flow.num_dims

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.flow.device

    def describe(self) -> str:
        """Return model, dtype and device in a few words."""
        return f"{self.config.model_name} {self.dtype} on {self.device.type}"

    @torch.inference_mode()
    def encode(self, images: Tensor, y: Tensor | None = None) -> Latents:
        """Return the latents of pictures with their ``log_prob``, as :meth:`Flow.encode`."""
        return self._encode_cube(self.flow.as_float(images) - 0.5, y)

    @torch.inference_mode()
    def decode(self, latents: Latents) -> Tensor:
        """Return the pictures of latents, as :meth:`Flow.decode`."""
        self._refresh()
        levels = self.flow.checked_levels(latents)
        runner = self._runner(len(latents))
        if runner is None:
            return self.flow.decode(latents)
        top = self.flow.top_prior.inverse(levels[-1], latents.y)
        return runner.decode([*levels[:-1], top]) + 0.5

    @torch.inference_mode()
    def bits_per_dim(self, images: Tensor, y: Tensor | None = None, *, generator: Noise = None) -> Tensor:
        """Return bits per dimension, as :meth:`Flow.bits_per_dim`."""
        return self.flow.bits_of(self._encode_cube(self.flow.dequantised(images, generator), y))

    def log_prob(self, images: Tensor, y: Tensor | None = None) -> Tensor:
        """Return log-densities, as :meth:`Flow.log_prob`."""
        return self.encode(images, y).log_prob

    def sample_latents(
        self, seeds: Iterable[int], temperature: float | Sequence[float] = 1.0, y: Tensor | int | None = None
    ) -> Latents:
        """Draw latents, as :meth:`Flow.sample_latents`."""
        return self.flow.sample_latents(seeds, temperature, y)

    def sample(
        self, seeds: Iterable[int], temperature: float | Sequence[float] = 1.0, y: Tensor | int | None = None
    ) -> Tensor:
        """Return sampled pictures for show, as :meth:`Flow.sample`."""
        return likelihood.bin_centres(self.decode(self.sample_latents(seeds, temperature, y)), self.config.n_bits)

    def _encode_cube(self, x: Tensor, y: Tensor | None) -> Latents:
        self._refresh()
        runner = self._runner(len(x))
        if runner is None:
            return self.flow.encode_cube(x, y)
        *eps, top, logdet = runner.encode(x)
        return self.flow.finish_encoding(eps, top, logdet, y)

    def _runner(self, batch: int) -> TorchBackend | GraphedBackend | OnnxBackend | None:
        if self._onnx is not None and (self.backend == "onnxruntime" or self._onnx.suits(batch)):
            return self._onnx
        return self._torch

    def _refresh(self) -> None:
        """Fold the weights, unless that is done and they have not changed since."""
        if not self._folds:
            return
        key = (self.flow.device, self.flow.dtype, *(tensor._version for tensor in self._tensors))
        if key == self._key:
            return
        levels = fold(self.flow)
        self._torch = TorchBackend(levels, self.dtype)
        if self.device.type == "cuda":
            self._torch = GraphedBackend(self._torch)
        self._onnx = None
        if self.backend != "torch" and OnnxBackend.available(self.flow) and self.dtype == "float32":
            self._onnx = OnnxBackend(levels, self._torch)
        self._key = key
