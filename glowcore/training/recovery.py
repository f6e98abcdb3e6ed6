"""The reaction to bad steps and evaluations: continue, restore the last saved state, or give up."""

from __future__ import annotations

from typing import Any

from glowcore.training.settings import TrainSettings

#: Bad evaluations after which a run is restored although none has been good yet; a run may begin badly and recover.
MAX_BAD_STARTS = 3


class Recovery:
    """Counts of bad steps and evaluations, and the decision when to restore the last saved state or give up.

    A bad step, whose loss or gradient is not finite, is skipped; ``max_bad_steps`` in a row restore the saved state. A
    bad evaluation, which finds the model diverged, restores it at once. If no evaluation has been good yet, the run
    may go on after up to :data:`MAX_BAD_STARTS` - 1 bad ones, but not end with one. Every restore halves the learning
    rate; after ``max_restores`` of them the run gives up.

    Attributes:
        skipped: number of bad steps of the run.
        restores: number of restores.
        healthy: whether any evaluation of the run has been good.
        bad_steps: consecutive bad steps since the last good one or the last restore.
        bad_evaluations: consecutive bad evaluations, likewise.
        diverged: the reason why the run has given up, or "".
    """

    def __init__(self, settings: TrainSettings, *, skipped: int = 0, restores: int = 0, healthy: bool = False) -> None:
        self.settings = settings
        self.skipped, self.restores, self.healthy = skipped, restores, healthy
        self.bad_steps, self.bad_evaluations = 0, 0
        self.diverged = ""

    @property
    def rate_factor(self) -> float:
        """Factor on the learning rate, halved by every restore."""
        return 0.5**self.restores

    @property
    def exhausted(self) -> bool:
        """Whether no further restore is allowed."""
        return self.restores >= self.settings.max_restores

    def good_step(self) -> None:
        """Count a step that was taken."""
        self.bad_steps = 0

    def bad_step(self) -> bool:
        """Count a skipped step; return whether to restore the saved state."""
        self.skipped += 1
        self.bad_steps += 1
        return self.bad_steps >= self.settings.max_bad_steps

    def good_evaluation(self) -> None:
        """Count an evaluation that found nothing wrong."""
        self.healthy, self.bad_evaluations = True, 0

    def bad_evaluation(self, *, at_end: bool) -> bool:
        """Count an evaluation that found the model diverged; return whether to restore the saved state.

        ``at_end``: whether it was the evaluation at the end of the run.
        """
        self.bad_evaluations += 1
        return self.healthy or at_end or self.bad_evaluations >= MAX_BAD_STARTS

    def restored(self, failed: Recovery) -> None:
        """Continue the counts of ``failed``, from which the run was restored to the state that holds these counts."""
        self.skipped, self.restores = failed.skipped, failed.restores + 1

    def state(self) -> dict[str, Any]:
        """Return the counts that are saved, as keywords of the constructor."""
        return {"skipped": self.skipped, "restores": self.restores, "healthy": self.healthy}
