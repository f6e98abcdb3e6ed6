"""The engine renders recipes exactly and the same in every request, and its caches are bounded."""

import functools
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.atlas import maps
from explorer.edits.recipe import EditRecipe, RecipeError, Source
from explorer.engines import engine as engine_module
from explorer.engines import worker
from explorer.engines.engine import Engine
from explorer.engines.worker import Worker
from explorer.pixels.cache import ByteLRU
from explorer.views import mixing
from glowcore.errors import GlowcoreError

SEED = EditRecipe(Source("seed", "3"))
GALLERY = EditRecipe(Source("gallery", "face_00.png"))


def test_a_picture_comes_back_to_the_last_bit(engine, blobs):
    for picture in blobs:
        encoded = engine.encode(picture)
        assert encoded.exact
        assert encoded.max_error < 1e-3
        np.testing.assert_array_equal(encoded.reconstruction, picture)
        assert encoded.psnr == float("inf")
        assert len(encoded.level_norms) == engine.num_levels
        assert 0 < encoded.bits_per_dim < 20


def test_no_moves_is_the_reconstruction(engine, blobs):
    np.testing.assert_array_equal(engine.render(GALLERY, blobs[0]).picture, blobs[0])


def test_a_move_changes_the_picture_and_zero_undoes_it(engine, blobs):
    moved = engine.render(GALLERY.moved({"Smiling": 3.0}), blobs[0])
    assert (moved.picture != blobs[0]).any()
    assert moved.finite
    np.testing.assert_array_equal(engine.render(GALLERY.moved({"Smiling": 0.0}), blobs[0]).picture, blobs[0])


def test_the_same_recipe_is_the_same_picture_in_a_new_engine(engine, tiny_home, blobs):
    recipe = GALLERY.moved({"Smiling": 1.5, "Male": -1}).locked("Young", True)
    other = Engine.open(tiny_home / "pretrained" / "tiny")
    np.testing.assert_array_equal(engine.render(recipe, blobs[1]).picture, other.render(recipe, blobs[1]).picture)
    assert other.model_hash == engine.model_hash
    assert len(engine.model_hash) == 12


def test_a_strip_shows_what_the_exact_pictures_show(engine, blobs):
    strengths = [-2.0, 0.0, 2.0]
    frames = engine.strip(GALLERY.moved({"Male": 1.0}), "Smiling", strengths, blobs[2])
    for strength, frame in zip(strengths, frames, strict=True):
        exact = engine.render(GALLERY.moved({"Male": 1.0, "Smiling": strength}), blobs[2]).picture
        assert np.abs(frame.astype(int) - exact.astype(int)).max() <= 1


def test_a_locked_score_stays_where_it_is(engine, blobs):
    start = GALLERY.moved({"Smiling": 1.0}).locked("Smiling", True)
    base = moved_latents(engine, blobs[0], start)
    recipe = start.moved({"Male": 2.5, "Young": -1.5})
    moved = moved_latents(engine, blobs[0], recipe)
    before, after = (float(engine.attributes.score(x, "Smiling")) for x in (base, moved))
    assert after == pytest.approx(before, abs=1e-3)
    free = moved_latents(engine, blobs[0], recipe.locked("Smiling", False))
    assert abs(float(engine.attributes.score(free, "Smiling")) - before) > 1e-3


def moved_latents(engine, picture, recipe):
    return engine._worker.move(engine.encode(picture).latents, recipe, [dict(recipe.moves)], engine.attributes)


def test_a_seed_needs_no_picture_and_is_the_sample_page_s_face(engine):
    np.testing.assert_array_equal(engine.render(SEED).picture, engine.sample([3], 0.7)[0])
    several = engine.sample([1, 2, 3], 0.7)[2]
    assert np.abs(several.astype(int) - engine.render(SEED).picture.astype(int)).max() <= 8  # one bin of 5 bits


