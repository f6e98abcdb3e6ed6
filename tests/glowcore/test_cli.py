"""The commands on a tiny model print and write what the library computes."""

import importlib
import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import glowcore
from glowcore import checkpoint, images
from glowcore.cli import COMMANDS, edit_report, main
from glowcore.cli.runner import Parser
from tests.glowcore.command_line import read, run
from tests.glowcore.model_folders import rewrite
from tests.glowcore.tiny import ATTRIBUTES, SIZE, model, picture_file, tree, vectors, write_model


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"example:\n  python -m glowcore {command} " in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_are_such_as_the_parser_takes(command):
    module = importlib.import_module(f"glowcore.cli.{command}")
    parser = Parser()
    commands = parser.add_subparsers()
    module.add_parser(commands, COMMANDS[command])
    examples = commands.choices[command].epilog.splitlines()[1:]
    for example in examples + [edit_report.EXAMPLE] * (command == "evaluate"):
        program, argv = shlex.split(example)[:3], shlex.split(example)[3:]
        assert program == ["python", "-m", "glowcore"]
        parser.parse_args(argv)


def test_the_list_of_commands(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in COMMANDS)


def test_evaluate(tiny, capsys, tiny_model):
    found = run(capsys, "evaluate", "--model", tiny / "model", "--data", tiny / "faces", "--json")
    result = json.loads(found.out)
    assert result["images"] == 40
    assert result["split"] == "test"
    assert result["pixels_changed"] == 0
    assert result["reconstruction_max_abs_error"] < 1e-4
    assert result["n_bits"] == tiny_model.config.n_bits
    assert result["model_sha256"] == glowcore.checkpoint.fingerprint(tiny / "model")
    few = run(
        capsys,
        "evaluate",
        "--model",
        tiny / "model",
        "--data",
        tiny / "faces",
        "--limit",
        3,
        "--split",
        "all",
        "--batch-size",
        2,
        "--json",
        "--quiet",
    )
    assert json.loads(few.out)["images"] == 3
    assert few.err == ""
    words = run(capsys, "evaluate", "--model", tiny / "model", "--data", tiny / "faces", "--limit", 1, "--quiet")
    assert "+-" not in words.out  # of one picture there is no spread
    assert "nan" not in words.out
    words = run(capsys, "evaluate", "--model", tiny / "model", "--data", tiny / "faces", "--quiet")
    assert " +- " in words.out
    assert words.err == ""
    assert f"bits/dim      {result['bits_per_dim']:.4f}" in words.out


@pytest.mark.parametrize("folder", ["", "images"])
@pytest.mark.parametrize("fits", [False, True])
def test_evaluate_says_how_pictures_are_made_to_fit(tiny, tmp_path, capsys, folder, fits):
    size = (SIZE, SIZE) if fits else (4, 4)
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    (tmp_path / folder).mkdir(exist_ok=True)
    Image.fromarray(noise).convert("RGB" if fits else "L").save(tmp_path / folder / "a.png")
    if folder:
        (tmp_path / "attributes.csv").write_text("file,Dark\na.png,1\n", encoding="utf-8")
    argv = ["evaluate", "--model", tiny / "model", "--data", tmp_path, "--split", "all", "--quiet"]
    grey, small = "the first pictures are grey, and the model is one of colour", f"4x4, enlarged to {SIZE}x{SIZE}"
    notes = [] if fits else [f"note: {grey}", f"note: the first picture, a.png, is {small}"]
    assert run(capsys, *argv).err.splitlines() == notes


def fit_partial(model, faces):
    """The arguments of a fit that takes no descent."""
    return ["attributes", "--model", model, "--data", faces, "--quiet", "--directions", "partial"]


def test_attributes_are_fitted_and_stored_and_nothing_else_changes(tmp_path, tiny, capsys):
    write_model(tmp_path / "model", attributes=False)
    (tmp_path / "model" / "README.md").write_text("a card", encoding="utf-8")
    before = tree(tmp_path / "model")
    argv = fit_partial(tmp_path / "model", tiny / "faces")
    table = run(capsys, *argv)
    assert [line.split()[0] for line in table.out.splitlines()] == ["attribute", *ATTRIBUTES]
    assert table.err.splitlines()[-1] == f"stored 3 attributes in {tmp_path / 'model'}"
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


