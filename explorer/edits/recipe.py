"""An edit as a value: its source, its moves and its locks.

All parts of the application exchange edits as an ``EditRecipe``. It is an undo step, the ``?s=`` token of the address,
the text chunk in every exported PNG, and the argument of ``python -m explorer render``. It is frozen and hashable.
Numbers are rounded to a grid of 1/100, those of hand-placed eyes of 1/10,000, so that a recipe equals itself after any
number of round trips.

The token is base64url of a compact JSON list, version first. It has only letters, digits, ``-`` and ``_``, which no
browser, shell or chat program changes.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from glowcore.errors import GlowcoreError
from glowcore.metadata import USUAL_TEMPERATURE

STRENGTH_LIMIT = 5.0  # standard deviations; the sliders end at 3, scripts may go further
STRENGTH_STEP = 0.05  # of the sliders; scripts may use values in between
TEMPERATURE_LIMIT = 1.2
SEED_LIMIT = 2**31 - 1
LABEL_LIMIT = 9999
PLACE_LIMIT = 6.0  # standard deviations from the middle of a map, beyond all faces but a few outliers
MAIN_AXES = ("", "")  # of a map that is arranged by no attribute
NO_FILE = "m"  # first character of the key of an aligned picture without a file: mixed here, or lent by another model
MODEL_DIGITS = 12  # hex digits of the SHA-256 of the weights that identify a model
MAX_MOVES = 64
MAX_LEVELS = 12
MAX_TOKEN = 4096
VERSION = 1

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,80}")
# Any file name, none of which is longer on common file systems; "photo:" begins what pages call a photo.
_GALLERY_NAME = re.compile(r"(?!\.|photo:)[^\x00-\x1f\x7f-\x9f/\\\ud800-\udfff]{1,255}")
_PHOTO_HASH = re.compile(rf"[0-9a-f]{{32}}|{NO_FILE}[0-9a-f]{{31}}")
_SEED = re.compile(r"\d{1,10}")
_MAP_POINT = re.compile(r"\d{1,6}|[+-]?\d{1,3}(?:\.\d{1,4})?,[+-]?\d{1,3}(?:\.\d{1,4})?")
_MODEL_HASH = re.compile(rf"(?:[0-9a-f]{{{MODEL_DIGITS}}})?")


_PATTERNS = {"gallery": _GALLERY_NAME, "photo": _PHOTO_HASH, "seed": _SEED, "map": _MAP_POINT}


class RecipeError(GlowcoreError, ValueError):
    """An invalid recipe or token."""


@dataclass(frozen=True)
class Source:
    """The picture that an edit starts from. A recipe never contains the picture itself.

    Attributes:
        kind: "gallery", "photo", "seed" or "map".
        value: by kind: a file name of the model's gallery; the first 32 hex digits of the SHA-256 of the uploaded
            file, or ``NO_FILE`` and 31 of that of a picture made here; the seed of a sampled picture, as digits; the
            number of a face on the model's map, or a place on it, "x,y" in standard deviations.
        face: the number of a detected face of a photo; -1 for the centre crop or for hand-placed eyes.
        eyes: hand-placed eyes (left x, left y, right x, right y) as fractions of the photo's sides; () for those that
            the detector found.
        label: the class of a sampled picture, for a model with classes.
        axes: of a place on the map, the attributes by which the map is arranged across and up; "" for the component in
            which faces vary most (across) or second most (up).

    Raises:
        RecipeError: a value that does not fit its kind; numbers out of range are clamped.
    """

    kind: str
    value: str
    face: int = 0
    eyes: tuple[float, ...] = ()
    label: int = 0
    axes: tuple[str, str] = MAIN_AXES

    def __post_init__(self) -> None:
        """Validate the fields; clamp numbers, and reset fields that the kind does not use."""
        pattern = _PATTERNS.get(self.kind)
        if pattern is None:
            raise RecipeError(f"source kind {self.kind!r:.40} is not one of {', '.join(_PATTERNS)}")
        if not isinstance(self.value, str) or not pattern.fullmatch(self.value):
            raise RecipeError(f"{self.value!r:.60} is no {self.kind} source")
        if self.kind == "seed":
            object.__setattr__(self, "value", str(min(int(self.value), SEED_LIMIT)))
        if self.place is not None:
            x, y = (_number(v, -PLACE_LIMIT, PLACE_LIMIT, "place") for v in self.place)
            object.__setattr__(self, "value", f"{x:.2f},{y:.2f}")
        axes = tuple("" if name == "" else _name(name) for name in self.axes) if self.place is not None else MAIN_AXES
        if len(axes) != 2:
            raise RecipeError(f"a map has two axes, not {len(axes)}")
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "face", min(max(_integer(self.face, "face"), -1), 99) if self.kind == "photo" else 0)
        eyes = tuple(_number(v, 0.0, 1.0, "eyes", digits=4) for v in self.eyes) if self.kind == "photo" else ()
        if len(eyes) not in (0, 4):
            raise RecipeError(f"eyes are four fractions, not {len(eyes)}")
        object.__setattr__(self, "eyes", eyes)
        label = min(max(_integer(self.label, "label"), 0), LABEL_LIMIT) if self.kind == "seed" else 0
        object.__setattr__(self, "label", label)

    @property
    def place(self) -> tuple[float, float] | None:
        """The coordinates of a place on the map; None for a numbered face and for the other kinds."""
        if self.kind != "map" or "," not in self.value:
            return None
        x, y = self.value.split(",")
        return float(x), float(y)

    @property
    def is_file(self) -> bool:
        """Whether the source is a photo from a file, which can be uploaded again."""
        return self.kind == "photo" and not self.value.startswith(NO_FILE)


@dataclass(frozen=True)
class EditRecipe:
    """A source with its moves and locks.

    Attributes:
        source: the picture.
        moves: (attribute, strength in standard deviations) pairs, sorted; zeros are dropped.
        locks: attributes whose score must not change while others move, sorted.
        temperature: of a sampled source: one value, or one per level, finest first; 0 to 1.2.
        model: the first 12 hex digits of the SHA-256 of the model's weights, "" for any model.
    """

    source: Source
    moves: tuple[tuple[str, float], ...] = ()
    locks: tuple[str, ...] = ()
    temperature: tuple[float, ...] = (USUAL_TEMPERATURE,)
    model: str = ""

    def __post_init__(self) -> None:
        """Validate the fields and bring them to their canonical form."""
        pairs = dict(self.moves)
        if len(pairs) > MAX_MOVES or len(set(self.locks)) > MAX_MOVES:
            raise RecipeError(f"more than {MAX_MOVES} attributes in one recipe")
        moves = {_name(n): _number(s, -STRENGTH_LIMIT, STRENGTH_LIMIT, f"strength of {n}") for n, s in pairs.items()}
        object.__setattr__(self, "moves", tuple(sorted((n, s) for n, s in moves.items() if s != 0)))
        object.__setattr__(self, "locks", tuple(sorted({_name(n) for n in self.locks})))
        temperature = tuple(_number(t, 0.0, TEMPERATURE_LIMIT, "temperature") for t in self.temperature)
        if not 1 <= len(temperature) <= MAX_LEVELS:
            raise RecipeError(f"temperature holds {len(temperature)} values; one, or one for each of the levels")
        if len(set(temperature)) == 1:
            temperature = temperature[:1]
        object.__setattr__(self, "temperature", temperature if self.source.kind == "seed" else (USUAL_TEMPERATURE,))
        if not isinstance(self.model, str) or not _MODEL_HASH.fullmatch(self.model):
            raise RecipeError(f"model {self.model!r:.60} is not {MODEL_DIGITS} hexadecimal digits")

    # -- reading ----------------------------------------------------------------
    def strength(self, name: str) -> float:
        """Return the strength of attribute ``name``, 0 where it is not moved."""
        return dict(self.moves).get(name, 0.0)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of the attributes that are moved or locked, each once."""
        return tuple(dict.fromkeys([*dict(self.moves), *self.locks]))

    @property
    def distance(self) -> float:
        """The Euclidean norm of all moves in standard deviations, to two decimals, as it is shown."""
        return round(math.hypot(*(strength for _, strength in self.moves)), 2)

    # -- changing: each method returns a new recipe ----------------------------------------------------------------
    def moved(self, moves: Mapping[str, float]) -> EditRecipe:
        """Set the strengths of ``moves``; the others stay."""
        return replace(self, moves=tuple((dict(self.moves) | dict(moves)).items()))

    def locked(self, name: str, on: bool) -> EditRecipe:
        """Lock or unlock attribute ``name``."""
        return replace(self, locks=tuple((set(self.locks) | {name}) if on else (set(self.locks) - {name})))

    def reset(self) -> EditRecipe:
        """Remove all moves and locks."""
        return replace(self, moves=(), locks=())

    def eased(self, factor: float) -> EditRecipe:
        """Multiply every strength by ``factor``, rounded towards 0 to a step of the sliders."""

        def scaled(strength: float) -> float:
            return math.trunc(round(strength * factor / STRENGTH_STEP, 6)) * STRENGTH_STEP  # 11.999999 steps are 12

        return replace(self, moves=tuple((name, scaled(strength)) for name, strength in self.moves))

    def restricted(self, names: Iterable[str]) -> EditRecipe:
        """Keep only the moves and locks of the attributes in ``names``, those of another model."""
        known = set(names)
        return replace(
            self,
            moves=tuple(m for m in self.moves if m[0] in known),
            locks=tuple(n for n in self.locks if n in known),
        )

    def without_photo(self, gone: Collection[str], instead: Source) -> EditRecipe:
        """Change the source to ``instead`` where it is one of the photos whose keys are in ``gone``."""
        is_gone = self.source.kind == "photo" and self.source.value in gone
        return replace(self, source=instead) if is_gone else self

    # -- token ----------------------------------------------------------------
    def token(self) -> str:
        """Return the recipe as a string of letters, digits, ``-`` and ``_``."""
        source = [self.source.kind[0], self.source.value]
        if any(self.source.axes):
            source += self.source.axes
        if self.source.label:
            source += [self.source.label]
        if self.source.face or self.source.eyes:
            source += [self.source.face, *(round(v * 10_000) for v in self.source.eyes)]
        temperature = [_hundredths(t) for t in self.temperature] if self.source.kind == "seed" else []
        moves = {n: _hundredths(s) for n, s in self.moves}
        body = [VERSION, source, moves, list(self.locks), temperature, self.model]
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def from_token(cls, token: str) -> EditRecipe:
        """Parse a token; numbers out of range are clamped.

        Raises:
            RecipeError: any other deviation from the format, with a message of one line. No string raises another
                exception.
        """
        body = _decode(token)
        if not isinstance(body, list) or not body or body[0] != VERSION or isinstance(body[0], bool):
            raise RecipeError("the link was made by another version of this program")
        if len(body) != 6:
            raise RecipeError(f"the link holds {len(body)} parts instead of 6")
        _, source, moves, locks, temperature, model = body
        if not (isinstance(source, list) and len(source) in (2, 3, 4, 7) and {*map(type, source[:2])} == {str}):
            raise RecipeError("the link names no source")
        if not (isinstance(moves, dict) and isinstance(locks, list) and isinstance(temperature, list)):
            raise RecipeError("the link's moves, locks and temperature are not of the right kind")
        kind = {k[0]: k for k in _PATTERNS}.get(source[0], source[0])
        axes, more = (source[2:], []) if len(source) == 4 else (MAIN_AXES, source[2:])
        return cls(
            source=Source(
                kind,
                source[1],
                face=more[0] if more and kind != "seed" else 0,
                eyes=tuple(_integer(v, "eyes") / 10_000 for v in more[1:]),
                label=more[0] if more and kind == "seed" else 0,
                axes=tuple(axes),
            ),
            moves=tuple((_name(n), _integer(s, n) / 100) for n, s in moves.items()),
            locks=tuple(_name(n) for n in locks),
            temperature=tuple(_integer(t, "temperature") / 100 for t in temperature) or (USUAL_TEMPERATURE,),
            model=model,
        )


