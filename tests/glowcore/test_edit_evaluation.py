"""Edits judged from outside, on a model whose latents are the pixels, so that every figure is known beforehand."""

from types import SimpleNamespace

import pytest
import torch

from glowcore import AttributeVectors, Latents
from glowcore.cli.edit_tables import _edit_rows
from glowcore.data import PictureSet
from glowcore.errors import DataError
from glowcore.evaluation.edits import evaluate_edits
from glowcore.exact import EncodedPart, is_double

SIZE = 16
NAMES = ("Bright", "Male", "Red", "Unjudged")


class Pixels:
    """Latents are pixels in [0, 1]; an exact form and a flow in one.

    float32 loses pictures of which a value is above `holds`, and float64 those above `bears`.
    """

    retried = staticmethod(is_double)

    def __init__(self, attributes, holds=torch.inf, bears=torch.inf):
        self.attributes, self.holds, self.bears = attributes, holds, bears

    def encode_parts(self, images):
        values = images / 255
        far = values.amax(dim=(1, 2, 3)) > self.holds
        parts = [(far.nonzero()[:, 0], values[far].double()), ((~far).nonzero()[:, 0], values[~far])]
        return [EncodedPart(rows, Latents([part]), part, torch.zeros(len(rows))) for rows, part in parts if len(rows)]

    def decode_marked(self, latents):
        images = latents.levels[0].clone()
        largest = images.amax(dim=(1, 2, 3))
        images[largest > self.bears] = torch.nan
        return images, (largest > self.holds) | is_double(latents)


@pytest.fixture(autouse=True)
def _fake(monkeypatch):
    monkeypatch.setattr("glowcore.evaluation.edits.ExactFlow", lambda model, backend: model)


class Judge:
    """Sees brightness, "Male" in the green channel and red in the red one, from a threshold of 0.5."""

    columns = ("Bright", "Male", "Red")

    def probabilities(self, images, names):
        mean = images.clamp(0, 1).mean(dim=(2, 3))
        seen = {"Bright": mean.mean(1), "Male": mean[:, 1], "Red": mean[:, 0]}
        return torch.stack([seen[name] for name in names], dim=1)


def vectors():
    """sigma is 1 and |d| is 1, so that strength s adds s to the norm: s / sqrt(n) to each of n values."""
    bright = torch.ones(3, SIZE, SIZE)
    green, red = torch.zeros(3, SIZE, SIZE), torch.zeros(3, SIZE, SIZE)
    green[1] = 1
    red[0, 4:12, 4:12] = 1  # within the border
    rows = torch.stack([part.flatten() / part.norm() for part in (bright, green, red, bright)])
    return AttributeVectors(
        NAMES,
        rows,
        rows.clone(),
        torch.zeros(4, dtype=torch.float64),
        torch.eye(4, dtype=torch.float64),
        ((3, SIZE, SIZE),),
    )


def pictures(values, labels):
    """Grey pictures of given values, of which all attributes are said to be as ``labels``."""
    images = torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, SIZE, SIZE).contiguous()
    table = torch.tensor(labels, dtype=torch.int8)[:, None].expand(-1, 4).contiguous()
    return PictureSet(images, table, NAMES, [f"{i}" for i in range(len(values))])


def find(results, name, strength):
    return next(r for r in results if (r.attribute, r.strength) == (name, strength))


def test_figures_are_those_of_the_definition():
    step = 1 / (3 * SIZE * SIZE) ** 0.5
    data = pictures([51, 102, 126, 204], [0, 0, 0, 1])
    found = evaluate_edits(Pixels(vectors()), data, Judge(), strengths=(2.0, 10.0), batch_size=2)
    weak, strong = find(found.results, "Bright", 2.0), find(found.results, "Bright", 10.0)
    assert weak.images == strong.images == 3
    assert (weak.before, weak.success, strong.success) == (0, pytest.approx(1 / 3), 1)
    assert weak.change == weak.change_border == pytest.approx(2 * step, rel=1e-4)
    # Every other attribute that the judge knows goes up by as much.
    assert weak.leak == weak.leak_most_change == pytest.approx(2 * step, rel=1e-4)
    assert (weak.finite, weak.inside, weak.values_inside) == (1, 1, 1)

    red = find(found.results, "Red", 2.0)
    assert red.change_border == pytest.approx(0, abs=1e-7)
    assert red.change == pytest.approx(2 / 8 * 64 / (3 * SIZE * SIZE), rel=1e-4)
    moved = 2 / 8 * 64 / SIZE**2
    assert red.leak_most == "Bright"
    assert red.leak_most_change == pytest.approx(moved / 3, rel=1e-4)
    assert red.leak == pytest.approx(moved / 6, rel=1e-4)  # Bright a third, Male nothing


def test_a_picture_moved_until_it_is_seen_goes_no_farther():
    step = 1 / (3 * SIZE * SIZE) ** 0.5
    data = pictures([51, 102, 126, 140], [0, 0, 0, 0])
    found = evaluate_edits(Pixels(vectors()), data, Judge(), strengths=(10.0, 2.0), batch_size=3)
    bright = found.until_seen[0]
    # The brightest shows it untouched; of the others one needs 2 sigma and two need 10.
    assert (bright.attribute, bright.images, bright.success) == ("Bright", 3, 1)
    assert bright.strength == pytest.approx(22 / 3)
    assert bright.leak == pytest.approx(22 / 3 * step, rel=1e-3)
    assert bright.change == pytest.approx(22 / 3 * step, rel=1e-3)


