"""Attribute vectors: what apply, locks and orthogonalise do, and that all of it survives storage."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from glowcore.attributes import AttributeVectors
from glowcore.errors import ConfigError
from glowcore.latents import Latents
from tests.glowcore.planted import NAMES, batches, fit, latents, planted


@pytest.fixture(scope="module")
def data():
    return planted()


@pytest.fixture(scope="module")
def vectors(data):
    return fit(batches(*data[:2]))


def test_strength_is_in_units_of_sigma(vectors, data):
    batch = latents(torch.from_numpy(data[0][:4]).double())
    moved = vectors.apply(batch, {"Smiling": 2.0, "Young": -0.5})
    expected = batch.flatten()
    for name, strength in (("Smiling", 2.0), ("Young", -0.5)):
        direction = vectors.direction(name).flatten().double()
        expected = expected + strength * vectors.sigma(name) * direction / direction.norm()
    assert torch.allclose(moved.flatten(), expected, atol=1e-6)
    assert moved.log_prob is None
    assert torch.equal(vectors.apply(batch, {}).flatten(), batch.flatten())
    assert (vectors.score(moved, "Smiling") > vectors.score(batch, "Smiling")).all()


def test_apply_keeps_labels_and_does_not_touch_its_input(vectors, data):
    batch = latents(torch.from_numpy(data[0][:2]))
    batch.y = torch.tensor([1, 0])
    before = batch.flatten().clone()
    moved = vectors.apply(batch, {"Smiling": 1.0}, locked=["Young"])
    assert torch.equal(moved.y, batch.y)
    assert torch.equal(batch.flatten(), before)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-6)])
@pytest.mark.parametrize("locked", [["Young"], ["Young", "Eyeglasses"]])
def test_lock_keeps_the_score_exactly(vectors, data, dtype, tolerance, locked):
    batch = latents(torch.from_numpy(data[0][:8]).to(dtype))
    moved = vectors.apply(batch, {"Smiling": 3.0}, locked=locked)
    free = vectors.apply(batch, {"Smiling": 3.0})
    for name in locked:
        change = (vectors.score(moved, name) - vectors.score(batch, name)).abs().max()
        assert change <= tolerance
        assert (vectors.score(free, name) - vectors.score(batch, name)).abs().max() > 100 * tolerance
    assert (vectors.score(moved, "Smiling") > vectors.score(batch, "Smiling")).all()


def test_lock_changes_the_move_as_little_as_possible(vectors, data):
    batch = latents(torch.from_numpy(data[0][:1]).double())
    wanted = (vectors.apply(batch, {"Smiling": 2.0}) - batch).flatten()[0]
    got = (vectors.apply(batch, {"Smiling": 2.0}, locked=["Young", "Eyeglasses"]) - batch).flatten()[0]
    # The change lies in the span of the locked scores' weights: nothing shorter satisfies the constraint.
    weights = vectors.score_weights[1:].double()
    change = got - wanted
    rest = change - weights.T @ torch.linalg.lstsq(weights.T, change[:, None]).solution[:, 0]
    assert rest.norm() < 1e-6 * change.norm()


def test_a_locked_attribute_still_moves_by_its_own_strength(vectors, data):
    batch = latents(torch.from_numpy(data[0][:3]).double())
    alone = vectors.apply(batch, {"Young": 1.5})
    both = vectors.apply(batch, {"Young": 1.5, "Smiling": 2.0}, locked=["Young"])
    assert torch.allclose(vectors.score(both, "Young"), vectors.score(alone, "Young"), atol=1e-6)


def test_a_locked_attribute_that_moves_itself_holds_the_other_locks_as_they_are(vectors, data):
    batch = latents(torch.from_numpy(data[0][:3]).double())
    free = vectors.apply(batch, {"Smiling": 2.0})
    held = vectors.apply(batch, {"Smiling": 2.0}, locked=["Smiling", "Young", "Eyeglasses"])
    for name in ("Young", "Eyeglasses"):
        assert (vectors.score(free, name) - vectors.score(batch, name)).abs().max() > 1e-3
        assert torch.allclose(vectors.score(held, name), vectors.score(batch, name), atol=1e-6)
    assert torch.allclose(vectors.score(held, "Smiling"), vectors.score(free, "Smiling"), atol=1e-6)
    # Two that both move: each score by its own direction alone.
    both = vectors.apply(batch, {"Smiling": 2.0, "Young": -1.0}, locked=["Smiling", "Young"])
    assert torch.allclose(vectors.score(both, "Smiling"), vectors.score(free, "Smiling"), atol=1e-6)
    young = vectors.apply(batch, {"Young": -1.0})
    assert torch.allclose(vectors.score(both, "Young"), vectors.score(young, "Young"), atol=1e-6)


def test_two_locks_that_measure_the_same_are_no_trouble(vectors, data):
    weights = vectors.score_weights.clone()
    weights[2] = weights[1]
    twins = AttributeVectors(
        NAMES, vectors.directions, weights, vectors.score_offsets, vectors.covariance, vectors.shapes
    )
    batch = latents(torch.from_numpy(data[0][:2]).double())
    moved = twins.apply(batch, {"Smiling": 2.0}, locked=["Young", "Eyeglasses"])
    assert torch.allclose(twins.score(moved, "Young"), twins.score(batch, "Young"), atol=1e-6)


@pytest.mark.parametrize("strength", [np.int64(2), np.float32(2), np.float64(2), np.array(2), torch.tensor(2.0)])
def test_a_strength_may_be_a_number_of_numpy_or_torch(vectors, data, strength):
    batch = latents(torch.from_numpy(data[0][:1]))
    moved = vectors.apply(batch, {"Smiling": strength}).flatten()
    assert torch.equal(moved, vectors.apply(batch, {"Smiling": 2.0}).flatten())


REFUSED = [float("nan"), float("inf"), 1e308, 101, True, np.bool_(True), "2", None, [], [1.0, 2.0], torch.ones(1, 3)]


@pytest.mark.parametrize("strength", [*REFUSED, torch.tensor(True), torch.tensor([1, 101, 1])])
def test_strength_out_of_range_is_refused(vectors, data, strength):
    with pytest.raises(ConfigError, match=r"strength of Smiling is .*, expected a number from -100 to 100"):
        vectors.apply(latents(torch.from_numpy(data[0][:3])), {"Smiling": strength})


@pytest.mark.parametrize("sweep", [torch.linspace(-2, 2, 3), np.linspace(-2, 2, 3), [-2, 0, 2]])
def test_one_strength_per_picture_moves_each_by_its_own(vectors, data, sweep):
    batch, others = latents(torch.from_numpy(data[0][:3])), {"Young": 1.0, "Eyeglasses": torch.tensor(0.5)}
    moved = vectors.apply(batch, {"Smiling": sweep} | others, locked=["Young"])
    for index, strength in enumerate((-2.0, 0.0, 2.0)):
        alone = vectors.apply(batch[index], {"Smiling": strength, "Young": 1.0, "Eyeglasses": 0.5}, locked=["Young"])
        assert torch.equal(moved[index].flatten(), alone.flatten())


def test_no_pictures_are_moved_by_no_strengths(vectors):
    none = latents(torch.zeros(0, 144))
    for strengths in ({"Smiling": []}, {"Smiling": torch.zeros(0), "Young": 1.0}, {"Young": 1.0}):
        assert vectors.apply(none, strengths, locked=["Eyeglasses"]).flatten().shape == (0, 144)


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
@pytest.mark.parametrize("given", [lambda s: s, lambda s: list(s.reshape(-1))])
def test_strengths_have_the_gradient_of_the_move(vectors, data, shape, given):
    batch = latents(torch.from_numpy(data[0][:3]).double())
    strength = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    moved = vectors.apply(batch, {"Smiling": given(strength), "Young": 1.0}, locked=["Eyeglasses"])
    found = torch.autograd.grad(vectors.score(moved, "Smiling").sum(), strength)[0]
    start, ahead = (vectors.apply(batch, {"Smiling": s}, locked=["Eyeglasses"]) for s in (0.0, 1.0))
    slopes = vectors.score(ahead, "Smiling") - vectors.score(start, "Smiling")
    assert torch.allclose(found, slopes if shape == (3,) else slopes.sum().expand(shape), rtol=1e-5, atol=0)
    assert slopes.min() > 0.1


def test_unknown_names_are_named_with_the_known_ones(vectors, data):
    batch = latents(torch.from_numpy(data[0][:1]))
    for call in (
        lambda: vectors.direction("Beard"),
        lambda: vectors.sigma("Beard"),
        lambda: vectors.score(batch, "Beard"),
        lambda: vectors.info("Beard"),
        lambda: vectors.apply(batch, {"Beard": 1.0}),
        lambda: vectors.apply(batch, {"Smiling": 1.0}, locked=["Beard"]),
        lambda: vectors.orthogonalise("Smiling", ["Beard"]),
    ):
        with pytest.raises(ConfigError, match=r"'Beard'.*Smiling, Eyeglasses, Young"):
            call()


def test_latents_of_another_model_are_refused(vectors):
    other = Latents([torch.zeros(1, 3, 4, 4)])
    with pytest.raises(ConfigError, match="levels"):
        vectors.apply(other, {"Smiling": 1.0})


def test_orthogonalise_removes_the_other_directions_and_knows_its_sigma(vectors, data):
    along = torch.from_numpy(data[0]).double() @ vectors.directions.double().T
    vectors = replace(vectors, covariance=torch.cov(along.T, correction=0))
    turned = vectors.orthogonalise("Smiling", against=["Young", "Eyeglasses"])
    direction = turned.direction("Smiling").flatten()[0].double()
    for name in ("Young", "Eyeglasses"):
        other = turned.direction(name).flatten()[0].double()
        assert abs(direction @ other) < 1e-6 * direction.norm() * other.norm()
        assert torch.equal(turned.directions[NAMES.index(name)], vectors.directions[NAMES.index(name)])
    spread = (torch.from_numpy(data[0]).double() @ direction / direction.norm()).std(correction=0)
    assert turned.sigma("Smiling") == pytest.approx(float(spread), rel=1e-5)
    assert torch.equal(turned.score_weights, vectors.score_weights)
    assert turned.info("Smiling")["orthogonal_to"] == ["Young", "Eyeglasses"]
    assert vectors.orthogonalise("Smiling", against=[]) is vectors


def test_one_name_may_be_given_without_a_list(vectors, data):
    batch = latents(torch.from_numpy(data[0][:2]))
    moved = [vectors.apply(batch, {"Smiling": 2.0}, locked=locked).flatten() for locked in ("Young", ["Young"])]
    assert torch.equal(*moved)
    assert vectors.only("Young").names == ("Young",)
    assert vectors.without("Young").names == ("Smiling", "Eyeglasses")
    assert vectors.orthogonalise("Smiling", "Young").info("Smiling")["orthogonal_to"] == ["Young"]
    with pytest.raises(ConfigError, match=r"^without Young no attribute is left"):
        vectors.only("Young").without("Young")


def test_orthogonalise_refuses_what_leaves_nothing(vectors):
    with pytest.raises(ConfigError, match="itself"):
        vectors.orthogonalise("Smiling", ["Smiling"])
    directions = vectors.directions.clone()
    directions[0] = directions[1] - 2 * directions[2]
    flat = AttributeVectors(
        NAMES, directions, vectors.score_weights, vectors.score_offsets, vectors.covariance, vectors.shapes
    )
    with pytest.raises(ConfigError, match="nothing is left"):
        flat.orthogonalise("Smiling", ["Young", "Eyeglasses"])


def test_round_trip_through_tensors_and_metadata(vectors, data):
    vectors = vectors.orthogonalise("Young", ["Smiling"])
    again = AttributeVectors.from_tensors(vectors.tensors(), vectors.metadata())
    batch = latents(torch.from_numpy(data[0][:3]))
    assert again.names == vectors.names
    assert again.metadata() == vectors.metadata()
    for name in NAMES:
        assert torch.equal(again.score(batch, name), vectors.score(batch, name))
        assert again.info(name) == vectors.info(name)
    strengths = {"Young": 1.0, "Smiling": 0.5}
    assert torch.equal(
        again.apply(batch, strengths, ["Eyeglasses"]).flatten(),
        vectors.apply(batch, strengths, ["Eyeglasses"]).flatten(),
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("names", None), ("names", ["a", "a", "b"]), ("names", [1, 2, 3]), ("shapes", []), ("shapes", [[6, 4]]),
        ("shapes", [[6, 4, 4], [12, 2, -2]]), ("shapes", [[10**12, 1, 1]]), ("prior", "cauchy"), ("info", {}),
        ("info", {"Smiling": 1, "Eyeglasses": {}, "Young": {}}), ("source", None),
    ],
)  # fmt: skip
def test_stored_nonsense_is_refused(vectors, key, value):
    with pytest.raises(ConfigError):
        AttributeVectors.from_tensors(vectors.tensors(), {**vectors.metadata(), key: value})


REFINED = {"kept": True, "cosine_with_start": 0.8, "before": {"success": 1, "leak": 0.1}}


@pytest.mark.parametrize(
    ("fact", "value", "expected"),
    [
        ("separation", "high", "a number or null"),
        ("separation", True, "a number or null"),
        ("positives", [1], "a whole number"),
        ("negatives", 1.5, "a whole number"),
        ("orthogonal_to", "Young", "a list of names"),
        ("orthogonal_to", [7], "a list of names"),
        ("direction", "mean", "an object with the kind"),
        ("direction", {"kind": "partial", "level_factors": ["all"]}, "an object with the kind"),
        ("direction", {"kind": "partial", "refined": None}, "an object with the kind"),
        ("direction", {"kind": "partial", "refined": REFINED}, "an object with the kind"),
        ("source", [], "an object"),
        ("source", "my photos", "an object"),
    ],
)
def test_stored_facts_that_nothing_can_show_are_left_out(vectors, fact, value, expected):
    """Earlier versions stored them."""
    stored = vectors.metadata()
    stored["info"]["Young"][fact] = value
    with pytest.warns(UserWarning, match=f"^attribute 'Young': {fact} is .*, expected {expected}.*; this fact is left"):
        again = AttributeVectors.from_tensors(vectors.tensors(), stored)
    del stored["info"]["Young"][fact]
    assert again.metadata() == stored


@pytest.mark.parametrize("value", [[{"pictures": "many"}], [{}]])
def test_a_stored_source_that_nothing_can_show_is_left_out(vectors, value):
    stored = {**vectors.metadata(), "source": {"classifiers": value}}
    with pytest.warns(UserWarning, match=r"^the source of the attributes: classifiers is .*; this fact is left out$"):
        assert AttributeVectors.from_tensors(vectors.tensors(), stored).source == {}


def test_the_first_of_several_facts_that_are_left_out_is_named(vectors):
    stored = vectors.metadata()
    for name in ("Young", "Smiling"):
        stored["info"][name]["direction"] = "mine"
    stored["source"] = {"classifiers": 3, "encodings": 200}
    with pytest.warns(
        UserWarning, match=r"^the source of the attributes: classifiers is 3, .*\(and 2 others\) is left"
    ):
        again = AttributeVectors.from_tensors(vectors.tensors(), stored)
    assert "direction" not in again.facts["Young"]
    assert again.source == {"encodings": 200}


def test_stored_facts_of_an_unknown_kind_are_kept(vectors):
    stored = vectors.metadata()
    refined = {**REFINED, "after": REFINED["before"], "new": "anything"}
    stored["info"]["Young"] |= {"separation": None, "direction": {"kind": "partial", "refined": refined}, "new": [1]}
    again = AttributeVectors.from_tensors(vectors.tensors(), stored)
    assert again.info("Young") == stored["info"]["Young"]


def test_stored_tensors_must_fit(vectors):
    tensors = vectors.tensors()
    for broken in (
        {k: v for k, v in tensors.items() if k != "covariance"},
        {**tensors, "directions": tensors["directions"][:, 1:]},
        {**tensors, "directions": torch.zeros_like(tensors["directions"])},
        {**tensors, "covariance": -tensors["covariance"]},
    ):
        with pytest.raises(ConfigError):
            AttributeVectors.from_tensors(broken, vectors.metadata())


def test_attributes_left_out_leave_the_others_as_they_were(vectors, data):
    batch = latents(torch.from_numpy(data[0][:4]).double())
    fewer = vectors.without(["Young"])
    assert fewer.names == tuple(name for name in vectors.names if name != "Young")
    for name in fewer.names:
        assert fewer.sigma(name) == vectors.sigma(name)
        assert torch.equal(fewer.score(batch, name), vectors.score(batch, name))
        assert fewer.info(name) == vectors.info(name)
    others = [name for name in fewer.names if name != "Smiling"]
    moved = (part.apply(batch, {"Smiling": 2.0}, locked=others).flatten() for part in (vectors, fewer))
    assert torch.allclose(*moved, atol=1e-9)
    with pytest.raises(ConfigError, match="unknown attribute"):
        vectors.without(["Hat"])
    with pytest.raises(ConfigError, match="no attribute is left"):
        vectors.without(vectors.names)
