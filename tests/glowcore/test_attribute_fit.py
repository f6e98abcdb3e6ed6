"""The fit of attribute vectors: directions, scores, what is refused, and the arithmetic below it."""

import functools

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from glowcore.attributes import Columns, directions, encoding_rows, fit_attributes, fit_matrix
from glowcore.attributes.directions import DIRECTION_KINDS, label_weights, shrink_levels
from glowcore.attributes.discriminant import solve
from glowcore.attributes.fit import CHOOSE, FOLDS, MEASURE, SHRINKAGES, _choose
from glowcore.attributes.fittable import fittable
from glowcore.classifiers.roc import roc_auc
from glowcore.data import PictureSet
from glowcore.errors import ConfigError, DataError
from glowcore.models import GlowConfig, build
from tests.glowcore.planted import DIMS, NAMES, SHAPES, batches, fit, latents, planted


@pytest.fixture(scope="module")
def data():
    return planted()


@pytest.fixture(scope="module")
def vectors(data):
    return fit(batches(*data[:2]))


def test_planted_direction_is_recovered(vectors, data):
    truth = data[2]
    for index, name in enumerate(NAMES):
        found = vectors.direction(name).flatten()[0].double().numpy()
        cosine = found @ truth[index] / np.linalg.norm(found)
        # Noise of the means: sum of scale^2 over (1/n1 + 1/n0) pictures, against a direction of norm 1.5.
        assert cosine > 0.9
        assert vectors.info(name)["separation"] > 0.75


def test_partial_direction_is_that_of_a_joint_least_squares_fit_without_what_goes_along(monkeypatch):
    # Label 1 goes along with label 0 in nine pictures of ten, so the difference of means drags direction 0 along.
    rng = np.random.default_rng(4)
    labels = np.zeros((4000, 3), np.int8)
    labels[:, 0] = rng.random(4000) < 0.5
    labels[:, 1] = np.where(rng.random(4000) < 0.9, labels[:, 0], 1 - labels[:, 0])
    labels[:, 2] = rng.random(4000) < 0.3
    truth = planted()[2]
    eps = (rng.normal(size=(4000, DIMS)) + 1.5 * labels @ truth).astype(np.float32)
    cosines = {}
    for kind in DIRECTION_KINDS:
        fitted = fit_matrix(eps, labels, Columns(NAMES, SHAPES), kind=kind)
        assert fitted.info("Eyeglasses")["direction"]["kind"] == kind
        found = torch.nn.functional.normalize(fitted.directions.double(), dim=1).numpy()
        cosines[kind] = found @ truth.T
    assert cosines["mean"][1, 0] > 0.5
    assert cosines["mean"][1, 1] < 0.8
    assert abs(cosines["partial"][1, 0]) < 0.3
    assert cosines["partial"][1, 1] > 0.85
    monkeypatch.setattr(directions, "RIDGE", 0.0)
    design = np.column_stack([labels, np.ones(len(labels))])
    exact = np.linalg.lstsq(design, eps.astype(np.float64), rcond=None)[0][:3]
    assert np.allclose(label_weights(labels, "partial").T @ eps, exact, atol=1e-9)


def test_weights_are_of_the_known_labels_only_and_make_a_contrast():
    labels = planted(500)[1]
    for kind in DIRECTION_KINDS:
        weights = label_weights(labels, kind)
        assert (weights[labels < 0] == 0).all()
        assert np.abs(weights.sum(0)).max() < 1e-12
        assert np.allclose([weights[labels[:, i] == 1, i].sum() for i in range(3)], 1)
    # Labels that say the same are not torn apart.
    twins = np.repeat(labels[:, :1], 2, axis=1)
    assert np.abs(label_weights(twins, "partial")).max() < 0.05


def test_levels_of_which_sampling_explains_all_are_shrunk_away():
    rng = np.random.default_rng(7)
    labels = (rng.random((2000, 1)) < 0.05).astype(np.int8)
    eps = rng.normal(size=(2000, DIMS)).astype(np.float32)
    eps[:, 96:] += 1.0 * labels  # the coarse level only
    hat = Columns(("Hat",), SHAPES)
    fitted = fit_matrix(eps, labels, hat)
    fine, coarse = fitted.info("Hat")["direction"]["level_factors"]
    assert fine < 0.25
    assert coarse > 0.9
    assert fit_matrix(eps, labels, hat, kind="mean").info("Hat")["direction"] == {"kind": "mean"}
    with pytest.raises(ConfigError, match=r"'best'.*partial, mean"):
        fit_matrix(eps, labels, hat, kind="best")


def test_a_direction_that_is_all_noise_is_left_as_it_is():
    found, weights = torch.full((1, 4), 0.1, dtype=torch.float64), np.full((2, 1), 10.0)
    shrunk, factors = shrink_levels(found, weights, torch.ones(4, dtype=torch.float64), [2, 2])
    assert torch.equal(shrunk, found)
    assert factors == [[1, 1]]


