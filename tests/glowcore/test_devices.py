"""What is asked of a device before it is used."""

import pytest
import torch

from glowcore.devices import forbid_tf32, pick_device

cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul


@pytest.fixture
def allowed():
    """A program that allows TF32 everywhere."""
    torch.backends.fp32_precision = "tf32"
    cudnn.allow_tf32 = matmul.allow_tf32 = True
    yield
    torch.backends.fp32_precision = "none"


def test_tf32_is_off_however_it_was_allowed(allowed):
    """These are settings of the process, there with or without a GPU."""
    forbid_tf32(torch.device("cuda"))
    assert (cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision, matmul.fp32_precision) == ("ieee",) * 3
    assert not cudnn.allow_tf32  # PyTorch refuses to read it where the settings contradict each other
    assert not matmul.allow_tf32


def test_a_device_is_chosen_without_a_name():
    assert pick_device() == pick_device("auto")


def test_other_devices_change_nothing(allowed):
    forbid_tf32(torch.device("cpu"))
    assert (cudnn.conv.fp32_precision, matmul.fp32_precision) == ("tf32",) * 2
