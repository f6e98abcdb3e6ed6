"""The benchmarks measure what they say; their times are nobody's test."""

import dataclasses

import pytest
import torch

from glowcore import GlowConfig
from glowcore.benchmarks import configs, memory, speed
from glowcore.cli import main
from glowcore.fused.onnx_backend import OnnxBackend

TINY = GlowConfig(image_size=8, num_levels=1, steps_per_level=2, hidden_channels=4)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(configs.BENCH_CONFIGS, "A", TINY)
    monkeypatch.setattr(speed, "SECONDS", 0.0)
    monkeypatch.setattr(speed, "conv_limit", lambda dtype, device: 2e9 if dtype == torch.float32 else 3e9)


def test_flops_are_those_of_the_convolutions():
    found = speed.forward_flops(configs.ready_model(TINY))
    half, hidden, positions = 6, 4, 16
    network = half * hidden * 9 + hidden * hidden + hidden * 2 * half * 9
    assert found == 2 * positions * 2 * (network + 12 * 12)


def test_speed_table(tiny):
    result = speed.measure_speed("A", device=torch.device("cpu"), batches=(1, 2), train_batch=2)
    rows = [dataclasses.asdict(row) for row in result["rows"]]
    assert {"encode (torch)", "decode (onnxruntime)", "decode (module)", "train step (reversible)"} <= {
        row["what"] for row in rows
    }
    for row in rows:
        assert row["ratio"] == pytest.approx(row["milliseconds"] / row["floor_ms"])
        passes = 3 if row["what"].startswith("train") else 1
        limit = result["conv_gflops_per_second"][row["floor"]] * 1e9
        assert row["floor_ms"] == pytest.approx(passes * row["batch"] * result["mflop_per_image"] * 1e9 / limit)


def test_memory_table(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "in_fresh_process", lambda function, arguments: function(*arguments))
    result = memory.measure_memory("A", device=torch.device("cpu"), batch=4, depths=(2, 8))
    saved = {(row.memory, row.steps_per_level): row.saved for row in result["rows"]}
    assert saved["full", 8] > 3 * saved["full", 2]
    assert saved["reversible", 8] == saved["reversible", 2]
    assert max(row.gradient_error for row in result["rows"]) <= 1e-4
    memory.plot(result, tmp_path / "memory.png")
    assert (tmp_path / "memory.png").stat().st_size > 5000


def test_a_step_is_timed_from_a_device_at_rest_to_a_device_at_rest(tiny, monkeypatch):
    """A GPU takes the work and gives the clock back at once."""
    seen = []
    monkeypatch.setattr(memory, "train_step", lambda *args, **kwargs: seen.append("step"))
    monkeypatch.setattr(memory, "synchronize", lambda device: seen.append("wait"))
    memory.probe("A", "cpu", batch=2, depth=2, memory="full", anchor_every=0, steps=3)
    assert seen == ["step", *["wait", "step", "wait"] * 2]


def test_memory_is_refused_where_the_peak_cannot_be_reset(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(memory, "in_fresh_process", lambda function, arguments: function(*arguments))
    monkeypatch.setattr(memory, "PROC", tmp_path / "nowhere")
    command = ["bench", "memory", "--batch", "2", "--depths", "2", "--modes", "full", "--device", "cpu"]
    assert main(command) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[-1].startswith("error: bench memory needs to write ")


def test_a_plot_without_matplotlib_is_refused_before_the_work(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("glowcore.cli.bench.find_spec", lambda name: None)
    assert main(["bench", "memory", "--plot", str(tmp_path / "memory.png"), "--device", "cpu"]) == 2
    assert "matplotlib, which is not installed" in capsys.readouterr().err


def test_speed_is_measured_without_onnxruntime_too(monkeypatch, capsys):
    asked = []

    def measure(*args, backends, **kwargs):
        asked.extend(backends)
        return {"rows": []}

    monkeypatch.setattr(speed, "measure_speed", measure)
    monkeypatch.setattr(OnnxBackend, "missing", staticmethod(lambda: ["onnx"]))
    assert main(["bench", "speed", "--device", "cpu", "--json"]) == 0
    assert asked == ["torch"]
    assert "onnx" in capsys.readouterr().err
