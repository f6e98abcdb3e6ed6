"""Undo and redo as values: a recipe with its past and its future."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from explorer.recipe import EditRecipe

MAX_STEPS = 50


@dataclass(frozen=True)
class History:
    """The present recipe between those that `undo` and `redo` lead to. Every method gives a new history."""

    present: EditRecipe
    past: tuple[EditRecipe, ...] = ()
    future: tuple[EditRecipe, ...] = ()

    def push(self, recipe: EditRecipe) -> History:
        """Make `recipe` the present. The future is forgotten; the past is kept to its last 50 steps."""
        if recipe == self.present:
            return self
        return History(recipe, (*self.past, self.present)[-MAX_STEPS:])

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
