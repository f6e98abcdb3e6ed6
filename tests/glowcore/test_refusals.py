"""What the library's user gets wrong is one sentence that names it, not a riddle from inside torch."""

import dataclasses
import json
from fractions import Fraction

import numpy as np
import pytest
import torch

from glowcore import ConfigError, Flow, GlowConfig, Latents, NICEConfig, RealNVPConfig, build
from glowcore.baselines import VAEConfig
from glowcore.config_checks import plain
from glowcore.exact import ExactFlow
from tests.glowcore.tiny import model, pictures


@pytest.fixture(scope="module")
def flow():
    return model()


@pytest.fixture(scope="module")
def classed():
    flow = model(num_classes=3)
    with torch.no_grad():
        flow.top_prior.class_stats.normal_()
    return flow


CALLS = {
    "sample": lambda m, y: m.sample([1, 2], y=y),
    "encode": lambda m, y: m.encode(pictures(2), y),
    "bits_per_dim": lambda m, y: m.bits_per_dim(pictures(2), y),
    "decode": lambda m, y: m.decode(Latents(m.sample_latents([1, 2], y=0).levels, y=torch.as_tensor(y))),
}


@pytest.mark.parametrize("form", ["module", "fused", "exact"])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("y", [3, -1, [0, 12], torch.tensor([-3, 1]), torch.tensor([1, 255], dtype=torch.uint8)])
def test_a_class_that_the_model_does_not_have(classed, form, call, y):
    forms = {"module": classed, "fused": classed.fused(backend="torch"), "exact": ExactFlow(classed, backend="torch")}
    with pytest.raises(ConfigError, match=r"^label (3|-1|12|-3|255) is no class of this model, expected 0 to 2$"):
        CALLS[call](forms[form], y)


@pytest.mark.parametrize(
    "y",
    [0, 2, [2, 1], torch.tensor([1]), torch.tensor([0, 2], dtype=torch.int32), torch.tensor([2, 1], dtype=torch.uint8)],
)
@torch.no_grad()
def test_every_class_that_it_has_is_taken_however_it_is_given(classed, y):
    latents = classed.encode(pictures(2), y)
    wanted = [y, y] if isinstance(y, int) else (y if isinstance(y, list) else y.expand(2).tolist())
    assert latents.y.dtype == torch.int64
    assert latents.y.tolist() == wanted
    for index, label in enumerate(wanted):
        alone = classed.encode(pictures(2)[index : index + 1], label)
        assert torch.allclose(alone.flatten(), latents[index].flatten(), atol=1e-5)
    assert (classed.decode(latents) - pictures(2) / 255).abs().max() < 1e-4


@pytest.mark.parametrize(
    ("y", "told"),
    [
        (torch.tensor([0.0, 1.0]), "labels y are torch.float32, expected whole numbers from 0 to 2"),
        (True, "labels y are torch.bool"),
        (
            "1",
            r"labels y are '1', expected whole numbers from 0 to 2 \(glowcore\.classes\.class_number returns that of a",
        ),
        (["a", "b"], r"labels y are \['a', 'b'\], expected"),
        ([[0], [1, 2]], r"labels y are \[\[0\], \[1, 2\]\], expected"),
        ([0, 1, 2], r"labels y have shape \(3,\), expected one number or one for each of 2 pictures"),
        ([[0, 1]], r"labels y have shape \(1, 2\)"),
        (None, "give labels y, 0 to 2"),
    ],
)
def test_labels_that_are_none(classed, y, told):
    for call in (classed.encode, lambda _, y: classed.sample([1, 2], y=y)):
        with pytest.raises(ConfigError, match=told):
            call(pictures(2), y)


@torch.no_grad()
def test_latents_take_labels_as_encoding_does(classed):
    encoded = classed.encode(pictures(2), [2, 2])
    for decode in (classed.decode, classed.fused(backend="torch").decode):
        for y in (2, [2, 2], [2], torch.tensor(2), torch.tensor([2, 2])):
            back = decode(Latents(encoded.levels, y=y))
            assert (back - pictures(2) / 255).abs().max() < 1e-4
        with pytest.raises(ConfigError, match=r"labels y have shape \(3,\), expected one number or one for each of 2"):
            decode(Latents(encoded.levels, y=[0, 1, 2]))
        with pytest.raises(ConfigError, match=r"class-conditional: give labels y, 0 to 2 .of latents: set latents.y."):
            decode(Latents(encoded.levels))
    assert (Latents(encoded.levels, y=2) + encoded)[1].y.tolist() == [2]


@pytest.mark.parametrize("call", CALLS)
def test_labels_for_a_model_without_classes(flow, call):
    with pytest.raises(ConfigError, match="this model has no classes, expected no labels y"):
        CALLS[call](flow, 0)


