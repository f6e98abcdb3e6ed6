"""What float32 does not bring back, or loses, is done again in float64, picture by picture."""

import pytest
import torch

from glowcore import ConfigError
from glowcore.exact import RETRY_ABOVE, ExactFlow, is_double, largest_error, largest_errors
from glowcore.fused import FusedFlow
from tests.glowcore import rough
from tests.glowcore.tiny import pictures


@pytest.fixture(scope="module")
def exact():
    return ExactFlow(rough.model(), backend="torch")


@pytest.fixture
def mixed():
    """Ramps, and noise in the second place."""
    return torch.cat([pictures(1, rough.SIZE), rough.noise(), pictures(1, rough.SIZE, seed=3)])


def test_float32_alone_does_not_do_for_noise(exact, mixed):
    back = FusedFlow(exact.flow, backend="torch")
    errors = largest_errors(back.decode(back.encode(mixed)), mixed / 255)
    assert (errors > RETRY_ABOVE).tolist() == [False, True, False]


def test_each_picture_is_encoded_in_the_precision_that_it_needs(exact, mixed):
    usual, far = exact.encode_parts(mixed)
    assert (usual.rows.tolist(), far.rows.tolist()) == ([0, 2], [1])
    assert (is_double(usual.latents), is_double(far.latents)) == (False, True)
    with torch.no_grad():
        expected = exact.double.encode((mixed[1:2] / 255).double())
    assert torch.allclose(far.latents.flatten(), expected.flatten(), rtol=1e-9, atol=1e-9)
    assert far.errors.max() < 1e-6
    for part in (usual, far):
        assert part.errors.max() <= RETRY_ABOVE
        assert torch.equal((part.back * 255).round().to(torch.uint8), mixed[part.rows])
        assert torch.equal(part.errors, largest_errors(part.back, mixed[part.rows] / 255))


def test_a_batch_of_usual_pictures_makes_no_float64_model(mixed):
    exact = ExactFlow(rough.model(), backend="torch")
    (part,) = exact.encode_parts(mixed[[0, 2]])
    assert part.rows.tolist() == [0, 1]
    assert exact._double is None
    latents, back, error = exact.round_trip(mixed[1:2])
    assert is_double(latents)
    assert error == largest_error(back, mixed[1:2] / 255) <= RETRY_ABOVE


@pytest.mark.parametrize("count", [0, 3])
def test_a_round_trip_is_of_one_picture(exact, mixed, count):
    with pytest.raises(
        ConfigError, match=rf"^round_trip takes one picture, not {count}; use encode_parts for a batch$"
    ):
        exact.round_trip(mixed[:count])


def test_what_float64_does_not_bring_back_either_stays_float32_and_is_infinitely_wrong():
    latents, _, error = ExactFlow(rough.model(0.12), backend="torch").round_trip(rough.noise())
    assert error == float("inf")
    assert not is_double(latents)


def test_what_float64_brings_back_worse_stays_float32(mixed, monkeypatch):
    exact = ExactFlow(rough.model(), backend="torch")
    plain = FusedFlow(exact.flow, backend="torch")
    expected = largest_errors(plain.decode(plain.encode(mixed)), mixed / 255)
    decode = exact.double.decode
    monkeypatch.setattr(exact.double, "decode", lambda latents: decode(latents) + 2 * expected.max())
    (part,) = exact.encode_parts(mixed)
    assert not is_double(part.latents)
    assert torch.equal(part.errors, expected)


def test_labels_go_with_their_pictures(mixed):
    exact = ExactFlow(rough.model(num_classes=3), backend="torch")
    with torch.no_grad():
        exact.flow.top_prior.class_stats.normal_(0, 0.3)
    parts = exact.encode_parts(mixed, [0, 1, 2])
    assert [part.latents.y.tolist() for part in parts] == [[0, 2], [1]]
    usual, far = exact.encode_parts(mixed, torch.tensor([0, 1, 2]))
    assert (usual.latents.y.tolist(), far.latents.y.tolist()) == ([0, 2], [1])
    assert torch.equal((far.back * 255).round().to(torch.uint8), mixed[1:2])
    (one,) = exact.encode_parts(mixed[1:2], 2)
    assert one.latents.y.tolist() == [2]
    assert one.errors.max() <= RETRY_ABOVE


def test_of_a_batch_only_what_is_lost_is_decoded_again_and_marked(exact, mixed, monkeypatch):
    latents = exact.encode(mixed[[0, 2]])
    usual = exact.decode(latents)
    assert not exact.decode_marked(latents)[1].any()
    decode = FusedFlow.decode

    def lose_the_second(self, latents):
        values = decode(self, latents).clone()
        values[1, 0, 0, 0] = torch.inf
        return values

    monkeypatch.setattr(FusedFlow, "decode", lose_the_second)
    values, marked = exact.decode_marked(latents)
    assert marked.tolist() == [False, True]
    assert torch.equal(values[0].float(), usual[0])
    with torch.inference_mode():
        assert torch.equal(values[1], exact.double.decode(latents[1])[0])
    assert exact.decode_marked(latents.to(torch.float64))[1].all()


@pytest.mark.parametrize("one_each", [True, False])
def test_bits_that_are_lost_are_counted_again_of_the_same_noise(exact, mixed, monkeypatch, one_each):
    def generator():
        noise = [torch.Generator().manual_seed(seed) for seed in range(3)]
        return noise if one_each else noise[0]

    usual = exact.bits_per_dim(mixed, generator=generator())
    assert usual.dtype == torch.float32
    encode = FusedFlow.encode_cube

    def lose_the_last(self, x, y):
        latents = encode(self, x, y)
        latents.log_prob[2] = torch.nan
        return latents

    monkeypatch.setattr(FusedFlow, "encode_cube", lose_the_last)
    again = exact.bits_per_dim(mixed, generator=generator())
    assert torch.equal(again[:2].float(), usual[:2])
    with torch.inference_mode():
        x = exact.flow.dequantised(mixed, generator())[2:].double()
        expected = exact.double.bits_of(exact.double.encode_cube(x, None))
    assert torch.equal(again[2:], expected)
    assert abs(float(again[2] - usual[2])) < 1e-3


def test_the_float64_model_follows_the_weights(exact, mixed):
    flow = rough.model()
    exact = ExactFlow(flow, backend="torch")
    exact.round_trip(mixed[1:2])
    with torch.no_grad():
        flow.top_prior.stats.add_(0.25)
    latents = exact.round_trip(mixed[1:2])[0]
    with torch.inference_mode():
        expected = rough.model()
        expected.top_prior.stats.add_(0.25)
        wanted = expected.double().encode((mixed[1:2] / 255).double())
    assert torch.allclose(latents.levels[-1], wanted.levels[-1], rtol=1e-9, atol=1e-9)


def test_float64_is_no_retry_for_a_model_that_is_float64_itself(exact, mixed):
    own = ExactFlow(rough.model().double(), backend="torch")
    (part,) = own.encode_parts(mixed)
    assert is_double(part.latents)
    assert not own.retried(part.latents)
    values, marks = own.decode_marked(part.latents)
    assert marks.tolist() == [False, False, False]
    assert largest_error(values, mixed.double() / 255) < 1e-6
    assert [exact.retried(found.latents) for found in exact.encode_parts(mixed)] == [False, True]
