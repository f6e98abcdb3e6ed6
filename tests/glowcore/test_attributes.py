"""Attribute vectors: what the fit finds, what apply and locks do, and that all of it survives storage."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from glowcore import attribute_fit
from glowcore.attribute_fit import fit, fit_attributes, fit_matrix
from glowcore.attributes import AttributeVectors
from glowcore.data import PictureSet
from glowcore.discriminant import roc_auc, solve
from glowcore.errors import ConfigError, DataError
from glowcore.latents import Latents
from glowcore.models import GlowConfig, build

SHAPES = ((6, 4, 4), (12, 2, 2))
DIMS = 144
NAMES = ("Smiling", "Eyeglasses", "Young")


def planted(count=3000, strength=1.5, seed=0, names=NAMES):
    """Coloured noise with one direction per attribute added where the label is 1; a tenth of the labels unknown."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(len(names), DIMS))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    labels = (rng.random((count, len(names))) < 0.4).astype(np.int8)
    scale = np.linspace(0.5, 2.0, DIMS)
    eps = rng.normal(size=(count, DIMS)) * scale + strength * labels @ directions
    labels[rng.random(labels.shape) < 0.1] = -1
    return eps.astype(np.float32), labels, directions


def batches(eps, labels, size=256):
    return [
        (torch.from_numpy(eps[i : i + size]), torch.from_numpy(labels[i : i + size])) for i in range(0, len(eps), size)
    ]


def latents(flat):
    return Latents([torch.empty(1, *shape, dtype=flat.dtype) for shape in SHAPES]).with_flat(flat)


@pytest.fixture(scope="module")
def data():
    return planted()


@pytest.fixture(scope="module")
def vectors(data):
    return fit(batches(*data[:2]), NAMES, SHAPES)


def test_planted_direction_is_recovered(vectors, data):
    truth = data[2]
    for index, name in enumerate(NAMES):
        found = vectors.direction(name).flatten()[0].double().numpy()
        cosine = found @ truth[index] / np.linalg.norm(found)
        # Noise of the means: sum of scale^2 over (1/n1 + 1/n0) pictures, against a direction of norm 1.5.
        assert cosine > 0.9
        assert vectors.info(name)["separation"] > 0.75


@pytest.mark.parametrize("size", [1, 7, 256, 5000])
def test_mean_difference_is_the_plain_one_in_any_batch_size_and_order(data, size):
    eps, labels, _ = data
    eps, labels = eps[:500], labels[:500]
    order = np.random.default_rng(size).permutation(len(eps))
    fitted = fit(batches(eps[order], labels[order], size), NAMES, SHAPES)
    for index, name in enumerate(NAMES):
        known = labels[:, index]
        reference = eps[known == 1].astype(np.float64).mean(0) - eps[known == 0].astype(np.float64).mean(0)
        found = fitted.direction(name).flatten()[0].numpy()
        assert np.abs(found - reference).max() <= 1e-5
        projections = eps.astype(np.float64) @ reference / np.linalg.norm(reference)
        assert fitted.sigma(name) == pytest.approx(projections.std(), rel=1e-4)
        info = fitted.info(name)
        counts = info["positives"], info["negatives"], info["unknown"]
        assert counts == ((known == 1).sum(), (known == 0).sum(), (known == -1).sum())
        assert info["norm"] == pytest.approx(np.linalg.norm(reference), rel=1e-5)


def test_score_beats_the_mean_difference_on_fresh_encodings(vectors):
    # Same directions (same seed), other noise: the discriminant knows which dimensions are loud.
    rng = np.random.default_rng(5)
    truth = planted()[2]
    labels = (rng.random((4000, len(NAMES))) < 0.4).astype(np.int8)
    eps = rng.normal(size=(4000, DIMS)) * np.linspace(0.5, 2.0, DIMS) + 1.5 * labels @ truth
    batch = latents(torch.from_numpy(eps.astype(np.float32)))
    for index, name in enumerate(NAMES):
        score = roc_auc(vectors.score(batch, name).numpy(), labels[:, index])
        plain = roc_auc((batch.flatten() @ vectors.direction(name).flatten()[0]).numpy(), labels[:, index])
        assert score > plain
        assert score == pytest.approx(vectors.info(name)["separation"], abs=0.08)


def test_scores_are_standardised(vectors, data):
    scores = vectors.score(latents(torch.from_numpy(data[0])), "Smiling")
    assert abs(scores.mean()) < 0.2
    assert scores.std() == pytest.approx(1, abs=0.15)


def test_shuffled_labels_lower_the_separation(data):
    eps, labels, _ = data
    found = []
    for share in (0.0, 0.1, 1.0):
        rng = np.random.default_rng(1)
        noisy = labels.copy()
        rows = np.flatnonzero(rng.random(len(labels)) < share)
        noisy[rows] = labels[rng.permutation(rows)]
        found.append(fit(batches(eps, noisy), NAMES, SHAPES).info("Smiling")["separation"])
    assert found[0] > found[1] > found[2]
    assert found[2] == pytest.approx(0.5, abs=0.08)


def test_fit_is_deterministic_and_a_half_precision_matrix_will_do(vectors, data):
    again = fit(batches(*data[:2], size=100), NAMES, SHAPES)
    assert torch.equal(again.directions, vectors.directions)
    assert torch.equal(again.score_weights, vectors.score_weights)
    half = fit_matrix(data[0].astype(np.float16), data[1], NAMES, SHAPES)
    assert torch.cosine_similarity(half.directions, vectors.directions).min() > 0.999


