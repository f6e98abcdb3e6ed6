"""Small models and their folders for the tests of checkpoints."""

import hashlib
import json

import numpy as np
import torch

from glowcore.attributes.fit import Columns, fit_matrix
from glowcore.models import GlowConfig, build
from tests.glowcore.tiny import initialize_moved


def small_model(seed=0, **settings):
    """Return a model with all weights changed from their initial values, and attribute vectors."""
    torch.manual_seed(seed)
    defaults = {"image_size": 8, "num_levels": 2, "steps_per_level": 2, "hidden_channels": 8}
    model = build(GlowConfig(**defaults | settings))
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    initialize_moved(model, torch.rand(8, model.config.channels, *model.image_size))
    rng = np.random.default_rng(seed)
    labels = (np.arange(200)[:, None] % [2, 3] == 0).astype(np.int8)
    eps = rng.normal(size=(200, model.num_dims)).astype(np.float32) + labels[:, :1]
    model.attributes = fit_matrix(eps, labels, Columns(("Smiling", "Young"), model.latent_shapes()))
    model.metadata = {"temperature": 0.7, "bits_per_dim": 2.5, "training": {"steps": [1, 2], "ema": True, "note": "ü"}}
    return model.eval()


def rewrite(folder, name, data):
    """Replace a file and update the manifest to match, as an attacker or another program would."""
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
