"""Recognition of out-of-memory errors, and release of the tensors that they keep alive."""

from __future__ import annotations

import traceback

import torch

# Messages of the plain RuntimeErrors of torch: the first two come from the CPU's allocators, the third from CUDA and
# MPS, the last from cuBLAS and cuDNN.
_MESSAGES = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that a device ran out of memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(message in str(error) for message in _MESSAGES)


def free_tensors_of(error: BaseException) -> None:
    """Free the tensors in the local variables of the frames that an error has passed through."""
    traceback.clear_frames(error.__traceback__)
