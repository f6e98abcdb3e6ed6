"""A model folder small enough for every test: 32 x 32, three levels, random attribute vectors, a gallery."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

import glowcore
from glowcore import AttributeVectors, GlowConfig
from glowcore.baselines import VAEConfig

ATTRIBUTES = ("Smiling", "Mouth_Open", "Eyeglasses", "Male", "Young", "Beard", "Mustache", "Bangs")
SIZE = 32


def pictures(count: int, size: int = SIZE, seed: int = 0) -> np.ndarray:
    """Smooth coloured blobs, uint8 [count, size, size, 3]: pictures with structure, made of nothing."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(40, 216, (count, 4, 4, 3), dtype=np.uint8)
    resized = [np.asarray(Image.fromarray(c).resize((size, size), Image.Resampling.BICUBIC)) for c in coarse]
    return np.stack(resized)


def vectors(model: glowcore.Flow, names: tuple[str, ...] = ATTRIBUTES) -> AttributeVectors:
    """Random attribute vectors of the right shapes."""
    generator = torch.Generator().manual_seed(1)
    shapes = tuple(tuple(s) for s in model.latent_shapes())
    dims = sum(c * h * w for c, h, w in shapes)
    directions = torch.randn(len(names), dims, generator=generator)
    directions = directions / directions.norm(dim=1, keepdim=True)
    return AttributeVectors(
        names=names,
        directions=directions,
        score_weights=directions + 0.1 * torch.randn(len(names), dims, generator=generator) / dims**0.5,
        score_offsets=torch.zeros(len(names), dtype=torch.float64),
        covariance=9 * torch.eye(len(names), dtype=torch.float64),
        shapes=shapes,
        facts={n: {"positives": 100 + i, "negatives": 200 + i, "separation": 0.9} for i, n in enumerate(names)},
    )


def write(folder: Path, size: int = SIZE, gallery: int = 6) -> Path:
    """Write the model and its gallery to `folder`."""
    torch.manual_seed(0)
    config = GlowConfig(image_size=size, num_levels=3, steps_per_level=2, hidden_channels=16)
    model = glowcore.build(config)
    values = torch.from_numpy(pictures(32, size)).permute(0, 3, 1, 2).float() / 255
    model.initialize(values)
    model.attributes = vectors(model)
    model.metadata = {"temperature": 0.7}
    glowcore.save(model, folder)
    (folder / "gallery").mkdir(exist_ok=True)
    for index, picture in enumerate(pictures(gallery, size, seed=9)):
        Image.fromarray(picture).save(folder / "gallery" / f"face_{index:02}.png")
    (folder / "gallery" / "ATTRIBUTION.md").write_text("Blobs made by the test.\n", encoding="utf-8")
    return folder


def write_kind(folder: Path, kind: str) -> Path:
    """Write a small model of another kind, without attributes, gallery or map.

    "nice" (one level, logistic prior), "real_nvp", "grey" (8 x 8, one channel), "digits" (grey with three classes), and
    "vae", which is no flow.
    """
    torch.manual_seed(0)
    glow = {"num_levels": 2, "steps_per_level": 2, "hidden_channels": 8, "scale_min": 0.1}
    config = {
        "nice": glowcore.NICEConfig(image_size=16, hidden_channels=16),
        "real_nvp": glowcore.RealNVPConfig(image_size=16, num_levels=2, steps_per_level=1, hidden_channels=8),
        "grey": GlowConfig(image_size=8, channels=1, **glow),
        "vae": VAEConfig(image_size=16, num_levels=2, hidden_channels=8, latent_dims=6),
        "digits": GlowConfig(image_size=8, channels=1, num_classes=3, n_bits=4, **glow),
    }[kind]
    model = glowcore.build(config)
    grey = pictures(32, config.image_size)[..., : config.channels]
    values = torch.from_numpy(np.ascontiguousarray(grey)).permute(0, 3, 1, 2).float() / 255
    model.initialize(values)
    if kind == "digits":
        model.metadata = {"class_names": ["nought", "one", "two"]}
        torch.nn.init.normal_(model.top_prior.class_stats)
    glowcore.save(model, folder)
    return folder
