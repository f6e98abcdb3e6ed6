"""Small ICC profiles built byte by byte, and the same conversions in NumPy as a reference.

Matrix profiles after ICC.1:2001-04; primaries adapted to D50 as published for Display P3 and Adobe RGB (1998).
"""

import struct

import numpy as np

# Columns: red, green and blue primary in XYZ of the profile connection space (D50).
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
DISPLAY_P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
ADOBE_RGB = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
ADOBE_GAMMA = 563 / 256


def display_p3() -> bytes:
    return _profile(b"RGB ", _matrix_tags(DISPLAY_P3, _table(srgb_to_linear(np.linspace(0, 1, 1024)))))


def adobe_rgb() -> bytes:
    return _profile(b"RGB ", _matrix_tags(ADOBE_RGB, _gamma(ADOBE_GAMMA)))


def grey(gamma: float) -> bytes:
    return _profile(b"GRAY", {b"kTRC": _gamma(gamma)})


def cmyk() -> bytes:
    """Return a printer profile with two grid points per ink: unrealistic, but with the full arithmetic."""
    inks = np.indices((2, 2, 2, 2)).reshape(4, -1).T
    light = 100 * (1 - inks * (0.25, 0.3, 0.08, 0.8)).prod(axis=1)
    strength = 1 - 0.9 * inks[:, 3]
    a = (-30 * inks[:, 0] + 60 * inks[:, 1] - 5 * inks[:, 2]) * strength
    b = (-40 * inks[:, 0] - 5 * inks[:, 1] + 75 * inks[:, 2]) * strength
    grid = np.stack([light * 2.55, a + 128, b + 128], axis=1).clip(0, 255).round().astype(np.uint8)
    identity = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + identity * 4 + grid.tobytes() + identity * 3
    return _profile(b"CMYK", {b"A2B0": table}, device=b"prtr", space=b"Lab ")


def srgb_to_linear(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * np.clip(values, 0, None) ** (1 / 2.4) - 0.055)


def in_space(picture: np.ndarray, primaries: np.ndarray, gamma: float | None) -> np.ndarray:
    """Return an sRGB picture, uint8 [H, W, 3], in another RGB space; `gamma` None is sRGB's own curve."""
    xyz = srgb_to_linear(picture / 255.0) @ SRGB.T
    linear = np.clip(xyz @ np.linalg.inv(primaries).T, 0, 1)
    encoded = linear_to_srgb(linear) if gamma is None else linear ** (1 / gamma)
    return np.round(encoded * 255).astype(np.uint8)


def _profile(colours: bytes, tags: dict[bytes, bytes], *, device: bytes = b"mntr", space: bytes = b"XYZ ") -> bytes:
    tags = {
        b"desc": b"desc" + struct.pack(">II", 0, 5) + b"test\0" + bytes(79),
        b"cprt": b"text" + bytes(4) + b"public domain\0",
        b"wtpt": _xyz((0.9642, 1.0, 0.8249)),
        **tags,
    }
    offset = 128 + 4 + 12 * len(tags)
    table, content = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", offset + len(content), len(data))
        content += data
    size = offset + len(content)
    date = struct.pack(">6H", 2020, 1, 1, 0, 0, 0)
    header = struct.pack(">I4sI4s4s4s", size, b"test", 0x02400000, device, colours, space) + date + b"acsp"
    header += bytes(68 - len(header)) + struct.pack(">3i", 63190, 65536, 54061)
    return header + bytes(128 - len(header)) + table + content


def _matrix_tags(primaries: np.ndarray, curve: bytes) -> dict[bytes, bytes]:
    columns = {name: _xyz(primaries[:, i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    return {**columns, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}


def _xyz(values) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _gamma(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def _table(values: np.ndarray) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">I", len(values)) + np.round(values * 65535).astype(">u2").tobytes()