@pytest.mark.parametrize("size", [1, 7, 256, 5000])
def test_mean_difference_is_the_plain_one_in_any_batch_size_and_order(data, size):
    eps, labels, _ = data
    eps, labels = eps[:500], labels[:500]
    order = np.random.default_rng(size).permutation(len(eps))
    fitted = fit(batches(eps[order], labels[order], size), kind="mean")
    for index, name in enumerate(NAMES):
        known = labels[:, index]
        reference = eps[known == 1].astype(np.float64).mean(0) - eps[known == 0].astype(np.float64).mean(0)
        found = fitted.direction(name).flatten()[0].numpy()
        assert np.abs(found - reference).max() <= 1e-5
        # The own label of an encoding pulls the direction towards it: sigma is that along directions without it.
        projections = eps.astype(np.float64) @ reference
        for label in (0, 1):
            members = eps[known == label].astype(np.float64)
            without = (members.sum(0) - members) / (len(members) - 1)
            projections[known == label] += (members * (without - members.mean(0))).sum(1) * (2 * label - 1)
        assert fitted.sigma(name) == pytest.approx(projections.std() / np.linalg.norm(reference), rel=5e-3)
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
        found.append(fit(batches(eps, noisy)).info("Smiling")["separation"])
    assert found[0] > found[1] > found[2]
    assert found[2] == pytest.approx(0.5, abs=0.08)


def test_fit_is_deterministic_and_a_half_precision_matrix_will_do(vectors, data):
    again = fit(batches(*data[:2], size=100))
    assert torch.equal(again.directions, vectors.directions)
    assert torch.equal(again.score_weights, vectors.score_weights)
    half = fit_matrix(data[0].astype(np.float16), data[1], Columns(NAMES, SHAPES))
    assert torch.cosine_similarity(half.directions, vectors.directions).min() > 0.999


def test_a_mapped_matrix_is_enough(tmp_path, vectors, data):
    np.save(tmp_path / "eps.npy", data[0])
    mapped = np.load(tmp_path / "eps.npy", mmap_mode="r")
    assert torch.equal(fit_matrix(mapped, data[1], Columns(NAMES, SHAPES)).score_weights, vectors.score_weights)


def test_tensors_and_lists_will_do(vectors, data):
    matrix = torch.from_numpy(data[0]).requires_grad_()
    fitted = fit_matrix(matrix, torch.from_numpy(data[1]), Columns(list(NAMES), [list(shape) for shape in SHAPES]))
    assert torch.equal(fitted.directions, vectors.directions)
    assert torch.equal(fitted.score(latents(matrix[:2]), "Young"), vectors.score(latents(matrix[:2]), "Young"))


@pytest.mark.parametrize(
    ("rows", "width", "labelled", "names", "message"),
    [
        (300, DIMS - 1, 300, NAMES, r"encodings are \[300, 143\], expected \[N, 144\]"),
        (300, DIMS, 400, NAMES, r"labels are \[400, 3\], expected \[300, 3\]"),
        (300, DIMS, 300, NAMES[:2], r"labels are \[300, 3\], expected \[300, 2\]"),
        (300, DIMS, 300, ("Young", "Hat", "Young"), "names are Young, Hat, Young, expected different ones"),
    ],
)
def test_input_of_other_shapes_or_a_name_given_twice_is_refused(data, rows, width, labelled, names, message):
    with pytest.raises(ConfigError, match=message):
        fit_matrix(data[0][:rows, :width], data[1][:labelled], Columns(names, SHAPES))


@pytest.mark.parametrize("value", [0, 1, -1])
def test_attribute_with_too_few_of_a_class_is_refused_by_name_and_the_others_built(data, value, caplog):
    eps, labels, _ = data
    labels = labels.copy()
    labels[:, 1] = value
    labels[:29, 1] = 1 - max(value, 0)
    fitted = fit(batches(eps, labels))
    assert fitted.names == ("Smiling", "Young")
    assert set(fitted.source["refused"]) == {"Eyeglasses"}
    assert "29" in fitted.source["refused"]["Eyeglasses"]
    assert "Eyeglasses" in caplog.text


def test_nothing_to_fit_is_an_error_that_names_the_counts(data):
    eps, labels, _ = data
    with pytest.raises(DataError, match="Smiling: 0 pictures with"):
        fit(batches(eps, np.zeros_like(labels)))
    with pytest.raises(DataError, match="no attributes"):
        fit(batches(eps, labels[:, :0]), ())
    with pytest.raises(DataError, match="no attribute"):
        fittable(labels[:0], NAMES)