def test_a_seed_and_a_place_on_the_map_are_decoded_once_for_all_edits_of_them(engine, monkeypatch):
    maps.map_of(engine)
    done = []
    for name in ("sample", "decode"):
        work = getattr(Worker, name)
        monkeypatch.setattr(Worker, name, lambda *a, _w=work, **k: done.append(1) or _w(*a, **k))
    places = [maps.face_at(Source("map", "0.75,-1.5"), engine) for _ in range(2)]
    assert len(done) == 1
    np.testing.assert_array_equal(*places)
    seed = replace(SEED, source=Source("seed", "977"))
    for recipe in (seed, seed.moved({"Male": 1.0}), seed.moved({"Male": 2.0})):
        engine.render(recipe)
    assert len(done) == 2
    engine.render(replace(seed, temperature=(0.3,)))
    assert len(done) == 3


def test_what_the_model_cannot_follow_is_a_sentence(engine, blobs):
    with pytest.raises(RecipeError, match="not here"):
        engine.render(GALLERY)
    with pytest.raises(RecipeError, match="Sideburns"):
        engine.render(GALLERY.moved({"Sideburns": 1.0}), blobs[0])
    with pytest.raises(RecipeError, match="levels"):
        engine.render(EditRecipe(Source("seed", "1"), temperature=(0.1, 0.2)))


def test_pictures_of_another_size_are_averaged(engine, blobs):
    large = np.repeat(np.repeat(blobs[0], 4, axis=0), 4, axis=1)
    np.testing.assert_array_equal(engine.encode(large).picture, blobs[0])


def test_film_ends_at_its_ends(engine, blobs):
    a, b = engine.encode(blobs[0]), engine.encode(blobs[1])
    for spherical in (False, True):
        frames = mixing.interpolated(engine, a, b, [0.0, 0.5, 1.0], spherical)
        assert np.abs(frames[0].astype(int) - blobs[0].astype(int)).max() <= 1
        assert np.abs(frames[2].astype(int) - blobs[1].astype(int)).max() <= 1
    still = mixing.journey(engine, [a, b], 1, False, [])
    np.testing.assert_array_equal(still[0], still[1])


def test_levels_and_arithmetic(engine, blobs):
    a, b = engine.encode(blobs[0]), engine.encode(blobs[1])
    np.testing.assert_array_equal(mixing.mixed(engine, a, b, []), blobs[0])
    np.testing.assert_array_equal(mixing.mixed(engine, a, b, [0, 1, 2]), blobs[1])
    np.testing.assert_array_equal(mixing.analogy(engine, a, a, b, 1.0), blobs[1])
    np.testing.assert_array_equal(mixing.coarse(engine, a, engine.num_levels, 0.0), blobs[0])
    assert (mixing.coarse(engine, a, 1, 0.0) != blobs[0]).any()


def test_a_journey_passes_its_stops_once(engine, blobs):
    stops = [engine.encode(b) for b in blobs[:3]]
    frames = mixing.journey(engine, stops, 4, False, range(engine.num_levels))
    assert len(frames) == 9
    for frame, stop in zip(frames[::4], blobs, strict=False):
        assert np.abs(frame.astype(int) - stop.astype(int)).max() <= 1


@pytest.mark.parametrize("spherical", [False, True])
def test_levels_left_out_of_a_journey_stay_those_of_its_first_stop(engine, blobs, spherical):
    stops = [engine.encode(b) for b in blobs[:3]]
    frames = mixing.journey(engine, stops, 4, spherical, [0])
    for frame, stop in zip(frames[::4], stops, strict=True):
        assert np.abs(frame.astype(int) - mixing.mixed(engine, stops[0], stop, [0]).astype(int)).max() <= 1


def test_corners_are_their_pictures(engine, blobs):
    ends = [engine.encode(b) for b in blobs[:4]]
    square = mixing.corners(engine, *ends, side=3)
    assert len(square) == 9
    for index, picture in zip((0, 2, 6, 8), blobs, strict=False):
        assert np.abs(square[index].astype(int) - picture.astype(int)).max() <= 1
    for index, place in ((2, (1.0, 0.0)), (4, (0.5, 0.5)), (7, (0.5, 1.0))):
        single = mixing.within(engine, *ends, place)
        assert np.abs(square[index].astype(int) - single.astype(int)).max() <= 1


