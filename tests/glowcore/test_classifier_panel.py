"""Several classifiers asked at once: each about what it knows, all with the same weight."""

import pytest
import torch

from glowcore.classifiers.classifier import AttributeClassifier
from glowcore.classifiers.panel import ClassifierPanel


@pytest.fixture
def nets():
    torch.manual_seed(0)
    return (
        AttributeClassifier(("Smiling", "No_Beard"), torch.tensor([2.0, -1.0]), 3, (16, 16)).eval(),
        AttributeClassifier(("Mouth_Slightly_Open", "Smiling"), torch.tensor([0.5, 1.0]), 3, (16, 16)).eval(),
    )


def test_each_is_asked_about_what_it_knows(nets):
    pictures = torch.rand(5, 3, 16, 16)
    first, second = (net(pictures) - net.log_odds for net in nets)
    found = ClassifierPanel(nets, ("Beard", "Smiling", "Mouth_Open"))(pictures)
    expected = torch.stack([-first[:, 1], (first[:, 0] + second[:, 1]) / 2, second[:, 0]], 1)
    assert torch.allclose(found, expected, atol=1e-6)


def test_one_that_knows_none_of_them_is_not_asked(nets):
    pictures = torch.rand(2, 3, 16, 16)
    panel = ClassifierPanel(nets, ("Beard",))
    assert len(panel.classifiers) == 1
    assert torch.allclose(panel(pictures), nets[0].even_log_odds(pictures, ("Beard",)))


def test_an_attribute_that_nobody_knows_is_named(nets):
    with pytest.raises(ValueError, match="no classifier knows 'Hat'"):
        ClassifierPanel(nets, ("Smiling", "Hat"))
