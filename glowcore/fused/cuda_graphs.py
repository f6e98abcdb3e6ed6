"""Folded encode and decode as CUDA graphs: one launch for the hundreds of small kernels of a pass.

For single-threaded programs. While a pass is captured PyTorch allows no other CUDA work in the process: another thread
that waits for the device ends the capture with an error, and after a failed capture PyTorch can give no memory back for
as long as the process lives.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from glowcore.fused.torch_backend import TorchBackend


class GraphedBackend:
    """A :class:`TorchBackend` on CUDA whose passes are captured once for each batch size and then replayed."""

    #: Captured passes that are kept, the least recently used dropped: each holds its activations on the device.
    MAX_GRAPHS = 8
    #: Runs before a capture, in which cuDNN picks its algorithms and the allocator warms up.
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
        for static, given in zip(static_inputs, inputs, strict=True):
            static.copy_(given)
        graph.replay()
        # The next replay writes over the graph's own outputs.
        return [out.clone() for out in static_outputs]

    def _capture(
        self, run: Callable[[list[Tensor]], list[Tensor]], inputs: Sequence[Tensor]
    ) -> tuple[torch.cuda.CUDAGraph, list[Tensor], list[Tensor]]:
        # Written to by callers in inference mode and outside of it, which inference tensors would not allow.
        with torch.inference_mode(False), torch.no_grad():
            static_inputs = [given.clone() for given in inputs]
        # Of the model's device: streams are made on the current one, and one of another device would record nothing.
        with torch.cuda.device(inputs[0].device):
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(self.WARM_UPS):
                    run(static_inputs)
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            # Allocations of other threads, which have nothing to do with this, do not end it.
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                static_outputs = list(run(static_inputs))
        return graph, static_inputs, static_outputs
