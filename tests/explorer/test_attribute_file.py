"""A file of attributes holds 1 to 8 of them; any other file gives one sentence."""

import pytest

from explorer.own.attribute_file import ATTRIBUTE_FILE, MOST_ATTRIBUTES, from_file, to_file
from glowcore.errors import CheckpointError
from glowcore.storage.safetensors_guard import pack
from tests.explorer import tiny_model


@pytest.mark.parametrize("text", ["[]", "null", "3", '"a"', "{", "{}", "[" * 100_000, '{"names": NaN}', "\N{SNOWMAN}"])
def test_a_header_that_is_not_an_object_of_attributes(freckles, text):
    data = pack(ATTRIBUTE_FILE, freckles.tensors(), {"attributes": text})
    with pytest.raises(CheckpointError) as error:
        from_file(data)
    assert "\n" not in str(error.value)
    with pytest.raises(CheckpointError):
        from_file(pack(ATTRIBUTE_FILE, freckles.tensors()))


def test_a_file_holds_one_to_eight(engine, freckles):
    assert from_file(to_file(engine.attributes.only(["Young", "Male"]))).names == ("Male", "Young")
    nothing = freckles.only([])
    nine = tiny_model.vectors(engine._worker.flow, tuple(f"A{i}" for i in range(MOST_ATTRIBUTES + 1)))
    for vectors in (nothing, nine):
        with pytest.raises(CheckpointError, match="does not hold 1 to 8 attributes"):
            from_file(to_file(vectors))
