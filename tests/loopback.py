"""No connection to another machine: for the tests, and for a server run by ``python -m tests.loopback MODULE ...``."""

import runpy
import sys

HERE = {None, "", "localhost", "127.0.0.1", "::1"}
refused: list[str] = []  # what was tried; an error alone may be caught


def _watch(event, args):
    if event in ("socket.connect", "socket.sendto"):
        host = args[1][0] if isinstance(args[1], tuple) else None  # else the path of a Unix socket
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    else:
        return
    if host not in HERE:
        refused.append(f"{event} {host}")
        print(f"REFUSED {event} {host}", file=sys.stderr, flush=True)
        raise PermissionError(f"connections to {host} are refused")


sys.addaudithook(_watch)

if __name__ == "__main__":
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
