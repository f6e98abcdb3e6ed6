"""The fast form of a trained model for encode, decode and sample."""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from glowcore.errors import ConfigError
from glowcore.flow import Flow
from glowcore.fused.cuda_graphs import GraphedBackend
from glowcore.fused.folding import can_fold, fold
from glowcore.fused.onnx_backend import OnnxBackend
from glowcore.fused.torch_backend import TorchBackend
from glowcore.fused.watch import Watch
from glowcore.latents import Latents

BACKENDS = ("auto", "torch", "onnxruntime", "cudagraphs")
DTYPES = ("float32", "bfloat16")


def own_of_subclass(method: Callable) -> Callable:
    """Let a method run on a :class:`FusedFlow` without gradients, and the model's own if it subclasses ``Flow``.

    A subclass may override any method, and its overrides must not be bypassed.
    """

    @functools.wraps(method)
    @torch.no_grad()
    def run(self: FusedFlow, *args: Any, **kwargs: Any) -> Any:
        if type(self.flow) is Flow:
            return method(self, *args, **kwargs)
        return getattr(self.flow, method.__name__)(*args, **kwargs)

    return run


class FusedFlow:
    """A model with folded weights: methods of :class:`Flow`, faster and without gradients where they run the levels.

    Settings are read from the model, ``flow``, and can only be set there. Methods of ``nn.Module``, such as ``to`` and
    ``parameters``, are only in ``flow``.

    It returns ordinary tensors without a graph, also of latents that require gradients: optimise them through the
    module, and show them with this. A copy (``copy.deepcopy``, ``pickle``, ``torch.save``) holds a copy of the model
    and folds its weights again. Models with parts that cannot be folded (subclasses, hooks, other modules) are run as
    they are.

    Args:
        flow: the model. If it has changed, the next call folds its weights again, provided that the change is noticed.

            Noticed:

            - in-place operations that autograd counts: steps of optimizers, ``p.mul_``;
            - a parameter, buffer, module or hook that is added, removed or replaced;
            - a ``forward`` assigned to a module of a level;
            - new memory: ``p.data = ...``;
            - on the CPU, any change of the largest value of a tensor: ``p.data.mul_``, ``p.data.copy_``.

            Not noticed (call :meth:`refresh` afterwards):

            - writes through ``.data`` or numpy, and steps of an optimizer with ``fused=True``, that do not change the
              largest value of a tensor;
            - all such writes on devices other than the CPU;
            - settings that are not tensors: ``scale_min``, ``swap``, the padding of a convolution;
            - methods other than ``forward`` assigned to a module.
        dtype: dtype of the coupling networks, kept as ``net_dtype``. ``"float32"`` keeps that of the model.
            ``"bfloat16"`` is for previews: the error of a round trip is about 1e-3, so reconstruction is not exact.
        backend: ``"torch"``, ``"onnxruntime"``, ``"cudagraphs"`` or ``"auto"``. On a CPU ``"auto"`` uses onnxruntime,
            if it is installed, for small batches. Its sessions are built in the background, at once and again
            :attr:`SETTLED` seconds after the last change of weights, and checked against PyTorch; all other calls use
            PyTorch. On CUDA ``"auto"`` uses cudagraphs, which allow no other thread to use the device
            (:mod:`glowcore.fused.cuda_graphs`): multi-threaded programs should choose ``"torch"``.

    Raises:
        ConfigError: the dtype or backend does not exist or does not support the model.
    """

    #: Seconds without a change of weights before onnxruntime sessions are built anew, so that a loop that changes the
    #: weights does not start builds that are never used.
    SETTLED = 1.0

    def __init__(self, flow: Flow, dtype: str = "float32", backend: str = "auto") -> None:
        if dtype not in DTYPES:
            raise ConfigError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}")
        if backend not in BACKENDS:
            raise ConfigError(f"backend {backend!r} is not one of {', '.join(BACKENDS)}")
        self.net_dtype = dtype
        self.backend = backend
        self.flow = flow
        self._torch: TorchBackend | GraphedBackend | None = None
        self._onnx: OnnxBackend | None = None
        self._folding = threading.RLock()
        self.refresh()
        self._build_onnx()
        if backend == "onnxruntime":
            if self._onnx is None:
                absent = "".join(f", and {name} is not installed" for name in OnnxBackend.missing())
                raise ConfigError(
                    "backend 'onnxruntime' needs a float32 Glow on the CPU and the packages onnx and "
                    f"onnxruntime; this is {self.describe()}{absent}"
                )
            self._onnx.wait()
        if backend == "cudagraphs" and not isinstance(self._torch, GraphedBackend):
            raise ConfigError(f"backend 'cudagraphs' needs a Glow on CUDA; this is {self.describe()}")

    def __reduce__(self) -> tuple:
        # Locks, threads and sessions cannot be pickled: a copy folds the weights again.
        return type(self), (self.flow, self.net_dtype, self.backend)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the model that is not defined here, such as ``config`` or ``for_display``.

        Methods of ``nn.Module`` such as ``to`` are excluded: they would return the model in place of the fast form.
        """
        if name == "flow" or name.startswith("_") or hasattr(nn.Module, name) or not hasattr(self.flow, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.flow, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("flow", "net_dtype", "backend") and name in vars(self):
            raise AttributeError(f"{name!r} cannot be changed: make another {type(self).__name__}(flow, ...)")
        own = name.startswith("_") or name in vars(self) or hasattr(type(self), name)
        if not own and hasattr(vars(self).get("flow"), name):
            raise AttributeError(f"{name!r} is an attribute of the model: set it on {type(self).__name__}.flow")
        super().__setattr__(name, value)

    def train(self, mode: bool = True) -> Self:
        """Switch the model to training mode, or with False to evaluation mode."""
        self.flow.train(mode)
        return self

    def eval(self) -> Self:
        """Switch the model to evaluation mode."""
        return self.train(False)

    def describe(self) -> str:
        """Return a short text: model, dtype, device, and whether the model has parts that cannot be folded."""
        dtype = str(self.dtype).removeprefix("torch.") if self.net_dtype == "float32" else self.net_dtype
        parts = ", with parts that cannot be folded" if self._torch is None else ""
        return f"{self.config.model_name} {dtype} on {self.device.type}{parts}"

    def refresh(self) -> None:
        """Fold the current weights; needed only after changes that are not noticed (see the class)."""
        with self._folding:
            watch = Watch(self.flow)  # created before folding, so that the next call notices a change during it
            folded = None
            if can_fold(self.flow):
                folded = TorchBackend(fold(self.flow), self.net_dtype)
                if self.backend in ("auto", "cudagraphs") and self.device.type == "cuda":
                    folded = GraphedBackend(folded)
            self._watch, self._torch, self._onnx = watch, folded, None
            self._build_at = time.monotonic() + self.SETTLED

    # These run on decode and encode_cube below.
    encode = own_of_subclass(Flow.encode)
    log_prob = own_of_subclass(Flow.log_prob)
    bits_per_dim = own_of_subclass(Flow.bits_per_dim)
    encode_dequantised = own_of_subclass(Flow.encode_dequantised)
    sample = own_of_subclass(Flow.sample)
    forward = __call__ = own_of_subclass(Flow.forward)

    @own_of_subclass
    def decode(self, latents: Latents) -> Tensor:
        """Return the pictures of latents, as :meth:`Flow.decode`."""
        self._refresh()
        if self._torch is None:
            return self.flow.decode(latents)
        levels = self.raw_levels(latents)
        return self._runner(len(levels[-1])).decode(levels) + 0.5

    @own_of_subclass
    def encode_cube(self, x: Tensor, y: Tensor | None) -> Latents:
        """Return the latents of points of the cube, as :meth:`Flow.encode_cube`."""
        self._refresh()
        if self._torch is None:
            return self.flow.encode_cube(x, y)
        *eps, top, logdet = self._runner(len(x)).encode(x)
        return self.finish_encoding(eps, top, logdet, y)

    def _runner(self, batch: int) -> TorchBackend | GraphedBackend | OnnxBackend:
        onnx = self._onnx  # read once: another thread may replace it
        if onnx is not None and onnx.ready and (self.backend == "onnxruntime" or batch <= onnx.INTERACTIVE):
            return onnx
        return self._torch

    def _refresh(self) -> None:
        """Fold the weights again if they have changed, one thread at a time, so that no older fold replaces a newer."""
        with self._folding:
            if self._watch.changed():
                self.refresh()
            elif time.monotonic() >= self._build_at:
                self._build_onnx()

    def _build_onnx(self) -> None:
        """Start building onnxruntime sessions for the folded weights if the backend and the model allow it."""
        self._build_at = math.inf
        wanted = self.backend in ("auto", "onnxruntime") and self.net_dtype == "float32"
        if wanted and self._torch is not None and OnnxBackend.available(self.flow):
            self._onnx = OnnxBackend(self._torch.levels, self._torch)
