"""Undo and redo as values: a recipe with its past and its future."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    `forgotten` is how the faces of photos were left that were edited in steps which the past does not hold any more.
    """

    present: EditRecipe
    past: tuple[EditRecipe, ...] = ()
    future: tuple[EditRecipe, ...] = ()
    stroke: Stroke | None = field(default=None, compare=False)
    forgotten: tuple[EditRecipe, ...] = ()

    def push(self, recipe: EditRecipe, stroke: Stroke | None = None) -> History:
        """Make `recipe` the present. The future is forgotten; the past is kept to its last 50 steps.

        Moves of one slider that follow each other without a rest are one step: arrow keys would push out all others.
        """
        if recipe == self.present:
            return self
        made = stroke and replace(stroke, before=self.present)
        if stroke is None or not stroke.continues(self.stroke):
            past = (*self.past, self.present)
            first = max(0, len(past) - MAX_STEPS)
            return History(recipe, past[first:], stroke=made, forgotten=self._left(past[: first + 1]))
        if recipe == self.past[-1]:  # back where the step began: there is none to undo
            return replace(self, present=recipe, past=self.past[:-1], future=(), stroke=None)
        return replace(self, present=recipe, future=(), stroke=made)

    def taken_back(self) -> History:
        """Without the last step, which nothing leads back to; of a step of many moves only the last one is taken."""
        before = self.stroke.before if self.stroke else self.past[-1]
        past = self.past[:-1] if before == self.past[-1] else self.past
        return replace(self, present=before, past=past, future=(), stroke=None)

    def undo(self) -> History:
        """One step back, or the same history at its beginning."""
        if not self.past:
            return self
        return replace(
            self, present=self.past[-1], past=self.past[:-1], future=(self.present, *self.future), stroke=None
        )

    def redo(self) -> History:
        """One step forward, or the same history at its end."""
        if not self.future:
            return self
        return replace(
            self, present=self.future[0], past=(*self.past, self.present), future=self.future[1:], stroke=None
        )

    def edited_faces(self, photo: str) -> list[EditRecipe]:
        """How the edited ones of a photo's detected faces were left, where moves remain; what was undone aside.

        A face is not edited by being chosen, though the sliders of the one before are carried along to it.
        """
        left = self._left((*self.past, self.present))
        return [r for r in left if r.source.value == photo and r.source.face >= 0 and r.moves]

    def with_edited(self, recipe: EditRecipe) -> History:
        """With a face known as edited that came so from elsewhere."""
        return replace(self, forgotten=(*self.forgotten, recipe))

    def _left(self, steps: Sequence[EditRecipe]) -> tuple[EditRecipe, ...]:
        """The pictures of photos as the hand left them, in the steps that are forgotten and then in `steps`."""
        edited = [
            after
            for before, after in pairwise(steps)
            if after.source.kind == "photo" and (after.moves, after.locks) != (before.moves, before.locks)
        ]
        return tuple({r.source: r for r in (*self.forgotten, *edited)}.values())

    def without_lost(self, here: Callable[[EditRecipe], bool]) -> History:
        """Drop steps that are not `here`, then consecutive duplicates; the present stays."""
        past, future = [r for r in self.past if here(r)], [r for r in self.future if here(r)]
        return History(
            self.present,
            tuple(r for r, after in pairwise([*past, self.present]) if r != after),
            tuple(r for before, r in pairwise([self.present, *future]) if r != before),
            forgotten=tuple(r for r in self.forgotten if here(r)),
        )

    def mapped(self, change: Callable[[EditRecipe], EditRecipe]) -> History:
        """The same steps with every recipe changed; a forgotten face that becomes another picture goes."""
        return History(
            change(self.present),
            tuple(map(change, self.past)),
            tuple(map(change, self.future)),
            forgotten=tuple(after for r in self.forgotten if (after := change(r)).source == r.source),
        )
