"""Builder of ONNX graphs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

#: Version of the ONNX operator set.
OPSET = 18


class Nodes:
    """The nodes and constants of a graph. Methods that add a node return the name of its output."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._helper, self._numpy_helper = helper, numpy_helper
        self._nodes: list = []
        self._constants: list = []

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes):
        """Add an operator."""
        names = [f"{kind.lower()}{len(self._nodes)}_{i}" for i in range(outputs)]
        self._nodes.append(self._helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value: Tensor | np.ndarray | Sequence[int] | float) -> str:
        """Add a constant: a tensor with its dtype, a float as float32, integers as int64."""
        if isinstance(value, Tensor):
            array = np.ascontiguousarray(value.detach().numpy())
        elif isinstance(value, float):
            array = np.float32(value).reshape(())
        else:
            array = np.asarray(value, np.int64)
        name = f"constant{len(self._constants)}"
        self._constants.append(self._numpy_helper.from_array(np.asarray(array), name))
        return name

    def reshape(self, x: str, *shape: int) -> str:
        """Add a reshape; -1 infers a dimension and 0 keeps the input's."""
        return self.op("Reshape", x, self.constant(shape))

    def halves(self, x: str) -> list[str]:
        """Add a split of the channels, axis 1, into two."""
        return self.op("Split", x, outputs=2, axis=1, num_outputs=2)

    def join(self, *parts: str) -> str:
        """Add a concatenation of channels."""
        return self.op("Concat", *parts, axis=1)

    def model(self, inputs: dict[str, tuple[int, int, int]], outputs: Sequence[str]) -> bytes:
        """Return the serialised model of all nodes and constants, for any batch size."""
        from onnx import TensorProto

        h = self._helper
        ins = [h.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", *shape]) for n, shape in inputs.items()]
        outs = [h.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = h.make_graph(self._nodes, "flow", ins, outs, self._constants)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", OPSET)], ir_version=9)
        return model.SerializeToString()
