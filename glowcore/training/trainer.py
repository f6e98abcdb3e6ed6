"""The training loop."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from glowcore import checkpoint, classes
from glowcore.devices import has_fast_bfloat16
from glowcore.errors import ConfigError, TrainingError
from glowcore.flow import Flow
from glowcore.initialization import is_trained
from glowcore.likelihood_model import LikelihoodModel
from glowcore.metadata import TRAINING
from glowcore.training import batch_advice, batches, optimizer, run_lock, saved_states, training_set
from glowcore.training.distributed import Processes
from glowcore.training.divergence import divergence
from glowcore.training.held_out_metrics import held_out_metrics
from glowcore.training.loss import TrainingLoss
from glowcore.training.monitor import Monitor
from glowcore.training.recovery import Recovery
from glowcore.training.settings import TrainSettings
from glowcore.training.signals import stop_signals
from glowcore.transforms.batchnorm import running_statistics


class Trainer:
    """Trains one model and saves it in a folder.

    The folder is a model folder with the averaged weights (:func:`glowcore.load` reads it), with the training state in
    its ``state`` folder and the output of the monitor beside it. A model that an evaluation finds diverged is never
    saved. A model with parts that its config does not build, such as another coupling network, cannot be saved
    (:func:`glowcore.save`), and so cannot be trained by this class.

    Args:
        model: the model; its attributes are dropped, since they belong to the weights before training.
        images: training pictures, uint8 ``[N, C, H, W]``.
        held_out: pictures to evaluate on, alike.
        settings: how to train.
        out: the folder.
        labels: classes of ``images``, integers ``[N]``, for a class-conditional model.
        held_out_labels: those of ``held_out``.
        pictures_skipped: number of pictures left out as broken, for the log.
        processes: this process among those that train together; one alone by default.
        progress: whether to show a progress bar.

    Raises:
        ConfigError: pictures or labels that do not suit the model (:func:`training_set.check_pictures`), or a model
            without parameters that require a gradient.
        CheckpointError: a model that cannot be saved (:func:`checkpoint.check_savable`).
    """

    def __init__(
        self,
        model: LikelihoodModel,
        images: Tensor,
        held_out: Tensor,
        settings: TrainSettings,
        out: str | Path,
        *,
        labels: Tensor | None = None,
        held_out_labels: Tensor | None = None,
        pictures_skipped: int = 0,
        processes: Processes | None = None,
        progress: bool = True,
    ) -> None:
        for name, pictures, classes_of in (("training", images, labels), ("held-out", held_out, held_out_labels)):
            training_set.check_pictures(name, pictures, classes_of, model)
        checkpoint.check_savable(model, out)  # before hours of training, not at the first save
        if classes.has_head(model):
            # DistributedDataParallel would wait for the gradients of a head that is not trained.
            model.class_head.requires_grad_(settings.class_weight > 0)
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise ConfigError("no parameter of the model requires a gradient, expected some to train")
        self.processes = processes or Processes()
        self.settings = settings
        self.model = model.train()
        model.attributes = None  # they belong to the weights as they were
        optimizer.lay_out(model)
        self.images, self.labels = images, labels
        self.data = {
            "training": training_set.fingerprint(images, labels),
            "held-out": training_set.fingerprint(held_out, held_out_labels),
        }
        self.pictures_skipped = pictures_skipped
        self.out = Path(out)
        if not (isinstance(model, Flow) and is_trained(model.levels)):
            model.initialize(images[batches.first_indices(images.shape, settings.batch_size, settings.seed)])
        self.device = model.device
        if settings.precision == "auto":
            self.settings = replace(settings, precision=self.auto_precision())
        self.loss = self.processes.wrap(TrainingLoss(self.model, settings.class_weight))
        self.statistics = running_statistics(model)
        self.average = optimizer.moving_average(model, settings.ema_decay)
        self.optimizer = optimizer.build(model, settings)
        self.step, self.seconds = 0, 0.0
        self.images_seen = 0  # over all processes and sessions
        self.head_bits = 0.0
        self.recovery = Recovery(settings)
        self.stop_signal: int | None = None
        rows = training_set.evaluation_rows(len(held_out), settings.eval_pictures)
        self.held_out = held_out[rows]
        self.held_out_labels = None if held_out_labels is None else held_out_labels[rows]
        self.monitor = Monitor(self, progress=progress)

    @property
    def averaged(self) -> LikelihoodModel:
        """The model with averaged weights."""
        return self.average.module

    @property
    def fraction(self) -> float:
        """The completed fraction of the run, from 0; 1 is the end."""
        return self.settings.fraction(self.step, self.seconds)

    def auto_precision(self) -> str:
        """Return the precision that ``"auto"`` takes on these devices; a collective call."""
        slow = self.processes.largest(float(not has_fast_bfloat16(self.device)))
        return "float32" if slow else "bfloat16"

    def run(self) -> None:
        """Train until the end of the run or a signal, with evaluations and saves in between.

        Raises:
            CheckpointError: another training runs in ``out``, or a later state is there.
            TrainingError: the loss, the gradient or the inverse stays bad although earlier states were restored, or a
                step or an evaluation does not fit into memory. No run ends without an error if its model has diverged.
        """
        last_eval = self.seconds
        with contextlib.ExitStack() as stack, stop_signals(self._stop, announce=self.processes.is_first):
            self.processes.on_first(lambda: stack.enter_context(run_lock.alone(self.out)))
            self._resume_point()
            if self.fraction >= 1:
                self.monitor.say(f"the run is at its end already, at step {self.step}: it is evaluated, not trained")
            trained = False
            while not self._stopping():
                if self.fraction < 1:
                    trained = True
                    started = time.perf_counter()
                    with batch_advice.advised(self.model, self.settings):
                        loss = self.train_step()
                    self.seconds += self.processes.largest(time.perf_counter() - started)
                    self.monitor.after_step(loss)
                    last_eval = min(last_eval, self.seconds)  # the step may have restored an earlier state
                if self.fraction >= 1 or self.seconds - last_eval >= 60 * self.settings.eval_minutes:
                    with batch_advice.advised(self.model, self.settings, evaluating=True):
                        good = self._evaluate()
                    last_eval = self.seconds
                    if good and self.fraction >= 1:
                        break
            else:
                if self.recovery.bad_evaluations:
                    self.monitor.say("not saved: the last evaluation found the model diverged")
                elif trained:  # else the folder is up to date, and may hold attributes of its weights
                    self.save()
            self.monitor.close()

    def train_step(self) -> float:
        """Take one step; return its mean bits/dim, without the loss of a class head, or NaN if the step was skipped.

        A step whose loss or gradient is not finite is skipped: it changes the counters, but not the weights, the
        running statistics, the optimizer or the average.
        """
        s = self.settings
        self.optimizer.zero_grad(set_to_none=True)
        statistics = [tensor.clone() for tensor in self.statistics]
        total, self.head_bits = 0.0, 0.0
        for part in range(s.accumulate):
            with self.processes.averaging(self.loss, last=part == s.accumulate - 1):
                losses = self._batch_loss(self.step * s.accumulate + part) / s.accumulate
                losses[0].backward()
            _, bits, head_bits = losses.tolist()
            total, self.head_bits = total + bits, self.head_bits + head_bits
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), s.clip_norm))
        self.step += 1
        self.images_seen += s.batch_size * s.accumulate * self.processes.world_size
        if not all(map(math.isfinite, (self.processes.mean(total), norm))):
            with torch.no_grad():
                for tensor, before in zip(self.statistics, statistics, strict=True):
                    tensor.copy_(before)
            if self.recovery.bad_step():
                self._restore(f"loss or gradient not finite in {s.max_bad_steps} steps in a row")
            return math.nan
        self.recovery.good_step()
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        self.optimizer.step()
        self.average.update_parameters(self.model)
        return total

    def learning_rate(self) -> float:
        """Return the learning rate of the current step."""
        return self.settings.rate(self.step, self.fraction) * self.recovery.rate_factor

    def save(self) -> None:
        """Save the averaged model and the training state from the first process; if that fails, all processes fail."""
        self.processes.on_first(self._write)

    def _write(self) -> None:
        saved_states.check_latest(self.out / "state", self.step)  # before the model replaces that of a later state
        self.averaged.metadata = {**self.model.metadata, TRAINING: self._facts()}
        checkpoint.save(self.averaged, self.out)
        saved_states.save_state(self.out / "state", self.state())

    def _facts(self) -> dict[str, Any]:
        """Return what is stored with the model: settings, last evaluation, and the reason where the run gave up."""
        facts = {
            "settings": asdict(self.settings),
            "evaluation": self.monitor.last,
            "pictures_skipped": self.pictures_skipped,
        }
        return facts | {"diverged": self.recovery.diverged} if self.recovery.diverged else facts

    def state(self) -> dict:
        """Return everything that :meth:`load_state` needs to resume bit for bit."""
        anchor_every = self.model.anchor_every if isinstance(self.model, Flow) else 0
        return {
            "step": self.step,
            "seconds": self.seconds,
            "images_seen": self.images_seen,
            "data": self.data,
            "recovery": self.recovery.state(),
            "settings": asdict(self.settings),
            "memory": {"memory": self.model.memory, "anchor_every": anchor_every},
            "model": self.model.state_dict(),
            "average": self.averaged.state_dict(),
            "averaged_steps": int(self.average.n_averaged),
            "optimizer": self.optimizer.state_dict(),
            "monitor": self.monitor.state(),
        }

    def load_state(self, state: dict) -> None:
        """Load a state made by :meth:`state`.

        Raises:
            DataError: the state belongs to a run on other pictures.
        """
        training_set.check_same(state["data"], self.data, self.out)
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["average"])
        self.average.n_averaged.fill_(state["averaged_steps"])
        optimizer.load_state(self.optimizer, state["optimizer"])
        self.step, self.seconds, self.images_seen = state["step"], state["seconds"], state["images_seen"]
        self.recovery = Recovery(self.settings, **state["recovery"])
        self.monitor.load_state(state["monitor"])

    def _batch_loss(self, number: int) -> Tensor:
        """Return the losses of micro-batch ``number``, counted over all steps from 0, as :class:`TrainingLoss` does."""
        s, p = self.settings, self.processes
        indices = batches.batch_indices(len(self.images), s.batch_size, s.seed, number, p.rank, p.world_size)
        generator = batches.step_generator(s.seed, number, p.rank, self.device)
        images = self.images[indices].to(self.device, non_blocking=True)
        y = None if self.labels is None else self.labels[indices].to(self.device)
        if s.flip:
            images = batches.random_flip(images, generator)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=s.precision == "bfloat16"):
            return self.loss(images, y, generator)

    def measure(self) -> None:
        """Measure the averaged weights on the held-out pictures; the metrics go to ``monitor.last``."""
        batch_size = self.settings.batch_size
        self.monitor.record(held_out_metrics(self.averaged, self.held_out, self.held_out_labels, batch_size))

    def _evaluate(self) -> bool:
        """Evaluate; save a good model, else follow :class:`Recovery`. Returns whether it is good."""
        self.processes.on_first(self.measure)
        problem = divergence(self.monitor.last, invertible=self.model.invertible)
        good = not self.processes.largest(float(bool(problem)))
        if good:
            self.recovery.good_evaluation()
            self.save()
        # After saving: a log or picture that cannot be written must not lose the model.
        self.processes.on_first(self.monitor.show)
        if good:
            return True
        if self.recovery.bad_evaluation(at_end=self.fraction >= 1):
            self._restore(problem or "the first process finds the model diverged")
        else:
            self.monitor.say(f"{problem}: not saved")
        return False

    def _restore(self, problem: str) -> None:
        """Load the last saved state and halve the learning rate; after too many restores, save it and give up."""
        step, failed = self.step, self.recovery
        self.load_state(saved_states.load_state(self.out / "state"))
        if failed.exhausted:
            self.recovery.diverged = f"{problem} at step {step}"
            self.save()
            kept = "the last good one" if self.recovery.healthy else "which no evaluation has found good"
            raise TrainingError(
                f"{self.recovery.diverged}, after {failed.restores} restores at half the learning rate each; try a "
                f"lower --learning-rate or a larger --scale-min. {self.out} holds the model of step {self.step}, {kept}"
            )
        self.recovery.restored(failed)
        factor = self.recovery.rate_factor
        self.monitor.say(f"{problem}: restored the state of step {self.step}, learning rate now x{factor:g}")

    def _stop(self, number: int) -> None:
        self.stop_signal = number

    def _stopping(self) -> bool:
        """Return whether a signal has reached any process; a collective call, so that all of them stop together."""
        self.stop_signal = int(self.processes.largest(self.stop_signal or 0)) or None
        return self.stop_signal is not None

    def _resume_point(self) -> None:
        """Save an initial state, unless there is one, so that the first steps can be restored."""
        self.processes.on_first(lambda: saved_states.check_latest(self.out / "state", self.step))
        if self.processes.largest(float(not saved_states.saved_steps(self.out / "state"))):
            self.save()
