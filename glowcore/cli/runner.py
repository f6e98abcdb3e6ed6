"""What runs both command lines, `python -m glowcore` and `python -m explorer`: one command a file.

A file of a command has ``add_parser(commands, summary)``, which adds its arguments, and ``run(args)``, which does the
work and returns the exit code.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NoReturn, TextIO

from glowcore.errors import GlowcoreError, reason
from glowcore.version import __version__

#: How the system says that what stdout leads to takes no more.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class Parser(argparse.ArgumentParser):
    """Tells a mistake in one line; the usage is for ``--help``."""

    def error(self, message: str) -> NoReturn:
        """Tell the mistake and exit with 2."""
        self.exit(2, f"error: {message} ({self.prog} --help shows what is expected)\n")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Tell the message and exit, once what is printed has got through."""
        sys.stdout.flush()
        super().exit(status, message)


def run_command(prog: str, description: str, package: str, known: Mapping[str, str], argv: Sequence[str] | None) -> int:
    """Run a command and return its exit code.

    0 done, 1 what stdout leads to is full, 2 a user's mistake (either one line on stderr), 130 interrupted, 141 nobody
    reads the output any more (``| head``); what else went wrong is the command's own.

    Args:
        prog: how the program is called.
        description: what it is for.
        package: where the files of the commands are, each called as its command.
        known: the commands in the order that ``--help`` lists them, and what each is for in a line.
        argv: the arguments, those of the process if None.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    # Only the command that is asked for is imported: no command waits for what another one needs.
    named = next((word for word in argv if word in known), None)
    module = importlib.import_module(f"{package}.{named}") if named else None
    try:
        with contextlib.redirect_stdout(_Stdout(sys.stdout)):
            args = _parse(prog, description, known, named, module, argv)
            code = module.run(args)
            print(end="", flush=True)
        return code
    except GlowcoreError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _let_go_of_stdout()
        return 141
    except _StdoutError as error:
        _let_go_of_stdout()
        print(f"error: the output cannot be written: {error}", file=sys.stderr)
        return 1


class _StdoutError(Exception):
    """What stdout leads to takes no more; says why."""


class _Stdout:
    """stdout, which tells that it is full by an error of its own: a file of the command's may be full as well."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._told_apart():
            return self._stream.write(text)

    def flush(self) -> None:
        with self._told_apart():
            self._stream.flush()

    @contextlib.contextmanager
    def _told_apart(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise _StdoutError(reason(error)) from error


def _parse(
    prog: str,
    description: str,
    known: Mapping[str, str],
    named: str | None,
    module: ModuleType | None,
    argv: Sequence[str],
) -> argparse.Namespace:
    parser = Parser(prog=prog, description=description)
    parser.add_argument("--version", action="version", version=f"{prog.split()[-1]} {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in known.items():
        if name == named:
            module.add_parser(commands, summary)
        else:
            commands.add_parser(name, help=summary)
    args, unknown = parser.parse_known_args(argv)
    if unknown:  # told by the command itself, whose --help has what it takes
        commands.choices[args.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    return args


def _let_go_of_stdout() -> None:
    """What is still to be written, which Python does as it ends, has to go somewhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
