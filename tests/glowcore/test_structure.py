"""Saving raises for a model that its config would not rebuild, and accepts every model that computes the same."""

import pytest
import torch
from torch import nn

from glowcore import GlowConfig, NICEConfig, RealNVPConfig, build, checkpoint
from glowcore.baselines import VAEConfig
from glowcore.errors import CheckpointError
from glowcore.flow import Flow
from glowcore.models.scale_floor import set_scale_min
from glowcore.networks import CouplingNet
from glowcore.storage.structure import difference
from glowcore.transforms.base import Transform
from glowcore.transforms.logit import Logit
from glowcore.transforms.permutation import reverse
from tests.glowcore.model_folders import small_model

CONFIGS = {
    "glow": GlowConfig(image_size=8, num_levels=2, steps_per_level=2, hidden_channels=8),
    "batchnorm": GlowConfig(image_size=8, num_levels=1, steps_per_level=1, hidden_channels=4, norm="batchnorm"),
    "shuffle": GlowConfig(image_size=8, num_levels=1, steps_per_level=1, permutation="shuffle", coupling="additive"),
    "classes": GlowConfig(image_size=8, num_levels=1, steps_per_level=1, num_classes=3, position_channels=2),
    "realnvp": RealNVPConfig(image_size=8, num_levels=2, hidden_channels=4),
    "nice": NICEConfig(image_size=8, hidden_channels=4),
    "vae": VAEConfig(image_size=8, num_levels=2, hidden_channels=4),
}  # fmt: skip


class Mirror(Transform):
    def forward(self, x):
        return x.flip(3), x.new_zeros(len(x))

    def inverse(self, z):
        return z.flip(3), z.new_zeros(len(z))


class Bent(CouplingNet):
    def forward(self, x):
        return super().forward(x).tanh()


def net_of(model):
    return model.levels[0].steps[0].coupling.net


def preprocessed(model):
    model.preprocess = Mirror()


def another_step(model):
    model.levels[0].steps.append(Mirror())


def derived_net(model):
    net_of(model).__class__ = Bent


def convolution(**settings):
    def change(model):
        conv = nn.Conv2d(6, 8, 3, **settings)
        conv.load_state_dict(net_of(model).conv_in.state_dict())
        net_of(model).conv_in = conv

    return change


def other_half(model):
    model.levels[1].steps[1].coupling.partition.swap = True


def higher_floor(model):
    model.levels[0].steps[0].coupling.scale_min = 0.5


def method_of_its_own(model):
    net = net_of(model)
    net.forward = lambda x, of=net.forward: of(x).tanh()


def other_prior(model):
    model.prior = "logistic"


NET = r"levels\.0\.steps\.0\.coupling\.net"
CHANGES = {
    preprocessed: "preprocess is a Mirror, expected None",
    another_step: r"levels\.0\.steps\.2 is a Mirror, expected none",
    derived_net: NET + " is a Bent, expected a CouplingNet",
    convolution(padding=1, padding_mode="reflect"): NET + r"\.conv_in\.padding_mode is 'reflect', expected 'zeros'",
    convolution(padding=2, dilation=2): NET + r"\.conv_in\.padding is \(2, 2\), expected \(1, 1\)",
    other_half: r"levels\.1\.steps\.1\.coupling\.partition\.swap is True, expected False",
    higher_floor: r"levels\.0\.steps\.0\.coupling\.scale_min is 0\.5, expected 0\.0",
    method_of_its_own: NET + r"\.forward is .*<lambda>, expected CouplingNet\.forward",
    other_prior: "prior is 'logistic', expected 'gaussian'",
}


@pytest.mark.parametrize(("change", "message"), CHANGES.items())
def test_a_model_that_would_come_back_as_another_is_not_saved(tmp_path, change, message):
    model = small_model()
    checkpoint.save(model, tmp_path)
    before = checkpoint.fingerprint(tmp_path)
    change(model)
    with pytest.raises(CheckpointError, match=rf"not saved, this model .* \({message}\); keep") as error:
        checkpoint.save(model, tmp_path)
    assert "\n" not in str(error.value)
    assert checkpoint.fingerprint(tmp_path) == before


def test_settings_of_the_other_models_count_too():
    for name, change, expected in (
        ("realnvp", lambda m: setattr(m, "preprocess", Logit(0.2)), "preprocess.alpha is 0.2, expected 0.05"),
        ("realnvp", lambda m: setattr(m.levels[0].steps[0].partition, "size", (4, 8)),
         "levels.0.steps.0.partition.size is"),
        ("nice", lambda m: setattr(m.levels[0].steps[0].partition, "swap", True), "levels.0.steps.0.partition.swap is"),
        ("vae", lambda m: setattr(m.encoder.layers[0], "stride", (1, 1)), "encoder.layers.0.stride is (1, 1)"),
        ("shuffle", lambda m: setattr(m.levels[0].steps[0], "permutation", nn.Identity()),
         "levels.0.steps.0.permutation is a Identity, expected a Permutation"),
    ):  # fmt: skip
        model = build(CONFIGS[name])
        change(model)
        message = difference(model, build(CONFIGS[name]))
        assert message.startswith(expected)
        assert "\n" not in message


@pytest.mark.parametrize("name", CONFIGS)
def test_a_model_as_its_config_builds_it_is_saved_whatever_it_has_been_through(tmp_path, name):
    model = build(CONFIGS[name])
    model.initialize(torch.rand(4, 3, 8, 8))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01)
    model.requires_grad_(False).eval().double().note = "mine"
    model.register_forward_hook(lambda *args: None)
    model.anchor_every = 3
    if name == "glow":
        set_scale_min(model, 0.2)
        model.memory = "reversible"
    checkpoint.save(model, tmp_path)
    loaded = checkpoint.load(tmp_path, device="cpu")
    checkpoint.save(loaded, tmp_path)
    assert difference(loaded, build(loaded.config)) is None


def test_a_subclass_that_only_adds_is_saved_as_its_base(tmp_path):
    class Named(Flow):
        """A flow with a note and a method of its own."""

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.note = "mine"

        def name_of(self):
            return "Named"

    model = small_model()
    model.__class__ = Named
    checkpoint.save(model, tmp_path)
    assert type(checkpoint.load(tmp_path, device="cpu")) is Flow
    Named.decode = lambda self, latents: latents
    with pytest.raises(CheckpointError, match="the model is a Named, expected a Flow"):
        checkpoint.save(model, tmp_path)


def test_a_permutation_is_stored_with_the_weights(tmp_path):
    model = build(CONFIGS["shuffle"])
    model.levels[0].steps[0].permutation = reverse(12)
    checkpoint.save(model, tmp_path)
    assert checkpoint.load(tmp_path, device="cpu").levels[0].steps[0].permutation.order.tolist() == [*range(11, -1, -1)]
