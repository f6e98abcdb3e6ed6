"""An ensemble of classifiers: each contributes to the attributes that it has columns for, all with the same weight."""

import pytest
import torch

from glowcore.classifiers.classifier import AttributeClassifier
from glowcore.classifiers.ensemble import ClassifierEnsemble


@pytest.fixture
def nets():
    torch.manual_seed(0)
    return (
        AttributeClassifier(("Smiling", "No_Beard"), torch.tensor([2.0, -1.0]), 3, (16, 16)).eval(),
        AttributeClassifier(("Mouth_Slightly_Open", "Smiling"), torch.tensor([0.5, 1.0]), 3, (16, 16)).eval(),
    )


def test_each_attribute_is_averaged_over_the_classifiers_with_a_column_for_it(nets):
    pictures = torch.rand(5, 3, 16, 16)
    first, second = (net(pictures) - net.log_odds for net in nets)
    log_odds = ClassifierEnsemble(nets, ("Beard", "Smiling", "Mouth_Open"))(pictures)
    expected = torch.stack([-first[:, 1], (first[:, 0] + second[:, 1]) / 2, second[:, 0]], 1)
    assert torch.allclose(log_odds, expected, atol=1e-6)


def test_a_classifier_without_a_column_for_any_attribute_is_left_out(nets):
    pictures = torch.rand(2, 3, 16, 16)
    ensemble = ClassifierEnsemble(nets, ("Beard",))
    assert len(ensemble.classifiers) == 1
    assert torch.allclose(ensemble(pictures), nets[0].even_log_odds(pictures, ("Beard",)))


def test_an_attribute_without_any_column_is_named(nets):
    with pytest.raises(ValueError, match="no classifier has a column for 'Hat'"):
        ClassifierEnsemble(nets, ("Smiling", "Hat"))
