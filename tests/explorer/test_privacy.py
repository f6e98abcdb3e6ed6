"""No saved or sent file holds the metadata of a photo: place, time, camera, comment, profile."""

import ast
import base64
import io
import json
import struct

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

from explorer.edits import recipe_png
from explorer.pixels.pictures import png
from explorer.session.editor_view import editor_view
from explorer.views import export
from tests.explorer import tiny_model
from tests.explorer.visiting import REPOSITORY
from tests.glowcore import colour_profiles

SECONDS = (123457, 10007)  # of latitude: eight bytes that nothing else holds
SECRETS = {
    "latitude, little endian": struct.pack("<II", *SECONDS),
    "latitude, big endian": struct.pack(">II", *SECONDS),
    "place": b"SECRET-PLACE",
    "camera": b"SNOOPER-9000",
    "time": b"2021:03:04 05:06:07",
    "xmp": b"SECRET-XMP",
    "comment": b"SECRET-COMMENT",
    "iptc": b"SECRET-CAPTION",
    "thumbnail": b"SECRET-THUMBNAIL",
    "appended": b"SECRET-ZIP",
    "profile": b"SECRET-SCREEN",
}
MARKS = {
    "exif": b"Exif",
    "exif chunk": b"eXIf",
    "photoshop": b"8BIM",
    "profile": b"ICC_PROFILE",
    "png profile": b"iCCP",
    "xmp": b"http://ns.adobe.com",
    "zip": b"PK\x03\x04",
    "time chunk": b"tIME",
}


def exif() -> Image.Exif:
    found = Image.Exif()
    found[0x010E] = "SECRET-PLACE"
    found[0x0110] = "SNOOPER-9000"
    found[0x0132] = "2021:03:04 05:06:07"
    found.get_ifd(0x8769)[0x927C] = b"SECRET-THUMBNAIL"
    gps = found.get_ifd(0x8825)
    gps[1], gps[2] = "N", (52.0, 31.0, IFDRational(*SECONDS))
    gps[3], gps[4] = "E", (13.0, 24.0, IFDRational(*SECONDS))
    return found


def profile() -> bytes:
    return colour_profiles.display_p3() + b"SECRET-SCREEN"


def segment(marker: int, content: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(picture: Image.Image) -> bytes:
    """With all that cameras and editors put in: EXIF with GPS, IPTC, XMP, a comment, a profile; an archive behind."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95, exif=exif(), icc_profile=profile(), comment=b"SECRET-COMMENT")
    data = buffer.getvalue()
    caption = b"\x1c\x02\x78\0\x0eSECRET-CAPTION"
    iptc = segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(caption)) + caption)
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>SECRET-XMP</x:xmpmeta>")
    return data[:2] + iptc + xmp + data[2:] + b"PK\x03\x04SECRET-ZIP"


def png_file(picture: Image.Image) -> bytes:
    info = PngInfo()
    info.add_text("Comment", "SECRET-COMMENT")
    info.add_itxt("XML:com.adobe.xmp", "http://ns.adobe.com/xap/1.0/ SECRET-XMP")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", exif=exif(), icc_profile=profile(), pnginfo=info)
    return buffer.getvalue() + b"PK\x03\x04SECRET-ZIP"


def webp(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    xmp = b"http://ns.adobe.com/xap/1.0/ SECRET-XMP"
    picture.save(buffer, "WEBP", lossless=True, exif=exif(), icc_profile=profile(), xmp=xmp)
    return buffer.getvalue() + b"PK\x03\x04SECRET-ZIP"


def photos() -> dict[str, bytes]:
    """Thirty photos with a place in them: three formats, several sizes and modes."""
    found = {}
    for kind, write in {"jpeg": jpeg, "png": png_file, "webp": webp}.items():
        for index, picture in enumerate(tiny_model.pictures(5, size=48, seed=2)):
            image = Image.fromarray(picture).resize((48 + 16 * index, 64), Image.Resampling.BICUBIC)
            found[f"{kind}-{index}"] = write(image)
            if kind != "webp":
                found[f"{kind}-{index}-grey"] = write(image.convert("L"))
            else:
                found[f"{kind}-{index}-alpha"] = write(image.convert("RGBA"))
    return found


PHOTOS = photos()


def traces(data: bytes) -> list[str]:
    """Return the secrets and the markers of metadata that a file holds."""
    return [name for name, mark in {**SECRETS, **MARKS}.items() if mark in data]


def test_the_photos_of_these_tests_are_full_of_it():
    assert len(PHOTOS) >= 30
    for name, data in PHOTOS.items():
        found = traces(data)
        assert "appended" in found
        assert "place" in found, name
        assert {"latitude, little endian", "latitude, big endian"} & set(found), name
    everything = {name for data in PHOTOS.values() for name in traces(data)}
    assert everything >= set(SECRETS) - {"profile", "latitude, big endian", "latitude, little endian"}


@pytest.mark.parametrize("name", PHOTOS)
def test_nothing_of_it_is_in_what_is_saved_or_sent(desk, engine, name):
    desk.receive(PHOTOS[name], engine)
    recipe = desk.recipe
    photo, source = desk.photo(), desk.picture(recipe, engine)
    edited = engine.render(recipe, source).picture
    files = {
        "face": recipe_png.to_png(edited, recipe),
        "face with crop": recipe_png.to_png(edited, recipe, engine.source(recipe, source).picture),
        "whole photo": png(photo.with_edits({recipe.source: edited})),
    }
    files["page"] = json.dumps(editor_view(desk, engine, source)).encode()
    files["crop inside"] = base64.b64decode(_crop(files["face with crop"]))
    for what, data in files.items():
        assert traces(data) == [], what
    for what in ("face", "face with crop", "whole photo"):
        with Image.open(io.BytesIO(files[what])) as opened:
            assert not opened.getexif()
            assert set(opened.info) <= {recipe_png.RECIPE_KEY, recipe_png.CROP_KEY}
            shown = edited if what != "whole photo" else photo.with_edits({recipe.source: edited})
            np.testing.assert_array_equal(np.asarray(opened), shown)


@pytest.mark.parametrize("kind", ["gif", "mp4", "zip"])
def test_a_film_carries_none_of_it(desk, engine, kind):
    desk.receive(PHOTOS["jpeg-0"], engine)
    source = desk.picture(desk.recipe, engine)
    frames = engine.strip(desk.recipe, "Smiling", [-1.0, 0.0, 1.0], source)
    data = export.frames_zip(frames) if kind == "zip" else export.film_file(frames, kind, loop=False)
    assert traces(data) == (["zip"] if kind == "zip" else [])


def test_caches_that_all_visitors_share_are_keyed_by_names_only():
    """Streamlit hashes large arrays by a sample of their values, so that a picture can be taken for another's."""
    shared = {}
    for path in sorted((REPOSITORY / "explorer").rglob("*.py")):
        text = path.read_text("utf-8")
        assert "cache_data" not in text, path
        for node in ast.walk(ast.parse(text)):
            decorators = [ast.unparse(d) for d in getattr(node, "decorator_list", [])]
            if any("cache_resource" in words for words in decorators):
                shared[f"{path.name}:{node.name}"] = [a for a in node.args.args if not a.arg.startswith("_")]
    assert len(shared) >= 3
    for name, keys in shared.items():
        assert {ast.unparse(key.annotation) for key in keys} <= {"str", "tuple[str, ...]"}, name


def _crop(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as opened:
        return opened.info[recipe_png.CROP_KEY].encode()
