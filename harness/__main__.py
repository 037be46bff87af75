"""Where the process starts: Ctrl-C ends it with 130 and no traceback, from the first moment to the last."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130
"""`ExitCode.INTERRUPTED`, before there is anything to import it from."""

try:
    import signal
    from types import FrameType
except KeyboardInterrupt:  # it takes milliseconds, and a person's second Ctrl-C finds them
    os._exit(INTERRUPTED)


def main() -> int:
    """The command line. Its modules take a moment to load; nothing is under way then that would have to be put in
    order, so an interrupt ends the process there and then. At the end a late one must not spoil the exit code."""
    signal.signal(signal.SIGINT, _quit)
    from harness.cli.app import main as command_line

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return command_line()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _quit(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)  # not sys.exit: a module that is half loaded would make its own error of it


if __name__ == "__main__":
    sys.exit(main())