class Greedy:
    """A model that runs out of memory for more than three pictures at once."""

    def __init__(self, model):
        self.model, self.batches = model, []

    def decode(self, latents):
        self.batches.append(len(latents))
        if len(latents) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.model.decode(latents)


def test_out_of_memory_halves_the_batch(tiny_home, blobs, engine):
    small = Engine.open(tiny_home / "pretrained" / "tiny", device="cpu")
    expected = mixing.interpolated(
        engine, engine.encode(blobs[0]), engine.encode(blobs[1]), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], True
    )
    a, b = small.encode(blobs[0]), small.encode(blobs[1])
    small._worker.exact = Greedy(small._worker.exact)
    frames = mixing.interpolated(small, a, b, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], True)
    assert small._worker.exact.batches == [6, 3, 3]
    assert all(np.abs(f.astype(int) - e.astype(int)).max() <= 1 for f, e in zip(frames, expected, strict=True))
    small._worker.exact.model = Greedy(small._worker.exact)
    small._worker.exact.decode = lambda latents: (_ for _ in ()).throw(torch.OutOfMemoryError("no"))
    with pytest.raises(GlowcoreError, match="memory"):
        mixing.interpolated(small, a, b, [0.0, 1.0], True)


def test_a_batch_has_all_threads_in_a_thread_that_began_while_a_single_picture_was_made(tiny_home, monkeypatch):
    monkeypatch.setattr(worker, "usual_threads", functools.cache(worker.usual_threads.__wrapped__))
    before, used, begun = torch.get_num_threads(), [], threading.Event()
    torch.set_num_threads(2)
    try:
        own = Engine.open(tiny_home / "pretrained" / "tiny", device="cpu")
        decode = own._worker.exact.decode
        monkeypatch.setattr(
            own._worker.exact, "decode", lambda latents: used.append(torch.get_num_threads()) or decode(latents)
        )

        def visitor():
            torch.zeros(10**6) + 1  # a computation of more than one thread, torch's first in this thread
            begun.set()
            own.strip(GALLERY, "Young", [-1.0, 1.0], picture)
            used.append(torch.get_num_threads())

        thread, picture = threading.Thread(target=visitor), own.gallery.load("face_00.png")
        with own._worker._model():
            used.append(torch.get_num_threads())
            thread.start()
            assert begun.wait(30)
        thread.join()
        assert used == [1, 2, 2]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_encodings_are_kept_by_content_and_bounded(tiny_home, blobs, monkeypatch):
    monkeypatch.setattr(engine_module, "CACHE_BYTES", 60_000)
    small = Engine.open(tiny_home / "pretrained" / "tiny")
    first = small.encode(blobs[0])
    assert small.encode(blobs[0].copy()) is first
    for picture in blobs:
        small.encode(picture)
    assert small._encodings.cache.bytes <= 60_000
    assert small.encode(blobs[0]) is not first


def test_byte_lru_forgets_what_was_used_longest_ago():
    store = ByteLRU(10)
    store.put("a", 1, 4)
    store.put("b", 2, 4)
    assert store.get("a") == 1
    store.put("c", 3, 4)
    assert store.get("b") is None
    assert store.get("a") == 1
    store.put("d", 4, 11)
    assert store.get("d") is None
    store.put("a", 5, 6)
    assert store.bytes == 10
    store.clear()
    assert (len(store), store.bytes) == (0, 0)


def test_nothing_a_visitor_does_changes_the_model(tiny_home, blobs):
    own = Engine.open(tiny_home / "pretrained" / "tiny")
    before = {name: tensor.clone() for name, tensor in own._worker.flow.state_dict().items()}
    for number, picture in enumerate(blobs[:3]):
        own.render(GALLERY.moved({"Smiling": number - 1.0, "Male": 2.0}), picture)
        own.strip(GALLERY, "Young", [-1.0, 1.0], picture)
    own.sample([1, 2, 3], 0.9)
    own.timed(blobs[0])
    assert not own._worker.flow.training
    after = own._worker.flow.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert all(parameter.grad is None for parameter in own._worker.flow.parameters())
