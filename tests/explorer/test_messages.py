"""Messages of the browser are validated: which are new, and which lists are numbers."""

from __future__ import annotations

from math import inf, nan

import pytest

from explorer.edits.messages import NO_MESSAGE, acknowledgement, newer, numbers


def test_a_message_is_new_once_and_each_page_instance_counts_from_the_start():
    assert newer({"nonce": "a", "seq": 1}, NO_MESSAGE) == ("a", 1)
    assert newer({"nonce": "a", "seq": 3}, ("a", 1)) == ("a", 3)
    assert newer({"nonce": "a", "seq": 3}, ("a", 3)) is None
    assert newer({"nonce": "a", "seq": 2}, ("a", 3)) is None
    assert newer({"nonce": "b", "seq": 1}, ("a", 3)) == ("b", 1)
    assert newer({"nonce": "x" * 99, "seq": 1}, NO_MESSAGE) == ("x" * 32, 1)
    assert acknowledgement(("a", 3)) == {"nonce": "a", "seq": 3}


@pytest.mark.parametrize(
    "odd", [None, 3, [], {}, {"nonce": "b"}, {"nonce": "b", "seq": "2"}, {"nonce": "b", "seq": True}]
)
def test_what_has_no_number_is_no_message(odd):
    assert newer(odd, ("a", 3)) is None


def test_numbers_are_clamped():
    assert numbers([0, 0.25, 7, -(10**400)], 4, 0.0, 1.0) == (0.0, 0.25, 1.0, 0.0)
    assert all(isinstance(v, float) for v in numbers([0, 10**400], 2, 0.0, 1.0))


@pytest.mark.parametrize(
    "odd", [None, 0.5, "ab", (0.5, 0.5), [0.5], [0.5, 0.5, 0.5], [0.5, "1"], [0.5, None], [True, 0.5]]
)
def test_what_is_no_list_of_so_many_numbers_is_none(odd):
    assert numbers(odd, 2, 0.0, 1.0) is None


@pytest.mark.parametrize("odd", [inf, -inf, nan])
def test_no_number_that_is_not_finite_counts(odd):
    assert numbers([0.5, odd], 2, 0.0, 1.0) is None
