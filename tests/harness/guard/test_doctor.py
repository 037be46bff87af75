from __future__ import annotations

import socket
from pathlib import Path

import pytest

from harness.config import Plan
from harness.guard import Level, Reach, diagnose, doctor, is_ready

FIELDS = {
    "arrivals": {"segments": [{"phase": "peak", "hold": "1/s", "for": "1m"}]},
    "slo": {"slos": [{"text": "errors < 1%"}]},
    "limits": {"in_flight": 10},
}


def test_the_machine_alone(tmp_path: Path) -> None:
    assert is_ready(diagnose(None, (), tmp_path, {}))


def test_a_dead_target_a_missing_secret_and_a_taken_port_stop(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        taken, dead = server.getsockname()[1], unused.getsockname()[1]
        upstreams = {"llm": {"mock": "openai", "port": taken}}
        plan = Plan.model_validate({**FIELDS, "target": f"http://127.0.0.1:{dead}", "upstreams": upstreams})
        findings = diagnose(plan, ("KEY",), tmp_path, {})
        stops = [finding.subject for finding in findings if finding.level is Level.STOP]
        assert stops == ["secret KEY", f"port {taken}", f"target http://127.0.0.1:{dead}"]
        alive = Plan.model_validate({**FIELDS, "target": f"http://127.0.0.1:{taken}"})
        assert is_ready(diagnose(alive, ("KEY",), tmp_path, {"KEY": "x"}))


@pytest.mark.parametrize("allowed", [(), ("192.0.2.1",)])
def test_a_target_elsewhere_is_connected_to_only_when_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: tuple[str, ...]
) -> None:
    connected: list[str] = []

    def connect(url: str) -> Reach:
        connected.append(url)
        return Reach(url, ("192.0.2.1",), 0.001)

    monkeypatch.setattr(doctor.machine, "reach", connect)
    plan = Plan.model_validate({**FIELDS, "target": "http://192.0.2.1", "allow_hosts": allowed})
    findings = [f for f in diagnose(plan, (), tmp_path, {}) if f.subject.startswith("target")]
    assert [f.level for f in findings] == ([Level.OK, Level.WARN] if allowed else [Level.STOP])
    assert bool(connected) is bool(allowed)


def test_a_target_that_the_plan_starts_is_not_looked_for(tmp_path: Path) -> None:
    plan = Plan.model_validate({**FIELDS, "target": "llm", "upstreams": {"llm": {"mock": "openai"}}})
    assert not any(finding.subject.startswith("target") for finding in diagnose(plan, (), tmp_path, {}))
