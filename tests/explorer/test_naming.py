"""The name of an attribute that a user makes."""

import pytest

from explorer.own import naming
from explorer.wording.labels import words
from glowcore.errors import ConfigError

MODEL = ("Smiling", "Mouth_Open", "Wearing_Earrings")


@pytest.mark.parametrize(
    "typed", ["Smiling", "smile", "MOUTH OPEN", "open mouth", "wearing_earrings", "Wearing earrings"]
)
def test_a_name_is_taken_by_its_label_too(typed):
    with pytest.raises(ConfigError, match="already"):
        naming.name_for(typed, MODEL, ())


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("freckles on the  nose and the left cheek", "Freckles on the nose and the left cheek"),
        ("freckles on the nose and the left cheeks", "Freckles on the nose and the left cheeks"),  # 40 characters
        ("freckles on the nose and the left cheeks a", "Freckles on the nose and the left cheeks"),
        ("freckles on the nose and the right cheeks", "Freckles on the nose and the right"),
        ("x" * 41, "X" + "x" * 39),
    ],
)
def test_a_long_name_ends_with_a_whole_word(typed, name):
    assert naming.name_for(typed, MODEL, ()) == name


def test_a_name_keeps_its_letters_and_gets_a_capital():
    assert naming.name_for("  BMW   cap ", MODEL, ()) == "BMW cap"
    assert naming.name_for("dimples", MODEL, ("Dimples",)) == "Dimples"
    assert words("BMW cap").label == "BMW cap"
    assert words("dimples").label == "Dimples"
    assert words("Wearing_Earrings").label == "Wearing earrings"
