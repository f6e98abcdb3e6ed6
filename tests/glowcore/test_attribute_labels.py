"""Labels of attributes that are not 1, 0 and -1 are refused and never dropped from the counts."""

import numpy as np
import pytest
import torch

from glowcore.attributes import Columns, fit_attributes, fit_matrix
from glowcore.attributes.fittable import fittable
from glowcore.data import PictureSet
from glowcore.errors import ConfigError, DataError
from tests.glowcore.planted import NAMES, SHAPES, planted
from tests.glowcore.tiny import model, pictures


@pytest.mark.parametrize("value", [7, -2, 0.5, float("nan")])
def test_another_value_is_refused(value):
    eps, known, _ = planted(300)
    labels = torch.tensor(known, dtype=torch.float32 if isinstance(value, float) else torch.int8)
    labels[3:8, 1] = value
    told = rf"^the labels have the value {value}, expected 1 \(with it\), 0 \(without\) and -1 \(unknown\)$"
    for given in (labels, labels.numpy()):
        with pytest.raises(ConfigError, match=told):
            fit_matrix(eps, given, Columns(NAMES, SHAPES))
    images = pictures(300)
    with pytest.raises(ConfigError, match=told):
        fit_attributes(model(), PictureSet(images, labels, NAMES), progress=False)
    with pytest.raises(ConfigError, match=r"^the attributes are a ndarray, expected a torch\.Tensor$"):
        fit_attributes(model(), PictureSet(images, labels.numpy(), NAMES), progress=False)


def test_labels_of_1_and_minus_1_are_explained():
    eps, known, _ = planted(300)
    with pytest.raises(
        DataError, match=r"Smiling: \d+ pictures with and 0 without it, .*; -1 is unknown, 0 is without"
    ):
        fit_matrix(eps, np.where(known == 1, 1, -1), Columns(NAMES, SHAPES))
    with pytest.raises(DataError, match=r"0 without it, at least 30 of each are needed\)$"):
        fittable(np.ones((100, 1)), ("Hat",))
