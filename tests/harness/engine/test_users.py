"""An unmodified locustfile and the built-in profiles through the whole engine, and under plain Locust."""

from __future__ import annotations

import csv
import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from harness.engine import describe_profile, launch, read_engine, read_rows
from harness.results import Ledger, Outcome, Reason, settle
from tests.harness.engine.flying import arrivals_at, job_with
from tests.harness.engine.responder import responder

pytestmark = pytest.mark.e2e

LOCUSTFILE = """
import time
from locust import FastHttpUser, HttpUser, SequentialTaskSet, between, events, task

@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--tenant", default="blue")

class Shopper(HttpUser):
    wait_time = between(30, 60)

    def on_start(self):
        self.client.get("/login")
        assert self.environment.parsed_options.tenant == "blue"

    @task
    class Checkout(SequentialTaskSet):
        @task
        def cart(self):
            self.client.post("/cart", json={"a": 1})

        @task
        def pay(self):
            with self.client.post("/pay", json={"a": 1}, name="pay", catch_response=True) as response:
                response.failure("declined")
            self.interrupt()

class Fast(FastHttpUser):
    @task
    def both(self):
        self.client.get("/one")
        self.client.get("/two")

class Broken(HttpUser):
    @task
    def bug(self):
        self.client.get("/fine")
        raise KeyError("oops")

class Slow(HttpUser):
    @task
    def wait(self):
        self.client.get("/fine")
        time.sleep(60)
"""


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with responder() as url:
        yield url


def drive(folder: Path, target: str, profile: Path, count: int) -> Ledger:
    specs = describe_profile(profile)
    arrivals = arrivals_at(*np.linspace(0, 2, count))
    arrivals["journey"] = np.arange(count) % len(specs)
    np.save(folder / "arrivals.npy", arrivals)
    job = job_with(*specs, target=target, profile=str(profile), deadline_s=3.0)
    engine = launch(job, folder, folder / "arrivals.npy")
    assert engine.wait() == 0
    ledger = settle(arrivals, read_rows(folder), read_engine(folder).workers)
    assert ledger.balanced, ledger.problems
    return ledger


def test_an_unmodified_locustfile_is_driven_open_loop(tmp_path: Path, target: str) -> None:
    path = tmp_path / "locustfile.py"
    path.write_text(LOCUSTFILE)
    ledger = drive(tmp_path, target, path, 40)
    rows, names = ledger.rows, ledger.rows.catalog
    ends = Counter((names.journeys[r["journey"]], Outcome(r["outcome"]), Reason(r["reason"])) for r in rows.arrivals())
    assert ends == {
        ("Shopper", Outcome.WRONG_SHAPE, Reason.CHECK_FAILED): 10,
        ("Fast", Outcome.OK, Reason.NONE): 10,
        ("Broken", Outcome.WRONG_SHAPE, Reason.JOURNEY_ERROR): 10,
        ("Slow", Outcome.TIMEOUT, Reason.DEADLINE): 10,
    }
    steps = Counter(names.steps[row["step"]] for row in rows.array if row["step"])
    assert {name: steps[name] for name in ("/cart", "pay", "/one", "/two")} == dict.fromkeys(
        ("/cart", "pay", "/one", "/two"), 10
    )
    assert any("KeyError: 'oops'" in note for note in read_engine(tmp_path).notes)


@pytest.mark.parametrize("name", ["chat", "agent"])
def test_a_built_in_profile_through_the_engine(tmp_path: Path, target: str, name: str) -> None:
    ledger = drive(tmp_path, target, Path(__file__).parents[3] / "loadprofiles" / f"{name}.py", 20)
    assert ledger.outcomes == {"ok": 20}
    arrivals = ledger.rows.arrivals()
    assert (arrivals["first_token_ns"] > arrivals["sent_ns"]).all()
    steps = {ledger.rows.catalog.steps[row["step"]] for row in ledger.rows.array}
    assert steps == ({"arrival"} if name == "chat" else {"arrival", "decide", "tool", "answer", "follow_up"})
    with (tmp_path / "engine" / "locust.csv").open(newline="") as file:
        table = {row["Name"]: int(row["Request Count"]) for row in csv.DictReader(file) if row["Type"] != "journey"}
    made = Counter(ledger.rows.catalog.steps[row["step"]] for row in ledger.rows.array if row["step"])
    assert table == {"Aggregated": 20, **made}, "Locust's own table says the same"


def test_a_profile_is_run_once_a_worker(tmp_path: Path, target: str) -> None:
    """Whatever it does as it is loaded (a file read, a thread begun) would be done twice."""
    path, said = tmp_path / "mine.py", tmp_path / "said.txt"
    path.write_text(
        f"from harness.engine import http, journey\nopen({str(said)!r}, 'a').write('loaded ')\n"
        "@journey()\ndef ask(arrival):\n    yield http('GET', '/')\n"
    )
    drive(tmp_path, target, path, 2)
    assert said.read_text().split() == ["loaded"] * 2, "once to tell its journeys, once in the worker"


def test_a_built_in_profile_under_plain_locust_with_its_web_ui(target: str) -> None:
    path = Path(__file__).parents[3] / "loadprofiles" / "agent.py"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = ["-u", "2", "-t", "3s", "--autostart", "--autoquit", "0", "--web-port", str(port)]
    command = [sys.executable, "-m", "locust", "-f", str(path), "--web-host", "127.0.0.1", "--host", target, *options]
    locust = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    named: set[str] = set()
    until = time.monotonic() + 30
    while time.monotonic() < until and locust.poll() is None and not {"decide", "answer"} <= named:
        with suppress(OSError, ValueError), urlopen(f"http://127.0.0.1:{port}/stats/requests", timeout=2) as page:
            stats = json.load(page)
            named = {entry["name"] for entry in stats["stats"] if entry["num_requests"] and not entry["num_failures"]}
        time.sleep(0.2)
    printed, _ = locust.communicate(timeout=30)
    assert locust.returncode == 0, printed[-2000:]
    assert {"decide", "answer"} <= named, printed[-2000:]
