"""The data of the editor component: plain JSON, computed from a desk and an engine."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from explorer.catalogue.gallery import title
from explorer.edits.actions import FAR, pulled_back
from explorer.edits.messages import acknowledgement
from explorer.edits.recipe import STRENGTH_STEP, EditRecipe, Source
from explorer.engines.engine import Engine
from explorer.engines.results import Encoded, Rendered, in_typical_set
from explorer.pixels.lost_pictures import sheet
from explorer.pixels.pictures import data_uri
from explorer.portraits.photos import TILE, Photo
from explorer.session.desk import Desk
from explorer.wording.labels import attributes_of, level_names, noun, slider_order, strength, words
from explorer.wording.sentences import (
    COMES_BACK,
    LEFT,
    MOVED,
    NO_FACE,
    PLAIN,
    SOFTENS,
    TYPICAL,
    UNUSUAL,
    VERDICTS,
    link_words,
    with_moves,
)

SLIDER_LIMIT = 3.0
STRIP_FRAMES = 9


def editor_view(desk: Desk, engine: Engine, picture: np.ndarray | None) -> dict[str, Any]:
    """Return everything that the editor shows for the present edit.

    Args:
        desk: the session; it is not changed.
        engine: the model, which renders what it does not have in its caches.
        picture: the aligned picture of the present edit, from ``Desk.prepare_view``.
    """
    recipe = desk.recipe
    source = engine.source(recipe, picture)
    rendered = engine.render(recipe, picture)
    subject = subject_of(desk, noun(engine))
    return {
        "ack": acknowledgement(desk.answered),
        "token": desk.link,
        "source": hashlib.sha256(f"{engine.name} {engine.model_hash} {source.key}".encode()).hexdigest()[:16],
        "subject": subject,
        "sliders": sliders(recipe, engine),
        "undos": len(desk.history.past),
        "redos": len(desk.history.future),
        "note": desk.note,
        "link": link_words(recipe, engine.own, desk.crops),
        "pictures": _pictures(subject, recipe, source, rendered),
        "readout": _readout(desk, engine, source, rendered),
        "strip": _strip(desk, engine, picture),
    }


def short_name(desk: Desk) -> str:
    """Return the name of the edit's picture: of its file, of the gallery, "seed 7", "map 12"; "picture" without.

    A place on the map has the labels of the axes, unless both are components: "map 1.00,1.00 Smile component".
    """
    source = desk.recipe.source
    if desk.photo() is not None:
        return desk.photos.name_of(source.value)
    if source.value in desk.crops.brought:
        return desk.crops.name_of(source.value)
    place = " ".join([source.value, *_axis_labels(source)])
    names = {"gallery": title(source.value), "seed": f"seed {source.value}", "map": f"map {place}"}
    return names.get(source.kind, "picture")


def subject_of(desk: Desk, kind: str) -> str:
    """Return what the edit's picture is, of a ``kind`` of pictures: "me.jpg, face 1 of 11", "Gallery face: Face 04"."""
    source, photo, name = desk.recipe.source, desk.photo(), short_name(desk)
    if photo is not None and photo.found and source.face >= 0 and not source.eyes:
        return f"{name}, face {source.face + 1} of {len(photo.found)}"
    subjects = {"gallery": f"Gallery {kind}: {name}", "seed": f"Sampled {kind}, {name}"}
    by = " by " * any(source.axes) + " and ".join(_axis_labels(source))
    subjects["map"] = f"{kind.capitalize()} {'at ' if source.place else ''}{source.value} of the map{by}"
    return subjects.get(source.kind, name)


def _axis_labels(source: Source) -> list[str]:
    return [words(axis).label if axis else "component" for axis in source.axes] if any(source.axes) else []


def other_faces(photo: Photo, source: Source) -> list[tuple[int, list[list[float]]]]:
    """Return the faces of a photo besides that of ``source``: their numbers, and the corners of their squares.

    Corners are (x, y) as fractions of the photo's sides, one beside the next.
    """
    height, width = photo.picture.shape[:2]
    square = np.array([(0, 0), (TILE, 0), (TILE, TILE), (0, TILE)]) - 0.5
    found = []
    for face in range(len(photo.found)):
        if face != source.face:
            matrix = photo.aligned(TILE, replace(source, face=face, eyes=())).matrix
            corners = np.linalg.solve(matrix[:, :2], (square - matrix[:, 2]).T).T
            found.append((face, ((corners + 0.5) / (width, height)).tolist()))
    return found


def sliders(recipe: EditRecipe, engine: Engine) -> list[dict[str, Any]]:
    """Return one entry for each attribute that is offered; those made in the session come last."""
    entries = []
    for name in sorted(attributes_of(engine), key=lambda name: name in engine.own):
        text = words(name)
        entries.append(
            {
                "name": name,
                "label": text.label,
                "less": text.less,
                "more": text.more,
                "value": recipe.strength(name),
                "locked": name in recipe.locks,
                "own": name in engine.own,
                "min": -SLIDER_LIMIT,
                "max": SLIDER_LIMIT,
                "step": STRENGTH_STEP,
            }
        )
    return entries


def strengths(recipe: EditRecipe) -> list[str]:
    """Return the moves as words in the order of the sliders, "Smile +1.00"; "as it is" for a recipe without moves."""
    return [f"{words(n).label} {strength(s)}" for n, s in slider_order(recipe.moves)] or ["as it is"]


