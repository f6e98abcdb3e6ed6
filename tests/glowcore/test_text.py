"""Sanitised names in messages."""

from glowcore.text import printable


def test_names_are_shown_harmlessly():
    assert printable("gr\u202egpj.exe\n\0") == "gr?gpj.exe??"
    assert printable("\udcff.png") == "?.png"
    long = printable("a" * 4096)
    assert len(long) == 80
    assert "…" in long
