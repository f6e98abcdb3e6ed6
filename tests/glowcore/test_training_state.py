"""Saved states: nested values are restored exactly, the newest valid state is loaded, and no crash loses it."""

import json
import os
import random
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from glowcore.errors import CheckpointError
from glowcore.storage import atomic
from glowcore.storage.safetensors_guard import DTYPES, pack
from glowcore.training import saved_states
from glowcore.training.batches import step_generator
from glowcore.training.saved_states import load_state, save_state, saved_steps
from tests.glowcore.memory import peak_memory
from tests.glowcore.model_folders import rewrite

STATE = {
    "step": 7,
    "nothing": None,
    "flag": True,
    "count": 2**130,
    "loss": 0.1 + 0.2,
    "best": float("inf"),
    "worst": float("-inf"),
    "name": "gläw\n",
    "list": [1, [2, (3, "x")], {}],
    "tuple": (),
    "by_number": {0: {"a": 1.5}, 10: None, -1: [True]},
    "looks like a tag": {"tensor": "0"},
}


def same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def test_values_come_back_with_their_types(tmp_path):
    save_state(tmp_path, STATE)
    assert same(load_state(tmp_path), STATE)


@pytest.mark.parametrize(
    "dtype",
    [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.uint8, torch.bool],
)
def test_tensors_of_every_dtype(tmp_path, dtype):
    base = torch.arange(24).reshape(4, 6).to(dtype)
    state = {"step": 0, "whole": base, "view": base[1:, ::2].T, "empty": base[:0], "number": base[1, 1], "same": base}
    save_state(tmp_path, state)
    assert same(load_state(tmp_path), state)


def test_files_are_the_librarys_to_the_last_byte():
    base = torch.arange(48.0).reshape(2, 3, 2, 4)
    tensors = {f"{index}": base.clone().to(dtype) for index, dtype in enumerate(reversed(DTYPES.values()))}
    tensors |= {"last": base.to(memory_format=torch.channels_last), "turned": base.double().mT}
    tensors |= {"number": torch.tensor(3), "none": torch.zeros(0, 2)}
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    assert pack(Path("f"), tensors, {"what": "gläw\n"}) == safetensors.torch.save(whole, {"what": "gläw\n"})
    assert pack(Path("f"), {}) == safetensors.torch.save({})


def peak_of_saving(folder):
    state = {"step": 0, "tensors": [torch.ones(1_000_000) for _ in range(20)]}
    save_state(folder, {"step": 0})
    return peak_memory(lambda: save_state(folder, state))[0]


def test_saving_takes_the_memory_of_little_more_than_one_copy(tmp_path):
    # In a separate process: after a training in this one, malloc keeps fragmented free memory.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(peak_of_saving, tmp_path).result() <= 1.6 * 80


def test_not_a_number_is_kept_as_it_is(tmp_path):
    save_state(tmp_path, {"step": 0, "x": float("nan"), "t": torch.tensor([float("nan"), 1.0])})
    state = load_state(tmp_path)
    assert np.isnan(state["x"])
    assert state["t"].isnan().tolist() == [True, False]


@pytest.mark.parametrize("value", [object(), {1.5: 2}, {(1,): 2}, {1, 2}, np.zeros(2), torch.zeros(1).cfloat()])
def test_other_values_are_refused_by_name(tmp_path, value):
    with pytest.raises(CheckpointError):
        save_state(tmp_path, {"step": 0, "value": value})
    assert saved_steps(tmp_path) == []


@pytest.mark.parametrize("step", [None, -1, 1.0, "3", True])
def test_step_must_be_a_whole_number(tmp_path, step):
    with pytest.raises(CheckpointError, match="step"):
        save_state(tmp_path, {"step": step})


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.Adamax])
def test_training_goes_on_bit_for_bit(tmp_path, optimizer):
    def fresh():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        opt = optimizer(net.parameters(), lr=0.01)
        return net, opt, torch.optim.swa_utils.AveragedModel(net)

    def steps(net, opt, average, numbers):
        for number in numbers:
            opt.zero_grad()
            net(torch.randn(16, 4, generator=step_generator(0, number))).square().mean().backward()
            opt.step()
            average.update_parameters(net)

    net, opt, average = fresh()
    steps(net, opt, average, range(5))
    parts = {"net": net.state_dict(), "opt": opt.state_dict(), "ema": average.state_dict()}
    save_state(tmp_path, {"step": 5, **parts})
    steps(net, opt, average, range(5, 10))

    other, other_opt, other_average = fresh()
    state = load_state(tmp_path)
    other.load_state_dict(state["net"])
    other_opt.load_state_dict(state["opt"])
    other_average.load_state_dict(state["ema"])
    steps(other, other_opt, other_average, range(5, 10))
    assert same(dict(other.state_dict()), dict(net.state_dict()))
    assert same(other_opt.state_dict(), opt.state_dict())
    assert same(dict(other_average.state_dict()), dict(average.state_dict()))


