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

    They differ where the move stands for several, which came while the server was busy. `joins`: whether it may go on
    with the move before it. `before` is the recipe that it was made from, once a history has taken it in.
    """

    name: str
    since: float
    at: float
    joins: bool = False
    before: EditRecipe | None = None

    def continues(self, before: Stroke | None) -> bool:
        """Whether the move goes on with `before`, of the same slider, since when the hand has not rested."""
        return self.joins and before is not None and before.name == self.name and 0 <= self.since - before.at < REST


@dataclass(frozen=True)
class History:
    """The present recipe between those that `undo` and `redo` lead to. Every method gives a new history.

    `stroke` is the move that led to the present, where a slider's did: one that joins it belongs to the same step.
    `forgotten` is how the faces of photos were left that were edited in steps which the past does not hold any more.
    """

    present: EditRecipe
    past: tuple[EditRecipe, ...] = ()
    future: tuple[EditRecipe, ...] = ()
    stroke: Stroke | None = field(default=None, compare=False)
    forgotten: tuple[EditRecipe, ...] = ()

    def push(self, recipe: EditRecipe, stroke: Stroke | None = None) -> History:
        """Make `recipe` the present. The future is forgotten; the past is kept to its last 50 steps.

        Moves of one slider that join each other without a rest are one step: arrow keys would push out all others.
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
        past, future = (tuple(filter(here, steps)) for steps in (self.past, self.future))
        return History(self.present, past, future, forgotten=tuple(filter(here, self.forgotten)))._without_echoes()

    def one_choice_since(self, before: History) -> History:
        """Without the steps that only chose a picture, of those since `before`, which this history was pushed from.

        What brought an edit stays, and the present. Of many photos that come at once nobody has looked at the others.
        """
        known, last, joined = (*before.past, before.present), before.present, before
        for step in (*self.past, self.present):
            edited = (step.moves, step.locks) != (last.moves, last.locks)
            if step is self.present or (edited and step not in known):
                joined = joined.push(step)
            last = step
        new = (r for r in self.forgotten if r not in joined.forgotten)
        return replace(joined, forgotten=(*joined.forgotten, *new))

    def mapped(self, change: Callable[[EditRecipe], EditRecipe]) -> History:
        """The steps with every recipe changed, those that then change nothing left out.

        A forgotten face that becomes another picture goes.
        """
        return History(
            change(self.present),
            tuple(map(change, self.past)),
            tuple(map(change, self.future)),
            forgotten=tuple(after for r in self.forgotten if (after := change(r)).source == r.source),
        )._without_echoes()

    def _without_echoes(self) -> History:
        past = tuple(r for r, after in pairwise((*self.past, self.present)) if r != after)
        future = tuple(r for before, r in pairwise((self.present, *self.future)) if r != before)
        return replace(self, past=past, future=future)
