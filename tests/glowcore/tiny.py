"""A folder of 8 x 8 pictures and a model for them, small enough for every test of training and the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from glowcore import AttributeVectors, GlowConfig, build, images, save

SIZE = 8
ATTRIBUTES = ("Smiling", "Male", "Young")
MODEL = ["--image-size", "8", "--num-levels", "1", "--steps-per-level", "1", "--hidden-channels", "4"]


def pictures(count: int, size: int = SIZE, channels: int = 3, seed: int = 0) -> torch.Tensor:
    """Ramps of random colour, uint8 [count, channels, size, size]."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 256, (count, channels, 2, 1))
    t = np.linspace(0, 1, size)
    ramps = corners[..., :1, :] * (1 - t) + corners[..., 1:, :] * t
    return torch.from_numpy(np.repeat(ramps, size, axis=2).astype(np.uint8))


def halves(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy grey pictures, uint8 [count, 1, 8, 8], the left (0) or right (1) half bright; three in four are left."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 4 == 3).astype(np.int64)
    images = rng.integers(20, 80, (count, 1, 8, 8))
    images[labels == 0, :, :, :4] += 120
    images[labels == 1, :, :, 4:] += 120
    return torch.from_numpy(images.astype(np.uint8)), torch.from_numpy(labels)


def write_pictures(folder: Path, count: int = 40, size: int = SIZE, *, table: bool = False, seed: int = 0) -> Path:
    """Write pictures as PNG, one in five in the test split if there is a table of attributes."""
    inside = folder / "images" if table else folder
    inside.mkdir(parents=True)
    rng = np.random.default_rng(1)
    rows = ["file,split," + ",".join(ATTRIBUTES)]
    for index, picture in enumerate(images.to_uint8(pictures(count, size, seed=seed))):
        name = f"{index:04}.png"
        (inside / name).write_bytes(images.to_png_bytes(picture))
        labels = ",".join(map(str, rng.integers(0, 2, len(ATTRIBUTES))))
        rows.append(f"{name},{'train' if index % 5 else 'test'},{labels}")
    if table:
        (folder / "attributes.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def model(**settings):
    """A Glow whose weights have left their zeros."""
    torch.manual_seed(0)
    config = {"image_size": SIZE, "num_levels": 2, "steps_per_level": 1, "hidden_channels": 4, **settings}
    flow = build(GlowConfig(**config))
    channels = flow.config.channels
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    initialize_moved(flow, pictures(16, SIZE, channels, seed=2))
    return flow.eval()


@torch.no_grad()
def initialize_moved(flow, images):
    """Initialise a flow without preprocessing although its weights have moved, which `flow.initialize` would not do."""
    x = flow.dequantised(images, torch.Generator().manual_seed(0))
    for level in flow.levels:
        x = level.initialize(x)
    flow.initialized.fill_(True)


def vectors(flow) -> AttributeVectors:
    """Orthogonal directions that share nothing but the shapes with a real fit."""
    dims = flow.num_dims
    directions = torch.linalg.qr(torch.randn(dims, len(ATTRIBUTES), generator=torch.Generator().manual_seed(0)))[0].T
    return AttributeVectors(
        ATTRIBUTES,
        directions=directions.contiguous(),
        score_weights=directions.contiguous(),
        score_offsets=torch.zeros(len(ATTRIBUTES), dtype=torch.float64),
        covariance=torch.eye(len(ATTRIBUTES), dtype=torch.float64),
        shapes=tuple(map(tuple, flow.latent_shapes())),
        facts={name: {"positives": 40, "negatives": 60, "separation": 0.9} for name in ATTRIBUTES},
    )


def write_model(folder: Path, *, attributes: bool = True, **settings) -> Path:
    """Save such a model."""
    flow = model(**settings)
    if attributes:
        flow.attributes = vectors(flow)
    save(flow, folder)
    return folder


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything under a folder by its relative name, with the contents of files."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def picture_file(folder, index):
    """The file of picture `index` below `folder`, where `write_pictures` has written `faces` with their table."""
    return folder / "faces" / "images" / f"{index:04}.png"
