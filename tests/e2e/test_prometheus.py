"""The metrics of a real run, scraped by a real Prometheus and asked back from it (`make prometheus-real`)."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.cases import start, wait_for, write_plan

PROMETHEUS = shutil.which("prometheus") or ""
ASKED = os.environ.get("PEAKPROOF_PROMETHEUS") == "all"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not (PROMETHEUS and ASKED), reason="asked for by make prometheus-real; needs a Prometheus"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def prometheus(folder: Path, target_port: int) -> Iterator[httpx.Client]:
    """A Prometheus that scrapes the port each second; a client of its API."""
    folder.mkdir()
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "peakproof", "static_configs": [{"targets": [f"127.0.0.1:{target_port}"]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    address = f"127.0.0.1:{free_port()}"
    command = [PROMETHEUS, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=10) as client:

            def ready() -> bool:
                with contextlib.suppress(httpx.HTTPError):
                    return client.get("/-/ready").status_code == 200
                return False

            wait_for(ready, 60)
            yield client
    finally:
        process.terminate()
        process.wait(30)


def ask(client: httpx.Client, promql: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Labels (but the common ones) -> value."""
    answer = client.get("/api/v1/query", params={"query": promql}).json()
    assert answer["status"] == "success", answer
    common = ("__name__", "instance", "job", "plan", "target")
    return {
        tuple((k, v) for k, v in one["metric"].items() if k not in common): float(one["value"][1])
        for one in answer["data"]["result"]
    }


def test_what_prometheus_kept_is_what_the_run_came_to(tmp_path: Path) -> None:
    port = free_port()
    with prometheus(tmp_path / "prometheus", port) as client:
        run = start(write_plan(tmp_path, seconds=15), "--metrics-port", str(port))
        wait_for(lambda: any(ask(client, "peakproof_load_in_flight > 0").values()), 60)
        assert ask(client, 'peakproof_load_phase{phase="peak"} or peakproof_load_phase{phase="warm"}')
        code, verdict, err = run.finish()
        assert re.search(r"metrics  http://127\.0\.0\.1:\d+/metrics", err)

        def kept(promql: str) -> dict[tuple[tuple[str, str], ...], float]:
            return ask(client, f"last_over_time({promql}[10m])")

        words = {dict(labels)["peakproof_verdict"]: value for labels, value in kept("peakproof_verdict").items()}
        assert [word for word, value in words.items() if value] == [verdict["verdict"]], (code, err)
        (planned,) = kept("peakproof_load_planned_arrivals").values()
        assert kept("peakproof_load_sent_total") == {(): planned}
        finished = {dict(labels)["outcome"]: n for labels, n in kept("peakproof_load_finished_total").items()}
        assert sum(finished.values()) == planned
        judged = {dict(labels)["outcome"]: n for labels, n in kept("peakproof_arrivals").items()}
        assert judged == verdict["outcomes"]
        values = {dict(labels)["slo"]: value for labels, value in kept("peakproof_slo_value_seconds").items()}
        assert values == {c["slo"]: c["value"] for c in verdict["checks"] if c["unit"] == "s"}
        (targets,) = client.get("/api/v1/targets").json()["data"]["activeTargets"]
        assert targets["scrapePool"] == "peakproof"
