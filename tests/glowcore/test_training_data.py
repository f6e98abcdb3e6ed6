"""The held-out pictures of evaluations, and the check that a resumed run uses the same pictures."""

import pytest
import torch

from glowcore.errors import DataError
from glowcore.training.training_set import FINGERPRINTED, check_same, evaluation_rows, fingerprint
from tests.glowcore.tiny import pictures


def test_the_judging_pictures_are_drawn_from_the_whole_set():
    """A hundred of a thousand pictures, sorted by class, contain all ten classes."""
    rows = evaluation_rows(1000, 100)
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == 100
    assert torch.bincount(rows // 100, minlength=10).min() >= 4
    assert torch.equal(rows, evaluation_rows(1000, 100))
    assert set(rows.tolist()) <= set(evaluation_rows(1000, 300).tolist())


def test_where_there_are_few_all_of_them_judge_in_their_order():
    assert evaluation_rows(7, 7).tolist() == evaluation_rows(7, 512).tolist() == [*range(7)]


def test_a_fingerprint_tells_pictures_and_labels_apart():
    images, labels = pictures(20), torch.arange(20) % 2
    found = fingerprint(images, labels)
    assert (found["pictures"], found["shape"]) == (20, [3, 8, 8])
    assert found == fingerprint(images.clone(), labels.clone())
    changed = images.clone()
    changed[19, 2, 7, 7] ^= 1
    others = [
        (changed, labels),
        (images.flip(0), labels),
        (images[:19], labels[:19]),
        (images, 1 - labels),
        (images, None),
        (images.reshape(20, 3, 4, 16), labels),
    ]
    assert len({str(found), *(str(fingerprint(*other)) for other in others)}) == 7


def test_of_many_pictures_a_sample_is_read_that_reaches_over_all():
    images = torch.zeros(10 * FINGERPRINTED, 1, 1, 1, dtype=torch.uint8)
    plain = fingerprint(images, None)
    for start in range(0, len(images), 10 * FINGERPRINTED // 8):
        changed = images.clone()
        changed[start : start + 10] = 1
        assert fingerprint(changed, None) != plain


def test_other_pictures_are_refused_by_what_they_are():
    before = {"training": fingerprint(pictures(20), None), "held-out": fingerprint(pictures(6), None)}
    check_same(before, before, "runs/a")
    with pytest.raises(
        DataError,
        match=r"^the held-out pictures .* runs/a: 6 of 3x8x8 .* then, 5 of 3x8x8 .* now; .*"
        r"--init-from runs/a$",
    ):
        check_same(before, before | {"held-out": fingerprint(pictures(5), None)}, "runs/a")
    with pytest.raises(DataError, match=r"^the training pictures"):
        check_same(before, before | {"training": fingerprint(pictures(20, seed=1), None)}, "runs/a")
