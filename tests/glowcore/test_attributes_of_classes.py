"""Attribute vectors of a class-conditional model: its pictures are encoded and decoded with their classes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from glowcore import ConfigError
from glowcore.attributes.fit import fit_attributes
from glowcore.attributes.refinement import Refinement, RefinementSettings
from tests.glowcore import tiny
from tests.glowcore.test_direction_refinement import pictures as labelled

FEW = RefinementSettings(steps=3, batch_size=6, judge_pictures=300)


@pytest.fixture(scope="module")
def flow():
    """A model of two classes whose top level stands far apart."""
    made = tiny.model(num_classes=2)
    with torch.no_grad():
        made.top_prior.class_stats[:, 0] += torch.tensor([-2.0, 2.0]).reshape(2, 1, 1, 1)
    return made


@pytest.fixture(scope="module")
def data():
    found = labelled(200)
    return replace(found, labels=torch.arange(len(found)) % 2)


def test_pictures_are_encoded_with_their_classes(flow, data):
    vectors = fit_attributes(flow, data, directions="mean", progress=False)
    with torch.no_grad():
        matrix = flow.encode(data.images, data.labels).flatten()
    known = data.attributes[:, 0]
    expected = matrix[known == 1].mean(0) - matrix[known == 0].mean(0)
    assert torch.allclose(vectors.directions[0], expected, atol=1e-4)
    moved = vectors.apply(flow.encode(data.images[:2], data.labels[:2]), {"Bright": 2.0})
    assert moved.y.tolist() == [0, 1]
    assert flow.decode(moved).mean() > flow.decode(flow.encode(data.images[:2], data.labels[:2])).mean() + 0.02


def test_classes_are_those_of_the_model_by_name(flow, data):
    named = replace(data, class_names=("a", "b"))
    flow.metadata = {"class_names": ["b", "a"]}
    turned = fit_attributes(flow, named, directions="mean", progress=False)
    flow.metadata = {}
    expected = fit_attributes(flow, replace(data, labels=1 - data.labels), directions="mean", progress=False)
    assert torch.equal(turned.directions, expected.directions)


def test_a_refinement_decodes_with_the_classes_too(flow, data, monkeypatch):
    vectors = fit_attributes(flow, data, refinement=FEW, progress=False)
    assert vectors.info("Bright")["direction"]["refined"].keys() >= {"kept", "before", "after"}
    with torch.no_grad():
        matrix = flow.encode(data.images, data.labels).flatten().numpy()
    seen = []
    real = flow.decode
    monkeypatch.setattr(flow, "decode", lambda given: seen.append(given) or real(given))
    start = torch.from_numpy(np.random.default_rng(0).normal(size=(2, matrix.shape[1])))
    Refinement(flow, data.images, FEW, y=data.labels, progress=False)(
        matrix, data.attributes.numpy(), ("Bright", "Striped"), start
    )
    top = torch.from_numpy(matrix)
    for given in seen:  # each edit is near the one picture that it was made of, and has its class
        row = torch.cdist(given.flatten().detach(), top).argmin(1)
        assert (data.labels[row] == given.y).float().mean() > 0.8
    assert len(seen) >= FEW.steps


def test_pictures_without_classes_are_refused_in_a_line(flow, data):
    with pytest.raises(ConfigError, match="the pictures have no labels, expected one a picture for a model of 2 class"):
        fit_attributes(flow, replace(data, labels=None), progress=False)
    with pytest.raises(ConfigError, match="there is a class 2, num_classes 2 allows 0 to 1"):
        fit_attributes(flow, replace(data, labels=data.labels + 1), progress=False)


def test_a_model_without_classes_asks_for_none(data):
    flow = tiny.model()
    vectors = fit_attributes(flow, data, directions="mean", progress=False)  # ``data`` has classes, which do not count
    with torch.no_grad():
        matrix = flow.encode(data.images).flatten()
    known = data.attributes[:, 0]
    expected = matrix[known == 1].mean(0) - matrix[known == 0].mean(0)
    assert torch.allclose(vectors.directions[0], expected, atol=1e-4)


def test_labels_of_other_pictures_are_refused(flow, data):
    with pytest.raises(ConfigError, match=r"labels are \[199, 2\], expected \[200, 2\]"):
        fit_attributes(flow, replace(data, attributes=data.attributes[1:]), progress=False)
