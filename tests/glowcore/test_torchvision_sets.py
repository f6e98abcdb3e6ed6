"""torchvision data sets by name, read from small files in MNIST's format."""

import struct

import numpy as np
import pytest

from glowcore.data import open_dataset
from glowcore.errors import DataError


def _write_mnist(root, name="MNIST", train=5, test=3):
    """Write files in MNIST's format: magic number, sizes, bytes."""
    raw = root / name / "raw"
    raw.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for prefix, count in (("train", train), ("t10k", test)):
        pixels = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, count, 28, 28) + pixels.tobytes())
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, count) + bytes(range(count)))
    return pixels


def test_torchvision_sets_from_files_in_mnists_format(tmp_path):
    test_pixels = _write_mnist(tmp_path)
    data = open_dataset(f"torchvision:MNIST:{tmp_path}", image_size=28, channels=1, split="test")
    assert np.array_equal(data.images[:, 0].numpy(), test_pixels)
    assert data.labels.tolist() == [0, 1, 2]
    assert len(data.class_names) == 10
    assert data.attributes.shape == (3, 0)
    everything = open_dataset(f"torchvision:MNIST:{tmp_path}", image_size=14, limit=7)
    assert everything.images.shape == (7, 3, 14, 14)
    assert everything.labels.tolist() == [0, 1, 2, 3, 4, 0, 1]
    _write_mnist(tmp_path, "FashionMNIST")
    assert len(open_dataset(f"torchvision:FashionMNIST:{tmp_path}", image_size=28, channels=1, split="train")) == 5


@pytest.mark.parametrize(
    ("spec", "split", "words"),
    [
        ("torchvision:MNIST:{}/nothing", "all", "cannot be read from"),
        ("torchvision:ImageNet:{}", "all", "NAME one of CIFAR10"),
        ("torchvision:MNIST", "all", "torchvision:NAME:ROOT"),
        ("torchvision:MNIST:{}", "valid", "no split 'valid'"),
    ],
)
def test_torchvision_mistakes_are_one_line(tmp_path, spec, split, words):
    with pytest.raises(DataError) as caught:
        open_dataset(spec.format(tmp_path), image_size=28, split=split)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
