"""What a run does about steps and evaluations that go wrong: it goes on, goes back, or gives up."""

from __future__ import annotations

from typing import Any

from glowcore.training.settings import TrainSettings

#: Evaluations of a run that may find it diverged before one has found it good; a run may begin badly and recover.
MOST_BAD_STARTS = 3


class Recovery:
    """Counts what goes wrong in a run and says when to go back to the last saved state, and when to give up.

    A bad step, whose loss or gradient is not finite, is skipped; ``max_bad_steps`` of them in a row take the run back.
    A bad evaluation, which finds the model diverged, takes it back at once, unless no evaluation has been good yet:
    then the run may go on for a while, but not end. Every restore halves the learning rate; after ``max_restores`` of
    them the run gives up.

    Attributes:
        skipped: bad steps of the run.
        restores: returns to a saved state.
        healthy: whether an evaluation of the run has been good.
        bad_steps: in a row, since the last good one or the last restore.
        bad_evaluations: likewise.
        diverged: why the run has failed; "" unless it has.
    """

    def __init__(self, settings: TrainSettings, *, skipped: int = 0, restores: int = 0, healthy: bool = False) -> None:
        self.settings = settings
        self.skipped, self.restores, self.healthy = skipped, restores, healthy
        self.bad_steps, self.bad_evaluations = 0, 0
        self.diverged = ""

    @property
    def rate_factor(self) -> float:
        """What is left of the learning rate: every restore halves it."""
        return 0.5**self.restores

    @property
    def exhausted(self) -> bool:
        """Whether one more restore would be too many."""
        return self.restores >= self.settings.max_restores

    def good_step(self) -> None:
        """Note a step that has been taken."""
        self.bad_steps = 0

    def bad_step(self) -> bool:
        """Note a step that has been skipped; returns whether to go back."""
        self.skipped += 1
        self.bad_steps += 1
        return self.bad_steps >= self.settings.max_bad_steps

    def good_evaluation(self) -> None:
        """Note an evaluation that has found nothing wrong."""
        self.healthy, self.bad_evaluations = True, 0

    def bad_evaluation(self, *, at_end: bool) -> bool:
        """Note an evaluation that has found the model diverged, ``at_end`` of the run or before; whether to go back."""
        self.bad_evaluations += 1
        return self.healthy or at_end or self.bad_evaluations >= MOST_BAD_STARTS

    def restored(self, failed: Recovery) -> None:
        """Go on from a saved state, whose counts these are, after ``failed``, whose counts go on."""
        self.skipped, self.restores = failed.skipped, failed.restores + 1

    def state(self) -> dict[str, Any]:
        """Return what is saved: the keywords of the constructor."""
        return {"skipped": self.skipped, "restores": self.restores, "healthy": self.healthy}
