"""The runner of both command lines, ``python -m glowcore`` and ``python -m explorer``, with one module per command.

The module of a command has ``add_parser(commands, summary)``, which adds its options, and ``run(args)``, which does the
work and returns the exit code.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NoReturn, TextIO

from glowcore.errors import GlowcoreError, reason
from glowcore.version import __version__

#: Error codes of a write to a full or failing device.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class Parser(argparse.ArgumentParser):
    """Parser that reports an error in one line; only ``--help`` prints the usage."""

    def error(self, message: str) -> NoReturn:
        """Print the error and exit with 2."""
        self.exit(2, f"error: {message} ({self.prog} --help shows what is expected)\n")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Flush stdout, so that a failing write is noticed, then print the message and exit."""
        sys.stdout.flush()
        super().exit(status, message)


def run_command(
    prog: str, description: str, package: str, summaries: Mapping[str, str], argv: Sequence[str] | None
) -> int:
    """Run a command and return its exit code.

    Codes are 0 for success, 1 for a stdout that cannot be written and 2 for a user's mistake (both with one line on
    stderr), 130 for an interrupt, and 141 for a closed pipe (``| head``). A command may return others.

    Args:
        prog: the name of the program in ``--help``.
        description: its description.
        package: the package that holds the module of each command, under the name of the command.
        summaries: the commands in the order of ``--help``, each with a summary of one line.
        argv: the arguments; those of the process if None.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    # Only the module of this command is imported, so that no command waits for the imports of another.
    command = next((word for word in argv if word in summaries), None)
    with _ended_by_interrupt():
        module = importlib.import_module(f"{package}.{command}") if command else None
    try:
        with contextlib.redirect_stdout(_Stdout(sys.stdout)):
            args = _parse(prog, description, summaries, command, module, argv)
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
        _discard_stdout()
        return 141
    except _StdoutError as error:
        _discard_stdout()
        print(f"error: the output cannot be written: {error}", file=sys.stderr)
        return 1


@contextlib.contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the process at once, as during the seconds in which torch is imported.

    Python's own handler raises KeyboardInterrupt wherever the import is: a traceback, an abort in C++, or nothing where
    the imported code catches it.
    """
    in_main = threading.current_thread() is threading.main_thread()  # Python allows handlers there only
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _StdoutError(Exception):
    """A write to stdout failed; the message is the reason."""


class _Stdout:
    """stdout with an error of its own for a full device, which distinguishes it from files that a command writes.

    A stdout that was closed before the start (``>&-``) is None in Python; only writing to it is an error.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if self._stream is None:
            if text:
                raise _StdoutError("it is closed")
            return 0
        with self._converted_errors():
            return self._stream.write(text)

    def flush(self) -> None:
        if self._stream is not None:
            with self._converted_errors():
                self._stream.flush()

    @contextlib.contextmanager
    def _converted_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise _StdoutError(reason(error)) from error


def _parse(
    prog: str,
    description: str,
    summaries: Mapping[str, str],
    command: str | None,
    module: ModuleType | None,
    argv: Sequence[str],
) -> argparse.Namespace:
    parser = Parser(prog=prog, description=description)
    parser.add_argument("--version", action="version", version=f"{prog.split()[-1]} {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in summaries.items():
        if name == command:
            module.add_parser(commands, summary)
        else:
            commands.add_parser(name, help=summary)
    args, unknown = parser.parse_known_args(argv)
    if unknown:  # reported by the parser of the command, which names the right --help
        commands.choices[args.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    return args


def _discard_stdout() -> None:
    """Redirect stdout to the null device: Python flushes it at exit, which would fail again."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
