"""Encode and decode with folded weights in onnxruntime, the fastest backend for single pictures on a CPU."""

from __future__ import annotations

import importlib.util
import logging
import threading
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from glowcore.errors import ConfigError
from glowcore.flow import Flow
from glowcore.fused.folding import FoldedLevel
from glowcore.fused.onnx_graph import decode_graph, encode_graph
from glowcore.fused.torch_backend import TorchBackend

logger = logging.getLogger(__name__)


class OnnxBackend:
    """Two onnxruntime sessions, built in a background thread and checked against PyTorch before they are used.

    Args:
        levels: the folded weights, float32 on the CPU.
        reference: the PyTorch backend with the same weights, whose results the sessions must reproduce.
    """

    #: Largest batch that onnxruntime computes under ``backend="auto"``; larger ones are no faster with it.
    INTERACTIVE = 32
    #: Largest accepted difference from PyTorch in latents and pictures, relative to their largest value.
    TOLERANCE = 1e-3

    def __init__(self, levels: Sequence[FoldedLevel], reference: TorchBackend) -> None:
        self._levels = levels
        self._reference = reference
        self._sessions: list | None = None
        self._error: Exception | None = None
        # Not a daemon: killing the thread inside onnxruntime when the program ends would abort the process.
        self._thread = threading.Thread(target=self._build, name="onnxruntime sessions", daemon=False)
        self._thread.start()

    @staticmethod
    def missing() -> list[str]:
        """Return the names of required packages that are not installed."""
        return [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]

    @staticmethod
    def available(flow: Flow) -> bool:
        """Return whether onnxruntime can run this model: it and onnx are installed, the model is float32 on the CPU."""
        return not OnnxBackend.missing() and flow.device.type == "cpu" and flow.dtype == torch.float32

    @property
    def ready(self) -> bool:
        """Whether the sessions are built and checked."""
        return self._sessions is not None

    def wait(self) -> None:
        """Wait until the sessions are built.

        Raises:
            ConfigError: the sessions could not be built, or their results differ from PyTorch's.
        """
        self._thread.join()
        if self._error is not None:
            raise ConfigError(f"backend 'onnxruntime' cannot be used: {self._error}")

    def encode(self, x: Tensor) -> list[Tensor]:
        """See :meth:`TorchBackend.encode`."""
        results = self._run(self._sessions[0], [x])
        # A product of scales can overflow where PyTorch's sum of logarithms does not.
        return results if results[-1].isfinite().all() else self._reference.encode(x)

    def decode(self, latents: Sequence[Tensor]) -> Tensor:
        """See :meth:`TorchBackend.decode`."""
        return self._run(self._sessions[1], latents)[0]

    def _run(self, session, inputs: Sequence[Tensor]) -> list[Tensor]:
        feed = {arg.name: np.ascontiguousarray(x.numpy()) for arg, x in zip(session.get_inputs(), inputs, strict=True)}
        return [torch.from_numpy(out) for out in session.run(None, feed)]

    def _build(self) -> None:
        try:
            sessions = []
            for graph in (encode_graph, decode_graph):
                if not threading.main_thread().is_alive():
                    return  # the interpreter is shutting down and waits for this thread
                sessions.append(_session(graph(self._levels)))
            self._check(sessions)
        except Exception as error:  # whatever onnxruntime raises, the PyTorch backend remains in use
            self._error = error
            logger.warning("onnxruntime is not used: %s", error)
        else:
            self._sessions = sessions

    @torch.inference_mode()
    def _check(self, sessions: list) -> None:
        # The model's own samples: on white noise a trained model amplifies rounding differences without bound.
        generator = torch.Generator().manual_seed(0)
        shapes = [(c if level.split is None else c // 2, h, w) for level in self._levels for c, h, w in [level.shape]]
        latents = [
            0.5 * torch.randn(2, *shape, generator=generator, dtype=torch.float32, device="cpu") for shape in shapes
        ]
        x = self._reference.decode(latents)
        pairs = [(self._run(sessions[1], latents)[0], x)]
        pairs += zip(self._run(sessions[0], [x]), self._reference.encode(x), strict=True)
        for result, expected in pairs:
            difference = float((result - expected).abs().max() / expected.abs().max().clamp_min(1))
            if not difference <= self.TOLERANCE:
                raise ArithmeticError(f"its results differ from PyTorch's by {difference:.1e}")


def _session(model: bytes):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Spinning threads would keep the cores busy between two calls.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
