from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx
import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as prometheus_families

from harness.cli.app import main
from harness.cli.metrics_port import LONGEST_WAIT_S, MetricsPort
from harness.errors import RefusedError
from harness.report import LivePlan, Moment
from harness.report.exposition import END, family
from harness.store import RunFolder

PLAN = LivePlan((("peak", 0.0, 60.0),), np.arange(0.0, 60.0, 0.1))
VERDICT = "\n".join([*family("peakproof_smoke", "Smoke.", [({}, 1.0)]), END])
OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}


@pytest.fixture
def port() -> Iterator[MetricsPort]:
    seconds = count(0.0, 4.0)
    with MetricsPort(0, clock=lambda: next(seconds)) as serves:
        yield serves


def scrape(port: MetricsPort, **headers: str) -> httpx.Response:
    return httpx.get(port.url, headers=headers, trust_env=False)


def test_a_scrape_gets_the_format_that_it_asks_for(port: MetricsPort) -> None:
    port.show(Moment("running", 6.0, planned=600, fired=59), PLAN)
    new, old = scrape(port, **OPENMETRICS), scrape(port)
    assert new.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert old.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert list(openmetrics_families(new.text)) and list(prometheus_families(old.text))  # type: ignore[no-untyped-call]
    for text in (new.text, old.text):
        assert "peakproof_load_sent_total{" in text and " 59.0" in text


def test_who_comes_before_there_is_anything_waits_for_it(port: MetricsPort) -> None:
    threads = threading.active_count()
    assert port.text() == END
    with socket.create_connection(("127.0.0.1", port.port), timeout=10) as early:
        early.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost:1\r\n\r\n")
        assert threading.active_count() == threads, "the mocks and the load are yet to be forked"
        port.show(Moment("starting"), PLAN)
        assert b'peakproof_load_state="starting"} 1.0' in b"".join(iter(lambda: early.recv(65_536), b""))


def test_the_values_are_named_after_the_run_as_soon_as_its_manifest_is_there(port: MetricsPort, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "7f3k")
    folder.path.mkdir()
    port.opened(folder)
    port.show(Moment("starting"), PLAN)
    assert 'run_id=""' in scrape(port).text
    folder.write_manifest({"plan": "chat.yaml", "target": "http://127.0.0.1:8080", "plan_hash": "ab"})
    port.show(Moment("warming"), PLAN)
    text = scrape(port).text
    assert 'run_id="7f3k"' in text and 'plan="chat.yaml",target="http://127.0.0.1:8080"' in text


def test_a_mock_is_named_not_by_the_port_that_it_had_in_one_run(port: MetricsPort, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "7f3k")
    folder.path.mkdir()
    folder.write_manifest({"plan": "p.yaml", "target": "http://127.0.0.1:40123", "target_name": "copilot"})
    port.opened(folder)
    port.show(Moment("warming"), PLAN)
    assert 'target="copilot"' in scrape(port).text


def test_who_is_not_on_this_machine_by_name_reads_nothing(port: MetricsPort) -> None:
    port.show(Moment("running", 6.0), PLAN)
    assert scrape(port, Host="evil.example:9464").status_code == 403
    assert httpx.get(port.url.replace("/metrics", "/else"), trust_env=False).status_code == 404
    assert httpx.post(port.url, trust_env=False).status_code == 501
    with socket.socket() as other, pytest.raises(OSError):  # bound to loopback alone
        other.settimeout(0.2)
        other.connect(("127.0.0.2", port.port))


def test_a_taken_port_refuses_before_any_load(
    port: MetricsPort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RefusedError, match=f"cannot take {port.port}"):
        MetricsPort(port.port)
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "target: http://127.0.0.1:9\njourneys: {chat: {model: m}}\nslo: {slos: [e2e p95 <= 2s]}\n"
        "arrivals: {segments: [{phase: peak, hold: 5/s, for: 4s}]}\n"
    )
    runs = tmp_path / "runs"
    assert main(["run", str(plan), "--runs", str(runs), "--metrics-port", str(port.port)]) == 3
    assert "--metrics-port cannot take" in capsys.readouterr().err
    assert not runs.exists()


def visit(port: MetricsPort) -> None:
    """A scrape without the network: it is known to be over."""
    port.scraped(port.text())


def test_a_scraper_is_waited_for_as_long_as_it_usually_takes_and_nobody_else(port: MetricsPort) -> None:
    assert port.patience_s() == 0, "nobody ever came"
    port.show(Moment("running", 6.0), PLAN)
    visit(port)
    assert port.patience_s() == LONGEST_WAIT_S, "it came once: who knows when it comes again"
    visit(port)
    assert port.patience_s() == 2 * 4.0 + 1, "every 4 s"
    port.end(VERDICT)
    assert "peakproof_smoke" in scrape(port).text
    visit(port)
    assert port.patience_s() == 0, "it has the verdict"


def test_waiting_ends_when_the_verdict_is_fetched(port: MetricsPort, monkeypatch: pytest.MonkeyPatch) -> None:
    port.show(Moment("done", 60.0), PLAN)
    visit(port)
    port.end(VERDICT)
    said: list[str] = []

    def fetch_meanwhile(text: str) -> None:
        said.append(text)
        scrape(port)

    monkeypatch.setattr("harness.cli.metrics_port.note", fetch_meanwhile)
    port.linger()
    assert "for 65 s at most" in said[0]
    port.linger()
    assert len(said) == 1, "nothing is left to wait for"


def test_ctrl_c_ends_the_waiting(port: MetricsPort, monkeypatch: pytest.MonkeyPatch) -> None:
    port.show(Moment("done", 60.0), PLAN)
    visit(port)
    port.end(VERDICT)

    def interrupted(_: float) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(port._verdict_fetched, "wait", interrupted)
    port.linger()
