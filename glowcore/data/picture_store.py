"""Decoding of picture files into one block of uint8, in memory or in a memory-mapped cache file.

Decoding takes far longer than a training step, so all pictures are decoded once, before the first step. A block above
:data:`MEMORY_LIMIT` bytes (or any block, when a cache folder is named) is written to a file that the operating system
pages in. A later run finds the file by a key computed from the names, sizes and times of all pictures, and decodes
nothing.
"""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from glowcore import images
from glowcore.data.bit_depth import unused_bits
from glowcore.errors import DataError, ImageError, reason
from glowcore.progress import progress_bar

MEMORY_LIMIT = 2 * 2**30
QUIET_BELOW = 500

_VERSION = 1  # of the decoding; raising it invalidates all earlier cache files


@dataclass(frozen=True)
class Block:
    """Decoded pictures.

    Attributes:
        pictures: uint8 ``[N, C, H, W]``, in memory or memory-mapped (copy-on-write: writes do not reach the file).
        kept: indices of the N pictures in :attr:`Decoding.files`.
        skipped: (index, reason) of every picture that cannot be read.
        unused_bits: (index, number of unused bits) of every picture that :mod:`glowcore.data.bit_depth` reports.
    """

    pictures: torch.Tensor
    kept: list[int]
    skipped: list[tuple[int, str]]
    unused_bits: list[tuple[int, int]]


@dataclass(frozen=True)
class Decoding:
    """The files to decode, by :func:`glowcore.images.load`, ``prepare`` and :func:`glowcore.images.fit`, and how.

    Attributes:
        folder: the folder that ``files`` are relative to.
        files: N names.
        size: (H, W) of every decoded picture.
        channels: C of every decoded picture, 1 or 3.
        prepare: a first crop from uint8 ``[h, w, C]`` to the same, or None; the cache key holds its ``__name__``.
        skip_broken: leave out pictures that cannot be read, instead of raising.
        progress: show a bar on stderr for :data:`QUIET_BELOW` pictures or more.
    """

    folder: Path
    files: Sequence[str]
    size: tuple[int, int]
    channels: int
    prepare: Callable[[np.ndarray], np.ndarray] | None = None
    skip_broken: bool = False
    progress: bool = True

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape ``(N, C, H, W)`` of the block if every file can be read."""
        return len(self.files), self.channels, *self.size

    @property
    def num_bytes(self) -> int:
        """Size of the block in bytes."""
        return math.prod(self.shape)

    def key(self) -> str:
        """Return the name of the cache file, which changes whenever the decoded pictures could."""
        settings = (_VERSION, self.shape, getattr(self.prepare, "__name__", ""), self.skip_broken)
        digest = hashlib.sha256(repr(settings).encode())
        digest.update(str(self.folder.resolve()).encode("utf-8", "surrogateescape"))
        for file in self.files:
            path = self.folder / file
            status = path.stat() if path.exists() else path.lstat()  # of a link that leads to nothing
            digest.update(f"\0{file}\0{status.st_size}\0{status.st_mtime_ns}".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:24]

    def fill(self, block: np.ndarray) -> dict[str, list]:
        """Decode the files into ``block`` from its start; return the fields of :class:`Block` but ``pictures``.

        Raises:
            DataError: the first unreadable picture unless ``skip_broken``, or no readable picture at all.
        """
        kept: list[int] = []
        skipped: list[tuple[int, str]] = []
        unused: list[tuple[int, int]] = []
        shown = self.progress and len(self.files) >= QUIET_BELOW
        for index, file in enumerate(progress_bar(self.files, desc="decoding", unit=" pictures", progress=shown)):
            try:
                picture = images.load(self.folder / file, channels=self.channels)
            except ImageError as error:
                if not self.skip_broken:
                    raise DataError(f"{error} (--skip-broken goes on without such pictures)") from error
                skipped.append((index, str(error)))
                continue
            if bits := unused_bits(self.folder / file, picture):
                unused.append((index, bits))
            if self.prepare is not None:
                picture = self.prepare(picture)
            block[len(kept)] = images.fit(picture, self.size).transpose(2, 0, 1)
            kept.append(index)
        if not kept:
            many = f"none of the {len(self.files)} pictures can be read, the first because"
            raise DataError(f"{many if len(self.files) > 1 else 'the only picture cannot be read'}: {skipped[0][1]}")
        return {"kept": kept, "skipped": skipped, "unused_bits": unused}


def decode_files(decoding: Decoding, cache_dir: str | os.PathLike | None = None) -> Block:
    """Decode picture files, or open the cache file of an earlier run.

    Args:
        decoding: the files, and how to decode them.
        cache_dir: folder of the cache file. By default only a block above :data:`MEMORY_LIMIT` is cached, in
            ``$XDG_CACHE_HOME/glowcore``.

    Raises:
        DataError: as :meth:`Decoding.fill`, or a cache folder that cannot hold the block.
    """
    if cache_dir is None and decoding.num_bytes <= MEMORY_LIMIT:
        block = np.empty(decoding.shape, dtype=np.uint8)
        index = decoding.fill(block)
        return Block(torch.from_numpy(block[: len(index["kept"])]), **index)
    cache = Path(cache_dir) if cache_dir is not None else _default_cache()
    path = cache / f"{decoding.key()}.u8"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return _open_cached(path, decoding.shape) or _decode_cached(path, decoding)
    except OSError as error:
        raise DataError(
            f"the cache {cache} cannot take {decoding.num_bytes / 2**20:.0f} MB of pictures ({reason(error)}); "
            "name another with --cache-dir, or fewer pictures with --limit"
        ) from error


def _default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glowcore"


def _open_cached(path: Path, shape: tuple[int, ...]) -> Block | None:
    """Return the block of an earlier run, or None without a complete one: its JSON index is written last."""
    try:
        index = json.loads(path.with_suffix(".json").read_text("utf-8"))
        kept, skipped = index["kept"], [(int(i), str(reason)) for i, reason in index["skipped"]]
        unused = [(int(i), int(bits)) for i, bits in index["unused_bits"]]
        if path.stat().st_size != math.prod(shape):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    block = np.memmap(path, np.uint8, "c", shape=shape)
    return Block(torch.from_numpy(block[: len(kept)]), kept, skipped, unused)


def _decode_cached(path: Path, decoding: Decoding) -> Block:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.stem}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            if hasattr(os, "posix_fallocate"):
                # A full disk then raises here; otherwise it would be a bus error (SIGBUS) on writing to the map.
                os.posix_fallocate(file.fileno(), 0, decoding.num_bytes)
            else:
                file.truncate(decoding.num_bytes)
        block = np.memmap(temporary, np.uint8, "r+", shape=decoding.shape)
        index = decoding.fill(block)
        block.flush()
        del block
        os.replace(temporary, path)
        part = Path(temporary)
        part.write_text(json.dumps(index), "utf-8")
        os.replace(part, path.with_suffix(".json"))
    finally:
        Path(temporary).unlink(missing_ok=True)
    cached = _open_cached(path, decoding.shape)
    if cached is None:
        raise DataError(f"the cache {path.parent} lost what was just written to it; name another with --cache-dir")
    return cached
