"""The picture loader: every file gives the right picture or a one-line error, with bounded memory."""

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from glowcore import image_guard, images
from glowcore.errors import ImageError
from tests.glowcore import colour_profiles, odd_files
from tests.glowcore.odd_files import encode, exif, smooth

ODD = odd_files.odd_pictures()
ROOT = Path(__file__).parents[2]


def _is_one_sentence(text: str) -> bool:
    return 20 < len(text) < 250 and "\n" not in text and "Traceback" not in text and "0x" not in text


@pytest.mark.parametrize("odd", ODD, ids=[odd.name for odd in ODD])
def test_odd_picture_is_right_or_refused_with_a_sentence(odd):
    if isinstance(odd.expect, str):
        with pytest.raises(ImageError) as caught:
            images.load(odd.data)
        assert odd.expect in str(caught.value)
        assert _is_one_sentence(str(caught.value))
    else:
        picture = images.load(odd.data)
        assert picture.dtype == np.uint8
        assert picture.flags.c_contiguous
        assert odd.expect(picture)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_no_picture_grows_memory_beyond_256_mb():
    """The script runs in a process of its own, and loads the largest pictures within the limits as well."""
    script = ROOT / "tests" / "glowcore" / "measure_loading.py"
    done = subprocess.run([sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    growth = json.loads(done.stdout)
    assert len(growth) >= len(ODD) + 5
    assert max(growth.values()) <= 256 * 2**20, sorted(growth.items(), key=lambda item: item[1])[-5:]


def _orientation_cases():
    for portrait in (False, True):
        upright = smooth(36, 24) if portrait else smooth(24, 36)
        name = "portrait" if portrait else "landscape"
        for orientation in range(1, 9):
            turned = _as_the_camera_stored_it(upright, orientation)
            yield f"{name}-{orientation}", encode(turned, "JPEG", quality=97, exif=exif(orientation)), upright, 2
        for orientation in (3, 6):
            turned = _as_the_camera_stored_it(upright, orientation)
            yield f"{name}-{orientation}-png", encode(turned, "PNG", exif=exif(orientation)), upright, 0
            webp = encode(turned, "WEBP", lossless=True, exif=exif(orientation))
            yield f"{name}-{orientation}-webp", webp, upright, 0


def _as_the_camera_stored_it(upright: np.ndarray, orientation: int) -> np.ndarray:
    """Apply the EXIF 2.3 table: the side of the scene that the stored row 0 and column 0 show."""
    row, column = {
        1: ("top", "left"),
        2: ("top", "right"),
        3: ("bottom", "right"),
        4: ("bottom", "left"),
        5: ("left", "top"),
        6: ("right", "top"),
        7: ("right", "bottom"),
        8: ("left", "bottom"),
    }[orientation]
    stored = upright if row in ("top", "bottom") else upright.swapaxes(0, 1)
    stored = stored[::-1] if row in ("bottom", "right") else stored
    return np.ascontiguousarray(stored[:, ::-1] if column in ("right", "bottom") else stored)


def _colour_cases():
    picture = smooth()
    p3 = colour_profiles.in_space(picture, colour_profiles.DISPLAY_P3, None)
    adobe = colour_profiles.in_space(picture, colour_profiles.ADOBE_RGB, colour_profiles.ADOBE_GAMMA)
    p3_profile, adobe_profile = colour_profiles.display_p3(), colour_profiles.adobe_rgb()
    yield "p3-png", encode(p3, "PNG", icc_profile=p3_profile), picture, 1
    yield "p3-jpeg", encode(p3, "JPEG", quality=97, icc_profile=p3_profile), picture, 2
    yield "p3-webp", encode(p3, "WEBP", lossless=True, icc_profile=p3_profile), picture, 1
    yield "adobe-png", encode(adobe, "PNG", icc_profile=adobe_profile), picture, 1
    yield "adobe-jpeg", encode(adobe, "JPEG", quality=97, icc_profile=adobe_profile), picture, 2
    turned = _as_the_camera_stored_it(adobe, 6)
    yield "adobe-turned", encode(turned, "JPEG", quality=97, icc_profile=adobe_profile, exif=exif(6)), picture, 2
    opaque = Image.fromarray(p3).convert("RGBA")
    yield "p3-alpha", encode(opaque, "PNG", icc_profile=p3_profile), picture, 1
    few = Image.fromarray(p3[:16, :16]).quantize(256, method=Image.Quantize.FASTOCTREE)
    exact = colour_profiles.in_space(np.asarray(few.convert("RGB")), colour_profiles.SRGB, None)
    reference = _by_imagecms(Image.fromarray(exact), p3_profile)
    yield "p3-palette", encode(few, "PNG", icc_profile=p3_profile), reference, 1
    grey = np.asarray(Image.fromarray(picture).convert("L"))
    linear = np.round(255 * colour_profiles.srgb_to_linear(grey / 255.0) ** (1 / 1.8)).astype(np.uint8)
    reference = np.repeat(grey[..., None], 3, axis=2)
    yield "grey-gamma-png", encode(linear, "PNG", icc_profile=colour_profiles.grey(1.8)), reference, 1
    with_alpha = Image.fromarray(linear).convert("LA")
    yield "grey-gamma-alpha", encode(with_alpha, "PNG", icc_profile=colour_profiles.grey(1.8)), reference, 1
    inks = Image.fromarray(picture).convert("CMYK")
    stored = encode(inks, "JPEG", quality=97, icc_profile=colour_profiles.cmyk())
    yield "cmyk-profile", stored, _by_imagecms(inks, colour_profiles.cmyk()), 2
    yield "cmyk-plain", encode(inks, "JPEG", quality=97), picture, 2


def _by_imagecms(picture: Image.Image, profile: bytes) -> np.ndarray:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return np.asarray(ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"))


UPRIGHT = [*_orientation_cases(), *_colour_cases()]


@pytest.mark.parametrize(("data", "reference", "levels"), [case[1:] for case in UPRIGHT], ids=[c[0] for c in UPRIGHT])
def test_orientation_and_colour_match_the_upright_srgb_reference(data, reference, levels):
    picture = images.load(data)
    assert picture.shape == reference.shape
    assert np.abs(picture.astype(int) - reference).mean() <= levels
    assert np.abs(picture.astype(int) - reference).max() <= 6 * max(levels, 1)


def test_profiles_are_not_just_ignored():
    wide = colour_profiles.in_space(smooth(), colour_profiles.ADOBE_RGB, colour_profiles.ADOBE_GAMMA)
    assert np.abs(wide.astype(int) - smooth()).mean() > 5
    inks = Image.fromarray(smooth()).convert("CMYK")
    assert np.abs(_by_imagecms(inks, colour_profiles.cmyk()).astype(int) - smooth()).mean() > 5


def test_alpha_lies_over_white():
    half = Image.new("RGBA", (3, 2), (200, 0, 0, 102))
    assert images.load(encode(half, "PNG"))[0, 0].tolist() == [233, 153, 153]


def test_pictures_that_are_transparent_in_places_are_told_from_opaque_ones():
    files = {odd.name: odd.data for odd in ODD if callable(odd.expect)}
    files["opaque"] = encode(Image.new("RGBA", (3, 2), (200, 0, 0, 255)), "PNG")
    found = {name for name, data in files.items() if images.is_transparent(data)}
    assert found == {name for name in files if any(word in name for word in ("alpha", "cut-out", "half"))}
    assert len(found) == 8


def test_large_pictures_are_shrunk_while_they_are_decoded():
    picture = Image.new("L", (6000, 4000), 77)
    for kind in ("JPEG", "PNG"):
        loaded = images.load(encode(picture, kind))
        assert loaded.shape == (2000, 3000, 3)
        assert abs(int(loaded[1000, 1000, 0]) - 77) <= 1


def test_strips_join_without_a_seam(monkeypatch):
    from glowcore import image_decoding

    picture = smooth(101, 57)
    whole = images.load(encode(picture, "PNG"))
    monkeypatch.setattr(image_decoding, "_STRIP_PIXELS", 57 * 7)
    assert np.array_equal(images.load(encode(picture, "PNG")), whole)
    monkeypatch.setattr(image_decoding, "MAX_WORKING_PIXELS", 2000)
    shrunk = images.load(encode(picture, "PNG"))
    assert shrunk.shape == (51, 29, 3)
    assert np.array_equal(shrunk, np.asarray(Image.fromarray(picture).reduce(2)))


def _load_or_sentence(data: bytes) -> str | None:
    try:
        images.load(data)
    except ImageError as error:
        return str(error)
    return None


def test_mutated_files_never_raise_anything_else():
    generator = np.random.default_rng(3)
    seeds = [odd.data for odd in ODD if not isinstance(odd.expect, str) and 60 < len(odd.data) < 20_000]
    for trial in range(600):
        data = bytearray(seeds[trial % len(seeds)])
        for _ in range(generator.integers(1, 6)):
            data[generator.integers(len(data))] = generator.integers(256)
        if trial % 3 == 0:
            data = data[: generator.integers(1, len(data))]
        sentence = _load_or_sentence(bytes(data))
        assert sentence is None or _is_one_sentence(sentence)


@pytest.mark.parametrize("source", ["missing.jpg", "a\0b.png", "."])
def test_a_path_that_is_no_file_gives_a_sentence(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError) as caught:
        images.load(source)
    assert _is_one_sentence(str(caught.value))


def test_a_path_is_told_by_content_and_named_in_errors(tmp_path):
    (tmp_path / "photo.txt").write_bytes(encode(smooth(), "PNG"))
    assert np.array_equal(images.load(tmp_path / "photo.txt"), smooth())
    (tmp_path / "notes.jpg").write_text("not a picture at all")
    with pytest.raises(ImageError, match=r"^notes\.jpg: this is not a picture; JPEG, PNG and WebP pictures are read$"):
        images.load(str(tmp_path / "notes.jpg"))
    (tmp_path / "big.jpg").write_bytes(b"")
    os.truncate(tmp_path / "big.jpg", image_guard.MAX_BYTES + 1)
    with pytest.raises(ImageError, match="at most 15 MB"):
        images.load(tmp_path / "big.jpg")


def test_threads_get_their_own_pictures():
    pictures = [np.full((8, 8, 3), value, dtype=np.uint8) for value in range(0, 250, 10)]
    files = [encode(picture, "PNG") for picture in pictures]
    results: dict[int, list] = {}

    def work(number):
        results[number] = [images.load(files[(number + i) % len(files)])[0, 0, 0] for i in range(40)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(8):
        assert results[number] == [10 * ((number + i) % len(files)) for i in range(40)]


def test_area_average_of_a_whole_factor_is_the_mean_of_blocks():
    picture = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
    mean = picture.reshape(4, 3, 5, 4, 3).mean(axis=(1, 3))
    assert np.abs(images.resize_area(picture, (4, 5)) - mean).max() <= 0.5 + 1e-6


def test_area_average_of_any_ratio_weighs_pixels_by_their_share():
    picture = np.random.default_rng(1).integers(0, 256, (7, 10, 1), dtype=np.uint8)

    def weights(old: int, new: int) -> np.ndarray:
        low = np.arange(new)[:, None] * old / new
        common = np.minimum(np.arange(1, old + 1), low + old / new) - np.maximum(np.arange(old), low)
        return np.clip(common, 0, 1) * new / old

    mean = weights(7, 3) @ picture[..., 0] @ weights(10, 4).T
    assert np.abs(images.resize_area(picture, (3, 4))[..., 0] - mean).max() <= 0.51


def test_resizing_keeps_shape_and_plain_colour_whichever_way():
    plain = np.full((9, 14, 3), 93, dtype=np.uint8)
    for size in ((9, 14), (4, 28), (30, 5), (64, 64), (1, 1)):
        resized = images.resize_area(plain, size)
        assert resized.shape == (*size, 3)
        assert (resized == 93).all()
    assert images.resize_area(plain[..., :1], (5, 5)).shape == (5, 5, 1)
    assert images.resize_area(plain, (9, 14)) is plain


def test_fit_cuts_the_centre_and_leaves_the_right_size_alone():
    picture = smooth(20, 30)
    assert np.array_equal(images.fit(picture, (20, 20)), picture[:, 5:25])
    assert images.fit(picture, (10, 10)).shape == (10, 10, 3)
    assert np.array_equal(images.fit(picture, (20, 30)), picture)
    assert images.fit(smooth(1, 200), (16, 16)).shape == (16, 16, 3)


def test_grey_and_colour_go_into_each_other():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    colour = images.to_channels(grey, 3)
    assert np.array_equal(images.to_channels(colour, 1), grey)
    reference = np.asarray(Image.fromarray(smooth()).convert("L"))
    assert np.array_equal(images.to_channels(smooth(), 1)[..., 0], reference)
    assert np.array_equal(images.load(encode(smooth(), "PNG"), channels=1)[..., 0], reference)
    with pytest.raises(ImageError, match=r"1 \(grey\) or 3"):
        images.to_channels(grey, 4)


def test_tensors_hold_v_over_255_and_come_back():
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    tensor = images.to_tensor(values)
    assert tensor.shape == (1, 3, 16, 16)
    assert tensor.dtype == torch.float32
    assert torch.equal(tensor[0, 0].flatten(), torch.arange(256) / 255)
    assert np.array_equal(images.to_uint8(tensor), values)
    assert np.array_equal(images.to_uint8(tensor.double() + 1e-3), values)
    assert images.to_tensor([values[0], values[0]]).shape == (2, 3, 16, 16)
    assert images.to_tensor(values[0]).shape == (1, 3, 16, 16)
    with pytest.raises(ImageError, match="uint8"):
        images.to_tensor(values / 255)


def test_to_uint8_clips_and_shows_nothing_as_black():
    odd = torch.tensor([-1.0, 2.0, float("nan"), float("inf"), -float("inf"), 0.5]).view(1, 1, 1, 6)
    assert images.to_uint8(odd).flatten().tolist() == [0, 255, 0, 255, 0, 128]
    assert images.to_uint8(torch.full((3, 2, 2), 7, dtype=torch.uint8)).shape == (1, 2, 2, 3)
    assert images.to_uint8(torch.tensor([False, True]).view(1, 1, 1, 2)).flatten().tolist() == [0, 255]


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.int8])
def test_whole_numbers_of_unknown_range_are_no_picture(dtype):
    with pytest.raises(ImageError, match=f"{dtype} values are no picture; uint8, bool or floats"):
        images.to_uint8(torch.full((1, 3, 2, 2), 100, dtype=dtype))


def test_exports_reopen_equal_and_carry_only_the_text_given():
    gps = Image.Exif()
    gps[0x010E] = "secret place"
    gps.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    photo = encode(smooth(), "PNG", exif=gps, icc_profile=colour_profiles.display_p3())
    picture = images.load(photo)
    data = images.to_png_bytes(picture, {"recipe": "Smiling=2", "title": "Ärger"})
    assert np.array_equal(images.load(data), picture)
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.text == {"recipe": "Smiling=2", "title": "Ärger"}
        assert set(opened.info) <= {"recipe", "title"}
    for export in (data, images.to_png_bytes(picture), images.to_jpeg_bytes(picture)):
        for trace in (b"Exif", b"secret", b"GPS", b"ICC_PROFILE", b"iCCP", b"eXIf", b"http://ns.adobe.com", b"8BIM"):
            assert trace not in export
    assert np.abs(images.load(images.to_jpeg_bytes(picture)).astype(int) - picture).mean() < 2
    assert np.array_equal(images.load(images.to_png_bytes(picture[..., 0]), channels=1)[..., 0], picture[..., 0])
    assert images.to_png_bytes(picture) == images.to_png_bytes(picture)


def test_what_was_appended_to_a_file_does_not_survive():
    for tail in (b"PK\3\4evil", b"%PDF-1.7 evil", b"<html>evil", b"<?php evil"):
        for kind in ("PNG", "JPEG", "WEBP"):
            picture = images.load(encode(smooth(), kind) + tail)
            assert b"evil" not in images.to_png_bytes(picture)
