"""Many visitors at once, or one for long, and what came of it."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tests.load import offline, photos
from tests.load.client import ProtocolError, Reply, Visitor
from tests.load.offline import Offline

BUSY = "please try again in a moment"
TRIES = 20
SHOWN = ("original", "reconstruction", "edited")


@dataclass
class Report:
    """What a crowd has seen.

    failures        visitors that got an error, a traceback or no answer, with the reason
    refused         requests that the server was too busy for, said so, and were made again
    wrong           pictures that are not what the library computes offline
    foreign_pixels  pixels in them that another visitor should have seen
    confused        pictures nearer to another visitor's than to one's own
    seconds         of every edit, from the request to its picture
    server_seconds  processor time of the server while they were made: what does not depend on who else is computing
    """

    sessions: int = 0
    replies: int = 0
    pictures: int = 0
    failures: list[str] = field(default_factory=list)
    refused: int = 0
    wrong: int = 0
    foreign_pixels: int = 0
    confused: int = 0
    seconds: list[float] = field(default_factory=list, repr=False)
    open_seconds: list[float] = field(default_factory=list, repr=False)
    upload_seconds: list[float] = field(default_factory=list, repr=False)
    wall_seconds: float = 0.0
    server_seconds: float = 0.0
    memory_before: float = 0.0
    memory_after: float = 0.0

    def figures(self) -> dict[str, Any]:
        """Everything as numbers for a table: times in seconds, memory in MB."""
        found = {name: value for name, value in asdict(self).items() if not name.endswith("seconds")}
        for name in ("open_seconds", "upload_seconds", "seconds"):
            values = getattr(self, name)
            label = {"seconds": "edit"}.get(name, name.removesuffix("_seconds"))
            found |= {f"{label}_p50": percentile(values, 50), f"{label}_p95": percentile(values, 95)}
        edits = max(1, len(self.seconds))
        found["edits_per_second"] = round(len(self.seconds) / self.wall_seconds, 1)
        return found | {"server_ms_an_edit": round(1000 * self.server_seconds / edits, 1)}


@dataclass
class Memory:
    """Resident memory of the server, in MB, over `steps` edits or visits.

    `warm` after the first tenth; `slope` in kB a step over the second half, when the bounded caches are full.
    """

    steps: int
    start: float
    warm: float
    end: float
    slope: float

    @property
    def ratio(self) -> float:
        """End over what it was after the warm-up."""
        return self.end / self.warm


async def crowd(address: str, model: Path, sessions: int, edits: int, process: psutil.Process) -> Report:
    """Let `sessions` visitors come at once, each with a photo and `edits` moves, and compare all that they see."""
    library = Offline(model)
    report = Report(sessions=sessions, memory_before=resident(process))
    visits = [Visit(n, offline.messages(n, edits, library.engine.attribute_names)) for n in range(sessions)]
    async with AsyncExitStack() as open_visits:
        await asyncio.gather(*(visit.arrive(address, open_visits, report) for visit in visits))
        started, used = time.perf_counter(), processor(process)
        await asyncio.gather(*(visit.edit(report) for visit in visits))
        report.wall_seconds, report.server_seconds = time.perf_counter() - started, processor(process) - used
        report.memory_after = resident(process)
    _compare(visits, [library.views(photos.photo(visit.number), visit.steps) for visit in visits], report)
    return report


async def patience(address: str, model: Path, edits: int, process: psutil.Process) -> Memory:
    """One visitor who makes `edits` moves; the first tenth warms up."""
    attributes = Offline(model).engine.attribute_names
    sizes = []
    async with Visitor(address) as visitor:
        await visitor.open()
        await visitor.upload(photos.NAME, photos.photo(0))
        for step in offline.messages(0, edits, attributes):
            await visitor.edit(step)
            sizes.append(resident(process))
    warm = max(1, edits // 10)
    after = sizes[len(sizes) // 2 :]
    slope = float(np.polyfit(np.arange(len(after)), after, 1)[0]) * 1000 if len(after) > 1 else 0.0
    return Memory(edits, sizes[0], sizes[warm - 1], statistics.median(sizes[-max(1, edits // 100) :]), slope)


async def churn(address: str, visits: int, process: psutil.Process, rest: float) -> Memory:
    """Visitors who come one after another, upload a photo and leave at once; the last figure is taken after a rest.

    The server keeps a closed session for its disconnectedSessionTTL, so `rest` is a little more than that, in seconds.
    """
    sizes = []
    for number in range(visits):
        async with Visitor(address) as visitor:
            await visitor.open()
            await visitor.upload(photos.NAME, photos.photo(number % 16))
        sizes.append(resident(process))
    warm = max(1, visits // 10)
    await asyncio.sleep(rest)
    half = len(sizes) // 2
    slope = (sizes[-1] - sizes[half]) * 1000 / max(1, len(sizes) - half)
    return Memory(visits, sizes[0], sizes[warm - 1], resident(process), slope)


@dataclass
class Visit:
    """A visitor, the moves of its hand, and the replies to its upload and to each move."""

    number: int
    steps: list[dict[str, Any]]
    replies: list[Reply] = field(default_factory=list)
    visitor: Visitor | None = None

    async def arrive(self, address: str, stack: AsyncExitStack, report: Report) -> None:
        """Open the page and upload the photo."""
        with self._noting(report):
            self.visitor = await stack.enter_async_context(Visitor(address))
            report.open_seconds.append((await self._patiently(self.visitor.open, report)).seconds)
            photo = photos.photo(self.number)
            self.replies.append(await self._patiently(lambda: self.visitor.upload(photos.NAME, photo), report))
            report.upload_seconds.append(self.replies[0].seconds)

    async def edit(self, report: Report) -> None:
        """Make the moves, each as soon as the last one's picture is there."""
        if not self.replies:
            return  # it could not arrive, which is noted
        with self._noting(report):
            for step in self.steps:
                started = time.perf_counter()
                self.replies.append(await self._patiently(lambda step=step: self.visitor.edit(step), report))
                report.seconds.append(time.perf_counter() - started)
        report.failures += [f"visitor {self.number}: the page said {words!r}" for words in self.visitor.exceptions]

    async def _patiently(self, ask: Callable[[], Awaitable[Reply]], report: Report) -> Reply:
        """Ask again while the answer is that too many people are here, as the sentence asks for."""
        for _ in range(TRIES):
            try:
                reply = await ask()
            except ProtocolError:
                if not any(BUSY in words for words in self.visitor.exceptions):
                    raise
                self.visitor.exceptions.clear()
            else:
                if BUSY not in reply.view["note"]:
                    return reply
            report.refused += 1
        raise ProtocolError(f"refused {TRIES} times")

    @contextmanager
    def _noting(self, report: Report) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            report.failures.append(f"visitor {self.number}, reply {len(self.replies)}: {type(error).__name__}: {error}")


