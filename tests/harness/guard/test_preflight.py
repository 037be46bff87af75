from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.guard import (
    Finding,
    Level,
    MachineFacts,
    Needs,
    Reach,
    examine,
    examine_ports,
    examine_reach,
    examine_secrets,
    findings_to_json,
    is_ready,
)

HEALTHY = MachineFacts(
    cores=8,
    load_1m=0.2,
    descriptors_soft=65_536,
    descriptors_hard=65_536,
    ephemeral_ports=(32_768, 60_999),
    tcp_tw_reuse=True,
    clock_source="tsc",
    clock_step_ns=40,
    memory_available=8 * 2**30,
    disk_free=50 * 2**30,
)
NEEDS = Needs(in_flight=10_000, processes=2, requests=100_000)


def level(findings: list[Finding], subject: str) -> Level:
    return next(finding.level for finding in findings if finding.subject == subject)


def test_a_healthy_machine_is_ready() -> None:
    findings = examine(HEALTHY, NEEDS)
    assert {finding.level for finding in findings} == {Level.OK}
    assert is_ready(findings)


@pytest.mark.parametrize(
    ("defect", "needs", "subject", "wanted"),
    [
        ({"descriptors_soft": 1024, "descriptors_hard": 1024}, {}, "descriptors", Level.STOP),
        ({"descriptors_soft": 1024}, {}, "descriptors", Level.WARN),
        ({"descriptors_soft": None}, {}, "descriptors", Level.WARN),
        ({"ephemeral_ports": (32_768, 33_000)}, {}, "ports", Level.STOP),
        ({"ephemeral_ports": (32_768, 33_000)}, {"in_flight": 10}, "ports", Level.WARN),
        ({"ephemeral_ports": None}, {}, "ports", Level.WARN),
        ({"clock_source": "hpet"}, {}, "clock", Level.WARN),
        ({"clock_step_ns": 15_000_000}, {}, "clock", Level.STOP),
        ({"load_1m": 7.5}, {}, "cores", Level.WARN),
        ({}, {"processes": 9}, "cores", Level.WARN),
        ({"memory_available": 2**20}, {}, "memory", Level.WARN),
        ({"memory_available": None}, {}, "memory", Level.WARN),
        ({"disk_free": 2**20}, {}, "disk", Level.STOP),
        ({"disk_free": None}, {}, "disk", Level.WARN),
    ],
)
def test_a_planted_defect_is_found(defect: dict[str, Any], needs: dict[str, Any], subject: str, wanted: Level) -> None:
    findings = examine(replace(HEALTHY, **defect), replace(NEEDS, **needs))
    assert level(findings, subject) is wanted
    assert is_ready(findings) is (wanted is not Level.STOP)
    assert [f.subject for f in findings if f.level is not Level.OK] == [subject]


def test_a_proxy_that_is_set_is_said() -> None:
    findings = examine(replace(HEALTHY, proxies=("HTTPS_PROXY",)), NEEDS)
    assert level(findings, "proxy HTTPS_PROXY") is Level.WARN


def test_a_target_that_does_not_answer_stops() -> None:
    assert examine_reach(Reach("http://h", error="refused")).level is Level.STOP
    assert examine_reach(Reach("http://h", ("127.0.0.1",), 0.001)).level is Level.OK


def test_secrets_and_ports() -> None:
    assert [f.level for f in examine_secrets(["A", "B"], ["B"])] == [Level.STOP, Level.OK]
    assert [f.level for f in examine_ports([("llm", 8080, False), ("tools", 8081, True)])] == [Level.STOP, Level.OK]


def test_nothing_examined_is_not_ready() -> None:
    assert not is_ready([])
    assert findings_to_json([])["ready"] is False
