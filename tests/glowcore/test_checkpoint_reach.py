"""Range of models that a folder can hold: dtypes, depth, independent of the default dtype."""

import pytest
import torch

import glowcore
from glowcore.baselines import VAEConfig
from glowcore.errors import CheckpointError
from tests.glowcore.model_folders import small_model


@pytest.fixture
def folder(tmp_path):
    glowcore.save(small_model(), tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize(
    "change", [lambda flow: flow.half(), lambda flow: flow.bfloat16(), lambda flow: flow.levels[0].double()]
)
def test_what_could_not_be_loaded_is_not_saved(folder, change):
    before = (folder / "model.safetensors").read_bytes()
    changed = small_model()
    change(changed)
    with pytest.raises(CheckpointError, match="expected float32 or float64 throughout"):
        glowcore.save(changed, folder)
    assert (folder / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    "config",
    [
        glowcore.GlowConfig(),
        glowcore.RealNVPConfig(),
        glowcore.NICEConfig(),
        VAEConfig(),
    ],
    ids=lambda config: config.model_name,
)
def test_a_program_that_computes_in_float64_loads_what_is_stored(config, tmp_path):
    glowcore.save(glowcore.build(config), tmp_path)
    torch.set_default_dtype(torch.float64)
    try:
        assert {p.dtype for p in glowcore.load(tmp_path, device="cpu").parameters()} == {torch.float32}
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_very_deep_model_can_be_saved_and_loaded(tmp_path):
    flow = glowcore.build(glowcore.GlowConfig(image_size=8, num_levels=3, steps_per_level=256, hidden_channels=1))
    glowcore.save(flow, tmp_path)
    assert len(glowcore.load(tmp_path, device="cpu").levels[0].steps) == 256
