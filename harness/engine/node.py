"""The engine's own processes: `python -m harness.engine.node master|worker|describe|join ...`. Not started by hand."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import orjson

from harness.engine.lifeline import Lifeline
from harness.errors import ExitCode, PeakproofError


def main(arguments: list[str]) -> int:
    """`master RUN_FOLDER ARRIVALS WORKERS`, `worker RUN_FOLDER ARRIVALS NUMBER` , `describe PROFILE` or
    `join HOST PORT`, on another machine."""
    if arguments[0] == "describe":
        from harness.engine.profile import load_profile

        sys.stdout.buffer.write(orjson.dumps(load_profile(Path(arguments[1])).weights) + b"\n")
        return ExitCode.PASS
    if arguments[0] == "join":
        from harness.engine import joining

        return joining.main(arguments[1], int(arguments[2]))
    role, run_folder, arrivals_path, number = arguments
    lifeline = Lifeline()  # before Locust patches threads away
    if role == "master":
        from harness.engine.starting import start_workers

        workers = start_workers(Path(run_folder), Path(arrivals_path), int(number))
        from harness.engine import master

        return master.main(Path(run_folder), Path(arrivals_path), workers, lifeline)
    from harness.engine import worker

    return worker.main(Path(run_folder), Path(arrivals_path), int(number), lifeline)


if __name__ == "__main__":
    code: int = ExitCode.CRASH
    try:
        code = main(sys.argv[1:])
    except PeakproofError as error:
        code = error.exit_code
        sys.stderr.write(f"{error}\n")
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is written and closed; what is left are sockets and greenlets that would only wait for each other.
    os._exit(code)
