"""The Python blocks of README.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import glowcore
from glowcore import classes, images
from glowcore.training.loss import TrainingLoss
from tests.glowcore import tiny

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """Work in a folder that has the shipped models as the repository has them."""
    (tmp_path / "pretrained").symlink_to(ROOT / "pretrained")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("inside")
def test_the_library_in_ten_lines_and_arithmetic_of_latents():
    ten_lines, arithmetic, _ = BLOCKS
    names = {}
    exec(ten_lines, names)
    assert names["imagined"].shape == (16, 3, 64, 64)
    faces = [images.to_tensor(images.load(path)) for path in sorted(Path("pretrained/faces64/gallery").glob("*.jpg"))]
    names |= {"smiling": torch.cat(faces[2:6]), "others": torch.cat(faces[6:9]), "target": faces[5]}
    exec(arithmetic.replace("range(20)", "range(8)"), names)
    model, photo, target = names["model"], names["photo"], names["target"]
    with torch.no_grad():
        flat = [model.encode(names[key]).flatten().mean(0) for key in ("smiling", "others")]
        expected = model.decode(names["latents"].with_flat(names["latents"].flatten() + 1.5 * (flat[0] - flat[1])))
        found = model.decode(names["optimised"])
    assert (names["smiling_more"] - expected).abs().max() <= 1e-4
    apart = [(picture - target)[..., :32].square().mean() for picture in (photo, found)]
    assert apart[1] <= 0.5 * apart[0]
    assert (model.decode(names["latents"]) - photo).abs().max() <= 1e-4  # those of the photo are as they were


@pytest.mark.usefixtures("inside")
def test_a_training_loop_of_ones_own():
    pictures = torch.randint(0, 64, (256, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    names = {"pictures": pictures}
    torch.manual_seed(0)
    exec(BLOCKS[-1].replace("range(300)", "range(5)"), names)
    assert glowcore.load("runs/own", device="cpu").initialized
    assert names["loss"].detach() < 4


@pytest.mark.usefixtures("inside")
def test_attributes_are_fitted_to_tensors():
    """As the line above the commands has it, with the fast kind of directions."""
    line = re.search(r"^`(model\.attributes = .*)\)`", (ROOT / "README.md").read_text(), re.M)[1]
    labels = (torch.arange(80) % 2)[:, None].to(torch.int8)
    names = {"model": tiny.model(), "glowcore": glowcore, "pictures": tiny.pictures(80) // 2, "labels": labels}
    names["pictures"][labels[:, 0] == 1] += 128
    exec(line + ', directions="mean", progress=False)', names)
    assert names["model"].attributes.info("Smiling")["separation"] == 1


def test_the_loss_of_classes_with_their_head_is_the_trainers():
    """As the line below the loop has it."""
    line = re.search(r"^`(model\.bits_of\(z\).*)` of\n`z = (.*?)`", (ROOT / "README.md").read_text(), re.M)
    names = {
        "model": tiny.model(num_classes=3),
        "classes": classes,
        "pictures": tiny.pictures(4),
        "labels": torch.arange(4) % 3,
    }
    torch.manual_seed(0)
    names["z"] = eval(line[2], names)
    loss = eval(line[1], names)
    torch.manual_seed(0)
    expected, *_ = TrainingLoss(names["model"], 0.01)(names["pictures"], names["labels"], None)
    assert torch.allclose(loss, expected)
