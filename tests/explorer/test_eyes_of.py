"""The eyes that the dialog for placing them marks."""

from dataclasses import replace
from pathlib import Path

import pytest

from explorer.portraits.photos import Photo
from explorer.ui.components.eyes import eyes_of

ASTRONAUT = Path(__file__).parents[1] / "data" / "astronaut.jpg"


def test_they_are_those_of_the_face_or_those_placed_by_hand():
    photo = Photo.read(ASTRONAUT.read_bytes())
    height, width = photo.picture.shape[:2]
    assert eyes_of(photo, photo.source) == pytest.approx(
        [202 / width, 104 / height, 245 / width, 104 / height], abs=0.01
    )
    by_hand = replace(photo.source, face=-1, eyes=(0.1, 0.2, 0.3, 0.2))
    assert eyes_of(photo, by_hand) == by_hand.eyes
    assert eyes_of(photo, replace(photo.source, face=-1)) == ()
    assert eyes_of(photo, replace(photo.source, face=1)) == ()  # there is one face
