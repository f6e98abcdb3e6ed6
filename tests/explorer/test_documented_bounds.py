"""The bounds of a server are those that docs/deploy.md gives."""

import re
import tomllib

import pytest

from explorer.edits.history import MAX_STEPS
from explorer.engines import engine, turns
from explorer.portraits import photos
from explorer.server import sandbox, upload_bounds
from explorer.session import album
from explorer.ui import state
from glowcore import image_guard
from tests.explorer.visiting import REPOSITORY

PAGE = (REPOSITORY / "docs" / "deploy.md").read_text("utf-8")
CONFIG = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text("utf-8"))
MIB = 2**20
MEGAPIXELS = {kind: pixels / 1e6 for kind, pixels in image_guard.MAX_PIXELS.items()}
WORDS = {"two": 2, "five": 5}


@pytest.mark.parametrize(
    ("place", "values"),
    [
        (r"\| a file \| N MB; JPEG N, PNG N, WebP N megapixels", (image_guard.MAX_BYTES / MIB, *MEGAPIXELS.values())),
        (r"\| files of a visitor \| N MiB in N files", (upload_bounds.SHARED.megabytes, upload_bounds.SHARED.files)),
        (r"\| files of all visitors \| N times that", (upload_bounds.SHARED.together,)),
        (
            r"\| on one's own machine, instead \| N MiB in N files, N times that",
            (upload_bounds.ALONE.megabytes, upload_bounds.ALONE.files, upload_bounds.ALONE.together),
        ),
        (r"\| visitors connected \| N \|", (upload_bounds.SESSIONS,)),
        (
            r"\| requests that wait for a model \| N, each for N s",
            lambda engine: (engine.turns._places, engine.turns._patience),
        ),
        (
            r"\| steps of undo, photos, aligned pictures of a visitor \| N, N \(or N MB of them\), N \|",
            (MAX_STEPS, album.MAX_PHOTOS, album.PHOTO_BYTES / MIB, album.MAX_CROPS),
        ),
        (
            r"pixels of photos; encodings and pictures of a model \| N MiB; N \+ N MiB",
            (photos._decoded.limit / MIB, engine.CACHE_BYTES / MIB, engine.PICTURE_CACHE_BYTES / MIB),
        ),
        (r"\| a closed tab, of a visitor with uploads \| N s", (upload_bounds.KEPT,)),
        (r"\| a closed tab without uploads \| N s", (CONFIG["server"]["disconnectedSessionTTL"],)),
        (r"another process, N s and N MiB per picture", (sandbox.SECONDS, sandbox.SPARE_BYTES / MIB)),
        (r"waits for more than N seconds is told", (turns.NOTICE,)),
        (r"leaves the queue for the new request within N s;", (turns.LOOK,)),
        (r"the N used last are kept", (state._model._info.max_entries,)),
    ],
)
def test_bounds_are_the_documented_ones(place, values, engine):
    values = values(engine) if callable(values) else values
    found = re.search(re.sub(r"\bN\b", r"([\\d.]+|two|five)", place), PAGE)
    assert tuple(float(WORDS.get(word, word)) for word in found.groups()) == values
