"""Small trainers on a few pictures of 8 x 8, and comparisons of their states."""

import torch

from glowcore.models import GlowConfig, build
from glowcore.reversible import MEMORY_MODES
from glowcore.training import Trainer, TrainSettings
from tests.glowcore.tiny import pictures

#: A weight that every step changes.
OUT = "top_prior.stats"


def make(
    out,
    *,
    images=None,
    held_out=None,
    labels=None,
    num_classes=0,
    channels=3,
    steps_per_level=1,
    hidden_channels=4,
    **settings,
):
    torch.manual_seed(0)
    config = GlowConfig(
        image_size=8,
        num_levels=1,
        steps_per_level=steps_per_level,
        hidden_channels=hidden_channels,
        num_classes=num_classes,
        channels=channels,
    )
    images = pictures(20) if images is None else images
    given = {"batch_size": 4, "steps": 50, "warmup_steps": 5, "eval_pictures": 4, **settings}
    held_out = pictures(6, seed=1) if held_out is None else held_out
    return Trainer(
        build(config),
        images,
        held_out,
        TrainSettings(**given),
        out,
        labels=labels,
        held_out_labels=None if labels is None else torch.arange(len(held_out)) % 2,
        progress=False,
    )


def tensors(trainer):
    """Return a copy of every tensor of weights, average and optimizer, by name."""
    found = {}
    for part, state in (("model", trainer.model.state_dict()), ("average", trainer.average.state_dict())):
        found |= {f"{part}.{name}": t.clone() for name, t in state.items()}
    for index, state in trainer.optimizer.state_dict()["state"].items():
        found |= {f"optimizer.{index}.{name}": torch.as_tensor(t).clone() for name, t in state.items()}
    return found


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def ddp_trainer(out, mode, processes):
    """Return a trainer in float64, so that gradients are compared and not their rounding.

    ``mode`` is a memory mode, "accumulate" for three micro-batches a step, or "classes" (with a head that has left its
    zero) or "headless" (weight 0) for a model of two classes.
    """
    torch.manual_seed(processes.rank)  # other weights in every process: the first one's must win
    count = 2 if mode in ("classes", "headless") else 0
    model = build(GlowConfig(image_size=8, num_levels=2, steps_per_level=2, hidden_channels=4, num_classes=count))
    model.double().memory = mode if mode in MEMORY_MODES else "reversible"
    if count:
        torch.nn.init.normal_(model.class_head.weight)
    labels = torch.arange(20) % 2 if count else None
    settings = TrainSettings(
        batch_size=3,
        accumulate=3 if mode == "accumulate" else 1,
        steps=50,
        warmup_steps=0,
        clip_norm=1e9,
        precision="float32",
        class_weight=1.0 if mode == "classes" else 0.0,
    )
    return Trainer(
        model,
        pictures(20),
        pictures(4, seed=1),
        settings,
        out,
        labels=labels,
        held_out_labels=None if labels is None else labels[:4],
        processes=processes,
        progress=False,
    )


def own_model(seed):
    """Return a fresh model in float64, for a training loop of one's own."""
    torch.manual_seed(seed)
    return build(GlowConfig(image_size=8, num_levels=2, steps_per_level=2, hidden_channels=4)).double()


def own_loss(model, rank):
    """Return the training loss of the pictures of a process."""
    return model(pictures(3, seed=10 + rank), generator=torch.Generator().manual_seed(rank)).mean()
