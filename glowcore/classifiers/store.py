"""Trained classifiers kept on disk, under a name that tells the data and the settings apart.

A classifier is a folder ``HASH`` of ``classifier.safetensors`` and ``classifier.json`` with a manifest of their hashes,
written and read as model folders are (:mod:`glowcore.storage.atomic`, :mod:`glowcore.storage.sealed`): no pickle, whole
or not at all.
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
FORMAT_VERSION = 1  # of the network, its training and its files; a change makes older folders unknown

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredClassifier:
    """A classifier, where it lies, whether it was there already, and what is known of it.

    Attributes:
        net: the classifier.
        folder: its folder.
        cached: found there rather than trained now.
        facts: ``pictures`` it was trained on, ``held_out`` number, ``held_out_split`` and ``accuracy`` by column
            (:func:`~glowcore.classifiers.classifier.accuracy`), ``data_sha256``, ``settings``.
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
    """Return the classifier of some training pictures: from ``folder``, or trained now and kept there.

    Args:
        train: labelled pictures to learn from.
        held_out: opens others to measure its accuracy on, and names their split; asked for only when it is trained.
        folder: where classifiers are kept; made if missing.
        settings: how it is trained.
        progress: show a bar on stderr.

    Raises:
        DataError: no attribute has enough pictures of both kinds.
        ConfigError: the folder is not writable.
        CheckpointError: it cannot be written after all. A damaged classifier in it is trained anew.
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
    output.check_folder(place, "the folder for the classifier")  # before the minutes that training takes
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

        def look(file) -> None:
            check_specs(path, read_header(path, file, files.entries[WEIGHTS][0]).specs, specs_of(net))

        tensors: dict[str, Tensor] = unpack(path, files.read(WEIGHTS, look))[0]
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
