"""The judge of edits: what it learns, what its probabilities mean, and that it is found again on disk."""

import pytest
import torch

from glowcore.classifiers import store as classifier_store
from glowcore.classifiers.classifier import (
    AttributeClassifier,
    ClassifierSettings,
    accuracy,
    augment,
    find_column,
    train_classifier,
)
from glowcore.classifiers.store import cached_classifier
from glowcore.data import PictureSet
from glowcore.errors import CheckpointError, ConfigError, DataError

COLUMNS = ("Striped", "No_Dark", "Rare")
QUICK = ClassifierSettings(epochs=6, batch_size=32, learning_rate=1e-2)


def labelled(count=400, seed=0, size=16):
    """Noise with horizontal stripes, or dark, or neither; ``Rare`` is always absent but for 5 pictures."""
    rng = torch.Generator().manual_seed(seed)
    striped, dark = (torch.rand(count, generator=rng) < 0.4 for _ in range(2))
    values = 150 + 20 * torch.randn(count, 3, size, size, generator=rng)
    values[striped, :, ::4] += 80
    values[striped, :, 1::4] += 80
    values[dark] *= 0.3
    rare = torch.zeros(count)
    rare[:5] = 1
    labels = torch.stack([striped, ~dark, rare], dim=1).to(torch.int8)
    return PictureSet(values.clamp(0, 255).to(torch.uint8), labels, COLUMNS, [f"{i}.png" for i in range(count)])


@pytest.fixture(scope="module")
def net():
    data = labelled()
    labels = data.attributes.clone()
    labels[::7] = -1
    return train_classifier(data.images, labels, COLUMNS, QUICK, progress=False)


def test_it_learns_what_the_labels_say_and_leaves_out_what_is_too_rare(net):
    assert net.columns == ("Striped", "No_Dark")
    fresh = labelled(seed=1)
    truth = fresh.attributes.clone()
    truth[:, 1] = 1 - truth[:, 1]
    found = accuracy(net, fresh.images, truth, ("Striped", "Dark", "Rare"))
    assert set(found) == {"Striped", "Dark"}
    for name, column in (("Striped", 0), ("Dark", 1)):
        assert found[name]["balanced_accuracy"] > 0.9
        assert found[name]["auc"] > 0.95
        assert found[name]["with"] == int(truth[:, column].sum())
        assert found[name]["seen_with"] > 0.8 > 0.2 > found[name]["seen_without"]


def test_probabilities_are_those_of_equally_common_classes():
    log_odds = torch.tensor([2.0, -1.0])
    net = AttributeClassifier(("Smiling", "No_Beard"), log_odds, 3, (16, 16)).eval()
    images = torch.rand(4, 3, 16, 16)
    with torch.no_grad():
        logits = net(images) - log_odds
    found = net.probabilities(images, ["Beard", "Smiling"])
    assert torch.allclose(found[:, 0], (-logits[:, 1]).sigmoid())
    assert torch.allclose(found[:, 1], logits[:, 0].sigmoid())


def test_training_ignores_unknown_labels_and_takes_their_odds_from_the_known(net):
    data = labelled()
    known = torch.ones(len(data), dtype=torch.bool)
    known[::7] = False
    share = data.attributes[known, 0].double().mean()
    assert float(net.log_odds[0]) == pytest.approx(float((share / (1 - share)).log()), abs=1e-5)


def test_what_a_viewer_sees_is_judged(net):
    image = torch.rand(2, 3, 16, 16)
    beyond = image.clone()
    beyond[image > 0.9] = 7.0
    beyond[0, 0, 0, 0] = torch.nan
    shown = beyond.nan_to_num(0).clamp(0, 1)
    assert torch.equal(net.probabilities(beyond, ["Striped"]), net.probabilities(shown, ["Striped"]))
    whole = (255 * shown).to(torch.uint8)
    assert torch.allclose(net.probabilities(whole, ["Dark"]), net.probabilities(whole / 255, ["Dark"]))
    net.train()
    with pytest.raises(DataError, match=r"no column for 'Hat'.*Striped, No_Dark"):
        net.probabilities(image, ["Hat"])
    assert net.training  # a refusal leaves it as it was
    net.eval()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Smiling", (0, False)),
        ("Mouth_Open", (1, False)),
        ("Beard", (2, True)),
        ("No_Beard", (2, False)),
        ("Hat", None),
    ],
)
def test_names_of_celeba(name, expected):
    assert find_column(name, ("Smiling", "Mouth_Slightly_Open", "No_Beard")) == expected


