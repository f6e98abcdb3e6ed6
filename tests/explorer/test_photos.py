"""A photo stays in memory as its file; its pixels and crops can be restored."""

import io

import numpy as np
import pytest
from PIL import Image

from explorer.edits.recipe import Source
from explorer.pixels.cache import ByteLRU
from explorer.portraits import photos
from explorer.portraits.photos import Photo, photo_key
from explorer.session.album import Album
from glowcore import images
from glowcore.errors import ImageError
from tests.explorer import tiny_model
from tests.explorer.picture_files import jpeg_of


def file_of(number: int, side: int = 120) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(tiny_model.pictures(1, size=side, seed=number)[0]).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def decodings(monkeypatch):
    """Return the list of decoded files, with a cache of one picture of 120 x 120 pixels."""
    seen = []
    load = images.load
    monkeypatch.setattr(photos.sandbox, "load", lambda data: seen.append(photo_key(data)) or load(data))
    monkeypatch.setattr(photos, "_decoded", ByteLRU(120 * 120 * 3))
    return seen


def test_a_photo_takes_the_memory_of_its_file(decodings):
    data = file_of(0)
    photo = Photo.read(data)
    assert photo.key == photo_key(data)
    assert photo.nbytes == len(data) + 64 * 64 * 3  # and its tile
    np.testing.assert_array_equal(photo.picture, images.load(data))
    assert decodings.count(photo.key) == 1  # for the detection; the pixels were still cached


def test_pixels_that_gave_way_are_decoded_again_alike(decodings):
    first, second = Photo.read(file_of(1)), Photo.read(file_of(2))
    before = first.picture.copy()
    np.testing.assert_array_equal(second.picture, images.load(second.data))
    np.testing.assert_array_equal(first.picture, before)
    assert decodings.count(first.key) >= 2


def test_a_cut_out_face_needs_no_second_decoding(decodings):
    photo, other = Photo.read(file_of(3)), Photo.read(file_of(4))
    found = photo.aligned(32, photo.source).image
    assert other.picture is not None  # evicts the pixels of ``photo``
    count = len(decodings)
    assert photo.aligned(32, photo.source).image is found
    assert len(decodings) == count
    by_hand = Source("photo", photo.key, -1, (0.3, 0.4, 0.6, 0.4))
    assert (photo.aligned(32, by_hand).image != found).any()
    assert photo.aligned(16, photo.source).image.shape == (16, 16, 3)


def test_the_tiles_of_many_photos_are_cut_as_they_come(decodings):
    many = [Photo.read(file_of(number)) for number in range(6, 10)]
    before = len(decodings)
    assert {photo.tile(photo.source).shape for photo in many} == {(64, 64, 3)}
    assert len(decodings) == before == 4


def test_what_is_kept_for_all_is_known_by_its_content_and_cannot_be_changed(decodings):
    photo = Photo.read(file_of(5))
    again = Photo.read(file_of(5))
    assert again.picture is photo.picture
    with pytest.raises(ValueError, match="read-only"):
        photo.picture[0, 0, 0] = 1


def test_a_file_that_is_no_picture_is_a_sentence(decodings):
    with pytest.raises(ImageError, match="not a picture"):
        Photo.read(b"no picture at all")


def test_a_removed_photo_leaves_no_pixels_and_another_session_decodes_it_again(blobs):
    photo, album = Photo.read(jpeg_of(blobs[0])), Album()
    album.keep(photo)
    picture = photo.picture
    album.drop(photo.key)
    assert photos._decoded.get(photo.key) is None
    np.testing.assert_array_equal(photo.picture, picture)
