"""What runs both command lines, `python -m glowcore` and `python -m explorer`: one command a file.

A file of a command has ``add_parser(commands, summary)``, which adds its arguments, and ``run(args)``, which does the
work and returns the exit code.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from glowcore.errors import GlowcoreError


class Parser(argparse.ArgumentParser):
    """Tells a mistake in one line; the usage is for ``--help``."""

    def error(self, message: str) -> NoReturn:
        """Tell the mistake and exit with 2."""
        self.exit(2, f"error: {message} ({self.prog} --help shows what is expected)\n")


def run_command(prog: str, description: str, package: str, known: Mapping[str, str], argv: Sequence[str] | None) -> int:
    """Run a command and return its exit code.

    0 done, 2 a user's mistake (one line on stderr), 130 interrupted, 141 nobody reads the output any more (``| head``);
    what else went wrong is the command's own.

    Args:
        prog: how the program is called.
        description: what it is for.
        package: where the files of the commands are, each called as its command.
        known: the commands in the order that ``--help`` lists them, and what each is for in a line.
        argv: the arguments, those of the process if None.
    """
    parser = Parser(prog=prog, description=description)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    argv = list(sys.argv[1:] if argv is None else argv)
    # Only the command that is asked for is imported: no command waits for what another one needs.
    named = next((word for word in argv if word in known), None)
    modules = {}
    for name, summary in known.items():
        if name == named:
            modules[name] = importlib.import_module(f"{package}.{name}")
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
