"""The decoding process: the same results and errors as the loader, and an error message when it fails."""

import os
import signal

import numpy as np
import psutil
import pytest

from explorer.portraits import photos
from explorer.server import sandbox
from explorer.server.sandbox import Decoder
from glowcore import images
from glowcore.errors import ImageError
from tests.glowcore import odd_files

SAFELY = "could not be decoded safely"


def answer(load, data):
    """Return the picture, or the error message."""
    try:
        return load(data)
    except ImageError as error:
        return str(error)


@pytest.fixture(scope="module")
def decoder():
    found = Decoder()
    yield found
    found.close()


def test_the_same_pictures_and_the_same_sentences(decoder):
    odd = odd_files.odd_pictures()
    assert len(odd) >= 60
    for file in odd:
        expected, found = answer(images.load, file.data), answer(decoder.load, file.data)
        np.testing.assert_array_equal(found, expected, err_msg=file.name)


def test_a_process_that_is_killed_is_a_sentence_and_another_takes_over(decoder):
    picture = odd_files.encode(odd_files.smooth(), "PNG")
    decoder.load(picture)
    first = decoder._process.pid
    os.kill(first, signal.SIGKILL)
    decoder._process.wait()
    np.testing.assert_array_equal(decoder.load(picture), odd_files.smooth())
    assert decoder._process.pid != first


def test_a_picture_that_takes_too_long_is_given_up(decoder, monkeypatch):
    picture = odd_files.encode(odd_files.smooth(), "PNG")
    decoder.load(picture)
    os.kill(decoder._process.pid, signal.SIGSTOP)
    monkeypatch.setattr(sandbox, "SECONDS", 0.2)
    with pytest.raises(ImageError, match=SAFELY):
        decoder.load(picture)
    assert decoder._process is None
    monkeypatch.undo()
    np.testing.assert_array_equal(decoder.load(picture), odd_files.smooth())


@pytest.mark.parametrize("answer", [(False, 2**40, 0), (True, 2**40, 1), (True, 2**15, 2**15)])
def test_an_answer_of_any_size_is_not_waited_for(decoder, monkeypatch, answer):
    header = sandbox._SHAPE.pack(*answer)
    asked = []
    monkeypatch.setattr(sandbox, "_read", lambda stream, count, end: asked.append(count) or header)
    with pytest.raises(ImageError, match=SAFELY):
        decoder.load(odd_files.encode(odd_files.smooth(), "PNG"))
    assert max(asked) == len(header)


def test_its_memory_is_bounded(decoder):
    resource = pytest.importorskip("resource")
    decoder.close()
    used = psutil.Process(decoder._started().pid).memory_info().vms
    limit, _ = resource.prlimit(decoder._process.pid, resource.RLIMIT_AS)
    assert limit - used == pytest.approx(sandbox.SPARE_BYTES, abs=64 * 2**20)
    assert resource.prlimit(decoder._process.pid, resource.RLIMIT_CORE) == (0, 0)


def test_the_environment_chooses(monkeypatch):
    asked = []
    monkeypatch.setattr(sandbox._decoder, "load", lambda data: asked.append(data) or odd_files.smooth())
    data = odd_files.encode(odd_files.smooth(), "PNG")
    monkeypatch.delenv(sandbox.VARIABLE, raising=False)
    sandbox.load(data)
    assert asked == []
    monkeypatch.setenv(sandbox.VARIABLE, "1")
    monkeypatch.setattr(photos, "_decoded", photos.ByteLRU(1))
    assert photos.Photo.read(data).picture.shape == odd_files.smooth().shape
    assert asked