@pytest.mark.parametrize("size", [(8, 8), (16, 12), (32, 32), (64, 64)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_of_picture(size, channels):
    net = AttributeClassifier(("Smiling",), torch.zeros(1), channels, size).eval()
    assert net(torch.rand(3, channels, *size)).shape == (3, 1)


def test_augmented_pictures_are_pictures():
    torch.manual_seed(0)
    images = labelled(64).images / 255
    found = augment(images)
    assert found.shape == images.shape
    assert 0 <= float(found.min()) < float(found.max()) <= 1
    assert float((found - images).abs().mean()) > 0.02
    # Light and place change, what the picture shows stays: the mean of all is about what it was.
    assert float(found.mean()) == pytest.approx(float(images.mean()), abs=0.06)


def test_no_labels_are_an_error():
    data = labelled(40)
    with pytest.raises(DataError, match="30 pictures with and 30 without"):
        train_classifier(data.images, torch.zeros_like(data.attributes), COLUMNS, QUICK, progress=False)


def test_a_classifier_that_could_not_be_kept_is_not_trained(tmp_path, monkeypatch):
    monkeypatch.setattr("glowcore.storage.output.os.access", lambda path, mode: False)
    monkeypatch.setattr("glowcore.classifiers.store.train_classifier", None)
    with pytest.raises(ConfigError, match="is not writable"):
        cached_classifier(labelled(64), lambda: None, tmp_path)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A classifier on disk, and a count of the trainings so far."""
    runs = []
    real = train_classifier
    monkeypatch.setattr(classifier_store, "train_classifier", lambda *a, **k: runs.append(1) or real(*a, **k))
    one = ClassifierSettings(epochs=1)

    def get(data=None, settings=one):
        data = labelled(80) if data is None else data
        return cached_classifier(data, lambda: ("valid", labelled(60, seed=2)), tmp_path, settings, progress=False)

    return get, runs


def test_a_classifier_is_found_again(kept):
    get, runs = kept
    first, again = get(), get()
    assert (first.cached, again.cached, len(runs)) == (False, True, 1)
    assert again.folder == first.folder
    assert again.facts == first.facts
    assert again.facts["held_out"] == 60
    assert set(again.facts["accuracy"]) == {"Striped", "No_Dark"}
    images = labelled(10, seed=3).images
    assert torch.equal(again.net.probabilities(images, ["Dark"]), first.net.probabilities(images, ["Dark"]))
    assert {p.name for p in first.folder.iterdir()} == {"classifier.safetensors", "classifier.json", "manifest.json"}


def test_other_data_or_settings_are_another_classifier(kept):
    get, runs = kept
    data = labelled(80)
    data.attributes[3, 0] = 1 - data.attributes[3, 0]
    folders = {get().folder, get(data).folder, get(settings=ClassifierSettings(epochs=1, seed=1)).folder}
    assert len(folders) == len(runs) == 3


def test_a_damaged_classifier_is_trained_anew(kept, caplog):
    get, runs = kept
    first = get()
    path = first.folder / "classifier.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged"):
        classifier_store._read(first.folder)
    again = get()
    assert (again.cached, len(runs)) == (False, 2)
    assert "trained anew" in caplog.text
    assert get().cached


def test_augmentation_runs_where_the_pictures_are():
    assert augment(torch.empty(2, 3, 16, 16, device="meta")).device.type == "meta"
