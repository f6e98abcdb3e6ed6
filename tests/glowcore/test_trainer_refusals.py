"""A trainer refuses unsuitable pictures, labels and models before it writes anything."""

import pytest
import torch

from glowcore import CheckpointError, ConfigError, GlowConfig, build, save
from glowcore.likelihood_model import LikelihoodModel
from glowcore.networks import CouplingNet
from glowcore.training import Trainer, TrainSettings
from tests.glowcore.tiny import pictures


def model(**settings):
    return build(GlowConfig(image_size=8, num_levels=1, steps_per_level=1, hidden_channels=4, **settings))


def trainer(out, flow, images=None, held_out=None, class_weight=0.01, **given):
    settings = TrainSettings(steps=2, batch_size=4, class_weight=class_weight)
    return Trainer(
        flow,
        pictures(8) if images is None else images,
        pictures(4) if held_out is None else held_out,
        settings,
        out / "run",
        progress=False,
        **given,
    )


def refused(out, told, *args, **given):
    with pytest.raises(ConfigError, match=told) as error:
        trainer(out, *args, **given)
    assert "\n" not in str(error.value)
    assert not (out / "run").exists()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_pictures_that_are_no_bytes(tmp_path, dtype):
    name = str(dtype)
    refused(tmp_path, rf"the training pictures are {name}, expected uint8", model(), images=pictures(8).to(dtype))
    refused(tmp_path, rf"the held-out pictures are {name}, expected uint8", model(), held_out=pictures(4).to(dtype))


def test_labels_that_are_missing(tmp_path):
    labels, held_out_labels = torch.arange(8) % 2, torch.arange(4) % 2
    refused(tmp_path, "the training pictures have no labels", model(num_classes=2), held_out_labels=held_out_labels)
    refused(tmp_path, "the held-out pictures have no labels", model(num_classes=2), labels=labels)
    both = trainer(tmp_path, model(num_classes=2), labels=labels, held_out_labels=held_out_labels)
    both.run()
    assert both.step == 2


@pytest.mark.parametrize("head", [False, True])
def test_a_model_that_is_frozen_throughout(tmp_path, head):
    labels = {"labels": torch.arange(8) % 2, "held_out_labels": torch.arange(4) % 2} if head else {}
    flow = model(num_classes=2 if head else 0).requires_grad_(False)
    refused(tmp_path, "no parameter of the model requires a gradient", flow, class_weight=0.0, **labels)
    flow.levels[0].steps[0].actnorm.bias.requires_grad_(True)
    some = trainer(tmp_path, flow, class_weight=0.0, **labels)
    some.run()
    assert some.step == 2


def test_pictures_that_are_no_tensor(tmp_path):
    told = r"the training pictures are of type ndarray, expected a uint8 tensor \[N, 3, 8, 8\]"
    refused(tmp_path, told, model(), images=pictures(8).numpy())


@pytest.mark.parametrize("name", ["training", "held-out"])
def test_pictures_of_another_number_or_size(tmp_path, name):
    key = "images" if name == "training" else "held_out"
    refused(tmp_path, f"there are no {name} pictures, expected 1 or more", model(), **{key: pictures(8)[:0]})
    for other in (pictures(8, size=16), pictures(8, channels=1), pictures(8)[0]):
        refused(
            tmp_path,
            rf"the {name} pictures have shape \[.*\], expected a uint8 tensor \[N, 3, 8, 8\]",
            model(),
            **{key: other},
        )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda labels: torch.cat([labels, labels]), r"pictures have shape \[\d+\], expected one a picture, 0 to 1"),
        (lambda labels: labels[:-1], r"pictures have shape \[\d\], expected one a picture, 0 to 1"),
        (lambda labels: labels[:, None], r"pictures have shape \[\d, 1\], expected one a picture"),
        (lambda labels: labels + 1, "are 1 to 2, expected one a picture, 0 to 1"),
        (lambda labels: labels - 1, "are -1 to 0, expected one a picture, 0 to 1"),
        (lambda labels: labels.double(), "are torch.float64, expected a tensor of whole numbers"),
        (lambda labels: labels.bool(), "are torch.bool, expected a tensor of whole numbers"),
        (lambda labels: labels.tolist(), "are of type list, expected a tensor of whole numbers"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, wrong, told):
    labels, held_out_labels = torch.arange(8) % 2, torch.arange(4) % 2
    refused(tmp_path, told, model(num_classes=2), labels=wrong(labels), held_out_labels=held_out_labels)
    refused(tmp_path, told, model(num_classes=2), labels=labels, held_out_labels=wrong(held_out_labels))


def test_labels_for_a_model_without_classes(tmp_path):
    refused(tmp_path, "the training pictures have labels, expected none", model(), labels=torch.arange(8) % 2)
    refused(tmp_path, "the held-out pictures have labels, expected none", model(), held_out_labels=torch.arange(4) % 2)


def test_a_folder_named_by_a_string(tmp_path):
    settings = TrainSettings(steps=1, batch_size=4)
    Trainer(model(), pictures(8), pictures(4), settings, str(tmp_path / "run"), progress=False).run()
    assert (tmp_path / "run" / "model.safetensors").exists()


class OwnNet(CouplingNet):
    def forward(self, x):
        return super().forward(x) / 2


class OwnModel(LikelihoodModel):
    """Stands for a model that a user has written."""


def own_net(flow):
    flow.levels[0].steps[0].coupling.net.__class__ = OwnNet
    return flow, r"steps.0.coupling.net is a OwnNet, expected a CouplingNet\); keep its weights"


def own_model(flow):
    own = OwnModel(flow.config)
    own.weight = torch.nn.Parameter(torch.zeros(1))
    return own, "a OwnModel is no model; expected what glowcore.build"


@pytest.mark.parametrize("change", [own_net, own_model])
def test_a_model_that_could_not_be_saved(tmp_path, change):
    changed, told = change(model())
    with pytest.raises(CheckpointError, match=told) as refused_by_trainer:
        trainer(tmp_path, changed)
    assert not (tmp_path / "run").exists()
    with pytest.raises(CheckpointError) as refused_by_save:
        save(changed, tmp_path / "run")
    assert str(refused_by_save.value) == str(refused_by_trainer.value)
