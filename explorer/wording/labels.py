"""Labels for attributes, their strengths, levels and pictures, as pages and messages show them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from explorer.engines.compressor import Compressor
from explorer.engines.engine import Engine
from glowcore.attribute_grid import signed
from glowcore.text import counted


@dataclass(frozen=True)
class Words:
    """The label of an attribute, and what the two ends of its slider mean."""

    label: str
    less: str
    more: str


_WORDS = {
    "Smiling": Words("Smile", "serious", "smiling"),
    "Eyeglasses": Words("Glasses", "without", "with"),
    "Young": Words("Young", "older", "younger"),
    "Male": Words("Masculine", "feminine", "masculine"),
    "Beard": Words("Beard", "shaven", "bearded"),
    "No_Beard": Words("Clean-shaven", "bearded", "shaven"),
    "Heavy_Makeup": Words("Make-up", "without", "with"),
    "Bangs": Words("Fringe", "without", "with"),
    "Mouth_Open": Words("Open mouth", "closed", "open"),
    "Mouth_Slightly_Open": Words("Open mouth", "closed", "open"),
    "Mustache": Words("Moustache", "without", "with"),
    "Wearing_Lipstick": Words("Lipstick", "without", "with"),
    "Wearing_Hat": Words("Hat", "without", "with"),
    "Bald": Words("Bald", "with hair", "bald"),
    "Blond_Hair": Words("Blond hair", "other", "blond"),
    "Black_Hair": Words("Black hair", "other", "black"),
    "Brown_Hair": Words("Brown hair", "other", "brown"),
    "Gray_Hair": Words("Grey hair", "other", "grey"),
    "Goatee": Words("Goatee", "without", "with"),
}
ORDER = tuple(_WORDS)  # the order in which attributes are offered, most wanted first
# Not offered: judgements of looks rather than descriptions, and labels on which CelebA's annotators disagree.
WITHHELD = frozenset({"Attractive", "Big_Lips", "Big_Nose", "Pale_Skin", "Chubby", "Double_Chin", "Oval_Face"})


def words(name: str) -> Words:
    """Return the words for an attribute; without an entry its name, with spaces for underscores, is its label."""
    label = name.replace("_", " ").strip().capitalize() if "_" in name else name[:1].upper() + name[1:]
    return _WORDS.get(name) or Words(label or name, "less", "more")


def strength(value: float) -> str:
    """Format a strength as sliders show it: "+1.50", "−2.00"."""
    return _minus(f"{value:+.2f}")


def brief_strength(value: float) -> str:
    """Format a strength as grids and previews show it: "+1", "−0.33", "0"."""
    return _minus(signed(value))


def percent(share: float, digits: int = 0) -> str:
    """Format a share of 1 as pages show it: "25 %", with a space at which no line breaks."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def noun(engine: Engine | Compressor) -> str:
    """Return the noun for a model's pictures: "picture" for a model with classes, else "face"."""
    return "picture" if engine.class_names else "face"


def level_names(count: int) -> list[str]:
    """Return the names of ``count`` levels, finest first."""
    if count == 1:
        return ["all"]
    return ["finest", *[f"middle {i}" if count > 3 else "middle" for i in range(1, count - 1)], "coarsest"]


def level_label(engine: Engine, level: int) -> str:
    """Return the label of a level: its number, its name and, for a model of faces, what the level determines."""
    count = engine.num_levels
    holds = {0: ": grain", count - 1: ": pose, light, hair"} if noun(engine) == "face" and count > 1 else {}
    return f"Level {level + 1} ({level_names(count)[level]}{holds.get(level, '')})"


def ordered(names: Iterable[str], own: Collection[str] = ()) -> list[str]:
    """Sort the attributes to offer by ``ORDER``, without those in ``WITHHELD`` unless they are among ``own``."""
    rank = {n: i for i, n in enumerate(ORDER)}
    return sorted((n for n in names if n in own or n not in WITHHELD), key=lambda n: rank.get(n, len(rank)))


def attributes_of(engine: Engine) -> list[str]:
    """Return the attributes of an engine that are offered, sorted by ``ORDER``."""
    return ordered(engine.attribute_names, engine.own)


def slider_order(moves: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Sort moves, (attribute, strength) pairs, in the order of the sliders."""
    strengths = dict(moves)
    return [(name, strengths[name]) for name in ordered(strengths, own=strengths)]


def join_labels(names: Iterable[str], most: int | None = None) -> str:
    """Join the labels of attributes for a sentence: "Smile, Glasses and Freckles"; of more than ``most`` only these."""
    labels = [words(n).label for n in names]
    if most is not None and len(labels) > most:
        labels[most:] = [counted(len(labels) - most, "other")]
    return " and ".join(filter(None, (", ".join(labels[:-1]), *labels[-1:])))


def _minus(number: str) -> str:
    """Replace the hyphen by the minus sign, which is as wide as a plus."""
    return number.replace("-", "−")
