"""Detection of 16-bit pictures that leave the upper bits unused, of which loading keeps few grey levels or only one.

:func:`glowcore.images.load` keeps the upper 8 of 16 bits. Scanners and medical devices often store 10 to 14 bits in the
lower ones.
"""

from collections.abc import Collection
from pathlib import Path

import numpy as np

#: A picture is reported from this many unused bits: 14 bits or fewer are used. Fewer may be a dark picture.
LEAST_UNUSED = 2

_PNG = b"\x89PNG\r\n\x1a\n"
_DEPTH = 24  # offset of the bit depth in a PNG file


def unused_bits(file: Path, picture: np.ndarray) -> int:
    """Return the number of upper bits that no value of a 16-bit picture uses, from :data:`LEAST_UNUSED` to 8.

    The result is 0 for a picture that uses them or does not have 16 bits per value.

    Args:
        file: a picture; only a PNG can have 16 bits per value.
        picture: uint8 array of its upper 8 bits, as :func:`glowcore.images.load` returns it.
    """
    unused = 8 - int(picture.max()).bit_length()
    if unused < LEAST_UNUSED:
        return 0
    with open(file, "rb") as stream:
        head = stream.read(_DEPTH + 1)
    return unused if head.startswith(_PNG) and head[_DEPTH:] == b"\x10" else 0


def narrow_range(unused: Collection[int], pictures: int) -> str:
    """Return a message about pictures of whose 16 bits the upper ones are unused.

    Args:
        unused: number of unused bits of each, at least one.
        pictures: number of all pictures.
    """
    return (
        f"{len(unused)} of {pictures} pictures hold 16 bits per value and use only the lowest 1/{2 ** min(unused)} of "
        "the range; only the upper 8 bits are taken: rescale them to the full range first"
    )