def test_a_mapped_matrix_is_enough(tmp_path, vectors, data):
    np.save(tmp_path / "eps.npy", data[0])
    mapped = np.load(tmp_path / "eps.npy", mmap_mode="r")
    assert torch.equal(fit_matrix(mapped, data[1], NAMES, SHAPES).score_weights, vectors.score_weights)


@pytest.mark.parametrize("value", [0, 1, -1])
def test_attribute_with_too_few_of_a_class_is_refused_by_name_and_the_others_built(data, value, caplog):
    eps, labels, _ = data
    labels = labels.copy()
    labels[:, 1] = value
    labels[:29, 1] = 1 - max(value, 0)
    fitted = fit(batches(eps, labels), NAMES, SHAPES)
    assert fitted.names == ("Smiling", "Young")
    assert set(fitted.source["refused"]) == {"Eyeglasses"}
    assert "29" in fitted.source["refused"]["Eyeglasses"]
    assert "Eyeglasses" in caplog.text


def test_nothing_to_fit_is_an_error_that_names_the_counts(data):
    eps, labels, _ = data
    with pytest.raises(DataError, match="Smiling: 0 pictures with"):
        fit(batches(eps, np.zeros_like(labels)), NAMES, SHAPES)
    with pytest.raises(DataError, match="no attributes"):
        fit(batches(eps, labels[:, :0]), (), SHAPES)
    with pytest.raises(DataError, match="no attribute"):
        fit([], NAMES, SHAPES)


def test_encodings_that_are_not_finite_are_left_out(data):
    eps, labels, _ = data
    broken = eps.copy()
    broken[10, 3], broken[20, 0] = np.nan, np.inf
    fitted = fit(batches(broken, labels), NAMES, SHAPES)
    keep = np.delete(np.arange(len(eps)), [10, 20])
    known = labels[keep, 0]
    reference = eps[keep][known == 1].mean(0) - eps[keep][known == 0].mean(0)
    assert np.abs(fitted.direction("Smiling").flatten()[0].numpy() - reference).max() <= 1e-5
    assert fitted.source["left_out"] == 2
    assert torch.isfinite(fitted.score_weights).all()


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


def test_two_locks_that_measure_the_same_are_no_trouble(vectors, data):
    weights = vectors.score_weights.clone()
    weights[2] = weights[1]
    twins = AttributeVectors(
        NAMES, vectors.directions, weights, vectors.score_offsets, vectors.covariance, vectors.shapes
    )
    batch = latents(torch.from_numpy(data[0][:2]).double())
    moved = twins.apply(batch, {"Smiling": 2.0}, locked=["Young", "Eyeglasses"])
    assert torch.allclose(twins.score(moved, "Young"), twins.score(batch, "Young"), atol=1e-6)


@pytest.mark.parametrize("strength", [float("nan"), float("inf"), 1e308, 101, True, "2", None])
def test_strength_out_of_range_is_refused(vectors, data, strength):
    with pytest.raises(ConfigError, match="strength of Smiling"):
        vectors.apply(latents(torch.from_numpy(data[0][:1])), {"Smiling": strength})


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
        with pytest.raises(ConfigError, match="'Beard'.*Smiling, Eyeglasses, Young"):
            call()


def test_latents_of_another_model_are_refused(vectors):
    other = Latents([torch.zeros(1, 3, 4, 4)])
    with pytest.raises(ConfigError, match="levels"):
        vectors.apply(other, {"Smiling": 1.0})


def test_orthogonalise_removes_the_other_directions_and_knows_its_sigma(vectors, data):
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


def test_fit_attributes_encodes_pictures_with_the_model(monkeypatch):
    torch.manual_seed(3)
    model = build(GlowConfig(image_size=8, num_levels=2, steps_per_level=1, hidden_channels=4))
    bright = torch.arange(200) % 3 == 0
    pictures = torch.randint(0, 100, (200, 3, 8, 8)) + 100 * bright[:, None, None, None]
    data = PictureSet(
        pictures.to(torch.uint8), bright[:, None].to(torch.int8), ("Bright",), [f"{i}.png" for i in range(200)]
    )
    model.initialize(data.images)
    monkeypatch.setattr(attribute_fit, "CHUNK_BYTES", 4096)
    vectors = fit_attributes(model.eval(), data, batch_size=64, progress=False)
    assert vectors.info("Bright")["separation"] == 1.0
    assert vectors.source["data_sha256"] == data.fingerprint()
    with torch.no_grad():
        encoded = model.encode(data.images).flatten()
    reference = encoded[bright].mean(0) - encoded[~bright].mean(0)
    assert torch.allclose(vectors.direction("Bright").flatten()[0], reference, atol=1e-4)


def test_roc_auc_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 20, 500).astype(float), rng.integers(0, 2, 500)
    assert roc_auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert roc_auc(scores, np.ones(500)) is None


def test_conjugate_gradients_solve_the_system():
    rng = torch.Generator().manual_seed(0)
    root = torch.randn(60, 40, generator=rng)
    matrix, targets = root @ root.T / 40, torch.randn(60, 4, generator=rng)
    shifts = torch.tensor([0.05, 0.5, 1.0, 5.0], dtype=torch.float64)
    found = solve(lambda w: matrix @ w, targets, shifts)
    for column, shift in enumerate(shifts):
        exact = torch.linalg.solve(matrix.double() + shift * torch.eye(60), targets[:, column].double())
        assert (found[:, column] - exact).norm() < 5e-3 * exact.norm()