def test_attributes_of_replaced_weights_are_not_stored(tmp_path, tiny, capsys, monkeypatch):
    write_model(tmp_path / "model", attributes=False)
    real = glowcore.attributes.fit.fit_attributes

    def slow_fit(*args, **kwargs):
        write_model(tmp_path / "model", attributes=False, coupling="additive")
        return real(*args, **kwargs)

    monkeypatch.setattr("glowcore.cli.attributes.fit_attributes", slow_fit)
    argv = fit_partial(tmp_path / "model", tiny / "faces")
    assert main([str(part) for part in argv]) == 2
    assert "replaced meanwhile" in capsys.readouterr().err
    assert glowcore.load(tmp_path / "model", device="cpu").attributes is None


def test_edit_is_encode_apply_decode(tmp_path, tiny, capsys, tiny_model):
    run(
        capsys,
        "edit",
        "--model",
        tiny / "model",
        "--image",
        picture_file(tiny, 3),
        "--set",
        "Smiling=2.5",
        "--set",
        "Young=-1",
        "--lock",
        "Male",
        "--out",
        tmp_path / "out.png",
    )
    original = torch.from_numpy(read(picture_file(tiny, 3)).copy()).permute(2, 0, 1)[None]
    with torch.no_grad():
        latents = tiny_model.attributes.apply(
            tiny_model.encode(original), {"Smiling": 2.5, "Young": -1.0}, locked=["Male"]
        )
        expected = images.to_uint8(tiny_model.decode(latents))[0]
    assert np.array_equal(read(tmp_path / "out.png"), expected)
    assert not np.array_equal(expected, read(picture_file(tiny, 3)))


def test_edit_by_nothing_gives_the_picture_back(tmp_path, tiny, capsys):
    run(
        capsys,
        "edit",
        "--model",
        tiny / "model",
        "--image",
        picture_file(tiny, 4),
        "--set",
        "Smiling=0",
        "--out",
        tmp_path / "out.png",
    )
    assert np.array_equal(read(tmp_path / "out.png"), read(picture_file(tiny, 4)))


def test_edit_says_what_it_cuts_off_and_what_a_lock_of_a_moved_attribute_means(tmp_path, tiny, capsys):
    wide, edit = tmp_path / "wide.png", ["edit", "--model", tiny / "model", "--set", "Smiling=1"]
    Image.new("RGB", (40, 34)).save(wide)
    found = run(capsys, *edit, "--image", wide, "--out", tmp_path / "out.png")
    told = (
        f"{SIZE}x{SIZE} without looking for a face; python -m explorer align finds and aligns faces in photos first\n"
    )
    assert f"wide.png: the central 34x34 of its 34x40 pixels (height x width) scaled to {told}" in found.err
    assert "note" not in found.err
    found = run(capsys, *edit, "--lock", "Smiling", "--image", picture_file(tiny, 3), "--out", tmp_path / "out.png")
    assert found.err.startswith("note: Smiling is moved by its own strength; its lock only keeps the other moves from")
    assert "scaled" not in found.err
    assert re.fullmatch(r"Smiling: score [+-]\d\.\d\d -> [+-]\d\.\d\d \(locked\)\n", found.out)
    assert found.err.endswith(f"wrote {tmp_path / 'out.png'} ({SIZE} wide, {SIZE} high)\n")
    Image.new("RGB", (40, 40)).save(wide)
    found = run(capsys, *edit, "--image", wide, "--out", tmp_path / "out.png")
    assert f"wide.png: all of its 40x40 pixels (height x width) scaled to {told}" in found.err


