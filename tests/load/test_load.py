"""Many sessions at once see their own pictures only. The full crowds are proofs; here two visitors stand for them."""

import asyncio

import numpy as np
import psutil
import pytest

from explorer.portraits import photos as photo_files
from tests.load import driver, photos
from tests.load.client import Reply, Visitor
from tests.load.driver import Report, Visit
from tests.load.offline import Offline, equal, foreign_pixels, messages
from tests.load.serving import REPOSITORY, first_model, server


def of_crowd(address, home, sessions, edits, process: psutil.Process) -> Report:
    return asyncio.run(driver.crowd(address, first_model(home), sessions, edits, process))


def assert_sound(report: Report, replies: int) -> None:
    assert report.failures == []
    assert report.replies == replies
    assert (report.wrong, report.foreign_pixels, report.confused) == (0, 0, 0)


def test_two_visitors_see_what_the_library_computes_for_each(running, tiny):
    assert_sound(of_crowd(running[0], tiny, 2, 3, running[1]), 2 * 4)


def test_of_a_hundred_moves_of_one_slider_few_are_computed_and_the_last_is_shown(running, tiny):
    """A hand that drags faster than the server answers: the newest request wins."""
    library = Offline(first_model(tiny))
    name = library.engine.attribute_names[0]
    moves = [{"op": "set", "name": name, "value": n / 50 - 1} for n in range(100)]

    async def drag():
        async with Visitor(running[0]) as visitor:
            await visitor.open()
            await visitor.upload(photos.NAME, photos.photo(0))
            return await visitor.drag(moves)

    seen = asyncio.run(drag())
    assert len(seen) < 50
    expected = library.views(photos.photo(0), moves[-1:])[-1]
    assert equal(seen[-1].picture("edited"), expected.picture("edited"))


def test_who_leaves_in_the_middle_holds_nobody_up(running, tiny):
    """Five visitors close the page while their picture is computed; the next one is served rightly."""

    async def leave():
        async with Visitor(running[0]) as visitor:
            await visitor.open()
            await visitor.begin({"op": "set", "name": "Smiling", "value": 2.0})

    async def leave_together():
        await asyncio.gather(*(leave() for _ in range(5)))

    asyncio.run(leave_together())
    assert_sound(of_crowd(running[0], tiny, 1, 2, running[1]), 3)


def test_every_visitor_has_another_photo_under_the_same_name():
    files = [photos.photo(number) for number in range(48)]
    assert len({photo_files.photo_key(data) for data in files}) == 48
    library = [photo_files.Photo.read(data) for data in files[:8]]
    assert len({photo.picture.tobytes() for photo in library}) == 8


@pytest.fixture(scope="module")
def known(tiny):
    """Three visits that went well, with what each had to see."""
    library = Offline(first_model(tiny))
    visits, expected = [], []
    for number in range(3):
        steps = messages(number, 4, library.engine.attribute_names)
        views = library.views(photos.photo(number), steps)
        visits.append((steps, views))
        expected.append(views)
    return visits, expected


def compared(visits, expected) -> Report:
    report = Report()
    driver._compare([Visit(n, steps, views) for n, (steps, views) in enumerate(visits)], expected, report)
    return report


def test_the_comparison_finds_nothing_where_nothing_is_wrong(known):
    report = compared(*known)
    assert (report.wrong, report.foreign_pixels, report.confused, report.pictures) == (0, 0, 0, 3 * 3 * 5)


def test_the_comparison_notices_another_visitor_s_picture(known):
    visits, expected = known
    mixed = [(steps, list(views)) for steps, views in visits]
    mixed[1][1][2] = visits[0][1][2]
    report = compared(mixed, expected)
    assert report.wrong == 3
    assert report.confused == 3
    assert report.foreign_pixels > 3 * 32 * 32 * 0.9


def test_the_comparison_notices_a_few_pixels_of_another(known):
    own, other = (known[1][n][0].picture("original") for n in (0, 1))
    patched = own.copy()
    patched[:2, :2] = other[:2, :2]
    assert not equal(patched, own)
    assert foreign_pixels(patched, own, other[None]) == 4
    slightly = own.copy()
    slightly[0, 0, 0] ^= 1
    assert equal(slightly, own)
    assert foreign_pixels(slightly, own, other[None]) == 0


def test_a_reply_s_picture_is_decoded_as_a_browser_would(known):
    reply: Reply = known[1][0][0]
    assert reply.picture("original").shape == (32, 32, 3)
    np.testing.assert_array_equal(reply.picture("original"), reply.picture("reconstruction"))


@pytest.fixture
def shipped(tmp_path):
    """The application on the shipped model."""
    if not (REPOSITORY / "pretrained").is_dir():
        pytest.skip("no model is shipped in pretrained/")
    with server(tmp_path / "log.txt") as found:
        yield found


@pytest.mark.proof
@pytest.mark.parametrize(("sessions", "edits"), [(20, 25), (48, 41)])
def test_a_crowd_sees_its_own_pictures(shipped, sessions, edits):
    """48 visitors with 41 edits and an upload each: 2,016 replies."""
    assert_sound(of_crowd(shipped[0], REPOSITORY, sessions, edits, shipped[1]), sessions * (edits + 1))


@pytest.mark.proof
def test_five_hundred_visits_leave_memory_as_it_was(shipped):
    memory = asyncio.run(driver.churn(shipped[0], 500, shipped[1], rest=90))
    assert memory.ratio <= 1.1


@pytest.mark.proof
def test_a_thousand_edits_leave_memory_as_it_was(shipped):
    memory = asyncio.run(driver.patience(shipped[0], first_model(REPOSITORY), 1000, shipped[1]))
    assert memory.ratio <= 1.1
    assert memory.slope < 20
