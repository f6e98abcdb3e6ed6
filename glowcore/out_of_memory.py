"""Errors that say that there was no memory left, and what they hold on to."""

from __future__ import annotations

import traceback

import torch

# What torch says where it raises a plain RuntimeError: on the CPU, and, in the last words, of cuBLAS and cuDNN.
_WORDS = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was no memory left, on whichever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)


def free_tensors_of(error: BaseException) -> None:
    """Free the tensors that were too many: the frames that an error has come through still hold them."""
    traceback.clear_frames(error.__traceback__)
