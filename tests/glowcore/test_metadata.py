"""What a model's metadata may state, and what is made of what it may not."""

import numpy as np
import pytest
import torch

from glowcore.errors import CheckpointError
from glowcore.metadata import recommended_temperature
from tests.glowcore.tiny import model


def recommended(**metadata):
    flow = model(num_levels=2)
    flow.metadata = metadata
    return recommended_temperature(flow)


def test_one_value_or_one_a_level():
    assert recommended() == (0.7,)
    assert recommended(temperature=1) == (1.0,)
    assert recommended(temperature=[0.5]) == (0.5,)
    assert recommended(temperature=[0.123, 9]) == (0.123, 9.0)


@pytest.mark.parametrize("value", [(0.5, 0.6), np.array([0.5, 0.6]), torch.tensor([0.5, 0.6], dtype=torch.float64)])
def test_what_sampling_accepts_may_be_set_in_python(value):
    assert recommended(temperature=value) == (0.5, 0.6)


@pytest.mark.parametrize("stated", ["0.7", None, True, -0.1, float("nan"), 10**400, [0.5, "x"], {}])
def test_anything_else_is_a_sentence(stated):
    with pytest.raises(CheckpointError, match=r"^the metadata's temperature is .*, expected a number from 0$"):
        recommended(temperature=stated)


@pytest.mark.parametrize("stated", [[], [0.5, 0.6, 0.7]])
def test_so_is_another_number_of_them(stated):
    message = rf"^the metadata's temperature has {len(stated)} values, expected 1 or 2 \(one a level\)$"
    with pytest.raises(CheckpointError, match=message):
        recommended(temperature=stated)
