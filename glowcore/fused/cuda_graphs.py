"""Folded encode and decode as CUDA graphs: one launch for the hundreds of small kernels of a pass.

For single-threaded programs only. During a capture PyTorch allows no other CUDA work in the process: if another thread
synchronizes with the device, the capture fails, and after a failed capture PyTorch cannot free device memory until the
process ends.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from glowcore.fused.torch_backend import TorchBackend


class GraphedBackend:
    """A :class:`TorchBackend` on CUDA whose passes are captured once per batch size and then replayed."""

    #: Size of the least-recently-used cache of captured passes; each holds its activations on the device.
    MAX_GRAPHS = 8
    #: Runs before a capture, during which cuDNN chooses its algorithms and the allocator warms up.
    WARM_UPS = 3

    def __init__(self, backend: TorchBackend) -> None:
        self._backend = backend
        self._captured: OrderedDict[tuple, tuple[torch.cuda.CUDAGraph, list[Tensor], list[Tensor]]] = OrderedDict()

    def encode(self, x: Tensor) -> list[Tensor]:
        """See :meth:`TorchBackend.encode`."""
        return self._replay("encode", lambda inputs: self._backend.encode(inputs[0]), [x])

    def decode(self, latents: Sequence[Tensor]) -> Tensor:
        """See :meth:`TorchBackend.decode`."""
        return self._replay("decode", lambda inputs: [self._backend.decode(inputs)], latents)[0]

    def _replay(self, kind: str, run: Callable[[list[Tensor]], list[Tensor]], inputs: Sequence[Tensor]) -> list[Tensor]:
        key = (kind, len(inputs[0]))
        if key not in self._captured:
            self._captured[key] = self._capture(run, inputs)
            if len(self._captured) > self.MAX_GRAPHS:
                self._captured.popitem(last=False)
        self._captured.move_to_end(key)
        graph, static_inputs, static_outputs = self._captured[key]
        for static, value in zip(static_inputs, inputs, strict=True):
            static.copy_(value)
        graph.replay()
        # The next replay overwrites the static outputs.
        return [out.clone() for out in static_outputs]

    def _capture(
        self, run: Callable[[list[Tensor]], list[Tensor]], inputs: Sequence[Tensor]
    ) -> tuple[torch.cuda.CUDAGraph, list[Tensor], list[Tensor]]:
        # Ordinary tensors: inference tensors cannot be written to outside of inference mode.
        with torch.inference_mode(False), torch.no_grad():
            static_inputs = [value.clone() for value in inputs]
        # A stream belongs to the current device; on any other than the model's it would record nothing.
        with torch.cuda.device(inputs[0].device):
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(self.WARM_UPS):
                    run(static_inputs)
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            # Allocations by other threads then do not fail the capture.
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                static_outputs = list(run(static_inputs))
        return graph, static_inputs, static_outputs
