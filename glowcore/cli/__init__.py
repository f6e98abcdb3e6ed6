"""The command line ``python -m glowcore COMMAND``, one module per command."""

from __future__ import annotations

from collections.abc import Sequence

from glowcore.cli.runner import run_command

#: The commands in the order of ``--help``: the name of the module, and a summary of one line.
COMMANDS = {
    "train": "train a model on a folder of pictures",
    "scan": "list the pictures of a folder that cannot be read",
    "evaluate": "measure bits per dimension and exactness on held-out pictures",
    "attributes": "fit attribute directions from labelled pictures and store them with the model",
    "edit": "change attributes of a picture",
    "reconstruct": "encode and decode pictures, and show the difference",
    "sample": "draw pictures from a model",
    "interpolate": "walk between two pictures, as a strip or a film",
    "check": "find out whether a model is exact on this machine",
    "ablate": "measure what each idea of Glow contributes, by training small models without it",
    "bench": "measure speed and memory against this machine's own limits",
    "info": "show what is in a model folder",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code (:func:`glowcore.cli.runner.run_command`)."""
    return run_command("python -m glowcore", "Normalizing flows for images.", __name__, COMMANDS, argv)
