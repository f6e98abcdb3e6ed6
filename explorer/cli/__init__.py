"""The command line: ``python -m explorer COMMAND``; one command a file."""

from __future__ import annotations

from collections.abc import Sequence

from glowcore.cli.runner import run_command

#: Commands in the order of `--help`: the module in this package, and its summary.
COMMANDS = {
    "edit": "change the face in a photo, as a camera took it: find and align it, edit it, put it back",
    "render": "render an edit from its token, which the application keeps in its address and in every PNG it saves",
    "map": "make a model's map from a folder of pictures",
    "faces": "count the samples in which a face is found, and compare with real pictures",
    "photos": "try a model on a folder of uncropped photos: find and align each face, encode, decode and edit it, and "
    "sum up",
    "align": "make a folder of photos ready for training: find and align the face in each, and write it as a PNG",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; see ``glowcore.cli.runner.run_command``."""
    about = "What the application shows, without the application, and what its models can do."
    return run_command("python -m explorer", about, __name__, COMMANDS, argv)
