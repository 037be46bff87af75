"""`python -m mock_services up --config mocks.json --ready-file ready.json`"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mock_services.children import ChildError
from mock_services.config import ConfigError, parse_config
from mock_services.loop import run
from mock_services.up import serve


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 ended by a signal, 2 the config is wrong, 3 a port is taken or a child does not start."""
    parser = argparse.ArgumentParser(prog="python -m mock_services", description="Mock dependencies of AI endpoints.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start every service of a config and serve until SIGTERM")
    up.add_argument("--config", type=Path, required=True, help="mocks.json")
    up.add_argument("--ready-file", type=Path, help="written once everything listens; default: to standard output")
    up.add_argument("--with-parent", action="store_true", help="end when the parent process is gone")
    options = parser.parse_args(arguments)
    try:
        config = parse_config(options.config.read_bytes())
    except (OSError, ConfigError) as error:
        return _say_why(f"{options.config}: {error}", 2)
    try:
        run(serve(config, options.ready_file, lambda text: print(text, flush=True), options.with_parent))  # noqa: T201 -- it is the program's output
    except (OSError, ChildError) as error:
        return _say_why(str(error), 3)
    return 0


def _say_why(text: str, code: int) -> int:
    sys.stderr.write(text + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