def test_newest_by_number_and_only_two_are_kept(tmp_path):
    for step in (8, 9, 10, 100):
        save_state(tmp_path, {"step": step, "x": torch.full((3,), float(step))})
    assert saved_steps(tmp_path) == [100, 10]
    assert load_state(tmp_path)["step"] == 100


def test_the_same_step_again(tmp_path):
    for value in range(4):
        save_state(tmp_path, {"step": 10, "value": value})
        assert load_state(tmp_path)["value"] == value
    assert saved_steps(tmp_path) == [10, 10]


def damage(path, how):
    if how == "flip":
        data = bytearray((path / "state.safetensors").read_bytes())
        data[-1] ^= 1
        (path / "state.safetensors").write_bytes(data)
    elif how == "truncate":
        (path / "state.json").write_bytes((path / "state.json").read_bytes()[:-1])
    else:
        (path / "manifest.json").unlink()


@pytest.mark.parametrize("how", ["flip", "truncate", "incomplete"])
def test_damaged_states_are_skipped_with_a_warning_and_swept_later(tmp_path, how, caplog):
    for step in (9, 10):
        path = save_state(tmp_path, {"step": step, "x": torch.ones(3)})
    damage(path, how)
    assert load_state(tmp_path)["step"] == 9
    assert "step-10" in caplog.text
    save_state(tmp_path, {"step": 10})
    assert load_state(tmp_path)["step"] == 10
    assert saved_steps(tmp_path) == [10, 9]


def test_a_damaged_later_state_does_not_stop_a_resumed_run(tmp_path):
    save_state(tmp_path, {"step": 10})
    damage(save_state(tmp_path, {"step": 20}), "truncate")
    save_state(tmp_path, {"step": 15})
    assert saved_steps(tmp_path) == [15, 10]


def test_an_earlier_step_does_not_overwrite_a_longer_run(tmp_path):
    save_state(tmp_path, {"step": 1000})
    with pytest.raises(CheckpointError, match="holds a training state of step 1000, later than step 5"):
        save_state(tmp_path, {"step": 5})
    assert load_state(tmp_path)["step"] == 1000


@pytest.mark.parametrize("named", [{}, {"layout": saved_states.LAYOUT + 1}])
def test_another_layout_is_refused_and_no_older_state_taken_instead(tmp_path, named):
    for step in (1, 2):
        path = save_state(tmp_path, {"step": step})
    state = json.loads((path / "state.json").read_text())["state"]
    rewrite(path, "state.json", json.dumps({**named, "state": state}).encode())
    told = rf"step-2: a training state of layout {named.get('layout')}, expected {saved_states.LAYOUT}.* --init-from"
    with pytest.raises(CheckpointError, match=told):
        load_state(tmp_path)


def test_nothing_valid_is_an_error_never_a_fresh_start(tmp_path, caplog):
    with pytest.raises(CheckpointError, match="none is there"):
        load_state(tmp_path / "missing")
    damage(save_state(tmp_path, {"step": 1}), "truncate")
    (tmp_path / "step-abc").mkdir()
    (tmp_path / "step-99").mkdir()
    with pytest.raises(CheckpointError, match="none of the 2 there is valid"):
        load_state(tmp_path)
    assert len(caplog.records) == 2


def test_a_full_disk_keeps_the_earlier_states(tmp_path, monkeypatch):
    save_state(tmp_path, {"step": 1})

    def refuse(*args):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(CheckpointError, match="training state not saved, the disk is full"):
        save_state(tmp_path, {"step": 2})
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["step-1"]


def test_a_second_writer_is_refused(tmp_path, monkeypatch):
    save_state(tmp_path, {"step": 1})
    monkeypatch.setattr(atomic, "LOCK_WAIT", 0.05)
    with atomic.locked(tmp_path), pytest.raises(CheckpointError, match="another process"):
        save_state(tmp_path, {"step": 2})


def test_a_write_that_does_not_read_back_keeps_the_older_states(tmp_path, monkeypatch):
    for step in (1, 2):
        save_state(tmp_path, {"step": step})
    monkeypatch.setattr(saved_states, "_is_valid", lambda path: False)
    with pytest.raises(CheckpointError, match="does not read back"):
        save_state(tmp_path, {"step": 3})
    assert {1, 2} <= set(saved_steps(tmp_path))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_kill_9_while_saving_loses_at_most_the_state_being_written(tmp_path):
    rng = random.Random(0)
    save_state(tmp_path, {"step": 1, "x": torch.ones(1000)})
    for _ in range(15):
        step = load_state(tmp_path)["step"]
        child = os.fork()
        if child == 0:
            while True:
                step += 1
                save_state(tmp_path, {"step": step, "x": torch.full((1000,), float(step))})
        time.sleep(rng.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        state = load_state(tmp_path)
        assert state["step"] >= step
        assert bool((state["x"] == float(state["step"])).all())
    save_state(tmp_path, {"step": 10**6})
    assert len(list(tmp_path.iterdir())) == 2
