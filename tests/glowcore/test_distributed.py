"""Two processes on one machine train as one process does on their joint batch."""

import itertools
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from glowcore.errors import ConfigError
from glowcore.training import batches, saved_states
from glowcore.training.distributed import Processes
from tests.glowcore.tiny import MODEL, pictures, write_pictures
from tests.glowcore.trainers import ddp_trainer, own_loss, own_model

ROOT = Path(__file__).parents[2]


def start(processes, *argv):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    together = {
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "PYTHONPATH": str(ROOT),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    running = [
        subprocess.Popen(
            [sys.executable, *map(str, argv)],
            env={**os.environ, **together, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(processes)
    ]
    words = [process.communicate(timeout=300)[0] for process in running]
    return [process.returncode for process in running], words


def single_gradients(tmp_path, mode):
    """Return the mean gradient of both processes, computed by one process without the wrapper."""
    trainer = ddp_trainer(tmp_path / "single", mode, Processes())
    total, parts = 0, trainer.settings.accumulate
    for rank, part in itertools.product(range(2), range(parts)):
        generator = batches.step_generator(0, part, rank)
        rows = batches.batch_indices(20, 3, 0, part, rank, 2)
        images = batches.random_flip(trainer.images[rows], generator)
        y = None if trainer.labels is None else trainer.labels[rows]
        total = total + trainer.loss(images, y, generator)[0]
    (total / (2 * parts)).backward()
    return [p.grad for p in trainer.model.parameters() if p.requires_grad]


@pytest.fixture(scope="module")
def modes():
    return ["full", "checkpoint", "reversible", "classes", "headless", "accumulate"]


def test_two_processes_give_the_gradients_of_one(tmp_path, modes):
    codes, words = start(2, Path(__file__).with_name("ddp_worker.py"), tmp_path, *modes)
    assert codes == [0, 0], words
    ranks = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2)]
    for mode in modes:
        expected = single_gradients(tmp_path, mode)
        for rank in ranks:
            for found, wanted in zip(rank[mode]["gradients"], expected, strict=True):
                assert float((found - wanted).abs().max()) <= 1e-6, mode
        assert all(torch.equal(a, b) for a, b in zip(*(rank[mode]["weights"] for rank in ranks), strict=True))
        assert all(rank[mode]["reductions"] == [0] for rank in ranks), mode  # once a step, whatever it accumulates
        assert ranks[0][mode]["stopped"] == ranks[1][mode]["stopped"] == (15, 1)
    # A loop of one's own: the first process's weights, its initialisation among them, are those of all.
    model = own_model(0)
    model.initialize(pictures(8, seed=0))
    ((own_loss(model, 0) + own_loss(model, 1)) / 2).backward()
    for rank in ranks:
        for gradient, weight, p in zip(
            rank["own"]["gradients"], rank["own"]["weights"], model.parameters(), strict=True
        ):
            assert torch.equal(weight, p)
            assert float((gradient - p.grad).abs().max()) <= 1e-6
    # If the first process cannot write, no other waits forever.
    assert ranks[0]["failed"] == "CheckpointError: the disk is full"
    assert ranks[1]["failed"] == "TrainingError: the first process has failed and says why; this one stops with it"


@pytest.mark.proof
def test_the_command_under_several_processes(tmp_path):
    """Two processes train through the command line; one of them writes, and the run goes on in one process."""
    faces = write_pictures(tmp_path / "faces", 24)
    argv = ["-m", "glowcore", "train", "--data", faces, "--out", tmp_path / "run", "--threads", 1, "--device", "cpu"]
    codes, words = start(2, *argv, *MODEL, "--steps", 10, "--batch-size", 2, "--eval-pictures", 2)
    assert codes == [0, 0], words
    assert f"torchrun --nproc-per-node 2 -m glowcore train --data {faces} --out {tmp_path}/run --resume" in words[0]
    assert "glowcore" not in words[1]
    assert saved_states.saved_steps(tmp_path / "run" / "state")[0] == 10
    codes, words = start(1, *argv, "--resume", "--steps", 12)
    assert codes == [0], words
    assert saved_states.saved_steps(tmp_path / "run" / "state")[0] == 12


@pytest.mark.parametrize(("device", "message"), [
    ("cuda", "no GPU for process 1, expected --nproc-per-node 1 at most"),
    ("cuda:0", "'cuda:0' is one GPU for 2 processes, expected cuda"),
])  # fmt: skip
def test_every_process_needs_a_gpu_of_its_own(monkeypatch, device, message):
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "1"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match=message):
        Processes.from_environment(torch.device(device))
