"""Damaged and malicious model folders: each raises one CheckpointError with little memory and time."""

import io
import json
import os
import pickle
import random
import shutil
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save

from glowcore import checkpoint
from glowcore.errors import CheckpointError
from tests.glowcore.memory import peak_memory
from tests.glowcore.model_folders import rewrite, small_model

ROOT = Path(__file__).parents[2]
FILES = ("config.json", "model.safetensors", "attributes.safetensors")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "small"
    checkpoint.save(small_model(), folder)
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / "model"))


class Bomb:
    """An object that creates a folder when it is unpickled."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


def tensors_file(header, body=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def edit_config(folder, **values):
    config = json.loads((folder / "config.json").read_text())
    config["config"] |= values
    rewrite(folder, "config.json", json.dumps(config).encode())


def edit_top(folder, change):
    config = json.loads((folder / "config.json").read_text())
    change(config)
    rewrite(folder, "config.json", json.dumps(config).encode())


def edit_attributes(folder, change):
    tensors, metadata = load_file(folder / FILES[2]), checkpoint.read_info(folder)["attributes"]
    change(tensors, metadata)
    rewrite(folder, FILES[2], save(tensors, {"attributes": json.dumps(metadata)}))


def edit_manifest(folder, change):
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def edit_weights(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    rewrite(folder, "model.safetensors", save(tensors))


def fill(tensors, value):
    name = next(name for name, tensor in tensors.items() if tensor.is_floating_point() and tensor.numel() > 1)
    tensors[name].flatten()[1] = value


def rename_entry(name):
    def change(manifest):
        manifest["files"][name] = manifest["files"].pop("model.safetensors")

    return change


def torch_zip_bomb():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50_000_000))
    return data.getvalue()


def named_pipe(folder):
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")


HUGE = {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}
ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
HEADERS = {
    "10^12 elements": tensors_file({"a": HUGE}, bytes(8)),
    "10^12 elements in few bytes": tensors_file({"a": HUGE | {"data_offsets": [0, 8]}}, bytes(8)),
    "header longer than the file": tensors_file({"a": ONE}, bytes(4), length=2**63),
    "two keys alike": tensors_file(b'{"a":%b,"a":%b}' % ((json.dumps(ONE).encode(),) * 2), bytes(4)),
    "overlap": tensors_file({"a": ONE, "b": ONE}, bytes(4)),
    "hole": tensors_file({"a": ONE, "b": ONE | {"data_offsets": [8, 12]}}, bytes(12)),
    "rest": tensors_file({"a": ONE}, bytes(12)),
    "negative shape": tensors_file({"a": ONE | {"shape": [-1, -1]}}, bytes(4)),
    "shape of bools": tensors_file({"a": ONE | {"shape": [True]}}, bytes(4)),
    "unknown dtype": tensors_file({"a": ONE | {"dtype": "F8_E5M2"}}, bytes(4)),
    "deep": tensors_file(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "endless number": tensors_file(b'{"a":' + b"9" * 500_000 + b"}"),
    "metadata of numbers": tensors_file({"__metadata__": {"a": 1}}),
    "no object": tensors_file([1, 2]),
    "empty": b"",
    "eight zeros": bytes(8),
}
HOSTILE = {
    **{f"weights: {name}": lambda f, d=data: rewrite(f, FILES[1], d) for name, data in HEADERS.items()},
    **{f"attributes: {name}": lambda f, d=data: rewrite(f, FILES[2], d) for name, data in HEADERS.items()},
    "weights: header of 99 MB": lambda f: rewrite(f, "model.safetensors", tensors_file(b" " * 99_000_000)),
    "attributes: header of 99 MB": lambda f: rewrite(f, FILES[2], tensors_file(b" " * 99_000_000)),
    "weights are a pickle": lambda f: rewrite(f, "model.safetensors", pickle.dumps(Bomb(f / "boom"))),
    "config is a pickle": lambda f: rewrite(f, "config.json", pickle.dumps(Bomb(f / "boom"))),
    "manifest is a pickle": lambda f: (f / "manifest.json").write_bytes(pickle.dumps(Bomb(f / "boom"))),
    "weights are a zip bomb": lambda f: rewrite(f, "model.safetensors", torch_zip_bomb()),
    "path upwards": lambda f: edit_manifest(f, rename_entry("../model.safetensors")),
    "absolute path": lambda f: edit_manifest(f, rename_entry("/etc/passwd")),
    "size is a lie": lambda f: edit_manifest(f, lambda m: m["files"]["config.json"].update(size=10**15)),
    "size is negative": lambda f: edit_manifest(f, lambda m: m["files"]["config.json"].update(size=-1)),
    "no files": lambda f: edit_manifest(f, lambda m: m.update(files={})),
    "manifest of a later version": lambda f: edit_manifest(f, lambda m: m.update(manifest_version=2)),
    "manifest of 2 MB": lambda f: (f / "manifest.json").write_bytes(b" " * 2_000_000),
    "named pipe": named_pipe,
    "NaN weights": lambda f: edit_weights(f, lambda t: fill(t, float("nan"))),
    "infinite weights": lambda f: edit_weights(f, lambda t: fill(t, float("-inf"))),
    "a tensor too many": lambda f: edit_weights(f, lambda t: t.update(extra=torch.zeros(1))),
    "a tensor missing": lambda f: edit_weights(f, lambda t: t.pop("initialized")),
    "another dtype": lambda f: edit_weights(f, lambda t: t.update(initialized=torch.zeros(()))),
    "another shape": lambda f: edit_config(f, hidden_channels=9),
    "10^9 channels": lambda f: edit_config(f, channels=10**9),
    "a config of 100 GB": lambda f: edit_config(f, hidden_channels=4096, steps_per_level=1024),
    "a config of 10,000 small steps": lambda f: edit_config(
        f, image_size=1024, num_levels=10, steps_per_level=1024, hidden_channels=1, channels=1
    ),
    "a config of 131,072 channels": lambda f: edit_config(
        f, image_size=1024, num_levels=10, channels=64, hidden_channels=1
    ),
    "unknown setting": lambda f: edit_config(f, __class__="os.system"),
    "setting of another type": lambda f: edit_config(f, coupling={"affine": 1}),
    "unknown model": lambda f: rewrite(
        f, "config.json", (f / "config.json").read_bytes().replace(b'"glow"', b'"os"')
    ),
    "NaN in JSON": lambda f: rewrite(f, "config.json", b'{"format_version": NaN}'),
    "metadata is a list": lambda f: edit_top(f, lambda c: c.update(metadata=[])),
    "format 0": lambda f: edit_top(f, lambda c: c.update(format_version=0)),
    "format as a word": lambda f: edit_top(f, lambda c: c.update(format_version="1")),
    "a key missing": lambda f: edit_top(f, lambda c: c.pop("metadata")),
    "a key too many": lambda f: edit_top(f, lambda c: c.update(code="import os")),
    "config is a list": lambda f: edit_top(f, lambda c: c.update(config=[1])),
    "attributes of another model": lambda f: edit_attributes(f, lambda t, m: m.update(shapes=m["shapes"][::-1])),
    "attributes without a name": lambda f: edit_attributes(f, lambda t, m: m.update(names=m["names"][:1])),
    "attributes without metadata": lambda f: rewrite(f, FILES[2], save(load_file(f / FILES[2]))),
    "NaN directions": lambda f: edit_attributes(f, lambda t, m: t["directions"].fill_(float("nan"))),
    "weights not in the manifest": lambda f: edit_manifest(f, lambda m: m["files"].pop("model.safetensors")),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_folder_is_one_cheap_sentence(folder, case):
    HOSTILE[case](folder)

    def load():
        with pytest.raises(CheckpointError) as caught:
            checkpoint.load(folder, device="cpu")
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400 + len(str(folder))

    load()  # the first call may import things
    memory, seconds = peak_memory(load)
    assert memory <= 200
    assert seconds <= 1
    assert not (folder / "boom").exists()


def try_load(folder, reference, name):
    """Load a damaged folder: it raises or, if only the manifest is damaged, gives the original weights."""
    try:
        model = checkpoint.load(folder, device="cpu")
    except CheckpointError:
        return
    assert name == "manifest.json", f"damaged {name} was loaded"
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), reference, strict=True))


def flip_bits(folder, names, count, seed):
    """Flip ``count`` single bits, one at a time, evenly over the files; half of them in the first 4096 bytes."""
    rng = random.Random(seed)
    reference = list(checkpoint.load(folder, device="cpu").state_dict().values())
    for index in range(count):
        name = names[index % len(names)]
        size = (folder / name).stat().st_size
        place = rng.randrange(size) if index % 2 else rng.randrange(min(size, 4096))
        with open(folder / name, "r+b") as file:
            file.seek(place)
            (byte,) = file.read(1)
            file.seek(place)
            file.write(bytes([byte ^ 1 << rng.randrange(8)]))
        try_load(folder, reference, name)
        with open(folder / name, "r+b") as file:
            file.seek(place)
            file.write(bytes([byte]))
    checkpoint.load(folder, device="cpu")


def truncate(folder, names, count, seed):
    """Truncate files to ``count`` random lengths, one at a time."""
    rng = random.Random(seed)
    for index in range(count):
        path = folder / names[index % len(names)]
        whole = path.read_bytes()
        path.write_bytes(whole[: rng.randrange(len(whole))])
        with pytest.raises(CheckpointError):
            checkpoint.load(folder, device="cpu")
        path.write_bytes(whole)
    checkpoint.load(folder, device="cpu")


def test_flipped_bits_are_noticed(folder):
    flip_bits(folder, FILES, 90, seed=0)


def test_flipped_bits_in_the_manifest_are_noticed_or_harmless(folder):
    flip_bits(folder, ("manifest.json",), 60, seed=1)


def test_truncation_is_noticed(folder):
    truncate(folder, (*FILES, "manifest.json"), 40, seed=2)


def shipped():
    return sorted(path.parent for path in (ROOT / "pretrained").glob("*/manifest.json"))


@pytest.mark.proof
@pytest.mark.parametrize("model", [path.name for path in shipped()] or ["none"])
def test_1500_flips_and_100_truncations_of_a_shipped_model(model, tmp_path):
    if model == "none":
        pytest.skip("no model is shipped in pretrained/")
    source = ROOT / "pretrained" / model
    (tmp_path / model).mkdir()
    names = [name for name in (*FILES, "manifest.json") if (source / name).exists()]
    for name in names:
        shutil.copy(source / name, tmp_path / model)
    flip_bits(tmp_path / model, names[:-1], 1500, seed=3)
    flip_bits(tmp_path / model, names[-1:], 100, seed=4)
    truncate(tmp_path / model, names, 100, seed=5)
