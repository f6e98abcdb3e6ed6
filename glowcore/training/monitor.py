"""The output of a training run: progress bar, log, TensorBoard events and sample grids."""

from __future__ import annotations

import functools
import json
import math
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import torch

from glowcore import images
from glowcore.classes import any_classes, has_head, num_classes
from glowcore.errors import TrainingError, reason
from glowcore.evaluation.held_out import in_batches
from glowcore.flow import Flow
from glowcore.grids import grid
from glowcore.metadata import USUAL_TEMPERATURE
from glowcore.progress import progress_bar
from glowcore.reversible import DriftMeter

if TYPE_CHECKING:
    from glowcore.training import Trainer

#: Seeds and temperature of the sample grid drawn at every evaluation.
SAMPLE_SEEDS = range(16)
#: Seconds between two drawings of the bar, and between two lines of progress where stderr is no terminal.
BAR_SECONDS, LINE_SECONDS = 0.1, 30.0


class Monitor:
    """The progress bar, ``log.jsonl``, TensorBoard events and ``samples/`` of one run, in its folder.

    It reads the counters of the trainer and changes nothing there. Only the first process calls :meth:`record` and
    :meth:`show`.

    Attributes:
        last: the last evaluation as it is logged, JSON-able; empty before the first.
    """

    def __init__(self, trainer: Trainer, *, progress: bool) -> None:
        self.trainer = trainer
        self.last: dict[str, Any] = {}
        self.smooth_loss: float | None = None
        self.smooth_head_bits: float | None = None
        self.wall_start = time.time()
        self.wall_before = 0.0
        self.active = trainer.processes.is_first
        self.progress = progress and self.active
        self.bar = progress_bar(
            progress=self.progress, total=1.0, bar_format="{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
        )
        self.shown_at = time.monotonic()

    def after_step(self, loss: float) -> None:
        """Update the progress with the loss of a step, NaN if the step was skipped."""
        trainer = self.trainer
        if not math.isnan(loss):
            self.smooth_loss = _smooth(self.smooth_loss, loss)
            self.smooth_head_bits = _smooth(self.smooth_head_bits, trainer.head_bits)
        if time.monotonic() - self.shown_at >= (LINE_SECONDS if self.bar.disable else BAR_SECONDS):
            self._show_progress()

    def _show_progress(self) -> None:
        """Draw the bar on a terminal, else print a line: in a log every drawing of a bar would be a line."""
        trainer = self.trainer
        self.shown_at = time.monotonic()
        fields = {"step": trainer.step, "bits/dim": f"{self.smooth_loss or float('nan'):.3f}"}
        if trainer.seconds:
            fields["img/s"] = f"{trainer.images_seen / trainer.seconds:.1f}"
        if (bits := self.last.get("bits_per_dim")) is not None:
            fields["held-out"] = f"{bits:.4f}"
        if (accuracy := self.last.get("class_accuracy_head")) is not None:
            fields["classes right"] = f"{100 * accuracy:.1f}%"
        if trainer.recovery.skipped:
            fields["skipped"] = trainer.recovery.skipped
        self.bar.n = min(1.0, trainer.fraction)
        if not self.bar.disable:
            self.bar.set_postfix(fields)
        elif self.progress:
            self.say(f"{self.bar.n:.0%} " + " ".join(f"{name} {value}" for name, value in fields.items()))

    def record(self, metrics: dict[str, float]) -> None:
        """Keep the metrics of an evaluation and the counters of the run in ``last``; :meth:`show` writes them.

        Warns where pictures no longer come back exactly or gradients are no longer exact.
        """
        model, trainer = self.trainer.model, self.trainer
        record = {
            "step": trainer.step,
            "images": trainer.images_seen,
            "train_minutes": round(trainer.seconds / 60, 3),
            "wall_minutes": round((self.wall_before + time.time() - self.wall_start) / 60, 3),
            "images_per_second": round(trainer.images_seen / trainer.seconds, 2) if trainer.seconds else None,
            "train_bits_per_dim": self.smooth_loss,
            **metrics,
            "learning_rate": trainer.learning_rate(),
            "skipped": trainer.recovery.skipped,
            "pictures_skipped": trainer.pictures_skipped,
            "drift": model.drift.read() if isinstance(model, Flow) else None,
        }
        if num_classes(model):
            trained = has_head(model) and trainer.settings.class_weight > 0
            record["train_class_head_bits"] = self.smooth_head_bits if trained else None
        self.last = {name: _json_number(value) for name, value in record.items()}
        if model.invertible and metrics["round_trip"] > images.HALF_STEP:
            self.say(
                f"round-trip error {metrics['round_trip']:.1e}: pictures no longer come back exactly; "
                "a lower learning rate or a larger scale_min keeps the inverse stable"
            )
        drift = record["drift"]
        if drift is not None and not drift <= DriftMeter.ALARM:  # NaN is no small drift
            self.say(
                f"the inverse drifts by {drift:.1e} between anchors: gradients are no longer exact; "
                "use a smaller --anchor-every or --memory checkpoint"
            )

    def show(self) -> None:
        """Log the last evaluation, and draw samples of the averaged weights.

        Raises:
            TrainingError: one of the files cannot be written.
        """
        try:
            self._write(self.last)
            self._draw()
        except OSError as error:
            raise TrainingError(
                f"{error.filename or self.trainer.out}: not written, {reason(error)}; the last model "
                "saved is safe, and --resume goes on from there"
            ) from error

    @torch.inference_mode()
    def _draw(self) -> None:
        model, step, board = self.trainer.averaged, self.trainer.step, self._board
        for name, value in self.last.items():
            if value is not None and board is not None:
                board.add_scalar(name, value, step)
        if model.config.channels in (1, 3):  # only grey and colour can be written as PNG
            seeds, y = torch.tensor(SAMPLE_SEEDS, device="cpu"), any_classes(model, len(SAMPLE_SEEDS))
            batches = in_batches(seeds, y, self.trainer.settings.batch_size)
            drawn = [model.sample(part.tolist(), USUAL_TEMPERATURE, labels) for _, part, labels in batches]
            samples = grid(images.to_uint8(torch.cat(drawn)), columns=4, scale=2)
            folder = self.trainer.out / "samples"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{step:08d}.png").write_bytes(images.to_png_bytes(samples))
            if board is not None:
                board.add_image("samples", samples, step, dataformats="HWC")
        if board is not None:
            board.flush()

    def say(self, line: str) -> None:
        """Print a line to stderr, above the progress bar; only the first process does."""
        if self.active:
            self.bar.write(line, file=sys.stderr)

    def state(self) -> dict[str, Any]:
        """Return the state that a resumed run loads."""
        wall = self.wall_before + time.time() - self.wall_start
        smooth = {"smooth_loss": self.smooth_loss, "smooth_head_bits": self.smooth_head_bits}
        return {**smooth, "last": self.last, "wall": wall}

    def load_state(self, state: dict[str, Any]) -> None:
        """Load a state made by :meth:`state`."""
        self.smooth_loss, self.smooth_head_bits = state["smooth_loss"], state["smooth_head_bits"]
        self.last, self.wall_before, self.wall_start = state["last"], state["wall"], time.time()
        self.bar.initial = min(1.0, self.trainer.fraction)  # so that the time left is estimated from this session alone
        self._show_progress()

    def close(self) -> None:
        """Close the bar and the event file."""
        if not self.bar.disable:  # True for a closed bar
            self._show_progress()
        self.bar.close()
        if vars(self).get("_board") is not None:  # a cached property, not created only to be closed
            self._board.close()

    def _write(self, record: dict[str, Any]) -> None:
        self.trainer.out.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="seconds"), **record}) + "\n"
        with open(self.trainer.out / "log.jsonl", "ab+") as log:
            log.seek(0)
            torn = len(log.read().rpartition(b"\n")[2])  # an incomplete line, after a kill or on a full disk
            log.truncate(log.tell() - torn)
            log.write(line.encode())
        self.say(" ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in record.items()))

    @functools.cached_property
    def _board(self) -> Any:
        """The writer of TensorBoard events, or None."""
        folder = self.trainer.out / "tensorboard"
        try:
            str(folder).encode()
        except UnicodeEncodeError:
            self.say("the run goes on without TensorBoard, which takes only folders whose name is UTF-8")
            return None
        # Imported late: it is slow to load and needed only at an evaluation.
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(folder)


def _smooth(before: float | None, value: float) -> float:
    return value if before is None else 0.98 * before + 0.02 * value


def _json_number(value: float | None) -> float | None:
    """Return a finite number as it is, else None: JSON has no infinity or NaN."""
    return value if value is not None and math.isfinite(value) else None
