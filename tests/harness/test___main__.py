from __future__ import annotations

import subprocess
import sys

START = """
import builtins, os, signal, sys
load = builtins.__import__
def interrupted(name, *rest):
    if name == "harness.cli.app":
        os.kill(os.getpid(), signal.SIGINT)
    return load(name, *rest)
builtins.__import__ = interrupted
from harness.__main__ import main
sys.exit(main())
"""
END = """
import atexit, os, signal, sys
import harness.cli.app
harness.cli.app.main = lambda: 99
atexit.register(os.kill, os.getpid(), signal.SIGINT)
from harness.__main__ import main
sys.exit(main())
"""


def ended(code: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stderr


def test_an_interrupt_while_modules_are_loaded_is_130_and_no_traceback() -> None:
    assert ended(START) == (130, "")


def test_an_interrupt_after_the_end_leaves_the_exit_code() -> None:
    assert ended(END) == (99, "")
