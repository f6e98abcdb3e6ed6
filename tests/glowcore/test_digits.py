"""`pretrained/digits` and the folder it was trained on: what its model card says, and what scikit-learn sees in it."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import glowcore
from glowcore import classes
from glowcore.data import open_dataset
from glowcore.evaluation import evaluate
from glowcore.metadata import CLASS_COUNTS

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "pretrained" / "digits"
#: As the card states them.
BITS_PER_DIM, GENERATIVE, HEAD = 2.338, 0.892, 0.872


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "digits"
    runpy.run_path(str(ROOT / "examples" / "digits.py"))["main"](str(path))
    return path


@pytest.fixture(scope="module")
def shipped():
    return glowcore.load(SHIPPED, device="cpu")


def opened(folder, split):
    return open_dataset(folder, image_size=8, channels=1, split=split, progress=False)


def values(images):
    """Pictures, uint8 [N, 1, 8, 8], as the model's 4 bits see them: [N, 64], 0 to 15."""
    return images.flatten(1).numpy() >> 4


def test_the_folder_is_scikit_learns_set_with_a_fixed_split(folder):
    train, test, digits = opened(folder, "train"), opened(folder, "test"), load_digits()
    assert (len(train), len(test)) == (1500, 297)
    assert train.class_names == test.class_names == tuple("0123456789")
    order = np.argsort([int(Path(file).stem) for file in train.files])
    assert train.labels.numpy()[order].tolist() == digits.target[:1500].tolist()
    # Nothing is lost: the byte tells the value, 0 to 16.
    written = train.images.flatten(1).numpy()[order]
    assert np.array_equal((written.astype(int) + 1) // 16, digits.data[:1500])
    assert np.array_equal(values(train.images)[order], np.minimum(15, digits.data[:1500]))


def test_figures_of_the_model_card(folder, shipped):
    test, train = opened(folder, "test"), opened(folder, "train")
    found = evaluate(shipped, test.images, labels=classes.renumbered(shipped, test.labels, test.class_names))
    assert found.pixels_changed == 0
    assert found.reconstructions_finite == 1
    assert found.n_bits == 4
    assert found.bits_per_dim == pytest.approx(BITS_PER_DIM, abs=0.005)
    assert found.class_accuracy_generative == pytest.approx(GENERATIVE, abs=0.01)
    assert found.class_accuracy_head == pytest.approx(HEAD, abs=0.01)
    assert shipped.metadata[CLASS_COUNTS] == torch.bincount(train.labels).tolist()
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 2_000_000


def test_a_sampled_digit_is_the_digit_asked_for(folder, shipped):
    judge = runpy.run_path(str(ROOT / "examples" / "judge_digits.py"))["judge"]
    for name, (real, sampled) in judge(shipped, folder, 500).items():
        assert real > 0.9, name
        assert sampled >= 0.94, name


def test_every_class_can_be_asked_for_by_name(shipped):
    assert [classes.class_number(shipped, name) for name in "0123456789"] == list(range(10))
