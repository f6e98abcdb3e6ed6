"""Latents are plain arithmetic over all levels."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from glowcore import ConfigError, Latents, build
from glowcore.baselines import VAEConfig
from tests.glowcore import tiny


def latents(batch=2, seed=0) -> Latents:
    g = torch.Generator().manual_seed(seed)
    levels = [torch.randn(batch, 6, 4, 4, generator=g), torch.randn(batch, 24, 2, 2, generator=g)]
    return Latents(levels, log_prob=torch.arange(float(batch)))


def test_flatten_and_back():
    a = latents()
    assert a.num_dims == 192
    assert len(a) == 2
    back = a.with_flat(a.flatten())
    assert all(torch.equal(x, y) for x, y in zip(a.levels, back.levels, strict=True))
    with pytest.raises(ConfigError, match="expected \\[N, 192\\]"):
        a.with_flat(torch.zeros(1, 5))


def test_a_matrix_becomes_latents_by_the_shapes_of_the_levels_alone():
    flat = torch.arange(2.0 * 192).reshape(2, 192)
    made = Latents.from_flat(flat, [(6, 4, 4), (24, 2, 2)], "logistic")
    assert [tuple(level.shape) for level in made.levels] == [(2, 6, 4, 4), (2, 24, 2, 2)]
    assert made.levels[1][1, 0, 0, 0] == 192 + 96
    assert torch.equal(made.flatten(), flat)
    assert (made.prior, made.y, made.log_prob) == ("logistic", None, None)
    with pytest.raises(ConfigError, match="expected \\[N, 96\\]"):
        Latents.from_flat(flat, [(6, 4, 4)])


def test_a_class_goes_through_a_matrix_where_it_is_known_of_which_picture():
    a = latents()
    assert a.with_flat(a.flatten()).y is None
    a.y = torch.tensor([2, 0])
    assert a.with_flat(a.flatten()).y.tolist() == [2, 0]
    assert a.with_flat(torch.zeros(3, 192)).y is None
    assert a[0].with_flat(torch.zeros(3, 192)).y.tolist() == [2, 2, 2]


def test_arithmetic_acts_on_every_level_and_drops_log_prob():
    a, b = latents(), latents(seed=1)
    assert torch.allclose((a + b).flatten(), a.flatten() + b.flatten())
    assert torch.allclose((a - 2 * b).flatten(), a.flatten() - 2 * b.flatten())
    assert (a + b).log_prob is None
    assert a[1].log_prob.tolist() == [1.0]


def test_a_label_goes_with_every_picture_that_is_made_of_one():
    a, b = latents(1), latents(1, seed=1)
    a.y = b.y = torch.tensor([2])
    path = a.interpolate(b, torch.linspace(0, 1, 5))
    assert path.y.tolist() == [2] * 5
    assert path[3:].y.tolist() == [2, 2]
    assert (a + latents(3)).y.tolist() == [2] * 3
    assert (a - b).y.tolist() == [2]


def test_indexing_and_cat():
    a = latents(3)
    assert torch.equal(Latents.cat([a[0], a[1:3]]).flatten(), a.flatten())
    assert torch.equal(a[-1].flatten(), a.flatten()[2:])
    assert Latents.cat([a[0], a[1]]).log_prob.tolist() == [0.0, 1.0]
    with pytest.raises(IndexError):
        a[3]


def test_linear_interpolation():
    a, b = latents(1), latents(1, seed=1)
    path = a.interpolate(b, torch.tensor([0.0, 0.25, 1.0]))
    assert torch.equal(path[0].flatten(), a.flatten())
    assert torch.allclose(path[2].flatten(), b.flatten())
    assert torch.allclose(path[1].flatten(), 0.75 * a.flatten() + 0.25 * b.flatten())


def test_spherical_interpolation_keeps_the_norm_between_its_ends():
    a, b = latents(1), latents(1, seed=1)
    path = a.interpolate(b, torch.linspace(0, 1, 5), spherical=True)
    assert torch.allclose(path[0].flatten(), a.flatten(), atol=1e-5)
    assert torch.allclose(path[4].flatten(), b.flatten(), atol=1e-5)
    expected = torch.lerp(a.level_norms(), b.level_norms(), torch.linspace(0, 1, 5)[:, None])
    assert torch.allclose(path.level_norms(), expected, atol=1e-5)
    steps = [
        torch.nn.functional.cosine_similarity(path[i].levels[0].flatten(), path[i + 1].levels[0].flatten(), dim=0)
        for i in range(4)
    ]
    assert max(steps) - min(steps) <= 1e-4
    assert a.interpolate(a, 0.3, spherical=True).flatten().isfinite().all()


@pytest.mark.parametrize("zero", ["first", "second", "both"])
def test_a_spherical_way_from_or_to_nothing_changes_the_norm_linearly(zero):
    """As for a level of temperature 0."""
    a, b = latents(1), latents(1, seed=1)
    a, b = (0 * a if zero != "second" else a), (0 * b if zero != "first" else b)
    t = torch.linspace(0, 1, 5)
    path = a.interpolate(b, t, spherical=True)
    assert torch.allclose(path.level_norms(), torch.lerp(a.level_norms(), b.level_norms(), t[:, None]), atol=1e-6)
    assert torch.allclose(path.flatten(), a.interpolate(b, t).flatten(), atol=1e-5)


def test_temperature_one_or_one_a_level():
    a = latents()
    assert torch.allclose(a.scaled(0.5).flatten(), 0.5 * a.flatten())
    mixed = a.scaled([0.0, 2.0])
    assert mixed.levels[0].abs().max() == 0
    assert torch.equal(mixed.levels[1], 2 * a.levels[1])
    with pytest.raises(ConfigError, match="expected 1 or 2"):
        a.scaled([1.0, 1.0, 1.0])


def test_level_mixing():
    a, b = latents(), latents(seed=1)
    mixed = a.mixed(b, [-1])
    assert torch.equal(mixed.levels[0], a.levels[0])
    assert torch.equal(mixed.levels[1], b.levels[1])
    with pytest.raises(ConfigError, match="level 2"):
        a.mixed(b, [2])


def test_one_picture_gives_its_levels_to_each_of_many():
    one, many = latents(1), latents(3, seed=1)
    for mixed, low, high in ((one.mixed(many, [1]), one, many), (many.mixed(one, [-1]), many, one)):
        assert len(mixed) == 3
        for index in range(3):
            for level, owner in enumerate((low, high)):
                expected = owner.levels[level][index if len(owner) > 1 else 0]
                assert torch.equal(mixed[index].levels[level][0], expected)
    with pytest.raises(ConfigError, match="latents of 3 and of 2 pictures do not go together"):
        many.mixed(latents(2), [0])


def test_a_class_comes_from_where_the_top_level_comes():
    a, b, plain = latents(2), latents(1, seed=1), latents(1, seed=2)
    a.y, b.y = torch.tensor([2, 3]), torch.tensor([5])
    assert a.mixed(b, [0]).y.tolist() == [2, 3]
    assert a.mixed(b, [1]).y.tolist() == [5, 5]
    assert b.mixed(a, [0, -1]).y.tolist() == [2, 3]
    assert a.mixed(plain, [1]).y.tolist() == [2, 3]
    assert plain.mixed(b, [0]).y.tolist() == [5]
    assert plain.mixed(plain, [1]).y is None


def test_level_norms_of_noise_are_about_one():
    norms = Latents([torch.randn(4, 3, 32, 32)]).level_norms()
    assert norms.shape == (4, 1)
    assert (norms - 1).abs().max() <= 0.05
    logistic = torch.logit(torch.rand(4, 3, 32, 32, dtype=torch.float64))
    assert (Latents([logistic], prior="logistic").level_norms() - 1).abs().max() <= 0.05


@pytest.mark.parametrize("spherical", [False, True])
def test_latents_of_two_precisions_meet_in_the_higher_one(spherical):
    generator = torch.Generator().manual_seed(0)
    single = Latents([torch.randn(1, 2, 3, 3, generator=generator)])
    double = Latents([torch.randn(1, 2, 3, 3, generator=generator, dtype=torch.float64)])
    for a, b in ((single, double), (double, single)):
        middle = a.interpolate(b, 0.25, spherical=spherical).levels[0]
        assert middle.dtype == torch.float64
        expected = a.to(torch.float64).interpolate(b.to(torch.float64), 0.25, spherical=spherical).levels[0]
        torch.testing.assert_close(middle, expected, rtol=0, atol=1e-12)
        assert (a + b).levels[0].dtype == torch.float64
    assert single.interpolate(single, 0.5).levels[0].dtype == torch.float32


def test_one_picture_by_any_kind_of_number():
    a = latents(3)
    for index in (1, -2, np.int64(1), torch.tensor(1)):
        assert torch.equal(a[index].flatten(), a.flatten()[1:2])
    assert len(a[torch.tensor([True, False, True])]) == 2


def test_there_is_no_way_between_classes():
    a, b = latents(1), latents(1, seed=1)
    a.y, b.y = torch.tensor([2]), torch.tensor([5])
    with pytest.raises(ConfigError, match=r"classes \[2\] and \[5\]"):
        a.interpolate(b, 0.5)


def test_a_number_between_is_taken_at_the_precision_of_the_latents():
    a, b = latents().to(torch.float64), latents(seed=1).to(torch.float64)
    exact = 0.7 * a.flatten() + 0.3 * b.flatten()
    assert float((a.interpolate(b, 0.3).flatten() - exact).abs().max()) < 1e-15


def test_turning_has_a_gradient_where_there_is_nothing_to_turn():
    a = latents(1)
    b = Latents([level.clone().requires_grad_() for level in a.levels])
    a.interpolate(b, 0.5, spherical=True).flatten().sum().backward()
    for level in b.levels:
        assert torch.allclose(level.grad, torch.full_like(level, 0.5), atol=1e-4)


@pytest.mark.parametrize("counts", [(2, 2), (3, 3), (1, 2), (2, 1)])
@pytest.mark.parametrize("spherical", [False, True])
def test_a_walk_of_many_steps_is_between_two_pictures(counts, spherical):
    a, b = latents(counts[0]), latents(counts[1], seed=1)
    with pytest.raises(ConfigError, match=rf"t has 2 numbers for latents of {counts[0]} and of {counts[1]} pictures"):
        a.interpolate(b, torch.tensor([0.2, 0.7]), spherical=spherical)
    for t in (0.2, torch.tensor(0.2), torch.tensor([0.2])):
        between = a.interpolate(b, t, spherical=spherical)
        assert len(between) == max(counts)
        alone = a[0].interpolate(b[0], 0.2, spherical=spherical)
        assert torch.allclose(between[0].flatten(), alone.flatten(), atol=1e-6)


@pytest.mark.parametrize("factor", [np.float64(0.5), np.float32(0.5), np.int64(2)])
def test_numpys_numbers_are_factors_on_either_side(factor):
    a = latents()
    for product in (factor * a, a * factor):
        assert isinstance(product, Latents)
        assert torch.equal(product.flatten(), a.flatten() * float(factor))


def test_the_classes_of_a_sum_are_those_of_the_first_or_of_the_only_side_that_has_them():
    a, b, plain = latents(2), latents(2, seed=1), latents(1, seed=2)
    a.y, b.y = torch.tensor([2, 3]), torch.tensor([5, 6])
    for combined in (
        a + plain,
        plain + a,
        a - plain,
        plain - a,
        a.interpolate(plain, 0.5),
        plain.interpolate(a, 0.5),
        a + b,
        a - b,
    ):
        assert combined.y.tolist() == [2, 3]
    assert (plain + plain).y is None


@pytest.mark.parametrize(
    "combine",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a.interpolate(b, 0.5),
        lambda a, b: a.mixed(b, [0]),
        lambda a, b: Latents.cat([a, b]),
    ],
)
def test_latents_of_two_priors_do_not_go_together(combine):
    a, b = latents(), replace(latents(), prior="logistic")
    combine(b, b)
    with pytest.raises(ConfigError, match="do not go together: priors gaussian and logistic"):
        combine(a, b)


@pytest.mark.parametrize("t", [0.5, [0.0, 1.0]])
def test_a_walk_between_other_numbers_of_pictures_is_refused_with_and_without_classes(t):
    for classes in ((None, None), (torch.tensor([0, 1]), torch.tensor([0, 1, 2]))):
        a, b = (replace(latents(count), y=y) for count, y in zip((2, 3), classes, strict=True))
        with pytest.raises(ConfigError, match=r"^latents of 2 and of 3 pictures do not go together, expected as"):
            a.interpolate(b, t)


def test_a_model_and_its_attributes_take_latents_of_their_own_prior_only():
    flow = tiny.model()
    found = flow.sample_latents([0])
    other = replace(found, prior="logistic")
    with pytest.raises(ConfigError, match="latents have a logistic prior, this model's is gaussian"):
        flow.decode(other)
    vectors = tiny.vectors(flow)
    for use in (lambda given: vectors.apply(given, {"Smiling": 1.0}), lambda given: vectors.score(given, "Smiling")):
        use(found)
        with pytest.raises(ConfigError, match="latents have a logistic prior, these attributes were fitted for gaussi"):
            use(other)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: Latents.cat([]), "there are no latents to concatenate, expected at least one batch"),
        (lambda: latents()[[]].mean(), "latents of 0 pictures have no mean, expected at least one picture"),
    ],
)
def test_what_cannot_be_done_with_latents_is_refused(call, told):
    with pytest.raises(ConfigError, match=f"^{told}"):
        call()


def test_an_encoding_with_gradients_takes_requires_grad_again():
    flow = tiny.model()
    found = flow.encode(tiny.pictures(1)).requires_grad_()
    leaves = found.detach().clone().requires_grad_()
    slopes = [torch.autograd.grad(flow.decode(z).sum(), z.levels) for z in (found, leaves)]
    assert all(torch.equal(a, b) and a.abs().max() > 0 for a, b in zip(*slopes, strict=True))
    assert not leaves.requires_grad_(False).flatten().requires_grad


@pytest.mark.parametrize("name", ["flow", "fused", "vae"])
@torch.no_grad()
def test_a_model_decodes_latents_of_one_number_of_pictures(name):
    flow = tiny.model()
    model = {
        "flow": lambda: flow,
        "fused": lambda: flow.fused(backend="torch"),
        "vae": lambda: build(VAEConfig(image_size=8, num_levels=1, hidden_channels=4)),
    }[name]()
    found = model.encode(tiny.pictures(3))
    for wrong, kind in ((found.levels[-1], "Tensor"), (found.levels, "list"), (None, "NoneType")):
        with pytest.raises(ConfigError, match=f"^latents are of type {kind}, expected Latents, which encode returns$"):
            model.decode(wrong)
    if len(found.levels) > 1:
        found.levels[0] = found.levels[0][:1]
        with pytest.raises(
            ConfigError, match=r"^latents have levels of \[1, 3\] pictures, expected the same number in"
        ):
            model.decode(found)
