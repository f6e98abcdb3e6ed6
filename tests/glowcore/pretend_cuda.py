"""A CUDA device for machines without one, a plugin of pytest: tensors that say they are on it and compute on the CPU.

What mixes devices fails as on a GPU, and so does numpy. Nothing of CUDA's own arithmetic, streams and memory is in it.
It changes torch before glowcore is imported, so it wants a process of its own: test_pretend_cuda.py starts it.
"""

from contextlib import nullcontext
from unittest import mock

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

# Inference mode does not take such tensors.
torch.inference_mode = lambda mode=True: torch.no_grad() if mode else torch.enable_grad()
GPU = torch.device("cuda:0")


def on_gpu(device):
    return device is not None and torch.device(device).type == "cuda"


class OnGPU(torch.Tensor):
    """Holds ``inner``, of the CPU; to C++, which may know no CUDA, it is of the CPU as well."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner):
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "dtype": inner.dtype}
        return torch.Tensor._make_wrapper_subclass(cls, inner.size(), **layout)

    def __init__(self, inner):
        self.inner = inner

    def __deepcopy__(self, memo):
        copied = memo.setdefault(id(self), OnGPU(self.inner.clone()).requires_grad_(self.requires_grad))
        copied._is_param = getattr(self, "_is_param", False)
        return copied

    def numpy(self, *args, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def set_data(self, other):
        torch.Tensor.data.__set__(self, other)
        self.inner = other.inner

    __array__, data = numpy, property(lambda self: self.detach(), set_data)
    device, is_cuda = property(lambda self: GPU), property(lambda self: True)
    tolist = property(lambda self: self.inner.tolist)
    untyped_storage = property(lambda self: self.inner.untyped_storage)

    def to(self, *args, **kwargs):
        return moved(self, *args, **kwargs)

    def cpu(self):
        return moved(self, "cpu")

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return run(func, args, kwargs or {})


class Across(torch.autograd.Function):
    """A copy to the other device."""

    @staticmethod
    def forward(ctx, tensor):
        return tensor.inner.clone() if isinstance(tensor, OnGPU) else OnGPU(tensor.detach().clone())

    @staticmethod
    def backward(ctx, grad):
        return Across.apply(grad)


def moved(tensor, *args, **kwargs):
    """``Tensor.to``."""
    if args and isinstance(args[0], torch.Tensor):
        args = (args[0].device, args[0].dtype, *args[1:])
    elif args and isinstance(args[0], torch.dtype):
        args = (None, *args)
    wanted = kwargs | dict(zip(("device", "dtype", "non_blocking", "copy"), args, strict=False))
    device = wanted.pop("device", None)
    if device is not None and on_gpu(device) != isinstance(tensor, OnGPU):
        tensor = Across.apply(tensor)
    with torch._C.DisableTorchFunction():
        return torch.Tensor.to(tensor, "cpu", **{name: value for name, value in wanted.items() if value is not None})


def run(func, args, kwargs):
    """Run an operator of which an argument or the result is on the GPU."""
    name, leaves = str(func).rsplit(".", 1)[0], tree_leaves((args, kwargs))
    ours = any(isinstance(leaf, OnGPU) for leaf in leaves)
    there = ours or on_gpu(kwargs.get("device"))
    if name.startswith("aten.index") or "index_put" in name:
        leaves = tree_leaves((args[0], args[2:]))  # the index itself may be on the CPU
    for leaf in leaves if name != "aten.copy_" else ():
        # A number in a tensor of the CPU goes with everything but fused and foreach operators.
        single = isinstance(leaf, torch.Tensor) and leaf.ndim == 0 and not name.startswith("aten._f")
        if isinstance(leaf, torch.Tensor) and not single and on_gpu(leaf.device) != there:
            raise RuntimeError(f"Expected all tensors to be on the same device: {name}")
    inner_args, inner_kwargs = tree_map_only(OnGPU, lambda tensor: tensor.inner, (args, kwargs))
    result = func(*inner_args, **inner_kwargs | ({"device": "cpu"} if "device" in kwargs else {}))
    if not there or (name == "aten.copy_" and not isinstance(args[0], OnGPU)):
        return result
    result = tree_map_only(torch.Tensor, OnGPU, result)
    return return_and_correct_aliasing(func, args, kwargs, result) if ours else result


class Factories(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        places = [getattr(leaf, "device", leaf) for leaf in tree_leaves((args, kwargs or {}))]
        ours = any(on_gpu(place) for place in places if isinstance(place, torch.device))
        return run(func, args, kwargs or {}) if ours else func(*args, **(kwargs or {}))


class Moves(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        source = kwargs.get("generator")
        if source is not None and on_gpu(source.device) != on_gpu(kwargs.get("device")):
            raise RuntimeError(f"Expected a generator of the same device, not of {source.device}")
        if func in (torch.Tensor.to, torch.Tensor.cuda):
            return moved(args[0], *(args[1:] if func is torch.Tensor.to else [GPU]), **kwargs)
        if func is torch.tensor and on_gpu(kwargs.get("device")):
            return moved(torch.tensor(*args, **kwargs | {"device": "cpu"}), GPU)
        return func(*args, **kwargs)


class Generator(torch.Generator):
    def __new__(cls, device="cpu"):
        made = super().__new__(cls)
        made.place = torch.device(device)
        return made

    def __init__(self, device="cpu"):
        pass

    device = property(lambda self: self.place)


@pytest.fixture(autouse=True)
def _pretend():
    on_cuda = {
        "is_available": lambda: True,
        "is_bf16_supported": lambda including_emulation: False,
        "_lazy_init": lambda: None,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "device": nullcontext,
        "synchronize": lambda *_: None,
        "mem_get_info": lambda device: (1 << 33, 1 << 34),
    }
    # A parameter of the CPU cannot become one of another class in its place.
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    generators = mock.patch.object(torch, "Generator", Generator)
    no_graphs = mock.patch("glowcore.fused.fused_flow.GraphedBackend", lambda backend: backend)
    # A build for CUDA would ask the driver, which is not there, for a stream.
    no_streams = mock.patch.object(torch.accelerator, "current_accelerator", return_value=None)
    with mock.patch.multiple(torch.cuda, **on_cuda), generators, no_graphs, no_streams, Factories(), Moves():
        yield