def _compare(visits: list[Visit], expected: list[list[Reply]], report: Report) -> None:
    """Every picture of every reply with its own expectation and with those of all other visitors at that moment."""
    for moment in range(len(expected[0])):
        for shown in SHOWN:
            right = np.stack([views[moment].picture(shown) for views in expected])
            for number, visit in enumerate(visits):
                if moment < len(visit.replies):
                    _compare_one(visit.replies[moment].picture(shown), right, number, report)
    report.replies = sum(len(visit.replies) for visit in visits)


def _compare_one(picture: np.ndarray, right: np.ndarray, number: int, report: Report) -> None:
    report.pictures += 1
    report.wrong += not offline.equal(picture, right[number])
    report.foreign_pixels += offline.foreign_pixels(picture, right[number], np.delete(right, number, axis=0))
    if picture.shape == right[number].shape:
        distances = np.abs(right.astype(np.int16) - picture).sum(axis=(1, 2, 3))
        report.confused += int(distances.min() < distances[number])


def percentile(values: list[float], part: float) -> float:
    """A percentile in seconds, to the millisecond; NaN of nothing."""
    return round(float(np.percentile(values, part)), 3) if values else float("nan")


def resident(process: psutil.Process) -> float:
    """Resident memory in MB (10^6 bytes)."""
    return round(process.memory_info().rss / 1e6, 1)


def processor(process: psutil.Process) -> float:
    """Processor time that a process has used, in seconds."""
    times = process.cpu_times()
    return times.user + times.system