def test_sizes_are_height_x_width(tmp_path, capsys):
    flow = glowcore.build(glowcore.GlowConfig(image_size=(8, 16), num_levels=1, steps_per_level=1, hidden_channels=4))
    flow.initialize(torch.randint(256, (4, 3, 8, 16), generator=torch.Generator().manual_seed(0)).byte())
    glowcore.save(flow, model := tmp_path / "model")
    Image.new("RGB", (33, 35)).save(tmp_path / "tall.png")
    reconstruct = ["reconstruct", "--model", model, "--out", tmp_path / "out.png", "--image"]
    found = run(capsys, *reconstruct, tmp_path / "tall.png")
    assert "tall.png: the central 16x33 of its 35x33 pixels (height x width) scaled to 8x16\n" in found.err
    # Of more than 16 megapixels, and on its side by its EXIF orientation: it is decoded at half its size.
    (exif := Image.Exif())[0x0112] = 6
    Image.new("L", (5000, 3300)).save(tmp_path / "large.jpg", exif=exif)
    large = run(capsys, *reconstruct, tmp_path / "large.jpg").err
    assert "large.jpg: the central 1650x3300 of its 5000x3300 pixels (height x width) scaled to 8x16\n" in large
    with Image.open(tmp_path / "out.png") as sheet:
        assert f"wrote {tmp_path / 'out.png'} ({sheet.width} wide, {sheet.height} high)\n" in found.err
        assert sheet.width > sheet.height


def test_edit_brings_a_larger_picture_to_the_model(tmp_path, tiny, capsys):
    large = np.kron(read(picture_file(tiny, 5)), np.ones((4, 4, 1), np.uint8))
    Image.fromarray(np.pad(large, ((0, 0), (8, 8), (0, 0)))).save(tmp_path / "large.png")
    run(
        capsys,
        "edit",
        "--model",
        tiny / "model",
        "--image",
        tmp_path / "large.png",
        "--set",
        "Smiling=0",
        "--out",
        tmp_path / "out.png",
    )
    assert np.array_equal(read(tmp_path / "out.png"), read(picture_file(tiny, 5)))


def test_info(tiny, capsys, tiny_model):
    found = json.loads(run(capsys, "info", "--model", tiny / "model", "--json").out)
    assert found["parameters"] == sum(p.numel() for p in tiny_model.parameters())
    assert found["config"]["image_size"] == SIZE
    assert found["sha256"] == glowcore.checkpoint.fingerprint(tiny / "model")
    assert found["bytes"] >= (tiny / "model" / "model.safetensors").stat().st_size
    assert found["attributes"]["names"] == list(ATTRIBUTES)
    words = run(capsys, "info", "--model", tiny / "model")
    assert words.err == ""
    assert f"{found['parameters']:,} parameters" in words.out
    assert found["sha256"] in words.out
    assert "Smiling" in words.out


@pytest.mark.filterwarnings("ignore:attribute 'Smiling'. separation is 'high'")
def test_info_leaves_out_facts_that_it_cannot_show(tmp_path, capsys, monkeypatch):
    """Earlier versions stored them."""
    flow = glowcore.load(write_model(tmp_path / "model"), device="cpu")
    facts = {"Smiling": {"positives": 3, "separation": "high", "direction": "mine"}}
    flow.attributes = replace(flow.attributes, facts=facts)
    monkeypatch.setattr(checkpoint, "malformed", lambda metadata: [])
    glowcore.save(flow, tmp_path / "model")
    line = next(line for line in run(capsys, "info", "--model", tmp_path / "model").out.splitlines() if "with," in line)
    assert " ".join(line.split()) == "Smiling 3 with, ? without, separation unknown, direction mean"


def test_info_prints_no_control_characters_of_a_stranger_s_model(tmp_path, capsys):
    flow = model()
    name, *others = ATTRIBUTES
    flow.attributes = replace(vectors(flow), names=(f"\x1b[31m{name}", *others), facts={})
    flow.metadata = {"licence": "\x1b[2Jfree\nsha256 of another", "no\x07te": {"a\u202eb": 1}}
    glowcore.save(flow, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    rewrite(tmp_path / "model", "config.json", json.dumps({**config, "glowcore_version": "1\x1b]0;x"}).encode())
    words = run(capsys, "info", "--model", tmp_path / "model").out
    assert "written by glowcore 1?]0;x\n" in words
    assert "\n  licence: ?[2Jfree?sha256 of another\n  no?te.a?b: 1\n" in words
    assert "\n  ?[31mSmiling " in words
    assert not {"\x1b", "\x07", "\u202e"} & set(words)


def test_a_loaded_checkpoint_encodes_bit_for_bit_as_before_saving_in_a_new_process(tmp_path, tiny):
    from tests.glowcore.tiny import model as fresh

    flow = fresh(position_channels=2, scale_min=0.1)
    glowcore.save(flow, tmp_path / "model")
    batch = images.to_tensor([read(picture_file(tiny, index)) for index in range(8)])
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