def _decode(token: str) -> object:
    """Return the JSON value of a token, or raise RecipeError."""
    if not isinstance(token, str) or not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{MAX_TOKEN}}}", token):
        raise RecipeError(f"a link holds 1 to {MAX_TOKEN} letters, digits, - and _")
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("utf-8")
        return json.loads(text)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise RecipeError("the link is incomplete or was changed on the way") from error


def _hundredths(value: float) -> int:
    return round(value * 100)


def _integer(value: object, what: str) -> int:
    """Return an integer of JSON. It is bounded, because dividing an integer of 400 digits overflows."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 10**9:
        raise RecipeError(f"{what!s:.40}: {value!r:.40} is not a whole number up to a thousand million")
    return value


def _number(value: object, low: float, high: float, what: str, digits: int = 2) -> float:
    """Return a finite number, clamped to [``low``, ``high``] and rounded to ``digits`` decimals."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < math.inf:
        raise RecipeError(f"{what:.60}: {value!r:.40} is not a finite number")
    bounded = float(min(max(value, low), high))  # in this order: float() of an integer of 400 digits overflows
    return round(bounded, digits) + 0.0  # + 0.0 turns -0.0 into 0.0


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise RecipeError(f"{value!r:.60} is no attribute name: 1 to 80 printable characters")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON may hold a lone surrogate; a PNG or an address may not
        raise RecipeError(f"{value!r:.60} is no attribute name: not Unicode text") from error
    return value
