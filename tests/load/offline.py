"""What every visitor must see, computed without a server."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from explorer.engines.engine import Engine
from explorer.session.desk import Desk
from explorer.session.editor_view import editor_view
from tests.load.client import NONCE, Reply

#: A picture equals another where at most this part of the values differs, by one level of 255.
TOLERANCE = 0.001
LARGEST = 2.0


def messages(number: int, count: int, attributes: tuple[str, ...]) -> list[dict[str, Any]]:
    """What the hand of visitor `number` does: mostly sliders, now and then a lock, undo, redo or reset."""
    generator = random.Random(number)
    found: list[dict[str, Any]] = []
    for _ in range(count):
        kind = generator.choices(("set", "lock", "undo", "redo", "reset"), (20, 1, 1, 1, 1))[0]
        message: dict[str, Any] = {"op": kind}
        if kind in ("set", "lock"):
            message["name"] = generator.choice(attributes)
        if kind == "set":
            message["value"] = round(generator.uniform(-LARGEST, LARGEST), 2)
        if kind == "lock":
            message["on"] = generator.random() < 0.5
        found.append(message)
    return found


class Offline:
    """One engine on the model that the server serves."""

    def __init__(self, folder: Path) -> None:
        self.engine = Engine.open(folder, device="cpu")

    def views(self, photo: bytes, steps: list[dict[str, Any]]) -> list[Reply]:
        """The editor's views after the upload and after each step, as the server's replies carry them."""
        desk = Desk.arrive(self.engine)
        desk.receive(photo, self.engine)
        found = [self._view(desk)]
        for number, step in enumerate(steps, 1):
            desk.handle({**step, "nonce": NONCE, "seq": number}, self.engine)
            found.append(self._view(desk))
        return found

    def _view(self, desk: Desk) -> Reply:
        return Reply(editor_view(desk, self.engine, desk.prepare_view(self.engine)))


def equal(picture: np.ndarray, expected: np.ndarray) -> bool:
    """Whether a picture is the expected one within the recipe's tolerance."""
    if picture.shape != expected.shape:
        return False
    difference = np.abs(picture.astype(np.int16) - expected)
    return int(difference.max()) <= 1 and float((difference > 0).mean()) <= TOLERANCE


def foreign_pixels(picture: np.ndarray, own: np.ndarray, others: np.ndarray) -> int:
    """Pixels that are not one's own by more than one level and are another's: `others` is [N, H, W, 3]."""
    if picture.shape != own.shape:
        return picture.shape[0] * picture.shape[1]
    strange = np.abs(picture.astype(np.int16) - own).max(axis=-1) > 1
    if not strange.any() or not len(others):
        return 0
    of_another = (np.abs(others.astype(np.int16) - picture).max(axis=-1) <= 1).any(axis=0)
    return int((strange & of_another).sum())
