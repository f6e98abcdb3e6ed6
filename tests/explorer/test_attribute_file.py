"""A file of attributes holds 1 to 8 of them; any other file gives one sentence."""

from pathlib import Path

import pytest
import torch

from explorer.own import sliders
from explorer.own.attribute_file import ATTRIBUTE_FILE, MOST_ATTRIBUTES, alone, from_file, to_file
from glowcore.errors import CheckpointError
from glowcore.storage.safetensors_guard import pack
from tests.explorer import tiny_model

MINE = Path("mine.safetensors")
REFUSAL = (
    "mine.safetensors: this is no attribute file, or a damaged one; expected one that the Attributes page has saved"
)
TEXTS = ["[]", "null", "3", '"a"', "{", "[" * 100_000, '{"names": NaN}', "\N{SNOWMAN}"]


def refusal(data: bytes) -> str:
    """Return the sentence for the bytes of a file that the user calls mine.safetensors."""
    with pytest.raises(CheckpointError) as error:
        from_file(data, MINE)
    return str(error.value)


@pytest.mark.parametrize("text", TEXTS)
def test_a_header_that_is_not_an_object_of_attributes(freckles, text):
    data = pack(ATTRIBUTE_FILE, freckles.tensors(), {"attributes": text})
    assert refusal(data) == REFUSAL
    header = text.encode()
    assert refusal(len(header).to_bytes(8, "little") + header) == REFUSAL


def test_a_file_without_attributes(freckles):
    for tensors in ({}, freckles.tensors()):
        assert refusal(pack(ATTRIBUTE_FILE, tensors)) == REFUSAL
    assert refusal(pack(ATTRIBUTE_FILE, freckles.tensors(), {"attributes": "{}"})) == REFUSAL


def test_a_file_holds_one_to_eight(engine, freckles):
    assert from_file(to_file(engine.attributes.only(["Young", "Male"])), MINE).names == ("Male", "Young")
    nothing = freckles.only([])
    nine = tiny_model.vectors(engine._worker.flow, tuple(f"A{i}" for i in range(MOST_ATTRIBUTES + 1)))
    for vectors in (nothing, nine):
        with pytest.raises(CheckpointError, match="does not hold 1 to 8 attributes"):
            from_file(to_file(vectors), MINE)


def test_a_direction_made_orthogonal_to_others_is_read_as_it_was_stored(engine, freckles):
    apart = sliders.joined(engine.attributes, [freckles]).orthogonalise("Freckles", ["Smiling"])
    read = from_file(to_file(alone(apart, "Freckles")), MINE)
    assert read.names == ("Freckles",)
    assert torch.equal(read.direction("Freckles").flatten(), apart.direction("Freckles").flatten())
    assert read.sigma("Freckles") == pytest.approx(apart.sigma("Freckles"))
    assert read.info("Freckles")["orthogonal_to"] == ["Smiling"]
    again = sliders.joined(engine.attributes, [read])
    smile, moved = (again.direction(name).flatten() for name in ("Smiling", "Freckles"))
    assert abs(float(torch.nn.functional.cosine_similarity(smile, moved))) < 1e-5