def test_what_has_an_opposite_is_also_taken_away_from_those_who_have_it():
    data = pictures([51, 102, 140, 204], [0, 0, 1, 1])
    found = evaluate_edits(Pixels(vectors()), data, Judge(), strengths=(1.0,))
    away = find(found.results, "Male", -1.0)
    assert (away.images, away.before, away.success) == (2, 0, 0.5)
    assert [(s.attribute, s.sign) for s in found.strips] == [("Bright", 1), ("Male", 1), ("Male", -1), ("Red", 1)]
    assert found.skipped == {"Unjudged": "the classifier has no label for it"}


def test_the_first_pictures_are_taken_and_shown():
    data = pictures([51, 204, 102, 126], [0, 1, 0, -1])
    found = evaluate_edits(Pixels(vectors()), data, Judge(), strengths=(3.0,), most=1)
    assert find(found.results, "Bright", 3.0).images == 1
    strip = found.strips[0].pictures
    assert strip.shape == (1, 2, 3, SIZE, SIZE)
    assert torch.allclose(strip[0, 0], torch.tensor(0.2))
    assert torch.allclose(strip[0, 1], torch.tensor(0.2 + 3 / (3 * SIZE * SIZE) ** 0.5), atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 50])
def test_strips_show_as_many_pictures_whatever_the_batches(batch_size):
    data = pictures([51, 102, 126, 76], [0, 0, 0, 0])
    found = evaluate_edits(Pixels(vectors()), data, Judge(), strengths=(3.0,), batch_size=batch_size, shown=3)
    strip = found.strips[0].pictures
    assert strip.shape == (3, 2, 3, SIZE, SIZE)
    assert torch.allclose(strip[:, 0, 0, 0, 0], torch.tensor([51, 102, 126]) / 255)


def test_broken_and_clipped_pictures_are_counted(monkeypatch):
    model = Pixels(vectors())
    real = model.decode_marked

    def decode(latents):
        images, marks = real(latents)
        images[0, 0, 0, 0] = torch.nan
        images[1, :, :2] = 1.2
        return images, marks

    monkeypatch.setattr(model, "decode_marked", decode)
    data = pictures([60, 60, 60, 60], [0, 0, 0, 0])
    found = find(evaluate_edits(model, data, Judge(), strengths=(5.0,)).results, "Bright", 5.0)
    assert found.finite == 0.75
    assert found.inside == 0.75
    assert found.values_inside == pytest.approx(1 - (2 / SIZE + 1 / (3 * SIZE**2)) / 4)
    assert found.change < 0.5


def test_an_edit_that_is_no_picture_has_not_succeeded(monkeypatch):
    model = Pixels(vectors())
    real = model.decode_marked

    def decode(latents):
        images, marks = real(latents)
        images[0] = torch.nan
        return images, marks

    monkeypatch.setattr(model, "decode_marked", decode)
    monkeypatch.setattr(Judge, "probabilities", lambda self, images, names: torch.zeros(len(images), len(names)))
    found = find(evaluate_edits(model, pictures([204, 204], [1, 1]), Judge(), strengths=(9.0,)).results, "Male", -9.0)
    assert (found.finite, found.success, found.before) == (0.5, 0.5, 1.0)


def test_what_float64_can_make_counts_and_is_counted_and_pictures_keep_their_places():
    step = 1 / (3 * SIZE * SIZE) ** 0.5
    values = [51, 204, 140, 102]  # as 0.2, 0.8, 0.55, 0.4; 3.0 moves by 0.11, 9.0 by 0.32
    data = pictures(values, [0, 0, 0, 0])
    usual = evaluate_edits(Pixels(vectors()), data, Judge(), strengths=(3.0, 9.0), shown=4)
    double = evaluate_edits(Pixels(vectors(), holds=0.6, bears=0.9), data, Judge(), strengths=(3.0, 9.0), shown=4)
    weak, strong = find(double.results, "Bright", 3.0), find(double.results, "Bright", 9.0)
    # The second is encoded in float64; 0.55 + 0.11 and 0.4 + 0.32 are decoded in it; 0.8 + 0.11 is too much for either.
    assert (weak.in_float64, strong.in_float64) == (2, 3)
    assert (weak.finite, strong.finite) == (0.75, 0.75)
    assert weak.change == pytest.approx(3 * step, rel=1e-4)
    assert find(usual.results, "Bright", 9.0).in_float64 == 0
    assert [row[9] for row in _edit_rows([weak, find(usual.results, "Bright", 3.0)])[1:]] == [
        "75.0 % (2 tried in float64)",
        "100.0 %",
    ]
    before, expected = double.strips[0].pictures, usual.strips[0].pictures
    assert torch.allclose(before[:, 0, 0, 0, 0], torch.tensor(values) / 255)
    assert before[1, 1:].isnan().all()
    kept = [0, 2, 3]
    assert torch.allclose(before[kept], expected[kept])


def test_nothing_to_measure_is_an_error_that_says_why():
    with pytest.raises(DataError, match="Bright: no picture is labelled as lacking it"):
        evaluate_edits(Pixels(vectors()), pictures([9, 9], [-1, -1]), Judge())


def test_the_judge_alone_does_not_do():
    data = pictures([9, 9], [0, 0])
    blind = SimpleNamespace(columns=("Other",))
    with pytest.raises(DataError, match="the classifier has no label for it"):
        evaluate_edits(Pixels(vectors()), data, blind)
