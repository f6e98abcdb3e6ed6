"""The check of a user's own model: passes what is exact, names what is not."""

import json
import math

import numpy as np
import pytest
import torch

import glowcore
from glowcore.cli import main
from glowcore.evaluation import checking, evaluate
from glowcore.evaluation.ood_probes import PROBE_KINDS, ood_probes
from glowcore.images import to_png_bytes
from glowcore.storage import atomic
from glowcore.transforms.actnorm import ActNorm
from glowcore.transforms.coupling import AffineCoupling
from tests.glowcore.bijections import log_abs_det_jacobian, model
from tests.glowcore.tiny import pictures

NAMES = ["3x8x8-affine-conv1x1_lu", "per-level", "classes", "realnvp-per-level", "realnvp-batchnorm", "nice-1x4x6"]


@pytest.mark.parametrize("name", NAMES)
def test_an_exact_model_passes(name):
    checks = checking.check_model(model(name).float(), samples=2, probes=5)
    assert [check for check in checks if not check.passed] == []
    assert len({check.name for check in checks}) == len(checks)


def failing(name):
    return {check.name for check in checking.check_model(model(name).float(), samples=2, probes=3) if not check.passed}


def test_a_wrong_logdet_is_found(monkeypatch):
    monkeypatch.setattr(ActNorm, "logdet", lambda self, x: self.log_scale.sum())
    assert failing("realnvp-per-level") == {"log-det against the Jacobian"}


def test_a_wrong_inverse_is_found(monkeypatch):
    right = AffineCoupling.move_back
    monkeypatch.setattr(AffineCoupling, "move_back", lambda self, z, h: right(self, z * 1.01, h))
    assert {"round trip: black", "round trip: its own samples"} <= failing("per-level")


def test_what_only_float64_brings_back_is_said(monkeypatch):
    right = AffineCoupling.move_back
    noisy = lambda self, z, h: right(self, z + 1e-2 if z.dtype == torch.float32 else z, h)  # noqa: E731
    monkeypatch.setattr(AffineCoupling, "move_back", noisy)
    checks = {check.name: check for check in checking.check_model(model("per-level").float(), samples=1, probes=1)}
    assert checks["round trip: black"].passed
    assert "needs float64" in checks["round trip: black"].note


def untrained(**settings):
    """At its start a model holds pictures of its own initialisation for likely."""
    config = {"image_size": 8, "num_levels": 2, "steps_per_level": 2, "hidden_channels": 4, **settings}
    flow = glowcore.build(glowcore.GlowConfig(**config))
    flow.initialize(pictures(64, channels=flow.config.channels))
    return flow.eval()


def test_pictures_given_come_back_and_are_of_the_sort_that_the_model_knows(monkeypatch):
    flow, given = untrained(), pictures(40, seed=1)
    trip, bits = checking.check_pictures(flow, given, "some")
    assert (trip.name, trip.passed, bits.name, bits.passed) == ("round trip: some", True, "bits/dim: some", True)
    generators = [torch.Generator().manual_seed(i) for i in range(40)]
    with torch.no_grad():
        assert bits.measured == pytest.approx(float(flow.bits_per_dim(given, generator=generators).mean()), rel=1e-5)
    noise = torch.from_numpy(np.random.default_rng(0).integers(0, 2, given.shape, dtype=np.uint8) * 255)
    trip, bits = checking.check_pictures(flow, noise, "noise")
    assert (trip.passed, bits.passed) == (True, False)
    assert bits.measured > bits.bound == flow.config.n_bits
    # What is wrong in the second batch only is seen too.
    right = AffineCoupling.move_back
    monkeypatch.setattr(AffineCoupling, "move_back", lambda self, z, h: right(self, z + 0.1 * (len(z) == 8), h))
    assert not checking.check_pictures(flow, given, "some")[0].passed


def test_the_bits_of_a_class_conditional_model_are_those_over_all_classes():
    flow, given = untrained(num_classes=3), pictures(5, seed=1)
    with torch.no_grad():
        flow.top_prior.class_stats.normal_(std=0.3)
        noise = [[torch.Generator().manual_seed(i) for i in range(5)] for _ in range(3)]
        each = torch.stack([flow.bits_per_dim(given, torch.full((5,), y), generator=noise[y]) for y in range(3)])
    nats = -each.double() * flow.num_dims * math.log(2)
    expected = -(nats.logsumexp(0) - math.log(3)) / (flow.num_dims * math.log(2))
    assert float((each.max(0).values - each.min(0).values).min()) > 1e-3
    assert checking.check_pictures(flow, given, "some")[1].measured == pytest.approx(float(expected.mean()), abs=1e-5)


