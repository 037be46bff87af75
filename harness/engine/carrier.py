"""The idle Locust user: it keeps Locust's own state at "running" while the engine fires the arrivals beside it."""

from __future__ import annotations

from typing import Any

import gevent
import locust.runners
from locust import User, task
from locust.env import Environment

from harness.engine.channel import sealed_rpc


class Carrier(User):
    """One a worker. It does nothing: the load must not hang on the life of a user."""

    @task
    def idle(self) -> None:
        gevent.sleep(3600)


def environment() -> Environment:
    return Environment(user_classes=[Carrier], catch_exceptions=True)


def seal_locust(key: bytes, refused: Any) -> None:
    """Gives Locust's runners of this process our sockets, and takes their lease from them: they judge a silent master
    after 60 s of wall-clock time, which a clock step ends at once; the engine's own lease is 5 s of monotonic time."""
    runners: Any = locust.runners
    runners.rpc = sealed_rpc(key, refused)
    runners.MASTER_HEARTBEAT_TIMEOUT = float("inf")
    runners.WORKER_LOG_REPORT_INTERVAL = -1  # logs go to a file of the run folder
