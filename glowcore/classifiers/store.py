"""A cache of trained classifiers on disk, keyed by their data and settings.

A classifier is a folder named by the hash of its key. It holds ``classifier.safetensors``, ``classifier.json`` and a
manifest of their hashes, written atomically and verified as model folders are (:mod:`glowcore.storage.atomic`,
:mod:`glowcore.storage.sealed`), without pickle.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glowcore.classifiers.classifier import AttributeClassifier, ClassifierSettings, accuracy, train_classifier
from glowcore.data import PictureSet
from glowcore.errors import CheckpointError
from glowcore.storage import output
from glowcore.storage.atomic import write_set
from glowcore.storage.safetensors_guard import check_specs, pack, read_header, specs_of, unpack
from glowcore.storage.sealed import SealedSet, parse_json, read_set
from glowcore.weight_draws import WeightDraws

WEIGHTS, FACTS = "classifier.safetensors", "classifier.json"
FORMAT_VERSION = 1  # of the network, its training and its files; part of the key, so a change disregards older folders

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredClassifier:
    """A classifier with its folder and its facts.

    Attributes:
        net: the classifier.
        folder: its folder.
        cached: whether it was read from there rather than trained now.
        facts: number of training ``pictures``, number of ``held_out`` pictures, their ``held_out_split``, ``accuracy``
            on them by column (:func:`~glowcore.classifiers.classifier.accuracy`), ``data_sha256``, ``settings``.
    """

    net: AttributeClassifier
    folder: Path
    cached: bool
    facts: dict[str, Any]


def cached_classifier(
    train: PictureSet,
    held_out: Callable[[], tuple[str, PictureSet]],
    folder: str | Path,
    settings: ClassifierSettings | None = None,
    *,
    progress: bool = True,
) -> StoredClassifier:
    """Return the classifier of a training set: read from ``folder``, or trained now and stored there.

    A damaged classifier in the folder is trained again.

    Args:
        train: labelled pictures to train on.
        held_out: returns the name of another split and its pictures, to measure accuracy on; called only after a
            training.
        folder: of all classifiers; made if missing.
        settings: of the training.
        progress: show a bar on stderr.

    Raises:
        DataError: no attribute has enough pictures of both classes.
        ConfigError: the folder is not writable.
        CheckpointError: the trained classifier could not be written.
    """
    settings = settings or ClassifierSettings()
    key = {"format_version": FORMAT_VERSION, "data_sha256": train.fingerprint(), "settings": asdict(settings)}
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    place = Path(folder) / name
    if place.is_dir():
        try:
            net, facts = _read(place)
            return StoredClassifier(net, place, True, facts)
        except CheckpointError as error:
            log.warning("%s; it is trained anew", error)
    output.check_folder(place, "the folder for the classifier")  # before minutes of training
    net = train_classifier(train.images, train.attributes, train.attribute_names, settings, progress=progress)
    split, others = held_out()
    facts = {
        **key,
        "columns": list(net.columns),
        "channels": train.images.shape[1],
        "image_size": list(net.image_size),
        "pictures": len(train),
        "held_out": len(others),
        "held_out_split": split,
        "accuracy": accuracy(net, others.images, others.attributes, others.attribute_names),
    }
    data = {WEIGHTS: pack(place / WEIGHTS, net.state_dict()), FACTS: json.dumps(facts, indent=2).encode()}
    write_set(place, data, (WEIGHTS, FACTS))
    return StoredClassifier(net, place, False, facts)


def _read(place: Path) -> tuple[AttributeClassifier, dict[str, Any]]:
    def read(files: SealedSet) -> tuple[AttributeClassifier, dict[str, Any]]:
        facts = parse_json(place / FACTS, files.read(FACTS))
        net = _build(place / FACTS, facts)
        path = place / WEIGHTS

        def check_header(file) -> None:
            check_specs(path, read_header(path, file, files.entries[WEIGHTS][0]).specs, specs_of(net))

        tensors: dict[str, Tensor] = unpack(path, files.read(WEIGHTS, check_header))[0]
        net.load_state_dict(tensors)
        return net.to(memory_format=torch.channels_last).eval(), facts

    return read_set(place, (WEIGHTS, FACTS), read)


def _build(path: Path, facts: dict[str, Any]) -> AttributeClassifier:
    try:
        columns, size = [str(column) for column in facts["columns"]], tuple(int(side) for side in facts["image_size"])
        with WeightDraws():
            return AttributeClassifier(columns, torch.zeros(len(columns)), int(facts["channels"]), size)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: does not describe a classifier ({str(error)[:80]})") from error
