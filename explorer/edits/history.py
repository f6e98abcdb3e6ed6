"""Undo and redo as a value: the present recipe with the steps before and after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from explorer.edits.face_edits import FaceEdits
from explorer.edits.recipe import EditRecipe

MAX_STEPS = 50
REST = 1.0  # seconds without a move, after which the next move of the same slider is a new step


@dataclass(frozen=True)
class Stroke:
    """A move of one slider.

    Attributes:
        name: the attribute.
        since, at: when the user began and ended the move, in seconds of the browser's clock. They differ where one
            message stands for several moves, which were made while the server was busy.
        joins: whether the move may belong to the same step as the one before it.
        before: the recipe before the move; set when a history takes the stroke in.
    """

    name: str
    since: float
    at: float
    joins: bool = False
    before: EditRecipe | None = None

    def continues(self, before: Stroke | None) -> bool:
        """Return whether this move joins ``before``, a move of the same slider less than ``REST`` earlier."""
        return self.joins and before is not None and before.name == self.name and 0 <= self.since - before.at < REST


@dataclass(frozen=True)
class History:
    """The present recipe between the steps of undo and redo. Methods return a new history.

    Attributes:
        present: the recipe shown.
        past: the recipes that undo leads to, the latest last.
        future: the recipes that redo leads to, the next first.
        stroke: the slider move that led to the present, None where another operation did; a move that continues it
            belongs to the same step.
        earlier_faces: face edits that are no longer in ``past``.
    """

    present: EditRecipe
    past: tuple[EditRecipe, ...] = ()
    future: tuple[EditRecipe, ...] = ()
    stroke: Stroke | None = field(default=None, compare=False)
    earlier_faces: FaceEdits = field(default_factory=FaceEdits)

    def push(self, recipe: EditRecipe, stroke: Stroke | None = None) -> History:
        """Make ``recipe`` the present, drop the future and keep the last 50 steps of the past.

        Moves of one slider that continue each other are one step; the arrow keys would otherwise push out all others.
        """
        if recipe == self.present:
            return self
        stroke_made = stroke and replace(stroke, before=self.present)
        if stroke is None or not stroke.continues(self.stroke):
            past = (*self.past, self.present)
            first = max(0, len(past) - MAX_STEPS)
            return History(
                recipe, past[first:], stroke=stroke_made, earlier_faces=self.earlier_faces.after(past[:first])
            )
        if recipe == self.past[-1]:  # the slider is back where its step began: no step is left to undo
            return replace(self, present=recipe, past=self.past[:-1], future=(), stroke=None)
        return replace(self, present=recipe, future=(), stroke=stroke_made)

    def taken_back(self) -> History:
        """Discard the last step, so that redo does not lead to it; of a step of many moves, only the last move."""
        before = self.stroke.before if self.stroke else self.past[-1]
        past = self.past[:-1] if before == self.past[-1] else self.past
        return replace(self, present=before, past=past, future=(), stroke=None)

    def undo(self) -> History:
        """Go one step back; at the beginning, return this history."""
        if not self.past:
            return self
        return replace(
            self, present=self.past[-1], past=self.past[:-1], future=(self.present, *self.future), stroke=None
        )

    def redo(self) -> History:
        """Go one step forward; at the end, return this history."""
        if not self.future:
            return self
        return replace(
            self, present=self.future[0], past=(*self.past, self.present), future=self.future[1:], stroke=None
        )

    @property
    def faces(self) -> FaceEdits:
        """The last edit of each face of the photos; undone edits do not count."""
        return self.earlier_faces.after((*self.past, self.present))

    def shows_only(self, moves: tuple[tuple[str, float], ...]) -> bool:
        """Return whether every step up to the present has these moves, no locks, and no picture of a file."""
        steps = (*self.past, self.present)
        return all(step.moves == moves and not step.locks and not step.source.is_file for step in steps)

    def without_lost(self, available: Callable[[EditRecipe], bool]) -> History:
        """Drop the steps that are not ``available``, then consecutive duplicates; the present stays."""
        past, future = (tuple(filter(available, steps)) for steps in (self.past, self.future))
        faces = self.earlier_faces.where(available)
        return History(self.present, past, future, earlier_faces=faces)._without_duplicates()

    def one_choice_since(self, before: History) -> History:
        """Drop the steps since ``before`` that only chose a picture; steps with an edit and the present stay.

        It is for several photos that are uploaded at once, of which the user has seen only the last.

        Args:
            before: the history that this one was pushed from.
        """
        known, last, result = (*before.past, before.present), before.present, before
        for step in (*self.past, self.present):
            edited = (step.moves, step.locks) != (last.moves, last.locks)
            if step is self.present or (edited and step not in known):
                result = result.push(step)
            last = step
        return replace(result, earlier_faces=result.earlier_faces.updated(self.earlier_faces.last))

    def mapped(self, change: Callable[[EditRecipe], EditRecipe]) -> History:
        """Apply ``change`` to every recipe, then drop consecutive duplicates."""
        past, future = (tuple(map(change, steps)) for steps in (self.past, self.future))
        faces = self.earlier_faces.mapped(change)
        return History(change(self.present), past, future, earlier_faces=faces)._without_duplicates()

    def _without_duplicates(self) -> History:
        past = tuple(r for r, after in pairwise((*self.past, self.present)) if r != after)
        future = tuple(r for before, r in pairwise((self.present, *self.future)) if r != before)
        return replace(self, past=past, future=future)