def test_encodings_that_are_not_finite_or_beyond_all_bounds_are_left_out(data, caplog):
    eps, labels, _ = data
    broken = eps.copy()
    broken[10, 3], broken[20, 0], broken[30, 1] = np.nan, np.inf, -2e4
    fitted = fit(batches(broken, labels), kind="mean")
    keep = np.delete(np.arange(len(eps)), [10, 20, 30])
    known = labels[keep, 0]
    reference = eps[keep][known == 1].mean(0) - eps[keep][known == 0].mean(0)
    assert np.abs(fitted.direction("Smiling").flatten()[0].numpy() - reference).max() <= 1e-5
    assert fitted.source["left_out"] == 3
    assert "3 encodings have values that are not finite or beyond 10000" in caplog.text
    assert torch.isfinite(fitted.score_weights).all()


def test_directions_that_are_not_finite_are_an_error_and_not_stored(data):
    eps, labels, _ = data

    def refine(_matrix, _labels, names, directions, _sigmas):
        directions[1, 0] = torch.nan
        return directions, {name: {} for name in names}

    with pytest.raises(DataError, match=f"^attribute '{NAMES[1]}': the fit gave values that are not finite"):
        fit(batches(eps, labels), refine=refine)


@pytest.mark.parametrize("buffering", [0, -1, 1 << 30])
def test_encodings_without_room_name_the_place_and_why(data, monkeypatch, buffering):
    full = functools.partial(open, "/dev/full", "wb", buffering=buffering)
    monkeypatch.setattr(encoding_rows.tempfile, "TemporaryFile", full)
    with pytest.raises(DataError, match=r"do not fit into .*the disk is full.*TMPDIR"):
        fit(batches(*data[:2]))


@pytest.mark.parametrize("where", ["the pictures", "the fit"])
def test_an_error_of_another_file_is_not_taken_for_one_of_the_encodings(data, where):
    def fail():
        raise FileNotFoundError(2, "No such file or directory", "gone.png")
        yield

    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        fit(fail()) if where == "the pictures" else fit(batches(*data[:2]), refine=lambda *_: next(fail()))


def test_fit_attributes_encodes_pictures_with_the_model(monkeypatch):
    torch.manual_seed(3)
    model = build(GlowConfig(image_size=8, num_levels=2, steps_per_level=1, hidden_channels=4))
    bright = torch.arange(200) % 3 == 0
    pictures = torch.randint(0, 100, (200, 3, 8, 8)) + 100 * bright[:, None, None, None]
    data = PictureSet(pictures.to(torch.uint8), bright[:, None].to(torch.int8), ("Bright",))
    model.initialize(data.images)
    monkeypatch.setattr(encoding_rows, "CHUNK_BYTES", 4096)
    vectors = fit_attributes(model.eval(), data, batch_size=64, directions="mean", progress=False)
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


def test_shrinkage_is_chosen_on_one_tenth_and_measured_on_the_next():
    rng = np.random.default_rng(0)
    folds, labels = torch.arange(1000) % FOLDS, torch.from_numpy((rng.random((1000, 1)) < 0.5).astype(np.int8))
    scores = torch.from_numpy(rng.normal(size=(1000, 1, len(SHRINKAGES))))
    truth = labels[:, 0].double()
    scores[folds == CHOOSE, 0, 2] += 10 * truth[folds == CHOOSE]
    scores[folds == MEASURE, 0, 1] += 10 * truth[folds == MEASURE]
    scores[folds > MEASURE, 0, 0] += 10 * truth[folds > MEASURE]
    usable = np.ones(1000, bool)
    usable[:20] = False
    chosen, offsets, scales, facts = _choose(scores, labels, folds, usable, ("Hat",))
    assert chosen.tolist() == [2]
    assert facts["Hat"]["shrinkage"] == SHRINKAGES[2]
    measured = folds == MEASURE
    expected = roc_auc_score(labels[measured, 0].numpy(), scores[measured, 0, 2].numpy())
    assert facts["Hat"]["separation"] == pytest.approx(expected)
    assert expected < 0.7
    held = scores[(folds <= MEASURE) & torch.from_numpy(usable), 0, 2]
    assert float(offsets[0]) == pytest.approx(float(held.mean()))
    assert float(scales[0]) == pytest.approx(float(held.std(correction=0)))


def test_scores_are_standardised_over_the_two_tenths_held_out(data):
    eps, labels = data[0][:400], data[1][:400]
    fitted = fit_matrix(eps, labels, Columns(NAMES, SHAPES))
    folds = np.random.default_rng(0).permutation(len(eps)) % FOLDS
    for name in NAMES:
        held = fitted.score(latents(torch.from_numpy(eps[folds <= MEASURE])), name).double()
        assert abs(float(held.mean())) < 1e-4
        assert float(held.std(correction=0)) == pytest.approx(1, abs=1e-4)
