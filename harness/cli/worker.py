"""`peakproof worker`: carry a part of a load that another machine leads."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.errors import Problem, UsageError


def worker(
    master: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the run listens (its plan's `remote:`).")],
) -> int:
    """Join a run of another machine as one of its workers.

    Both sides need the same key: export PEAKPROOF_ENGINE_KEY=$(openssl rand -hex 32). Its rows go home at the end.
    Exit 0, or 3 when the run did not take it.
    """
    from harness.engine import join

    host, _, port = master.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(Problem(f"--master {master}: not a host and a port", "like 10.0.0.1:5557 or [fd00::1]:5557"))
    return join(host, int(port))