def exactness(source: Encoded) -> tuple[str, str]:
    """Return the figures of a reconstruction, and its mood: "good" or "bad"."""
    if not np.isfinite(source.max_error):
        return "The model cannot reproduce this picture: it is too unlike those it was trained on.", "bad"
    total = source.picture.shape[0] * source.picture.shape[1]
    changed = "0 pixels changed" if source.exact else f"{source.pixels_changed} of {total} pixels changed"
    precision = " · computed in float64, for float32 was not enough" if source.double else ""
    error = f"largest error {source.max_error:.1e} of the range from black to white"
    return f"{changed} · {error}{precision}", "good" if source.exact else "bad"


def _pictures(subject: str, recipe: EditRecipe, source: Encoded, rendered: Rendered) -> dict[str, Any]:
    fact, mood = exactness(source)
    height, width = source.picture.shape[:2]
    unchanged = f"The model gives all {height * width:,} pixels back unchanged."
    return {
        "original": {
            "uri": data_uri(source.picture),
            "alt": f"Original: {subject}",
            "fact": f"{width} × {height}, as the model sees it",
        },
        "reconstruction": {
            "uri": None if source.exact else data_uri(source.reconstruction),  # the original's
            "alt": f"Reconstruction, {fact}",
            "fact": COMES_BACK if source.exact else fact,
            "detail": unchanged if source.exact else fact,
            "mood": mood,
        },
        "edited": {
            "uri": data_uri(rendered.picture),
            "alt": f"Edited: {subject}{with_moves(recipe)}",
            "fact": ", ".join(strengths(recipe)),
        },
    }


def verdict(recipe: EditRecipe, rendered: Rendered, prior: str, *, of_face: bool) -> str:
    """Return how usual a picture is, in a few words; every verdict but "typical" is a warning.

    The level norms of a landscape are those of a face, and a few sliders at their ends hardly change them. The verdict
    therefore also depends on whether a face was found and on the norm of the moves.

    Args:
        recipe: the edit.
        rendered: its picture.
        prior: the prior of the model's latents: gaussian or logistic.
        of_face: whether the edit starts from a photo in the session, and the model expects a face in it.
    """
    traits, source = rendered.traits, recipe.source
    if not rendered.in_range:
        return LEFT
    if of_face and source.face < 0 and not source.eyes:
        return NO_FACE
    if recipe.distance >= FAR:
        return MOVED
    if traits and traits.distance < traits.bounds[0]:
        return PLAIN
    if (traits and not traits.usual) or not all(in_typical_set(rendered.level_norms, prior)):
        return UNUSUAL
    return TYPICAL


def _readout(desk: Desk, engine: Engine, source: Encoded, rendered: Rendered) -> dict[str, Any]:
    gauge_verdict = verdict(
        desk.recipe, rendered, engine.prior, of_face=desk.photo() is not None and noun(engine) == "face"
    )
    ease = bool(desk.recipe.moves) and gauge_verdict not in (TYPICAL, NO_FACE)
    usual = in_typical_set(rendered.level_norms, engine.prior)
    levels = [{"norm": n, "off": not good} for n, good in zip(rendered.level_norms, usual, strict=True)]
    traits = [{"norm": t.distance, "off": not t.usual} for t in (rendered.traits,) if t]
    names = level_names(len(levels))
    numbers = [["Model", engine.name], ["Device", engine.device_words], ["Decoding", f"{rendered.milliseconds:.1f} ms"]]
    numbers += [["Encoding and back", f"{source.milliseconds:.1f} ms"], ["Reconstruction", exactness(source)[0]]]
    surprise = (
        f"{source.bits_per_dim:.3f} bits/dim, at most, at {engine.config.n_bits} bits per value; less is more usual"
    )
    numbers += [["Original", surprise]]
    numbers += [
        [f"Level {i + 1} ({name})", f"{a:.3f} → {b['norm']:.3f}, distance from the average before and after"]
        for i, (name, a, b) in enumerate(zip(names, source.level_norms, levels, strict=True))
    ]
    if rendered.traits:
        low, high = rendered.traits.bounds
        real = f"998 of 1,000 real pictures lie between {low:.2f} and {high:.2f}"
        numbers += [["Attributes together", f"{rendered.traits.distance:.3f} from the average; {real}"]]
    if desk.recipe.moves:
        far = f"{desk.recipe.distance:.2f} standard deviations together; {FAR} or more is far"
        numbers += [["Moves", far]]
    return {
        "bars": levels + traits,
        "typical": gauge_verdict == TYPICAL,
        "ease": ease,
        "easeHelp": f"Moves all sliders nearer to 0: {', '.join(strengths(pulled_back(desk.recipe)))}",
        "verdict": gauge_verdict,
        "gaugeHelp": VERDICTS[gauge_verdict].format(noun=noun(engine)) + (SOFTENS if ease else ""),
        "numbers": numbers,
    }


def _strip(desk: Desk, engine: Engine, picture: np.ndarray | None) -> dict[str, Any] | None:
    """Return the strip that the editor requested: the pictures of one slider's strengths, as one sheet."""
    name = desk.wanted.strip
    if name not in engine.attribute_names or name in desk.recipe.locks:
        return None
    values = [-SLIDER_LIMIT + 2 * SLIDER_LIMIT * i / (STRIP_FRAMES - 1) for i in range(STRIP_FRAMES)]
    pictures = engine.strip(desk.recipe, name, values, picture)
    return {"name": name, "strengths": values, **sheet(pictures)}
