"""The idle Locust user: it keeps Locust's own state at "running" while the engine fires the arrivals beside it."""

from __future__ import annotations

import csv
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent
import locust
import locust.argument_parser
import locust.runners
from locust import User, task
from locust.env import Environment
from locust.stats import PERCENTILES_TO_REPORT, StatsCSV

from harness.engine.channel import sealed_rpc


class Carrier(User):
    """One a worker. It does nothing: the load must not hang on the life of a user."""

    @task
    def idle(self) -> None:
        gevent.sleep(3600)


def environment(target: str) -> Environment:
    """One that listens to `locust.events`, where a locustfile puts its own listeners."""
    return Environment(user_classes=[Carrier], events=locust.events, host=target)


def dress(bare: Environment, profile: Path, target: str) -> None:
    """Makes it what a plain `locust -f` would have made: with the default value of every option, those that the file
    adds included. Call it when the file has been loaded."""
    options = locust.argument_parser.get_parser(default_config_files=[]).parse_args([])
    options.host = target
    bare.host, bare.parsed_options, bare.locustfile = target, options, profile.name


def seal_locust(key: bytes, refused: Any) -> None:
    """Gives Locust's runners of this process our sockets, and takes their lease from them: they judge a silent master
    after 60 s of wall-clock time, which a clock step ends at once; the engine's own lease is 5 s of monotonic time."""
    runners: Any = locust.runners
    runners.rpc = sealed_rpc(key, refused)
    runners.MASTER_HEARTBEAT_TIMEOUT = float("inf")
    runners.WORKER_LOG_REPORT_INTERVAL = -1  # logs go to a file of the run folder


def write_table(environment: Environment, path: Path) -> None:
    """Locust's table, as `locust --csv` writes it; no file where nothing was sent."""
    if environment.stats.entries:
        with suppress(OSError), path.open("w", newline="") as file:
            StatsCSV(environment, PERCENTILES_TO_REPORT).requests_csv(csv.writer(file))
