"""`pretrained/faces64` with its trained weights: the fast form is the model, and both give pictures back."""

from pathlib import Path

import numpy as np
import pytest
import torch

import glowcore
from glowcore import images
from glowcore.data import open_dataset
from glowcore.fused import FusedFlow

FOLDER = Path(__file__).parents[2] / "pretrained" / "faces64"


@pytest.fixture(scope="module")
def model():
    return glowcore.load(FOLDER, device="cpu")


@pytest.fixture(scope="module")
def gallery():
    """uint8 [24, 3, 64, 64]."""
    files = sorted((FOLDER / "gallery").glob("*.jpg"))
    return torch.from_numpy(np.stack([images.load(file) for file in files])).permute(0, 3, 1, 2)


def unchanged(decoded, pictures):
    return np.array_equal(images.to_uint8(decoded), pictures.permute(0, 2, 3, 1).numpy())


@pytest.mark.parametrize("backend", ["torch", "onnxruntime"])
def test_the_fast_form_agrees_with_the_module(model, gallery, backend):
    fast = FusedFlow(model, backend=backend)

    def bits(form):
        return form.bits_per_dim(gallery, generator=[torch.Generator().manual_seed(i) for i in range(len(gallery))])

    with torch.inference_mode():
        latents, found = model.encode(gallery), fast.encode(gallery)
        assert (fast.decode(latents) - model.decode(latents)).abs().max() <= 1e-5
        assert (bits(fast) - bits(model)).abs().max() <= 1e-5
        # Latents reach beyond 5 and come of 52 steps: float32 itself is no nearer than this to float64.
        assert (found.flatten() - latents.flatten()).abs().max() <= 2e-5 * latents.flatten().abs().max()
        assert unchanged(fast.decode(found), gallery)


def test_locks_of_correlated_scores_hold_all_of_them(model, gallery):
    locked = ["Male", "Heavy_Makeup", "Beard"]
    with torch.inference_mode():
        latents = model.encode(gallery[:2])
        moved = model.attributes.apply(latents, {"Young": 2.0}, locked=locked)
        for name in locked:
            assert (model.attributes.score(moved, name) - model.attributes.score(latents, name)).abs().max() <= 1e-4


@pytest.mark.proof
def test_the_fast_form_changes_no_pixel_of_the_held_out_pictures(model, faces_folder):
    held_out = open_dataset(faces_folder / "fairface64", image_size=64, split="test", progress=False)
    fast = model.fused(backend="torch")
    assert len(held_out) == 1500
    for batch in held_out.images.split(50):
        assert unchanged(fast.decode(fast.encode(batch)), batch)


def test_float32_is_as_near_to_float64_as_its_digits_allow(model, gallery):
    with torch.inference_mode():
        single = model.encode(gallery[:4]).flatten().double().numpy()
        double = glowcore.load(FOLDER, device="cpu").double().encode(gallery[:4]).flatten().numpy()
    assert np.abs(single - double).max() <= 1e-4
