"""Undo and redo as values: a recipe with its past and its future."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from explorer.edits.recipe import EditRecipe

MAX_STEPS = 50
REST = 1.0  # seconds without a move, after which the next one of the same slider is a step of its own


@dataclass(frozen=True)
class Stroke:
    """A move of one slider: the attribute, and when the hand began and ended it, in seconds of the hand's own clock.

    They differ where the move stands for several, which came while the server was busy. `before` is the recipe that
    it was made from, once a history has taken it in.
    """

    name: str
    since: float
    at: float
    before: EditRecipe | None = None

    def continues(self, before: Stroke | None) -> bool:
        """Whether the hand has not rested since it made the move `before`, of the same slider."""
        return before is not None and before.name == self.name and 0 <= self.since - before.at < REST


@dataclass(frozen=True)
class History:
    """The present recipe between those that `undo` and `redo` lead to. Every method gives a new history.

    `stroke` is the move that led to the present, where a slider's did: another soon after it belongs to the same step.
    """

    present: EditRecipe
    past: tuple[EditRecipe, ...] = ()
    future: tuple[EditRecipe, ...] = ()
    stroke: Stroke | None = field(default=None, compare=False)

    def push(self, recipe: EditRecipe, stroke: Stroke | None = None) -> History:
        """Make `recipe` the present. The future is forgotten; the past is kept to its last 50 steps.

        Moves of one slider that follow each other without a rest are one step: arrow keys would push out all others.
        """
        if recipe == self.present:
            return self
        made = stroke and replace(stroke, before=self.present)
        if stroke is None or not stroke.continues(self.stroke):
            return History(recipe, (*self.past, self.present)[-MAX_STEPS:], stroke=made)
        if recipe == self.past[-1]:
            return History(recipe, self.past[:-1])  # back where the step began: there is none to undo
        return History(recipe, self.past, stroke=made)

    def taken_back(self) -> History:
        """Without the last step, which nothing leads back to; of a step of many moves only the last one is taken."""
        before = self.stroke.before if self.stroke else self.past[-1]
        return History(before, self.past[:-1] if before == self.past[-1] else self.past)

    def undo(self) -> History:
        """One step back, or the same history at its beginning."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (self.present, *self.future))

    def redo(self) -> History:
        """One step forward, or the same history at its end."""
        if not self.future:
            return self
        return History(self.future[0], (*self.past, self.present), self.future[1:])

    def edited_faces(self, photo: str) -> list[EditRecipe]:
        """How the detected faces of a photo were last left, those in which anything is moved; what was undone aside."""
        steps = (r for r in (*self.past, self.present) if r.source.value == photo and r.source.face >= 0)
        return [r for r in {step.source: step for step in steps}.values() if r.moves]

    def without_lost(self, here: Callable[[EditRecipe], bool]) -> History:
        """Drop steps that are not `here`, then consecutive duplicates; the present stays."""
        past, future = [r for r in self.past if here(r)], [r for r in self.future if here(r)]
        return History(
            self.present,
            tuple(r for r, after in pairwise([*past, self.present]) if r != after),
            tuple(r for before, r in pairwise([self.present, *future]) if r != before),
        )

    def mapped(self, change: Callable[[EditRecipe], EditRecipe]) -> History:
        """The same steps with every recipe changed."""
        return History(change(self.present), tuple(map(change, self.past)), tuple(map(change, self.future)))