@pytest.mark.parametrize(
    ("seeds", "told"),
    [
        ([], "seeds are empty"),
        (range(3, 3), "seeds are empty"),
        ([1.7], r"seeds are \[1.7\], expected a list of whole numbers"),
        (["1"], "expected a list of whole numbers"),
        (5, "seeds are 5, expected a list of whole numbers"),
        ([0, 2**32], "seeds are 0 to 4294967296, expected whole numbers from 0 to 4294967295"),
        ([-1], "expected whole numbers from 0"),
    ],
)
def test_seeds_that_are_none(flow, seeds, told):
    with pytest.raises(ConfigError, match=told):
        flow.sample(seeds)


def test_seeds_of_any_integer_type_are_the_same(flow):
    expected = flow.sample([3, 4])
    for seeds in (range(3, 5), np.array([3, 4]), torch.tensor([3, 4]), (np.int32(3), 4)):
        assert torch.equal(flow.sample(seeds), expected)


@pytest.mark.parametrize(
    ("temperature", "told"),
    [
        (-1, "temperature is -1, expected a number from 0"),
        (float("nan"), "temperature is nan"),
        (float("inf"), "temperature is inf"),
        ([0.5, -0.1], "temperature is -0.1"),
        (np.array([[0.5, 0.7]]), r"temperature is \[0.5, 0.7\], expected a number"),
        (np.array([0.5, 0.7, 0.9]), "3 values, expected 1 or 2"),
        ("0.7", "temperature is '0.7', expected a number"),
        (None, "temperature is None"),
        (10**400, "temperature is 1000.*, expected a number"),
        (b"\x01", r"temperature is b'\\x01', expected a number"),
        (bytearray(b"\x01"), r"temperature is bytearray\(.*, expected a number"),
    ],
)
def test_temperatures_that_are_none(flow, temperature, told):
    with pytest.raises(ConfigError, match=told):
        flow.sample([1], temperature)
    with pytest.raises(ConfigError, match=told):
        flow.sample_latents([1]).scaled(temperature)


@pytest.mark.parametrize(
    "temperature",
    [
        np.array([0.5, 0.75]),
        torch.tensor([0.5, 0.75]),
        (np.float32(0.5), 0.75),
        [torch.tensor(0.5), torch.tensor(0.75)],
    ],
)
def test_temperatures_of_any_array_type_are_the_same(flow, temperature):
    assert torch.equal(flow.sample([1], temperature), flow.sample([1], [0.5, 0.75]))
    for one in (np.float64(0.5), (0.5,), [0.5], Fraction(1, 2), [Fraction(1, 2)] * 2):
        assert torch.equal(flow.sample([1], one), flow.sample([1], 0.5))


def test_no_pictures(flow):
    for call in (flow.encode, flow.bits_per_dim, flow.log_prob, model().encode, flow.fused(backend="torch").encode):
        with pytest.raises(ConfigError, match=r"shape \(0, 3, 8, 8\), this model takes \[B, 3, 8, 8\], B 1 or more"):
            call(pictures(2)[:0])
    fresh = build(GlowConfig(image_size=8, num_levels=1, steps_per_level=1, hidden_channels=4))
    with pytest.raises(ConfigError, match=r"B 1 or more"):
        fresh.initialize(pictures(2)[:0])
    assert not fresh.initialized


def test_latents_of_another_model_or_another_number_do_not_go_together(flow):
    own, other = flow.sample_latents([1, 2]), model(num_levels=1).sample_latents([1, 2])
    shifted = Latents([level[:, :, :-1] for level in own.levels])
    for wrong in (other, shifted):
        for call in (
            own.__add__,
            own.__sub__,
            lambda w: own.interpolate(w, 0.5),
            lambda w: own.mixed(w, [0]),
            lambda w: Latents.cat([own, w]),
        ):
            with pytest.raises(ConfigError, match="latents of two models do not go together"):
                call(wrong)
    with pytest.raises(ConfigError, match="latents of 2 and of 3 pictures do not go together, expected as"):
        own + flow.sample_latents([1, 2, 3])
    assert len(own + flow.sample_latents([3])) == len(flow.sample_latents([3]) - own) == 2


@pytest.mark.parametrize("steps", [-1, 1.5, "2", None, True, np.int64(-1), 2**31])
def test_anchors_every_so_many_steps(flow, steps):
    with pytest.raises(ConfigError, match=f"anchor_every is {plain(steps)!r}, expected a whole number from 0"):
        flow.anchor_every = steps
    assert flow.anchor_every == 0


@pytest.mark.parametrize("steps", [np.int64(3), 10**6])
def test_anchors_every_so_many_steps_by_an_integer_of_numpy_or_beyond_all_steps(steps):
    flow = model()
    flow.anchor_every = steps
    assert (flow.anchor_every, type(flow.anchor_every)) == (steps, int)


