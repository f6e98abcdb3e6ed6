"""What is asked of a device before it is used."""

import pytest
import torch

from glowcore import devices
from glowcore.devices import forbid_tf32, has_fast_bfloat16, pick_device

cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul


def allow_by_backend():
    cudnn.allow_tf32 = matmul.allow_tf32 = True


WAYS = {
    "backend": allow_by_backend,
    "high": lambda: torch.set_float32_matmul_precision("high"),
    "medium": lambda: torch.set_float32_matmul_precision("medium"),
    "matmul": lambda: setattr(matmul, "fp32_precision", "tf32"),
}


@pytest.fixture(params=WAYS)
def allowed(request):
    """A program that allows TF32."""
    torch.backends.fp32_precision = "tf32"
    cudnn.allow_tf32 = True
    WAYS[request.param]()
    yield
    torch.backends.fp32_precision = "none"


def test_tf32_is_off_however_it_was_allowed(allowed):
    """These are settings of the process, there with or without a GPU."""
    forbid_tf32(torch.device("cuda"))
    assert (cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision, matmul.fp32_precision) == ("ieee",) * 3
    assert not cudnn.allow_tf32  # PyTorch refuses to read it where the settings contradict each other
    assert not matmul.allow_tf32
    assert torch.get_float32_matmul_precision() == "highest"  # torch.compile reads it


def test_a_device_is_chosen_without_a_name():
    assert pick_device() == pick_device("auto")


def test_other_devices_change_nothing(allowed):
    forbid_tf32(torch.device("cpu"))
    assert (cudnn.conv.fp32_precision, matmul.fp32_precision) == ("tf32",) * 2


@pytest.mark.parametrize(
    ("features", "bfloat16_ms", "fast"),
    [({"avx512_bf16": True}, 5, True), ({"avx512_bf16": True}, 20, False), ({}, 5, False)],
)
def test_bfloat16_is_fast_where_it_is_measured_to_be(monkeypatch, features, bfloat16_ms, fast):
    """Some CPUs have the instructions and are slower with them."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    monkeypatch.setattr(devices, "_conv_seconds", lambda dtypes: dict(zip(dtypes, (10, bfloat16_ms), strict=True)))
    assert has_fast_bfloat16.__wrapped__(torch.device("cpu")) is fast


def test_a_convolution_is_timed_in_each_precision():
    seconds = devices._conv_seconds((torch.float32, torch.bfloat16), repeats=1)
    assert set(seconds) == {torch.float32, torch.bfloat16}
    assert all(0 < value < 60 for value in seconds.values())
