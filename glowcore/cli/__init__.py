"""The command line: ``python -m glowcore COMMAND``; one command a file, each with ``add_parser`` and ``run``."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from glowcore.cli.parser import Parser
from glowcore.errors import GlowcoreError

#: Commands in the order that ``--help`` lists them: the module of this package, and what it is for in a line.
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
    """Run a command and return its exit code.

    0 done, 2 a user's mistake (one line on stderr), 130 interrupted, 141 nobody reads the output any more (``| head``);
    what else went wrong is the command's own.
    """
    parser = Parser(prog="python -m glowcore", description="Normalizing flows for images.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    argv = list(sys.argv[1:] if argv is None else argv)
    # Only the command that is asked for is imported: no command waits for what another one needs.
    named = next((word for word in argv if word in COMMANDS), None)
    modules = {}
    for name, summary in COMMANDS.items():
        if name == named:
            modules[name] = importlib.import_module(f"glowcore.cli.{name}")
            modules[name].add_parser(commands, summary)
        else:
            commands.add_parser(name, help=summary)
    args = parser.parse_args(argv)
    try:
        code = modules[args.command].run(args)
        print(end="", flush=True)
        return code
    except GlowcoreError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # What is still to be written, which Python does as it ends, has to go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
