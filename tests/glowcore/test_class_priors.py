"""The prior of a class-conditional model: labels of any kind, memory layout, and latents without a likelihood."""

import numpy as np
import pytest
import torch

from glowcore import classes
from glowcore.errors import ConfigError
from tests.glowcore.test_classes import conditional
from tests.glowcore.tiny import model, pictures


@pytest.mark.parametrize("change", [lambda z: 2 * z, lambda z: z.mean(), lambda z: z.scaled(0.7)])
@pytest.mark.parametrize("classes_of_it", [0, 3])
def test_latents_that_were_changed_have_no_likelihood(change, classes_of_it):
    flow = model(num_classes=classes_of_it)
    y = torch.tensor([0, 2]) if classes_of_it else None
    found = change(flow.encode(pictures(2), y))
    for use in (flow.bits_of, lambda z: classes.log_marginal(flow, z), flow.fused(backend="torch").bits_of):
        with pytest.raises(
            ConfigError, match=r"^these latents have no log_prob, .* changed; encode the decoded picture"
        ):
            use(found)


def test_the_head_takes_the_labels_that_a_model_takes():
    flow = conditional()
    found = flow.encode(pictures(3), [0, 2, 1])
    expected = classes.head_bits(flow, found, found.y)
    for labels in ([0, 2, 1], np.array([0, 2, 1], np.uint8), found.y.int()):
        assert torch.equal(classes.head_bits(flow, found, labels), expected)
    assert torch.equal(classes.head_bits(flow, found, 1), classes.head_bits(flow, found, [1, 1, 1]))
    with pytest.raises(ConfigError, match="label 3 is no class of this model, expected 0 to 2"):
        classes.head_bits(flow, found, [0, 1, 3])


def test_a_model_of_classes_may_be_stored_channels_last():
    flow, y = conditional(), torch.tensor([0, 2])
    expected, shape = flow.log_prob(pictures(2), y), flow.top_prior.class_stats.shape
    flow.to(memory_format=torch.channels_last)
    assert flow.top_prior.class_stats.shape == shape
    assert flow.levels[0].steps[0].coupling.net.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert (flow.log_prob(pictures(2), y) - expected).abs().max() <= 1e-9
    flow.log_prob(pictures(2), y).sum().backward()
    gradient = flow.top_prior.class_stats.grad.clone()
    flow.float()
    assert (flow.top_prior.class_stats.grad - gradient).abs().max() <= 1e-6 * gradient.abs().max()