def test_the_crop_has_the_weights_of_the_middle_and_its_logdet_is_checked():
    config = glowcore.GlowConfig(image_size=32, num_levels=3, steps_per_level=1, hidden_channels=4, position_channels=2)
    flow = glowcore.build(config)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    small = checking.crop(flow)
    assert small.image_size == (8, 8)
    maps = flow.levels[0].steps[0].coupling.net.maps.double()
    assert torch.equal(small.levels[0].steps[0].coupling.net.maps, maps[:, 6:10, 6:10])
    check = checking.check_logdet(flow)
    assert check.passed
    assert check.note.startswith("8x8, float64")


def test_a_model_too_large_for_a_jacobian_is_not_said_to_pass(monkeypatch):
    monkeypatch.setattr(checking, "MOST_DIMS", 100)
    check = checking.check_logdet(model("3x8x8-affine-conv1x1"))
    assert check.passed is None
    assert "not checked" in check.note


def test_the_jacobian_in_parts_is_that_of_the_whole():
    flow = model("3x4x8-affine-conv1x1")  # 96 values
    x = torch.rand(1, 3, 4, 8, dtype=torch.float64)
    whole = log_abs_det_jacobian(lambda v: flow.encode(v).flatten(), x)
    parts = checking.log_abs_det_jacobian(lambda v: flow.encode(v).flatten(), x)
    assert parts == pytest.approx(float(whole), abs=1e-11)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 6), (2, 3, 64)])
def test_probes(shape):
    names, pictures = ood_probes(shape, 25, seed=1)
    assert pictures.shape == (25, *shape)
    assert pictures.dtype == np.uint8
    assert set(names) == set(PROBE_KINDS)
    assert np.array_equal(pictures, ood_probes(shape, 25, seed=1)[1])
    assert (pictures[names.index("hot pixel")] == 255).sum() == shape[0]
    assert pictures[0].max() == 0
    assert pictures[1].min() == 255


@pytest.fixture
def folder(tmp_path):
    glowcore.save(model("realnvp-1x4x4").float(), tmp_path)
    return tmp_path


def test_command_line(folder, capsys):
    command = ["check", "--model", str(folder), "--samples", "2", "--odd", "3"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "log-det against the Jacobian" in shown
    assert shown.splitlines()[-1].startswith("all ")
    assert main([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["passed"] is True
    assert result["checks"][0]["name"] == "files"
    assert {"name", "measured", "bound", "passed", "note"} == set(result["checks"][0])


def test_pictures_are_those_given_or_of_the_gallery(folder, capsys):
    command = ["check", "--model", str(folder), "--samples", "1", "--odd", "1", "--json"]

    def asked(*argv):
        main([*command, *map(str, argv)])
        checks = json.loads(capsys.readouterr().out)["checks"]
        return {check["name"]: check["note"] for check in checks if check["name"].endswith(("given", "gallery"))}

    assert asked() == {}
    (folder / "gallery").mkdir()
    (folder / "gallery" / "ATTRIBUTION.md").write_text("nobody's")
    assert asked() == {}
    for index in range(3):
        picture = np.full((9, 9, 1), 100 + index, dtype=np.uint8)
        (folder / "gallery" / f"{index}.png").write_bytes(to_png_bytes(picture))
    assert asked()["round trip: its gallery"] == "3 pictures"
    assert set(asked()) == {"round trip: its gallery", "bits/dim: its gallery"}
    found = asked("--data", folder / "gallery", "--limit", 1)
    assert found["round trip: pictures given"] == "1 picture"
    assert found["bits/dim: pictures given"] == "1 picture; without a model 5"
    assert set(found) == {"round trip: pictures given", "bits/dim: pictures given"}


def test_a_damaged_model_fails_and_a_missing_one_is_a_mistake(folder, capsys):
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert main(["check", "--model", str(folder)]) == 1
    shown = capsys.readouterr().out
    assert "\nfiles " in shown
    assert "MISS" in shown
    assert shown.endswith("\n1 check, 1 failed\n")
    assert main(["check", "--model", str(folder / "nowhere")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert main(["check", "--model", str(folder), "--odd", "0"]) == 2
    assert main(["check", "--model", str(folder), "--limit", "0"]) == 2


def test_files_of_a_save_under_way_are_read_where_they_are(folder):
    under_way = folder / atomic.COMMITTED_FOLDER
    under_way.mkdir()
    (folder / "config.json").rename(under_way / "config.json")
    check = checking.check_files(folder)
    assert (check.passed, check.note) == (True, "2 files")


def test_a_question_that_is_not_put_is_not_a_failure(folder, capsys, monkeypatch):
    monkeypatch.setattr(checking, "MOST_DIMS", 10)
    assert main(["check", "--model", str(folder), "--samples", "2", "--odd", "3"]) == 0
    shown = capsys.readouterr().out
    assert "not checked" in shown
    assert shown.rstrip().endswith("checks pass, 1 not made")


def test_a_seed_gives_the_noise_of_evaluate():
    flow, images = model("per-level").float().eval(), pictures(40)
    noisy = evaluate(flow, images, seed=3).bits_per_dim
    _, check = checking.check_pictures(flow, images, "pictures", seed=3)
    assert check.measured == pytest.approx(noisy, abs=1e-6)
