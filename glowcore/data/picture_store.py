"""Files decoded once into one block of uint8: in memory, or in a mapped cache file where memory would be too much.

Decoding costs far more than a training step should wait for, so it is done once, before the first. A block above
:data:`MEMORY_LIMIT` bytes (or any block, when a cache folder is named) lives in a file that the operating system pages
in; a second run finds it by a key over names, sizes and times of all files and decodes nothing.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from glowcore import images
from glowcore.errors import DataError, ImageError, reason
from glowcore.progress import progress_bar

MEMORY_LIMIT = 2 * 2**30
QUIET_BELOW = 500

_VERSION = 1  # of the way from file to block; a change makes older cache files unknown


@dataclass(frozen=True)
class Block:
    """Decoded pictures.

    Attributes:
        pictures: uint8 ``[N, C, H, W]``, in memory or mapped (copy on write: nothing reaches the file).
        kept: the N indices into the files that were asked for.
        skipped: (index, reason) of every broken one.
    """

    pictures: torch.Tensor
    kept: list[int]
    skipped: list[tuple[int, str]]


def decode_files(
    folder: Path,
    files: Sequence[str],
    *,
    size: tuple[int, int],
    channels: int,
    prepare: Callable[[np.ndarray], np.ndarray] | None = None,
    skip_broken: bool = False,
    cache_dir: str | os.PathLike | None = None,
    progress: bool = True,
) -> Block:
    """Decode ``folder / file`` for every file to ``[channels, H, W]``.

    By :func:`glowcore.images.load`, ``prepare`` and :func:`glowcore.images.fit`.

    Args:
        size: (H, W) of every picture.
        prepare: a first crop, uint8 ``[h, w, C]`` to the same; told apart in the cache by its name.
        skip_broken: go on without pictures that cannot be read.
        cache_dir: keep the block in a file there; otherwise only a block above :data:`MEMORY_LIMIT` goes to
            ``$XDG_CACHE_HOME/glowcore``.
        progress: show a bar on stderr from :data:`QUIET_BELOW` pictures on.

    Raises:
        DataError: the first broken picture unless ``skip_broken``, no readable picture at all, or a cache folder that
            cannot take the block.
    """
    shape = (len(files), channels, *size)
    needed = int(np.prod(shape, dtype=np.int64))
    decode = _Decoder(folder, files, size, channels, prepare, skip_broken, progress)
    if cache_dir is None and needed <= MEMORY_LIMIT:
        block = np.empty(shape, dtype=np.uint8)
        kept, skipped = decode(block)
        return Block(torch.from_numpy(block[: len(kept)]), kept, skipped)
    cache = Path(cache_dir) if cache_dir is not None else _default_cache()
    key = _key(folder, files, shape, prepare, skip_broken)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return _open_cached(cache, key, shape) or _decode_cached(cache, key, shape, decode)
    except OSError as error:
        raise DataError(
            f"the cache {cache} cannot take {needed / 2**20:.0f} MB of pictures ({reason(error)}); "
            "name another with --cache-dir, or fewer pictures with --limit"
        ) from error


@dataclass(frozen=True)
class _Decoder:
    folder: Path
    files: Sequence[str]
    size: tuple[int, int]
    channels: int
    prepare: Callable[[np.ndarray], np.ndarray] | None
    skip_broken: bool
    progress: bool

    def __call__(self, block: np.ndarray) -> tuple[list[int], list[tuple[int, str]]]:
        """Fill the block from its start; gives the indices kept and the broken ones."""
        kept: list[int] = []
        skipped: list[tuple[int, str]] = []
        shown = self.progress and len(self.files) >= QUIET_BELOW
        for index, file in enumerate(progress_bar(self.files, desc="decoding", unit=" pictures", progress=shown)):
            try:
                picture = images.load(self.folder / file, channels=self.channels)
            except ImageError as error:
                if not self.skip_broken:
                    raise DataError(f"{error} (--skip-broken goes on without such pictures)") from error
                skipped.append((index, str(error)))
                continue
            if self.prepare is not None:
                picture = self.prepare(picture)
            block[len(kept)] = images.fit(picture, self.size).transpose(2, 0, 1)
            kept.append(index)
        if not kept:
            many = f"none of the {len(self.files)} pictures can be read, the first because"
            raise DataError(f"{many if len(self.files) > 1 else 'the only picture cannot be read'}: {skipped[0][1]}")
        return kept, skipped


def _default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glowcore"


def _key(folder: Path, files: Sequence[str], shape: tuple[int, ...], prepare, skip_broken: bool) -> str:
    digest = hashlib.sha256(repr((_VERSION, shape, getattr(prepare, "__name__", ""), skip_broken)).encode())
    digest.update(str(folder.resolve()).encode("utf-8", "surrogateescape"))
    for file in files:
        status = (folder / file).stat()
        digest.update(f"\0{file}\0{status.st_size}\0{status.st_mtime_ns}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:24]


def _open_cached(cache: Path, key: str, shape: tuple[int, ...]) -> Block | None:
    """Return the block of an earlier run; the small index, written last, vouches for the large file."""
    data, index = cache / f"{key}.u8", cache / f"{key}.json"
    try:
        content = json.loads(index.read_text("utf-8"))
        kept, skipped = content["kept"], [(int(i), str(reason)) for i, reason in content["skipped"]]
        if data.stat().st_size != np.prod(shape, dtype=np.int64):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    block = np.memmap(data, np.uint8, "c", shape=shape)
    return Block(torch.from_numpy(block[: len(kept)]), kept, skipped)


def _decode_cached(cache: Path, key: str, shape: tuple[int, ...], decode: _Decoder) -> Block:
    handle, temporary = tempfile.mkstemp(dir=cache, prefix=f"{key}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            size = int(np.prod(shape, dtype=np.int64))
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)  # a full disk shows here, not as a bus error in the middle
            else:
                file.truncate(size)
        block = np.memmap(temporary, np.uint8, "r+", shape=shape)
        kept, skipped = decode(block)
        block.flush()
        del block
        os.replace(temporary, cache / f"{key}.u8")
        part = Path(temporary)
        part.write_text(json.dumps({"kept": kept, "skipped": skipped}), "utf-8")
        os.replace(part, cache / f"{key}.json")
    finally:
        Path(temporary).unlink(missing_ok=True)
    cached = _open_cached(cache, key, shape)
    if cached is None:
        raise DataError(f"the cache {cache} lost what was just written to it; name another with --cache-dir")
    return cached
