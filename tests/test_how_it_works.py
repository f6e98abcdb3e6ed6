"""The script that draws docs/how-it-works.md draws all of it, and its numbers are of what they say."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import glowcore
from glowcore import images
from tests.glowcore import tiny

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "draw_how_it_works.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny model with a gallery of three pictures of another size."""
    folder = tiny.write_model(tmp_path_factory.mktemp("model") / "tiny")
    (folder / "gallery").mkdir()
    for index, picture in enumerate(images.to_uint8(tiny.pictures(3, 24, seed=5))):
        (folder / "gallery" / f"face_{index}.png").write_bytes(images.to_png_bytes(picture))
    (folder / "gallery" / "ATTRIBUTION.md").write_text("Ramps.\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def drawing():
    spec = importlib.util.spec_from_file_location("draw_how_it_works", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_one_command_draws_every_picture_of_the_page(folder, tmp_path):
    out = tmp_path / "new" / "figures"
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--model", str(folder), "--photo", "face_1.png", "--out", str(out)],
        capture_output=True,
        text=True,
        check=True,
        env={"MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)},
    )
    numbers = json.loads(run.stdout)
    assert [row["batch"] for row in numbers["both"]] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert all(row["encode_ms"] > 0 and row["decode_ms"] > 0 for row in numbers["both"])
    page = (ROOT / "docs" / "how-it-works.md").read_text("utf-8")
    named = set(re.findall(r"images/(how-[a-z]+\.png)", page))
    assert {path.name for path in out.glob("*.png")} == named
    assert all((ROOT / "docs" / "images" / name).is_file() for name in named)


@torch.no_grad()
def test_change_of_a_level_is_that_of_drawing_it_anew(folder, drawing):
    flow = glowcore.load(folder, device="cpu")
    photos = tiny.pictures(3, seed=5) / 255
    rows = drawing.level_changes(photos, flow)
    assert [row["numbers"] for row in rows] == [6 * 4 * 4, 24 * 2 * 2]
    latents = flow.encode(photos)
    levels = list(latents.levels)
    levels[1] = flow.sample_latents(range(3), 0.7).levels[1]
    change = flow.decode(glowcore.Latents(levels)) - photos
    moved = change.square().mean(dim=(1, 2, 3)).sqrt()
    assert rows[1]["change"] == pytest.approx(255 * float(moved.median()), rel=1e-5)
    blocks = change.mean(dim=(2, 3)).square().mean(dim=1).sqrt()
    assert rows[1]["coarse"] == pytest.approx(255 * float(blocks.median()), rel=1e-4)
    assert rows[1]["ran_away"] == 0


def test_pictures_that_run_away_are_counted_and_leave_the_median(drawing):
    values = torch.ones(3, 1, 8, 8)
    values[2] = float("nan")
    assert drawing.root_mean_square(values).tolist() == [1.0, 1.0, float("inf")]
