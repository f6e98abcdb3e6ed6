"""What a model's metadata may state, and what is made of what it may not."""

import pytest

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


@pytest.mark.parametrize("stated", ["0.7", None, True, -0.1, float("nan"), [], [0.5, 0.6, 0.7], [0.5, "x"], {}])
def test_anything_else_is_a_sentence(stated):
    with pytest.raises(CheckpointError, match=r"temperature is .*, expected a number from 0, or a list of 2$"):
        recommended(temperature=stated)
