"""One process of two that train together: `python ddp_worker.py FOLDER MODE...`, started by test_distributed.py."""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch.distributed import GradBucket
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.futures import Future
from torch.nn.parallel import DistributedDataParallel

from glowcore.errors import CheckpointError, GlowcoreError
from glowcore.training.distributed import Processes
from tests.glowcore.tiny import pictures
from tests.glowcore.trainers import ddp_trainer, own_loss, own_model


def failing_save(out: Path, processes: Processes) -> str:
    """Train although the first process cannot write; return the error of this one."""
    trainer = ddp_trainer(out, "full", processes)
    if processes.is_first:
        trainer._write = lambda: (_ for _ in ()).throw(CheckpointError("the disk is full"))
    try:
        trainer.run()
    except GlowcoreError as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def counting(reductions: list[int]) -> Callable:
    """Return the default communication hook of ``DistributedDataParallel``, which notes the buckets that it reduces."""

    def hook(group: None, bucket: GradBucket) -> Future[torch.Tensor]:
        reductions.append(bucket.index())
        return allreduce_hook(group, bucket)

    return hook


def own_loop(processes: Processes) -> dict[str, list[torch.Tensor]]:
    """Take a step as a user does in a loop of their own, each process with other weights and pictures at first."""
    model = own_model(processes.rank)
    model.initialize(pictures(8, seed=processes.rank))
    parallel = DistributedDataParallel(model)
    own_loss(parallel, processes.rank).backward()
    return {
        "gradients": [p.grad.contiguous() for p in model.parameters()],
        "weights": [p.detach().contiguous() for p in model.parameters()],
    }


def main(folder: str, *modes: str) -> None:
    torch.set_num_threads(1)
    processes = Processes.from_environment(torch.device("cpu"))
    found = {}
    for mode in modes:
        trainer = ddp_trainer(Path(folder) / mode, mode, processes)
        trainer.loss.register_comm_hook(None, counting(reductions := []))
        trainer.train_step()
        found[mode] = {
            "reductions": reductions,
            "gradients": [p.grad.contiguous() for p in trainer.model.parameters() if p.requires_grad],
            "weights": [p.detach().contiguous() for p in trainer.model.parameters()],
        }
        # Only one process gets the signal; both must stop after the same step.
        if processes.rank == 1:
            trainer.stop_signal = 15
        trainer.run()
        found[mode]["stopped"] = (trainer.stop_signal, trainer.step)
    found["own"] = own_loop(processes)
    found["failed"] = failing_save(Path(folder) / "failed", processes)
    torch.save(found, Path(folder) / f"rank{processes.rank}.pt")
    processes.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