@pytest.mark.parametrize(
    ("kind", "given", "plain"),
    [
        (
            GlowConfig,
            {"image_size": np.int64(64), "scale_min": np.float32(0.5), "num_classes": np.uint8(3)},
            {"image_size": 64, "scale_min": 0.5, "num_classes": 3},
        ),
        (
            GlowConfig,
            {"image_size": [64, 32], "steps_per_level": [1, 2, 3, 4], "hidden_channels": np.array([4, 8, 8, 16])},
            {"image_size": (64, 32), "steps_per_level": (1, 2, 3, 4), "hidden_channels": (4, 8, 8, 16)},
        ),
        (
            RealNVPConfig,
            {"steps_per_level": [np.int64(1), 2, 1], "hidden_channels": np.int32(4)},
            {"steps_per_level": (1, 2, 1), "hidden_channels": 4},
        ),
        (NICEConfig, {"image_size": np.array([8, 4])}, {"image_size": (8, 4)}),
        (VAEConfig, {"image_size": [32, 64], "latent_dims": np.int64(7)}, {"image_size": (32, 64), "latent_dims": 7}),
    ],
)
def test_numbers_of_numpy_and_lists_make_the_config_that_plain_ones_make(kind, given, plain):
    config = kind(**given)
    assert config == kind(**plain)
    assert hash(config) == hash(kind(**plain))
    assert json.dumps(dataclasses.asdict(config)) == json.dumps(dataclasses.asdict(kind(**plain)))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"image_size": (1, 32)}, r"a side of image_size \(1, 32\) is 1, expected a whole number from 2 to 4096"),
        ({"image_size": [64, 64, 64]}, r"image_size is \(64, 64, 64\), expected one number or \(height, width\)"),
        (
            {"num_levels": 2, "steps_per_level": [8, 8, 8]},
            r"steps_per_level has 3 values, expected 1 or 2 \(one a level\)",
        ),
        ({"channels": np.bool_(True)}, "channels is True, expected a whole number from 1 to 64"),
        ({"channels": np.float64(3)}, r"channels is 3\.0, expected a whole number"),
        ({"learned_prior": 1}, "learned_prior is 1, expected True or False"),
        ({"class_head": 0.0}, r"class_head is 0\.0, expected True or False"),
    ],
)
def test_what_they_hold_is_checked_as_plain_ones_are(given, told):
    with pytest.raises(ConfigError, match=told):
        GlowConfig(**given)


@pytest.mark.parametrize("prior", ["laplace", "Gaussian", None])
def test_a_prior_that_is_none(flow, prior):
    with pytest.raises(ConfigError, match=f"^prior is {prior!r}, expected one of logistic, gaussian$"):
        Flow(flow.config, flow.levels, flow.top_prior, prior=prior)


def test_labels_in_words_for_a_model_without_classes(flow):
    with pytest.raises(ConfigError, match="this model has no classes, expected no labels y"):
        flow.sample([1], y="3")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"config": {"image_size": 8}}, "config is a dict, expected a config such as GlowConfig"),
        ({"levels": [torch.nn.Identity()]}, "level 1 is a Identity, expected a glowcore.levels.Level"),
        (
            {"top_prior": torch.nn.Identity()},
            "top_prior is a Identity without labels, inverse, expected a module with labels, forward and inverse",
        ),
    ],
)
def test_parts_of_a_flow_that_are_none(flow, given, told):
    parts = {"config": flow.config, "levels": flow.levels, "top_prior": flow.top_prior} | given
    with pytest.raises(ConfigError, match=f"^{told}"):
        Flow(**parts)


@pytest.mark.parametrize("vae", [False, True])
@pytest.mark.parametrize("generator", [0, [0, 1], "ab", [None, None]])
def test_a_generator_that_is_none(flow, vae, generator):
    model = build(VAEConfig(image_size=8, num_levels=1, hidden_channels=4)) if vae else flow
    with pytest.raises(ConfigError, match=r"^generator is .{1,4}, expected a torch.Generator \(such as torch.Gen"):
        model(pictures(2), generator=generator)


@pytest.mark.parametrize("form", ["module", "fused"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@torch.no_grad()
def test_weights_of_16_bits_decode_and_sample_alone(form, dtype):
    flow = model(num_classes=2)
    wanted = flow.sample([1, 2], y=0)
    flow = flow.to(dtype)
    used = flow.fused(backend="torch") if form == "fused" else flow
    for call in ("encode", "bits_per_dim"):
        with pytest.raises(ConfigError, match=f"^weights are {dtype}, expected torch.float32 or torch.float64"):
            CALLS[call](used, 0)
    assert CALLS["decode"](used, 0).dtype == dtype
    assert (CALLS["sample"](used, 0) - wanted).abs().max() < 0.05
