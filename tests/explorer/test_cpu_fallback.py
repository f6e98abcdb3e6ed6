"""A request that does not fit into memory is tried again, then computed on the CPU; it never ends in an error page."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from explorer.edits.recipe import EditRecipe, Source
from explorer.engines import models
from explorer.engines.engine import Engine
from glowcore.errors import GlowcoreError
from glowcore.exact import ExactFlow
from tests.explorer import tiny_model

FACE = EditRecipe(Source("gallery", "face_01.png"), (("Smiling", 1.5),), ("Male",))
SEED = EditRecipe(Source("seed", "11"), (("Young", -1.0),), temperature=(0.6,))
NO_MEMORY = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"),
)
REQUESTS = {
    "encode": (lambda e, blobs: e.encode(blobs[3]).reconstruction, "round_trip"),
    "render": (lambda e, blobs: e.render(FACE, blobs[1]).picture, "decode"),
    "render a seed": (lambda e, blobs: e.render(SEED).picture, "sample"),
    "strip": (lambda e, blobs: np.stack(e.strip(FACE, "Young", [-1.0, 0.0, 1.0], blobs[2])), "decode"),
    "sample": (lambda e, blobs: np.stack(e.sample(range(5), 0.7)), "sample"),
    "latents": (lambda e, blobs: e.sample_latents(4, 0.7).flatten().numpy(), "sample_latents"),
}


@pytest.fixture
def small(tiny_home):
    """A new engine on the CPU that falls back to a copy on the CPU, as one on another device would."""
    found = Engine.open(tiny_home / "pretrained" / "tiny", "pretrained/tiny", device="cpu")
    found.fallback._enabled = True
    return found


def starve(monkeypatch, model, method, error, times=10**9):
    """Let the first ``times`` calls of a method raise ``error``; return the list that records its calls."""
    attempts, work = [], getattr(model, method)

    def hungry(*given, **named):
        attempts.append(given)
        if len(attempts) <= times:
            raise error
        return work(*given, **named)

    if isinstance(model, ExactFlow):
        monkeypatch.setitem(vars(model), method, hungry)  # it refuses to be given a method of the flow
    else:
        monkeypatch.setattr(model, method, hungry)
    return attempts


def largest_difference(engine, other, recipe, picture):
    return np.abs(engine.render(recipe, picture).picture.astype(int) - other.render(recipe, picture).picture).max()


@pytest.mark.parametrize("error", NO_MEMORY, ids=["cuda", "cpu"])
@pytest.mark.parametrize("request_of", REQUESTS)
def test_what_the_device_cannot_hold_is_computed_on_the_cpu(small, engine, blobs, monkeypatch, request_of, error):
    ask, method = REQUESTS[request_of]
    moved = []
    small.fallback.on_use = lambda: moved.append(1)
    starve(monkeypatch, small._worker.exact, method, error)
    answer, expected = ask(small, blobs).astype(float), ask(engine, blobs).astype(float)
    assert np.abs(answer - expected).max() <= (1e-5 if request_of == "latents" else 1)  # rounding to 8 bits
    assert moved
    assert small.turns._queue == []


@pytest.mark.parametrize("request_of", ["encode", "render", "latents"])
def test_a_shortage_that_has_passed_is_no_matter(small, blobs, monkeypatch, request_of):
    ask, method = REQUESTS[request_of]
    small.fallback.on_use = lambda: pytest.fail("the second attempt should do")
    attempts = starve(monkeypatch, small._worker.exact, method, NO_MEMORY[0], times=1)
    ask(small, blobs)
    assert len(attempts) == 2


def test_a_batch_is_halved_before_anything_moves_to_the_cpu(small, engine, monkeypatch):
    small.fallback.on_use = lambda: pytest.fail("two pictures fit")
    sample, batches = small._worker.exact.sample, []

    def greedy(seeds, **rest):
        batches.append(len(seeds))
        if len(seeds) > 2:
            raise NO_MEMORY[0]
        return sample(seeds=seeds, **rest)

    monkeypatch.setattr(small._worker.exact, "sample", greedy)
    pictures = small.sample(range(9), 0.7)
    assert batches == [9, 4, 2, 2, 2, 2, 1]
    assert np.abs(np.stack(pictures).astype(int) - np.stack(engine.sample(range(9), 0.7)).astype(int)).max() <= 1


def test_the_copy_is_made_once_and_moves_by_the_attributes_of_the_session(small, engine, blobs, monkeypatch):
    fewer = engine.attributes.without(["Bangs"])
    starve(monkeypatch, small._worker.exact, "decode", NO_MEMORY[0])
    first = small.with_attributes(fewer)
    assert largest_difference(first, engine, FACE, blobs[1]) <= 1  # rounding to 8 bits
    copied = small.fallback._cpu_worker
    fringe = FACE.moved({"Bangs": 1.0})
    assert largest_difference(small, engine, fringe, blobs[1]) <= 1
    assert np.abs(engine.render(fringe, blobs[1]).picture.astype(int) - engine.render(FACE, blobs[1]).picture).max() > 9
    assert small.fallback._cpu_worker is copied


def test_a_worker_on_the_cpu_brings_the_attributes_there_first(engine, blobs):
    latents, worker, moved_to = engine.encode(blobs[1]).latents, engine._worker, []

    def to(device):
        moved_to.append(device)
        return engine.attributes

    full_device = SimpleNamespace(device=torch.device("cuda"))
    elsewhere = SimpleNamespace(names=engine.attributes.names, directions=full_device, to=to)
    moved, expected = (worker.move(latents, FACE, [dict(FACE.moves)], a) for a in (elsewhere, engine.attributes))
    assert moved_to == ["cpu"]
    assert torch.equal(moved.flatten(), expected.flatten())


def test_where_the_cpu_has_no_memory_either_there_is_a_sentence(tiny_home, blobs, monkeypatch):
    alone = Engine.open(tiny_home / "pretrained" / "tiny")
    attempts = starve(monkeypatch, alone._worker.exact, "round_trip", NO_MEMORY[1])
    with pytest.raises(GlowcoreError, match=r"^there is no memory left for a single picture; close what else uses it$"):
        alone.encode(blobs[0])
    assert len(attempts) == 2


def test_other_errors_are_not_taken_for_a_shortage(small, blobs, monkeypatch):
    attempts = starve(monkeypatch, small._worker.exact, "round_trip", RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        small.encode(blobs[0])
    assert len(attempts) == 1


def test_a_compressor_says_so(tmp_path, blobs, monkeypatch):
    tiny_model.write_kind(tmp_path / "runs" / "vae", "vae")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    compressor = models.open_model(models.find("runs/vae"))
    starve(monkeypatch, compressor._vae, "encode", NO_MEMORY[0])
    with pytest.raises(GlowcoreError, match=r"^CPU has no memory left for this model$"):
        compressor.encode(blobs[0])


def sentences(at):
    return " ".join(w.value for w in at.warning)


def test_the_pages_say_that_there_is_no_memory(unopened, monkeypatch):
    at = unopened.run()
    before = at.session_state["desk"].history
    for method in ("round_trip", "sample"):
        starve(monkeypatch, ExactFlow, method, NO_MEMORY[0])
    at.button(key="random_face").click().run()  # the edit stays as it was
    assert not at.exception
    assert at.session_state["desk"].history == before
    at.switch_page("explorer/ui/pages/sample.py").run()
    assert not at.exception
    assert sentences(at) == "there is no memory left for a single picture; close what else uses it."


def test_whose_picture_is_computed_on_the_cpu_is_told_so(unopened, monkeypatch):
    open_model = models.open_model

    def opened(*given):
        engine = open_model(*given)
        engine.fallback._enabled = True
        starve(monkeypatch, engine._worker.exact, "round_trip", NO_MEMORY[0])
        return engine

    monkeypatch.setattr(models, "open_model", opened)
    at = unopened.run()
    assert not at.exception
    assert "The device has no memory left; this was computed on the CPU." in {t.value for t in at.toast}
