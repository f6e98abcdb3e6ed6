"""Fresh weights without torch's global generator, which other threads draw from meanwhile."""

from dataclasses import replace

import pytest
import torch

from glowcore import checkpoint, models
from glowcore.attributes import refinement
from glowcore.attributes.refinement import RefinementSettings
from glowcore.classifiers import classifier, store
from glowcore.classifiers.classifier import ClassifierSettings, train_classifier
from glowcore.models import CONFIGS
from glowcore.weight_draws import WeightDraws
from tests.glowcore import tiny
from tests.glowcore.test_attribute_classifier import labelled
from tests.glowcore.test_direction_refinement import pictures as labelled_rows

GLOWS = [
    {"permutation": name, "position_channels": 2, "num_classes": 3}
    for name in ("conv1x1_lu", "conv1x1", "reverse", "shuffle")
]
KINDS = [*(("glow", settings) for settings in GLOWS), ("realnvp", {}), ("nice", {}), ("vae", {})]


def config_of(kind, settings):
    return CONFIGS[kind](image_size=8, **({} if kind == "nice" else {"num_levels": 1}), **settings)


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_a_generator_of_ones_own_draws_the_weights_that_the_global_one_would(kind, settings):
    config = config_of(kind, settings)
    torch.manual_seed(4)
    expected, before = models.build(config).state_dict(), torch.get_rng_state()
    with WeightDraws(torch.Generator().manual_seed(4)):
        made = models.build(config).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(made[name], tensor) for name, tensor in expected.items())


@pytest.fixture
def drawn(monkeypatch):
    """Patch a function so that each call draws a number from the global generator, as another thread might then."""
    numbers = []

    def draw_in(module, name):
        real = getattr(module, name)

        def drawing(*args, **kwargs):
            numbers.append(float(torch.empty(()).exponential_()))
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, drawing)
        return numbers

    torch.manual_seed(1)
    return draw_in


def never_rewound(numbers):
    """Whether what is drawn next is what follows the numbers drawn, and all of them differ."""
    numbers = [*numbers, float(torch.empty(()).exponential_())]
    torch.manual_seed(1)
    return numbers == [float(torch.empty(()).exponential_()) for _ in numbers]


def test_loading_and_saving_take_back_nothing_that_another_thread_draws(tmp_path, drawn):
    flow = tiny.model()
    torch.manual_seed(1)
    numbers = drawn(models, "build")
    checkpoint.save(flow, tmp_path)
    loaded = checkpoint.load(tmp_path, device="cpu").state_dict()
    assert len(numbers) == 2
    assert never_rewound(numbers)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in flow.state_dict().items())


def test_training_and_loading_a_classifier_take_back_nothing_either(tmp_path, drawn):
    data, settings = labelled(80), ClassifierSettings(epochs=1)
    numbers = drawn(classifier, "augment")
    drawn(store, "AttributeClassifier")

    def get():
        return store.cached_classifier(data, lambda: ("valid", data), tmp_path, settings, progress=False)

    first, again = get(), get()
    assert again.cached
    assert len(numbers) > 2
    assert never_rewound(numbers)
    assert all(torch.equal(tensor, again.net.state_dict()[name]) for name, tensor in first.net.state_dict().items())


def test_a_classifier_is_drawn_from_its_seed_alone():
    data, settings = labelled(80), ClassifierSettings(epochs=1)

    def trained(seed):
        torch.rand(1)  # what the global generator is at must not matter
        return train_classifier(
            data.images, data.attributes, data.attribute_names, replace(settings, seed=seed), progress=False
        ).state_dict()

    one, same, other = trained(0), trained(0), trained(1)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_a_refinement_takes_nothing_back_either(drawn):
    flow, data = tiny.model(), labelled_rows(200)
    few = RefinementSettings(steps=3, batch_size=4, judge_pictures=200)
    with torch.no_grad():
        matrix = flow.encode(data.images).flatten().numpy()
    start = torch.randn(2, matrix.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.manual_seed(1)
    numbers = drawn(refinement, "augment")
    refinement.Refinement(flow, data.images, few, progress=False)(
        matrix, data.attributes.numpy(), data.attribute_names, start
    )
    assert len(numbers) >= 2 * few.steps
    assert never_rewound(numbers)
