"""Model folders: saving and loading is bit-exact, and a save is atomic."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import glowcore
from glowcore import checkpoint, models
from glowcore.errors import CheckpointError, ConfigError
from glowcore.storage import atomic
from tests.glowcore import crash_driver
from tests.glowcore.model_folders import rewrite, small_model

ROOT = Path(__file__).parents[2]
DRIVER = Path(crash_driver.__file__)


def run_driver(*arguments, code=0):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, DRIVER, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"permutation": "conv1x1", "coupling": "additive", "channels": 1},
        {"permutation": "shuffle", "image_size": (8, 16), "num_classes": 3},
        {"permutation": "reverse", "steps_per_level": (1, 2), "hidden_channels": (4, 8), "learned_prior": False},
    ],
)
def test_round_trip_is_bit_for_bit(tmp_path, settings):
    model = small_model(**settings)
    glowcore.save(model, tmp_path / "m")
    loaded = glowcore.load(tmp_path / "m", device="cpu")
    assert loaded.config == model.config
    assert not loaded.training
    assert loaded.metadata == model.metadata
    images = torch.rand(3, model.config.channels, *model.image_size)
    y = torch.tensor([0, 1, 2]) if settings.get("num_classes") else None
    with torch.no_grad():
        ours, theirs = model.encode(images, y), loaded.encode(images, y)
        assert torch.equal(ours.flatten(), theirs.flatten())
        assert torch.equal(ours.log_prob, theirs.log_prob)
        assert torch.equal(model.decode(ours), loaded.decode(theirs))
        assert torch.equal(model.attributes.score(ours, "Young"), loaded.attributes.score(theirs, "Young"))
    assert loaded.attributes.metadata() == model.attributes.metadata()


@pytest.mark.parametrize("name", models.CONFIGS)
def test_every_kind_of_model_is_built_within_the_budget_of_its_file(tmp_path, name):
    model = models.build(models.CONFIGS[name](image_size=16))
    checkpoint.save(model, tmp_path)
    loaded = checkpoint.load(tmp_path, device="cpu").state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in model.state_dict().items())


def test_a_new_process_encodes_bit_for_bit(model, folder):
    code = (
        "import sys, hashlib, torch, glowcore; torch.set_num_threads(1); torch.manual_seed(7);"
        "m = glowcore.load(sys.argv[1], device='cpu'); x = torch.rand(4, 3, 8, 8);"
        "print(hashlib.sha256(m.encode(x).flatten().detach().numpy().tobytes()).hexdigest())"
    )
    command = [sys.executable, "-c", code, folder]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    torch.manual_seed(7)
    ours = model.encode(torch.rand(4, 3, 8, 8)).flatten().detach().numpy()
    assert done.stdout.strip() == hashlib.sha256(ours.tobytes()).hexdigest()


def test_float64_models_stay_float64(tmp_path):
    model = small_model().double()
    checkpoint.save(model, tmp_path)
    loaded = checkpoint.load(tmp_path, device="cpu")
    assert loaded.dtype == torch.float64
    x = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    assert torch.equal(loaded.encode(x).flatten(), model.encode(x).flatten())


def test_same_model_same_files(model, folder, tmp_path):
    checkpoint.save(model, tmp_path / "again")
    for name in ("config.json", "model.safetensors", "attributes.safetensors", "manifest.json"):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_loading_leaves_the_global_generator_alone(folder):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    checkpoint.load(folder, device="cpu")
    assert torch.equal(torch.rand(3), expected)


def test_saving_again_replaces_the_model_and_leaves_other_files_alone(folder):
    (folder / "README.md").write_text("card")
    (folder / "gallery").mkdir()
    (folder / "gallery" / "face.txt").write_text("picture")
    other = small_model(seed=1, num_levels=1)
    other.attributes = None
    checkpoint.save(other, folder)
    loaded = checkpoint.load(folder, device="cpu")
    assert loaded.config == other.config
    assert loaded.attributes is None
    names = {path.name for path in folder.iterdir()}
    assert names == {"README.md", "gallery", "config.json", "model.safetensors", "manifest.json"}
    assert (folder / "gallery" / "face.txt").read_text() == "picture"


def test_read_info_and_fingerprint(model, folder):
    info = checkpoint.read_info(folder)
    assert info["model"] == "glow"
    assert info["config"]["image_size"] == 8
    assert info["metadata"] == model.metadata
    assert info["format_version"] == 1
    assert info["attributes"]["names"] == ["Smiling", "Young"]
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert info["files"]["model.safetensors"] == {
        "sha256": digest, "size": (folder / "model.safetensors").stat().st_size,
    }  # fmt: skip
    assert checkpoint.fingerprint(folder) == digest


def test_missing_and_empty_folders_are_one_sentence(tmp_path):
    for call in (checkpoint.load, checkpoint.read_info, checkpoint.fingerprint):
        with pytest.raises(CheckpointError, match="nothing: no such folder") as error:
            call(tmp_path / "nothing")
        assert "\n" not in str(error.value)
        with pytest.raises(CheckpointError, match=r"manifest\.json: missing"):
            call(tmp_path)


def test_a_file_in_place_of_its_folder_is_named_as_one(folder):
    for call in (checkpoint.load, checkpoint.read_info, checkpoint.fingerprint):
        with pytest.raises(CheckpointError, match=r"model\.safetensors: is a file, expected the folder that holds it$"):
            call(folder / "model.safetensors")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "attributes.safetensors", "manifest.json"])
def test_every_file_is_needed_and_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name}: missing"):
        checkpoint.load(folder)


def test_unknown_device(folder):
    with pytest.raises(ConfigError, match="tpu"):
        checkpoint.load(folder, device="tpu")


def test_a_newer_format_is_refused_clearly(folder):
    config = json.loads((folder / "config.json").read_text())
    rewrite(folder, "config.json", json.dumps({**config, "format_version": 2}).encode())
    with pytest.raises(CheckpointError, match=r"config\.json: made by a newer version \(format 2\).*update"):
        checkpoint.load(folder)


def test_read_only_and_full_disks_are_one_sentence_and_leave_the_old_model(folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    usage = shutil._ntuple_diskusage(10**9, 10**9, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(CheckpointError, match=r"the disk is full: it needs .* MB and the disk has 0\.0 MB left"):
        checkpoint.save(small_model(seed=1), folder)
    monkeypatch.undo()
    for error, words in ((30, "the disk is read-only"), (13, "permission denied"), (28, "the disk is full")):

        def refuse(*args, number=error, **kwargs):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(CheckpointError, match=f"not saved, {words}"):
            checkpoint.save(small_model(seed=1), folder)
        monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_failed_first_save_leaves_nothing(model, tmp_path, monkeypatch):
    usage = shutil._ntuple_diskusage(10**9, 10**9, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(CheckpointError):
        checkpoint.save(model, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError):
        checkpoint.save(model, tmp_path / "file")


def test_file_size_limit(tmp_path):
    folder = tmp_path / "m"
    crash_driver.save(folder, 1)
    done = run_driver("full", folder, 100_000, code=2)
    assert done.stderr.startswith(f"error: {folder}: not saved, the file would be larger than the system allows")
    assert len(done.stderr.splitlines()) == 1
    assert crash_driver.read(folder) == 1
    assert not crash_driver.leftovers(folder)


@pytest.mark.proof
def test_full_and_read_only_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        crash_driver.save(disk / "m", 1)
        (disk / "ballast").write_bytes(bytes(1_600_000))
        with pytest.raises(CheckpointError, match="disk is full"):
            crash_driver.save(disk / "m", 2)
        monkeypatch = pytest.MonkeyPatch()
        with monkeypatch.context() as patch:  # past the check of free space, into the real ENOSPC
            patch.setattr(atomic, "SPARE_BYTES", -(10**9))
            (disk / "more").write_bytes(bytes(200_000))
            with pytest.raises(CheckpointError, match="disk is full"):
                crash_driver.save(disk / "m", 2)
        assert crash_driver.read(disk / "m") == 1
        assert not crash_driver.leftovers(disk / "m")
        (disk / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(CheckpointError, match="disk is read-only"):
            crash_driver.save(disk / "m", 2)
        assert crash_driver.read(disk / "m") == 1
    finally:
        subprocess.run(["umount", disk], check=True)


def test_two_writers_take_turns_or_one_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "m"
    crash_driver.save(folder, 1)
    monkeypatch.setattr(atomic, "LOCK_WAIT", 0.1)
    with atomic.locked(folder), pytest.raises(CheckpointError, match=r"saving there; try again when it has ended$"):
        crash_driver.save(folder, 2)
    assert crash_driver.read(folder) == 1
    crash_driver.save(folder, 2)
    assert crash_driver.read(folder) == 2


def test_a_crash_at_any_system_call_leaves_the_old_or_the_new_model(tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "README.md").write_text("card")
    points = int(run_driver("points", folder).stdout)
    assert points > 15
    assert (folder / "README.md").read_text() == "card"


@pytest.mark.proof
def test_kill_9_during_200_saves(tmp_path):
    assert int(run_driver("kill", tmp_path / "m", 200, 1).stdout) > 20


def test_a_reader_never_sees_a_part_of_a_save(tmp_path):
    folder = tmp_path / "m"
    crash_driver.save(folder, 1)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    seen, reads = set(), 0
    with subprocess.Popen([sys.executable, DRIVER, "write", folder], env=environment, **pipes) as writer:
        while writer.poll() is None and not (len(seen) > 20 and reads > 200):
            seen.add(crash_driver.read(folder))
            reads += 1
        writer.communicate()
    assert writer.returncode == 0
    assert len(seen) > 20
    assert reads > 200


@pytest.mark.parametrize("stored", sorted((ROOT / "tests" / "data").glob("format*")), ids=lambda path: path.name)
def test_a_model_of_every_format_so_far_still_loads(stored):
    model = checkpoint.load(stored, device="cpu")
    images = torch.linspace(0, 1, 2 * 192).reshape(2, 3, 8, 8)
    with torch.no_grad():
        latents = model.encode(images)
    assert latents.log_prob.tolist() == pytest.approx(model.metadata["probe_log_prob"], rel=1e-4)
    scores = model.attributes.score(latents, "Young")
    assert scores.tolist() == pytest.approx(model.metadata["probe_score"], abs=1e-3)
