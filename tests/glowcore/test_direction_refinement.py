"""Directions improved through the decoder: they do more of what they name and less of what they do not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from glowcore.attributes.edit_draws import EditBatch, EditDraws
from glowcore.attributes.fit import fit_attributes
from glowcore.attributes.refinement import Refinement, RefinementSettings, _adjusted, _Descent
from glowcore.classifiers.classifier import ClassifierSettings, train_classifier
from glowcore.classifiers.ensemble import ClassifierEnsemble
from glowcore.data import PictureSet
from glowcore.errors import ConfigError
from tests.glowcore.tiny import SIZE, model

NAMES = ("Bright", "Striped")
SETTINGS = RefinementSettings(steps=30, batch_size=12, step_size=0.12, judge_pictures=2400)


def pictures(count=300, seed=0):
    """Noise, half of it brighter, a third with a bright stripe."""
    rng = torch.Generator().manual_seed(seed)
    bright, striped = torch.rand(count, generator=rng) < 0.5, torch.rand(count, generator=rng) < 0.33
    values = 100 + 15 * torch.randn(count, 3, SIZE, SIZE, generator=rng)
    values[bright] += 50
    values[striped, :, 3:5] += 60
    labels = torch.stack([bright, striped], dim=1).to(torch.int8)
    return PictureSet(values.clamp(0, 255).to(torch.uint8), labels, NAMES, [f"{i}.png" for i in range(count)])


@pytest.fixture(scope="module")
def flow():
    return model()


@pytest.fixture(scope="module")
def encoded(flow):
    data = pictures()
    with torch.no_grad():
        return data, flow.encode(data.images).flatten().numpy()


def change(flow, matrix, direction, strength=2.0):
    """Mean change of brightness, outside the stripe and inside, that a step along a direction makes."""
    rows = torch.from_numpy(matrix[:64])
    unit = F.normalize(direction.float(), dim=0)
    sigma = (torch.from_numpy(matrix) @ unit).std()
    with torch.no_grad():
        like = flow.encode(pictures(64).images)
        moved = flow.decode(like.with_flat(rows + strength * sigma * unit)) - flow.decode(like.with_flat(rows))
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[3:5] = True
    return float(moved[:, :, ~mask].mean()), float(moved[:, :, mask].mean())


def test_a_refined_direction_shows_more_and_drags_less_along(flow, encoded):
    data, matrix = encoded
    labels = data.attributes.numpy()
    means = [torch.from_numpy(matrix[labels[:, a] == 1].mean(0) - matrix[labels[:, a] == 0].mean(0)) for a in range(2)]
    # Each starts with half of the other in it.
    start = torch.stack([means[0] + 0.7 * means[1], means[1] + 0.7 * means[0]])
    refined, facts = Refinement(flow, data.images, SETTINGS, progress=False)(matrix, labels, NAMES, start)
    assert refined.shape == start.shape
    assert torch.allclose(refined.norm(dim=1), torch.ones(2, dtype=torch.float64), atol=1e-5)
    for name, d, s in zip(NAMES, refined, start, strict=True):
        assert facts[name]["cosine_with_start"] == pytest.approx(float(F.cosine_similarity(d, s, dim=0)), abs=2e-3)
        # Kept because it does better on pictures that nothing was learned from.
        assert facts[name]["kept"]
        assert facts[name]["after"]["loss"] < facts[name]["before"]["loss"]
        assert facts[name]["after"]["leak"] < facts[name]["before"]["leak"]
    around, stripe = change(flow, matrix, start[1])
    around_after, stripe_after = change(flow, matrix, refined[1])
    assert around / stripe > 0.3
    assert abs(around_after) < 0.5 * (around / stripe) * stripe_after
    assert stripe_after > 0.1


def test_it_leaves_the_model_and_the_callers_random_numbers_alone_and_repeats(flow, encoded):
    data, matrix = encoded
    start = torch.randn(2, matrix.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = {name: t.clone() for name, t in flow.state_dict().items()}
    few = RefinementSettings(steps=3, batch_size=4, judge_pictures=300)
    found = []
    for _ in range(2):
        torch.manual_seed(5)
        found.append(Refinement(flow, data.images, few, progress=False)(matrix, data.attributes.numpy(), NAMES, start))
        after = torch.rand(1)
        torch.manual_seed(5)
        assert torch.equal(after, torch.rand(1))
    assert torch.equal(found[0][0], found[1][0])
    assert all(torch.equal(t, weights[name]) for name, t in flow.state_dict().items())
    assert all(p.requires_grad for p in flow.parameters())
    assert all(p.grad is None for p in flow.parameters())


def test_a_second_classifier_has_a_say(flow, encoded):
    """One that takes bright pictures for striped ones pulls the direction of stripes towards brightness."""
    data, matrix = encoded
    labels = data.attributes.numpy()
    confused = data.attributes[:, [1, 0]]
    classifier = ClassifierSettings(epochs=8, batch_size=32, learning_rate=1e-2)
    other = train_classifier(data.images, confused, NAMES, classifier, progress=False)
    means = torch.stack(
        [torch.from_numpy(matrix[labels[:, a] == 1].mean(0) - matrix[labels[:, a] == 0].mean(0)) for a in range(2)]
    )
    shares = []
    settings = replace(SETTINGS, seed=3)
    for classifiers in ((), (other,)):
        refine = Refinement(flow, data.images, settings, classifiers, progress=False)
        refined, facts = refine(matrix, labels, NAMES, means)
        assert facts["Striped"]["kept"]
        around, stripe = change(flow, matrix, refined[1])
        shares.append(around / stripe)
    assert shares[1] > shares[0] + 0.2


def test_a_direction_that_is_not_improved_is_kept_as_it_was(flow, encoded, monkeypatch):
    data, matrix = encoded
    start = torch.randn(2, matrix.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    few = RefinementSettings(steps=2, batch_size=4, judge_pictures=300)
    metrics = iter([[{"loss": 1.0}, {"loss": 1.0}], [{"loss": 0.9}, {"loss": 1.1}]])
    monkeypatch.setattr(_Descent, "metrics", lambda *_: next(metrics))
    found, facts = Refinement(flow, data.images, few, progress=False)(matrix, data.attributes.numpy(), NAMES, start)
    unit = F.normalize(start, dim=1)
    assert [facts[name]["kept"] for name in NAMES] == [True, False]
    assert torch.allclose(found[1], unit[1], atol=1e-6)
    assert not torch.allclose(found[0], unit[0], atol=1e-3)


def test_rows_that_must_not_be_used_are_not(flow, encoded):
    data, matrix = encoded
    broken, labels = matrix.copy(), data.attributes.numpy().copy()
    broken[::10], labels[::10] = np.nan, -1
    few = RefinementSettings(steps=3, batch_size=4, judge_pictures=300)
    start = torch.ones(2, matrix.shape[1], dtype=torch.float64)
    assert torch.isfinite(Refinement(flow, data.images, few, progress=False)(broken, labels, NAMES, start)[0]).all()


def test_gradients_whose_squares_float32_cannot_hold_leave_directions_finite(flow, encoded, monkeypatch):
    data, matrix = encoded
    monkeypatch.setattr(_Descent, "losses", lambda self, moves, *_: ((1e30 * moves).sum(1), *[moves.sum(1)] * 2))
    start = torch.randn(2, matrix.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    descent = _Descent(flow, data.images, matrix, ClassifierEnsemble([], ()), SETTINGS)
    batch = EditBatch(np.arange(2), np.ones(2), np.arange(2), np.ones(2))
    gradient, _ = descent.gradient(start.float(), lambda d: d.norm(dim=1), batch)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


def test_attributes_take_turns_and_go_both_ways():
    labels = np.full((400, 3), -1, np.int8)
    labels[:100] = 0
    labels[100:103, 0] = labels[100:200, 1] = labels[100:400, 2] = 1
    draws = EditDraws(labels, np.random.default_rng(0))
    parts = [draws(7) for _ in range(300)]
    attributes, signs, rows, strengths = (np.concatenate(column) for column in zip(*parts, strict=True))
    assert np.bincount(attributes).tolist() == [700, 700, 700]
    assert (labels[rows, attributes] == (signs < 0)).all()
    away = [float((signs[attributes == a] < 0).mean()) for a in range(3)]
    assert away == pytest.approx([0.25, 0.5, 0.5], abs=0.06)
    assert 1.5 <= strengths.min() < 1.6
    assert 2.9 < strengths.max() <= 3


def test_the_fit_refines_and_says_so(flow):
    few = RefinementSettings(steps=3, batch_size=4, judge_pictures=150)
    data = pictures(150)
    plain = fit_attributes(flow, data, directions="partial", progress=False)
    refined = fit_attributes(flow, data, refinement=few, progress=False)
    assert "refined" not in plain.info("Bright")["direction"]
    told = {"kept", "cosine_with_start", "price", "before", "after"}
    assert set(refined.info("Bright")["direction"]["refined"]) == told
    assert torch.equal(refined.score_weights, plain.score_weights)
    # sigma is that of the refined direction on other pictures.
    with torch.no_grad():
        eps = flow.fused().encode(pictures(2000, seed=1).images).flatten().double()
    direction = refined.direction("Striped").flatten()[0].double()
    assert refined.sigma("Striped") == pytest.approx(float((eps @ direction).std() / direction.norm()), rel=0.1)


def test_another_kind_of_directions_is_refused_before_the_pictures_are_encoded(flow, monkeypatch):
    monkeypatch.setattr(type(flow), "fused", lambda *_, **__: pytest.fail("encodes"))
    with pytest.raises(ConfigError, match="directions is 'Refined', expected one of refined, partial, mean"):
        fit_attributes(flow, pictures(60), directions="Refined", progress=False)


def test_sigma_is_asked_of_other_encodings_at_every_step(flow, encoded, monkeypatch):
    data, matrix = encoded
    asked = []
    encodings = _Descent.encodings

    def watched(self, rows):
        if len(rows) == 20:  # the edited pictures are four
            asked.append(encodings(self, rows))
        return encodings(self, rows)

    monkeypatch.setattr(_Descent, "encodings", watched)
    monkeypatch.setattr("glowcore.attributes.refinement.SIGMA_ROWS", 20)
    start = torch.randn(2, matrix.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    few = RefinementSettings(steps=4, batch_size=4, judge_pictures=300)
    Refinement(flow, data.images, few, progress=False)(matrix, data.attributes.numpy(), NAMES, start)
    assert len(asked) >= 4
    # Twenty encodings span twenty dimensions, and those of all steps nearly as many times more.
    assert int(torch.linalg.matrix_rank(asked[0])) == 20
    assert int(torch.linalg.matrix_rank(torch.cat(asked))) > 60


def test_edits_of_a_fixed_sigma_are_as_long_as_it_says(flow, encoded, monkeypatch):
    data, matrix = encoded
    losses, lengths = _Descent.losses, []

    def watched(self, shifts, batch):
        sigma = np.array([0.5, 2.0])[batch.attributes]
        lengths.append(shifts.detach().norm(dim=1).numpy() / (sigma * batch.strengths))
        return losses(self, shifts, batch)

    monkeypatch.setattr(_Descent, "losses", watched)
    start = torch.randn(2, matrix.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    few = RefinementSettings(steps=4, batch_size=4, judge_pictures=300)
    refine = Refinement(flow, data.images, few, progress=False)
    refine(matrix, data.attributes.numpy(), NAMES, start, torch.tensor([0.5, 2.0], dtype=torch.float64))
    assert len(lengths) >= 4
    assert np.allclose(np.concatenate(lengths), 1, atol=1e-5)


def test_success_beyond_the_aim_is_given_up_for_less_leak(flow, encoded):
    data, matrix = encoded
    labels = data.attributes.numpy()
    means = [torch.from_numpy(matrix[labels[:, a] == 1].mean(0) - matrix[labels[:, a] == 0].mean(0)) for a in range(2)]
    start = torch.stack([means[0] + 0.7 * means[1], means[1] + 0.7 * means[0]])
    found = {}
    for aim in (0.0, 1.0):
        settings = replace(SETTINGS, steps=60, aim=aim)
        found[aim] = Refinement(flow, data.images, settings, progress=False)(matrix, labels, NAMES, start)[1]
    for name in NAMES:
        assert max(found[1.0][name]["price"]) <= 4
        assert min(found[0.0][name]["price"]) == 8
    little, much = (found[aim]["Bright"]["after"]["leak"] for aim in (0.0, 1.0))
    assert little < 0.85 * much


def test_what_the_classifiers_do_not_mind_is_left_alone_too(flow, encoded):
    data, matrix = encoded
    labels = data.attributes.numpy()
    means = [torch.from_numpy(matrix[labels[:, a] == 1].mean(0) - matrix[labels[:, a] == 0].mean(0)) for a in range(2)]
    start = torch.stack([means[0], means[1] + 0.7 * means[0]])
    rows = torch.from_numpy(matrix[:64])
    moved = {}
    for weight in (0.0, RefinementSettings().change_weight):
        settings = replace(SETTINGS, steps=60, change_weight=weight)
        refined, facts = Refinement(flow, data.images, settings, progress=False)(matrix, labels, NAMES, start)
        assert facts["Striped"]["after"]["success"] == 1
        step = 2 * float((torch.from_numpy(matrix) @ refined[1].float()).std()) * refined[1].float()
        with torch.no_grad():
            like = flow.encode(data.images[:64])
            difference = (flow.decode(like.with_flat(rows + step)) - flow.decode(like.with_flat(rows))).abs()
        moved[weight] = float(difference[:, :, 3:5].mean()), float(difference[:, :, 5:].mean())
    (stripe, around), (stripe_left_alone, around_left_alone) = moved.values()
    assert around_left_alone < 0.4 * around
    assert around_left_alone / stripe_left_alone < 0.7 * around / stripe


def test_multipliers_follow_success_and_have_bounds():
    multipliers, batch = (
        torch.full((3, 2), 4.0),
        EditBatch(np.array([0, 0, 1]), np.array([1, 1, -1]), np.zeros(3), np.ones(3)),
    )
    moved = _adjusted(multipliers, batch, torch.tensor([0.15, 0.15, -0.85]))
    expected = [[4 * np.exp(0.06 * 0.3), 4.0], [4.0, 4 * np.exp(-0.06 * 0.85)], [4.0, 4.0]]
    assert moved.tolist() == [pytest.approx(row) for row in expected]
    for surplus, bound in ((1.0, 8.0), (-1.0, 0.25)):
        for _ in range(200):
            multipliers = _adjusted(multipliers, batch, torch.full((3,), surplus))
        assert [float(multipliers[0, 0]), float(multipliers[1, 1])] == [bound, bound]
        assert (multipliers[[0, 1, 2, 2], [1, 0, 0, 1]] == 4).all()
