"""Edits that stop at the first success, on figures made by hand."""

import math

import pytest
import torch

from glowcore.evaluation.until_seen import until_seen

#: Untouched, then strengths 3, 1 and 2: seen at once, at 1, at 2, never; and seen at 1 but not at 3.
SEEN = torch.tensor([[1, 0, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 0, 0, 1], [1, 1, 1, 0, 0]], dtype=torch.bool)
LEAK = torch.tensor([[9.0, 0.3, 0.3, 0.3, 0.3], [9.0, 0.1, 0.1, 0.1, 0.1], [9.0, 0.2, 0.2, 0.2, 0.2]])


def test_every_picture_counts_at_the_first_strength_at_which_it_is_seen():
    found = until_seen("Smiling", -1, [3.0, 1.0, 2.0], SEEN, LEAK, LEAK / 10)
    assert (found.attribute, found.sign, found.images, found.success) == ("Smiling", -1, 4, 0.75)
    assert found.strength == pytest.approx((1 + 2 + 3 + 1) / 4)
    assert found.leak == pytest.approx((0.1 + 0.2 + 0.3 + 0.1) / 4)
    assert found.change == pytest.approx(found.leak / 10)


def test_an_edit_that_is_not_finite_changes_nothing_that_can_be_measured():
    change = LEAK.clone()
    change[1, 4] = torch.nan
    found = until_seen("Smiling", 1, [3.0, 1.0, 2.0], SEEN, LEAK, change)
    assert found.change == pytest.approx((0.1 + 0.2 + 0.3) / 3)


def test_where_all_pictures_show_it_already_there_is_nothing_to_say():
    found = until_seen("Smiling", 1, [1.0], torch.ones(2, 3, dtype=torch.bool), torch.ones(1, 3), torch.ones(1, 3))
    assert found.images == 0
    assert all(math.isnan(value) for value in (found.success, found.strength, found.leak, found.change))
