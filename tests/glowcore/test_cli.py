"""The commands on a tiny model: what they print, what they write, and that it is what the library gives."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import glowcore
from glowcore import images
from glowcore.cli import COMMANDS, main
from glowcore.likelihood import bin_centres
from tests.glowcore.command_line import read, run
from tests.glowcore.tiny import ATTRIBUTES, SIZE, tree, write_model, write_pictures


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli")
    write_model(path / "model")
    write_pictures(path / "faces", 200, table=True)
    return path


@pytest.fixture
def model(folder):
    return glowcore.load(folder / "model", device="cpu")


def picture(folder, index):
    return folder / "faces" / "images" / f"{index:04}.png"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"example:\n  python -m glowcore {command} " in capsys.readouterr().out


@pytest.mark.parametrize("command", ["evaluate", "attributes", "edit", "reconstruct", "sample", "interpolate", "info"])
def test_the_example_is_one_the_parser_takes(command, capsys):
    import argparse
    import importlib

    module = importlib.import_module(f"glowcore.cli.{command}")
    parser = argparse.ArgumentParser(exit_on_error=False)
    module.add_parser(parser.add_subparsers(), COMMANDS[command])
    parser.parse_args(module.EXAMPLE.split()[3:])


def test_the_list_of_commands(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in COMMANDS)


def test_evaluate(folder, capsys, model):
    found = run(capsys, "evaluate", "--model", folder / "model", "--data", folder / "faces", "--json")
    result = json.loads(found.out)
    assert result["images"] == 40
    assert result["split"] == "test"
    assert result["pixels_changed"] == 0
    assert result["reconstruction_max_abs_error"] < 1e-4
    assert result["n_bits"] == model.config.n_bits
    assert result["model_sha256"] == glowcore.checkpoint.fingerprint(folder / "model")
    few = run(capsys, "evaluate", "--model", folder / "model", "--data", folder / "faces", "--limit", 3,
              "--split", "all", "--batch-size", 2, "--json", "--quiet")
    assert json.loads(few.out)["images"] == 3
    assert few.err == ""
    words = run(capsys, "evaluate", "--model", folder / "model", "--data", folder / "faces", "--limit", 1, "--quiet")
    assert "+-" not in words.err  # of one picture there is no spread
    assert "nan" not in words.err
    words = run(capsys, "evaluate", "--model", folder / "model", "--data", folder / "faces", "--quiet")
    assert " +- " in words.err
    assert words.out == ""
    assert f"{result['bits_per_dim']:.4f}" in words.err


def test_attributes_are_fitted_and_stored_and_nothing_else_changes(tmp_path, folder, capsys):
    write_model(tmp_path / "model", attributes=False)
    (tmp_path / "model" / "README.md").write_text("a card", encoding="utf-8")
    before = tree(tmp_path / "model")
    argv = ["attributes", "--model", tmp_path / "model", "--data", folder / "faces", "--quiet",
            "--directions", "partial"]
    table = run(capsys, *argv)
    assert table.out == ""
    assert all(name in table.err for name in ATTRIBUTES)
    plain = glowcore.load(tmp_path / "model", device="cpu").attributes
    assert plain.names == ATTRIBUTES
    after = tree(tmp_path / "model")
    assert set(after) - set(before) == {"attributes.safetensors"}
    assert {name for name in before if before[name] != after[name]} == {"manifest.json"}

    found = json.loads(run(capsys, *argv, "--against", "Smiling=Male,Young", "--json").out)
    assert found["info"]["Smiling"]["orthogonal_to"] == ["Male", "Young"]
    turned = glowcore.load(tmp_path / "model", device="cpu").attributes
    directions = torch.nn.functional.normalize(turned.directions.double(), dim=1)
    assert float((directions[0] @ directions[1:].T).abs().max()) < 1e-5
    assert torch.equal(turned.directions[1:], plain.directions[1:])


def test_attributes_of_replaced_weights_are_not_stored(tmp_path, folder, capsys, monkeypatch):
    write_model(tmp_path / "model", attributes=False)
    real = glowcore.attributes.fit.fit_attributes

    def slow_fit(*args, **kwargs):
        write_model(tmp_path / "model", attributes=False, coupling="additive")
        return real(*args, **kwargs)

    monkeypatch.setattr("glowcore.cli.attributes.fit_attributes", slow_fit)
    argv = ["attributes", "--model", tmp_path / "model", "--data", folder / "faces", "--quiet",
            "--directions", "partial"]
    assert main([str(part) for part in argv]) == 2
    assert "replaced meanwhile" in capsys.readouterr().err
    assert glowcore.load(tmp_path / "model", device="cpu").attributes is None


def test_edit_is_encode_apply_decode(tmp_path, folder, capsys, model):
    run(capsys, "edit", "--model", folder / "model", "--image", picture(folder, 3), "--set", "Smiling=2.5",
        "--set", "Young=-1", "--lock", "Male", "--out", tmp_path / "out.png")
    original = torch.from_numpy(read(picture(folder, 3)).copy()).permute(2, 0, 1)[None]
    with torch.no_grad():
        latents = model.attributes.apply(model.encode(original), {"Smiling": 2.5, "Young": -1.0}, locked=["Male"])
        expected = images.to_uint8(model.decode(latents))[0]
    assert np.array_equal(read(tmp_path / "out.png"), expected)
    assert not np.array_equal(expected, read(picture(folder, 3)))


def test_edit_by_nothing_gives_the_picture_back(tmp_path, folder, capsys):
    run(capsys, "edit", "--model", folder / "model", "--image", picture(folder, 4), "--set", "Smiling=0",
        "--out", tmp_path / "out.png")
    assert np.array_equal(read(tmp_path / "out.png"), read(picture(folder, 4)))


def test_edit_says_what_it_cuts_off_and_what_a_lock_of_a_moved_attribute_means(tmp_path, folder, capsys):
    wide, edit = tmp_path / "wide.png", ["edit", "--model", folder / "model", "--set", "Smiling=1"]
    Image.new("RGB", (40, 30)).save(wide)
    found = run(capsys, *edit, "--image", wide, "--out", tmp_path / "out.png")
    told = f"{SIZE}x{SIZE} without looking for a face; python -m explorer edit finds the face in a photo first\n"
    assert f"wide.png: the central 30x30 of its 40x30 pixels scaled to {told}" in found.err
    assert "note" not in found.err
    found = run(capsys, *edit, "--lock", "Smiling", "--image", picture(folder, 3), "--out", tmp_path / "out.png")
    assert found.err.startswith("note: Smiling is moved by its own strength; its lock only keeps the other moves from")
    assert "scaled" not in found.err
    Image.new("RGB", (40, 40)).save(wide)
    found = run(capsys, *edit, "--image", wide, "--out", tmp_path / "out.png")
    assert f"wide.png: all of its 40x40 pixels scaled to {told}" in found.err


def test_edit_brings_a_larger_picture_to_the_model(tmp_path, folder, capsys):
    large = np.kron(read(picture(folder, 5)), np.ones((4, 4, 1), np.uint8))
    Image.fromarray(np.pad(large, ((0, 0), (8, 8), (0, 0)))).save(tmp_path / "large.png")
    run(capsys, "edit", "--model", folder / "model", "--image", tmp_path / "large.png", "--set", "Smiling=0",
        "--out", tmp_path / "out.png")
    assert np.array_equal(read(tmp_path / "out.png"), read(picture(folder, 5)))


def test_reconstruct(tmp_path, folder, capsys):
    found = run(capsys, "reconstruct", "--model", folder / "model", "--image", picture(folder, 0), picture(folder, 1),
                "--image", picture(folder, 2), "--scale", 1, "--json", "--out", tmp_path / "sheet.png")
    result = json.loads(found.out)
    assert [row["pixels_changed"] for row in result["pictures"]] == [0, 0, 0]
    assert [row["image"] for row in result["pictures"]] == [str(picture(folder, i)) for i in range(3)]
    assert max(row["reconstruction_max_abs_error"] for row in result["pictures"]) < 1e-4
    assert all(0 < row["bits_per_dim"] < 20 for row in result["pictures"])
    sheet = read(tmp_path / "sheet.png")
    assert sheet.shape == (3 * (SIZE + 2) - 2, 3 * (SIZE + 2) - 2, 3)
    for row in range(3):
        top = row * (SIZE + 2)
        for column in range(2):
            left = column * (SIZE + 2)
            assert np.array_equal(sheet[top : top + SIZE, left : left + SIZE], read(picture(folder, row)))
    difference = sheet[:SIZE, 2 * (SIZE + 2) :].astype(int)
    assert abs(difference - 128).max() > 0  # amplified until it shows


def test_reconstruct_from_the_coarsest_levels(tmp_path, folder, capsys, model):
    argv = ["reconstruct", "--model", folder / "model", "--image", picture(folder, 0), "--scale", 1]
    original = torch.from_numpy(read(picture(folder, 0)).copy()).permute(2, 0, 1)[None]
    with torch.no_grad():
        latents = model.encode(original)
        zeroed = images.to_uint8(model.decode(latents.mixed(latents * 0, [0])))[0]
        drawn = images.to_uint8(model.decode(latents.mixed(model.sample_latents([5], 0.7), [0])))[0]
    run(capsys, *argv, "--levels", 1, "--out", tmp_path / "zeroed.png")
    run(capsys, *argv, "--levels", 1, "--temperature", 0.7, "--seed", 5, "--out", tmp_path / "drawn.png")
    run(capsys, *argv, "--levels", 2, "--out", tmp_path / "all.png")
    middle = slice(SIZE + 2, 2 * SIZE + 2)
    assert np.array_equal(read(tmp_path / "zeroed.png")[:, middle], zeroed)
    assert np.array_equal(read(tmp_path / "drawn.png")[:, middle], drawn)
    assert np.array_equal(read(tmp_path / "all.png")[:, middle], read(picture(folder, 0)))


def test_sample(tmp_path, folder, capsys, model):
    argv = ["sample", "--model", folder / "model", "--scale", 1]
    run(capsys, *argv, "--seeds", "0:4", "--out", tmp_path / "four.png")
    run(capsys, *argv, "--seeds", "2", "--out", tmp_path / "one.png")
    run(capsys, *argv, "--seeds", "2,0", "--temperature", "0.5,0.9", "--columns", 1, "--out", tmp_path / "two.png")
    expected = images.to_uint8(model.sample(range(4), 0.7))
    four = read(tmp_path / "four.png")
    assert four.shape == (2 * SIZE + 2, 2 * SIZE + 2, 3)
    assert np.array_equal(four[:SIZE, -SIZE:], expected[1])
    assert np.array_equal(read(tmp_path / "one.png"), expected[2])
    two = images.to_uint8(model.sample([2, 0], [0.5, 0.9]))
    assert np.array_equal(read(tmp_path / "two.png")[-SIZE:], two[1])


def test_sample_takes_temperature_from_the_model_and_a_class(tmp_path, capsys):
    flow = glowcore.load(write_model(tmp_path / "model", attributes=False, num_classes=3), device="cpu")
    flow.metadata = {"temperature": [0.2, 0.4]}
    glowcore.save(flow, tmp_path / "model")
    run(capsys, "sample", "--model", tmp_path / "model", "--seeds", 1, "--class", 2, "--scale", 1,
        "--out", tmp_path / "one.png")
    expected = images.to_uint8(flow.sample([1], [0.2, 0.4], y=2))[0]
    assert np.array_equal(read(tmp_path / "one.png"), expected)


def test_a_temperature_of_the_model_that_is_none_is_told(tmp_path, capsys):
    flow = glowcore.load(write_model(tmp_path / "model", attributes=False), device="cpu")
    flow.metadata = {"temperature": "hot"}
    glowcore.save(flow, tmp_path / "model")
    assert main(["sample", "--model", str(tmp_path / "model"), "--out", str(tmp_path / "one.png")]) == 2
    assert "the metadata's temperature is 'hot', expected a number from 0" in capsys.readouterr().err
    assert not (tmp_path / "one.png").exists()


def test_the_same_seeds_at_several_temperatures(folder, tmp_path, capsys):
    out = tmp_path / "temperatures.png"
    run(capsys, "sample", "--model", folder / "model", "--seeds", "3:6", "--compare", "0.5,1", "--scale", 1,
        "--out", out)
    sheet = read(out)
    assert sheet.shape[0] == 2 * SIZE + 2
    left = sheet.shape[1] - (3 * SIZE + 4)
    assert left > 10
    model = glowcore.load(folder / "model", device="cpu")
    for row, temperature in enumerate((0.5, 1.0)):
        with torch.no_grad():
            drawn = model.decode(model.sample_latents([3, 4, 5], temperature))
        expected = images.to_uint8(bin_centres(drawn, model.config.n_bits))
        for column in range(3):
            x, y = left + column * (SIZE + 2), row * (SIZE + 2)
            assert np.array_equal(sheet[y : y + SIZE, x : x + SIZE], expected[column])


@pytest.mark.parametrize("more", [["--temperature", "0.7"], ["--columns", "2"], ["--compare", "0.5,x"]])
def test_compare_refuses_what_it_cannot_do(folder, tmp_path, capsys, more):
    argv = ["sample", "--model", str(folder / "model"), "--compare", "0.5,1", "--out", str(tmp_path / "o.png"), *more]
    assert main(argv) == 2
    assert "--compare" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--rate", "--side"])
def test_films_have_a_rate_and_a_side(tmp_path, capsys, option):
    given = ["--model", "x", "--from", "a.png", "--to", "b.png", "--out", str(tmp_path / "walk.mp4")]
    assert main(["interpolate", *given, option, "0"]) == 2
    assert f"{option} is 0" in capsys.readouterr().err


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ending", [".mp4", ".gif", ".png", ".jpg"])
def test_interpolate(tmp_path, folder, capsys, channels, ending):
    model = folder / "model" if channels == 3 else write_model(tmp_path / "grey", channels=1)
    out = tmp_path / f"walk{ending}"
    run(capsys, "interpolate", "--model", model, "--from", picture(folder, 0), "--to", picture(folder, 1),
        "--frames", 5, "--spherical", *(["--side", 33] if ending in (".mp4", ".gif") else []), "--out", out)
    if ending == ".mp4":
        assert out.read_bytes()[4:8] == b"ftyp"
    else:
        with Image.open(out) as shown:
            assert getattr(shown, "n_frames", 1) == (5 if ending == ".gif" else 1)
            assert shown.size == ((33, 33) if ending == ".gif" else (5 * (SIZE + 2) - 2, SIZE))
    if ending == ".png" and channels == 3:
        assert np.array_equal(read(out)[:, :SIZE], read(picture(folder, 0)))
        assert np.array_equal(read(out)[:, -SIZE:], read(picture(folder, 1)))


def test_info(folder, capsys, model):
    found = json.loads(run(capsys, "info", "--model", folder / "model", "--json").out)
    assert found["parameters"] == sum(p.numel() for p in model.parameters())
    assert found["config"]["image_size"] == SIZE
    assert found["sha256"] == glowcore.checkpoint.fingerprint(folder / "model")
    assert found["bytes"] >= (folder / "model" / "model.safetensors").stat().st_size
    assert found["attributes"]["names"] == list(ATTRIBUTES)
    words = run(capsys, "info", "--model", folder / "model")
    assert words.out == ""
    assert f"{found['parameters']:,} parameters" in words.err
    assert found["sha256"] in words.err
    assert "Smiling" in words.err


def test_a_loaded_checkpoint_encodes_bit_for_bit_as_before_saving_in_a_new_process(tmp_path, folder):
    from tests.glowcore.tiny import model as fresh

    flow = fresh(position_channels=2, scale_min=0.1)
    glowcore.save(flow, tmp_path / "model")
    batch = images.to_tensor([read(picture(folder, index)) for index in range(8)])
    with torch.no_grad():
        latents = flow.encode(batch)
    np.savez(tmp_path / "expected.npz", batch=batch, flat=latents.flatten(), log_prob=latents.log_prob)
    script = (
        "import sys, numpy as np, torch, glowcore; torch.set_num_threads(1); torch.set_grad_enabled(False); "
        "want = np.load(sys.argv[2]); model = glowcore.load(sys.argv[1], device='cpu'); "
        "found = model.encode(torch.tensor(want['batch'])); "
        "print(np.array_equal(found.flatten().numpy(), want['flat']), "
        "np.array_equal(found.log_prob.numpy(), want['log_prob']))"
    )
    argv = [sys.executable, "-c", script, str(tmp_path / "model"), str(tmp_path / "expected.npz")]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split() == ["True", "True"]
