"""Whole reports to render: a pass, a fail, an inconclusive, an invalid, a smoke, and one full of hostile names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from harness.analysis import (
    Bottleneck,
    Capacity,
    Caveat,
    Check,
    Evidence,
    FailureMode,
    PhaseWindow,
    Planned,
    State,
    Trust,
    Verdict,
    Word,
)
from harness.report import Dependency, FaultBand, Report, Run, SlowRequest
from harness.results import NEVER, RESULT_DTYPE, TELEMETRY_DTYPE, Catalog, Outcome, Reason, Rows

NAN = float("nan")
PHASES = (
    PhaseWindow("warm", 0, 30, False, False),
    PhaseWindow("peak", 30, 150, True, True),
    PhaseWindow("cool", 150, 180, False, False),
)
PLAN = """target: http://127.0.0.1:8080
arrivals: {from: peak.json, quantile: 0.95, seed: 42}
upstreams:
  llm/primary: {mock: openai, preset: hosted-chat, tpm: 60k, rpm: 600}
slo: slo.yaml
"""
SLO = """service: assistant-api
slos:
  - ttft    p95 <= 2s
  - e2e     p95 <= 8s
  - errors  < 3%
"""
HOSTILE = (
    "<script>alert(1)</script>",
    "\x1b[2J\x1b]0;owned\x07",
    "=cmd|'/c calc'!A0",
    "@everyone www.evil.example [x](javascript:alert(1)) `code` | a",
    "\u202egpj.exe",
    "a\x00b\x85c\ud800d",
    "x" * 50_000,
    "' onload='alert(1)",
    "]]>--><!--&lt;",
)


def due_times(rng: np.random.Generator, rate: float) -> np.ndarray:
    """Poisson arrivals: 30 s up to `rate`, 120 s at it, 30 s down."""
    grid = np.linspace(0, 180, 18001)
    level = rate * np.clip(np.minimum(grid / 30, (180 - grid) / 30), 0, 1)
    area = np.concatenate([[0], np.cumsum(level[:-1] * np.diff(grid))])
    count = rng.poisson(area[-1])
    return np.interp(np.sort(rng.uniform(0, area[-1], count)), area, grid)


def make_rows(seed: int = 1, rate: float = 24.0, trouble: bool = False, stretch: float = 1.0) -> tuple[Rows, Planned]:
    """Three minutes of chat and search; with `trouble`, a quota is cut from second 80 to 130."""
    rng = np.random.default_rng(seed)
    due = due_times(rng, rate) * stretch
    n = due.size
    array = np.zeros(n, RESULT_DTYPE)
    array["seq"] = np.arange(n)
    array["due_ns"] = (due * 1e9).astype(np.int64)
    array["sent_ns"] = array["due_ns"] + (rng.exponential(2e-4, n) * 1e9).astype(np.int64)
    array["phase"] = np.searchsorted([30 * stretch, 150 * stretch], due, side="right")
    array["journey"] = rng.random(n) < 0.3
    array["worker"] = array["seq"] % 2
    array["attempts"] = 1
    array["status"] = 200
    array["tokens_in"], array["tokens_out"] = rng.integers(200, 2000, n), rng.integers(40, 300, n)
    slow = np.where((due > 80) & (due < 130), 3.0, 1.0) if trouble else np.ones(n)
    first = rng.lognormal(np.log(0.45), 0.45, n) * slow
    last = first + rng.lognormal(np.log(2.2), 0.4, n) * np.sqrt(slow)
    array["first_token_ns"] = array["due_ns"] + (first * 1e9).astype(np.int64)
    array["last_token_ns"] = array["due_ns"] + (last * 1e9).astype(np.int64)
    array["finished_ns"] = array["last_token_ns"] + 1_000_000
    if trouble:
        _break(array, rng, due)
    catalog = Catalog(
        journeys=("chat", "search"),
        phases=("warm", "peak", "cool"),
        degraded=("", "header x-degraded"),
        served_by=("", "primary", "fallback"),
    )
    planned = Planned(array["due_ns"].copy(), array["phase"].copy(), array["journey"].copy(), array["seq"].copy())
    return Rows(array, catalog), planned


def _break(array: np.ndarray, rng: np.random.Generator, due: np.ndarray) -> None:
    window = (due > 80) & (due < 130)
    dice = rng.random(due.size)
    for low, high, outcome, reason, status in (
        (0.0, 0.3, Outcome.THROTTLED, Reason.NONE, 429),
        (0.3, 0.37, Outcome.TIMEOUT, Reason.DEADLINE, 0),
        (0.37, 0.4, Outcome.TRUNCATED, Reason.NO_END_MARKER, 200),
        (0.4, 0.6, Outcome.DEGRADED, Reason.NONE, 200),
    ):
        hit = window & (dice >= low) & (dice < high)
        array["outcome"][hit], array["reason"][hit], array["status"][hit] = outcome, reason, status
        if outcome in (Outcome.THROTTLED, Outcome.TIMEOUT):
            array["first_token_ns"][hit] = array["last_token_ns"][hit] = NEVER
            array["finished_ns"][hit] = array["due_ns"][hit] + int(30e9 if outcome == Outcome.TIMEOUT else 2e7)
    degraded = array["outcome"] == Outcome.DEGRADED
    array["degraded"][degraded], array["served_by"][degraded] = 1, 2


def make_evidence(planned: Planned) -> Evidence:
    telemetry = np.zeros(360, TELEMETRY_DTYPE)
    telemetry["t_s"] = np.repeat(np.arange(1, 181), 2)
    telemetry["worker"] = np.tile([0, 1], 180)
    telemetry["in_flight"] = np.repeat((30 + 25 * np.sin(np.arange(180) / 25)).astype(int), 2)
    return Evidence(own_run=True, phases=PHASES, planned=planned, telemetry=telemetry)


def check(slo: str, metric: str, state: State, **given: object) -> Check:
    facts: dict[str, object] = {
        "gate": "block",
        "n": 2880,
        "n_effective": 1630.0,
        "design_effect": 1.77,
        "bad": 58,
        "bad_share": 0.0202,
        "bad_share_low": 0.0131,
        "bad_share_high": 0.0296,
        "allowed_share": 0.05,
        "value": 1.24,
        "value_low": 1.19,
        "value_high": 1.31,
        "limit": 2.0,
        "unit": "s",
        "p_value": 1.0,
        "source": "slo.yaml:3:5",
    }
    return Check(slo, metric, state=state, **(facts | given))  # type: ignore[arg-type] -- a table of facts


MET = (
    check("ttft p95 <= 2s where journey=chat", "ttft", State.MET),
    check(
        "e2e p95 <= 8s",
        "e2e",
        State.MET,
        value=4.61,
        value_low=4.5,
        value_high=4.78,
        limit=8.0,
        bad_share=0.0031,
        bad_share_low=0.001,
        bad_share_high=0.0083,
        source="slo.yaml:4:5",
    ),
    check(
        "errors < 3%",
        "errors",
        State.MET,
        value=0.0,
        value_low=0.0,
        value_high=0.0028,
        bad=0,
        bad_share=0.0,
        bad_share_low=0.0,
        bad_share_high=0.0028,
        allowed_share=0.03,
        limit=0.03,
        unit="share",
        source="slo.yaml:5:5",
    ),
    check(
        "goodput >= 90% {ttft: 2s}",
        "goodput",
        State.MET,
        gate="warn",
        value=0.979,
        value_low=0.97,
        value_high=0.987,
        allowed_share=0.1,
        limit=0.9,
        unit="share",
        source="slo.yaml:6:5",
    ),
)
MISSED = (
    check(
        "degraded < 20%",
        "degraded",
        State.MET,
        value=0.083,
        value_low=0.066,
        value_high=0.103,
        bad=240,
        bad_share=0.083,
        bad_share_low=0.066,
        bad_share_high=0.103,
        allowed_share=0.2,
        limit=0.2,
        unit="share",
        source="slo.yaml:6:5",
    ),
    check(
        "ttft p95 <= 2s",
        "ttft",
        State.MISSED,
        value=float("inf"),
        value_low=4.9,
        value_high=float("inf"),
        bad=640,
        bad_share=0.222,
        bad_share_low=0.181,
        bad_share_high=0.268,
        n_effective=611.0,
        p_value=1e-9,
    ),
    check(
        "errors < 3%",
        "errors",
        State.MISSED,
        value=0.163,
        value_low=0.131,
        value_high=0.2,
        bad=470,
        bad_share=0.163,
        bad_share_low=0.131,
        bad_share_high=0.2,
        allowed_share=0.03,
        limit=0.03,
        unit="share",
        p_value=1e-9,
        source="slo.yaml:5:5",
    ),
)
UNDECIDED = (
    MET[0],
    check(
        "e2e p95 <= 5s",
        "e2e",
        State.UNDECIDED,
        value=4.86,
        value_low=4.6,
        value_high=5.2,
        limit=5.0,
        bad_share=0.044,
        bad_share_low=0.033,
        bad_share_high=0.058,
        reason="AT_LIMIT",
        more_requests=38_400,
        more_minutes=26.7,
        source="slo.yaml:4:5",
    ),
)
NO_DATA = (
    check(
        "tpot p95 <= 60ms",
        "tpot",
        State.NO_DATA,
        n=0,
        n_effective=0.0,
        design_effect=NAN,
        bad=0,
        bad_share=NAN,
        bad_share_low=NAN,
        bad_share_high=NAN,
        value=NAN,
        value_low=NAN,
        value_high=NAN,
        limit=0.06,
        reason="no streamed answer",
    ),
)
HELD = (
    Caveat("send_lag", "held", "send lag p99 0.4 ms, limit 100 ms"),
    Caveat("arrivals_as_planned", "held", "rate curve within 2.1 %, index of dispersion 1.02 against 1.00 planned"),
    Caveat("mock_pacing", "not_fed", "the mocks did not report their pacing error", "the target is not one of ours"),
)
TRUST = Trust(
    3597,
    3597,
    0.0001,
    0.0004,
    0.0021,
    0.41,
    ("rate curve: largest error 2.1 % in any 10 s", "index of dispersion: planned 1.00, sent 1.02"),
)
RUN = Run(
    run_id="7f3k",
    target="http://127.0.0.1:8080",
    repeat="peakproof run plans/chat.yaml --seed 42",
    plan_name="plans/chat.yaml",
    plan_text=PLAN,
    plan_hash="9c1f0a77",
    slo_text=SLO,
    seed=42,
    started=datetime(2026, 11, 24, 14, 0, 0, tzinfo=UTC),
    peak_label="p95 of the forecast for the next 4 weeks",
    report_path="runs/7f3k/report.html",
    versions=(("peakproof", "0.1.0"), ("python", "3.11.2"), ("locust", "2.47.0")),
)


def _passed() -> Report:
    rows, planned = make_rows()
    verdict = Verdict(
        Word.PASS,
        False,
        "the forecast p95 peak of 22.5/s was sustained inside all SLOs",
        "all 3 blocking SLOs are met with 99 % confidence and every gate held",
        (),
        MET,
        HELD,
        Capacity(proven=24.0, forecast_peak=22.5),
        24 / 22.5 - 1,
        outcomes={"ok": 2880},
        trust=TRUST,
        judged=("peak",),
        judged_count=2880,
        offered_rate=24.0,
    )
    return Report(
        verdict, RUN, rows, make_evidence(planned), changes=("ttft p95 1 240 ms, was 1 210 ms (no change shown)",)
    )


def _failed() -> Report:
    rows, planned = make_rows(trouble=True)
    verdict = Verdict(
        Word.FAIL,
        False,
        "24/s, the forecast p95 peak, was not sustained inside the SLOs",
        "ttft p95 left its limit between 19 and 24/s; provider 429s (llm/primary TPM) began at 14:01:20",
        ("slo:ttft", "slo:errors"),
        MISSED,
        HELD,
        Capacity(proven=19.0, estimate=20.8, disproven=24.0, forecast_peak=24.0),
        19 / 24 - 1,
        failures=(
            FailureMode("throttled", "none", 352, 0.749, 80.1, 129.8, "chat"),
            FailureMode("timeout", "deadline", 84, 0.179, 80.6, 129.2, "chat"),
            FailureMode("truncated", "no_end_marker", 34, 0.072, 82.0, 128.0, "search", "answer"),
        ),
        outcomes={"ok": 2170, "degraded": 240, "throttled": 352, "timeout": 84, "truncated": 34},
        bottleneck=(
            Bottleneck(
                "llm/primary tokens-per-minute quota",
                "SUSPECTED",
                ("limit hit (429 from 14:01:20)", "earliest of all"),
                "raise TPM 60 k -> 84 k",
            ),
        ),
        provisioning=("TPM quota for the peak: 78 k to 92 k, mid 84 k",),
        trust=TRUST,
        first_cause="429 from llm/primary at 14:01:20, 3 s before ttft left its limit",
        judged=("peak",),
        judged_count=2880,
        offered_rate=24.0,
    )
    return Report(
        verdict,
        RUN,
        rows,
        make_evidence(planned),
        faults=(FaultBand("llm/primary", "quota tpm 40%", 80, 130),),
        dependencies=(
            Dependency("llm/primary", "openai", 3320, {"200": 2610, "429": 710}, 61, 0.0011),
            Dependency("llm/fallback", "openai", 240, {"200": 240}, 8, 0.0008),
            Dependency("vector", "qdrant", 3597, {"200": 3597}, 12, 0.0004),
        ),
        traces=(SlowRequest(5, "4bf92f3577b34da6a3ce929d0e0e4736"),),
    )


def _undecided() -> Report:
    base = _passed()
    verdict = replace(
        base.verdict,
        word=Word.INCONCLUSIVE,
        headline="the evidence does not decide whether 22.5/s is held",
        why="e2e p95 is too near its limit: 38 400 more requests would decide it",
        reasons=("AT_LIMIT",),
        checks=UNDECIDED,
        capacity=Capacity(forecast_peak=22.5),
        headroom=None,
    )
    return replace(base, verdict=verdict, changes=())


def _invalid() -> Report:
    base = _passed()
    broken = (
        Caveat(
            "worker_lost",
            "broken",
            "worker 1 was lost at 14:01:12; 341 arrivals have no outcome of their own",
            "run again; see engine/engine.json",
            72.0,
        ),
        Caveat("clock", "held", "three clocks agree within 4 ms"),
    )
    verdict = replace(
        base.verdict,
        word=Word.INVALID,
        headline="the measurement cannot be trusted, so nothing is said about the target",
        why="worker 1 was lost and took 341 arrivals with it",
        reasons=("worker_lost",),
        checks=(*MET, *NO_DATA),
        caveats=(*broken, *HELD[2:]),
        capacity=Capacity(),
        headroom=None,
        trust=replace(TRUST, accounted=3256),
    )
    return replace(base, verdict=verdict, run=replace(RUN, partial="SIGINT at 14:02:11"), changes=())


def _smoke() -> Report:
    base = _passed()
    waived = Caveat(
        "coverage", "waived", "the judged phase lasts 120 s, 10 m are required", "run the plan without smoke: true"
    )
    verdict = replace(
        base.verdict, smoke=True, headline="held 24/s for 2 minutes inside all SLOs", caveats=(*HELD, waived)
    )
    return replace(base, verdict=verdict, changes=())


def _hostile() -> Report:
    """A run whose every name came from an enemy."""
    base = _failed()
    assert base.rows is not None
    names = HOSTILE
    verdict = replace(
        base.verdict,
        headline=names[0] + names[1],
        why=names[3],
        reasons=names,
        checks=tuple(
            replace(
                c,
                slo=names[i] + " where journey=" + names[i + 1],
                reason=names[i],
                advice=names[4],
                gate=g,
                source=names[i] + ":1:1",
            )
            for i, (c, g) in enumerate(zip((*MISSED, *NO_DATA), ("block", "warn", names[0], "info"), strict=True))
        ),
        caveats=tuple(
            Caveat(n, s, n, n, 1.0) for n in names for s in ("broken", "held", "not_fed", "waived", "noted", names[0])
        ),
        failures=tuple(FailureMode(n, n, 5, 0.1, 1.0, 2.0, n, n) for n in names),
        bottleneck=tuple(Bottleneck(n, n, (n, n), n) for n in names),
        provisioning=names,
        first_cause=names[0],
        judged=names[:2],
        trust=replace(TRUST, certificate=names),
        outcomes=dict.fromkeys(names, 1),
    )
    run = replace(
        RUN,
        run_id=names[0],
        target=names[0],
        repeat=names[1] + names[0],
        plan_name=names[2],
        plan_text="\n".join(names),
        slo_text="\n".join(names),
        plan_hash=names[0],
        peak_label=names[3],
        report_path=names[5],
        versions=tuple((n, n) for n in names),
        partial=names[1],
    )
    catalog = Catalog(
        journeys=names[:2],
        phases=names[2:5],
        steps=names,
        tenants=names,
        degraded=("", names[0]),
        served_by=("", names[2], names[1]),
    )
    evidence = replace(base.evidence, phases=tuple(replace(p, phase=n) for p, n in zip(PHASES, names, strict=False)))
    return Report(
        verdict,
        run,
        Rows(base.rows.array, catalog),
        evidence,
        faults=tuple(FaultBand(n, n, 10, 20, False) for n in names),
        dependencies=tuple(Dependency(n, n, 3, {n: 3}, None, None) for n in names),
        traces=tuple(SlowRequest(i, n) for i, n in enumerate(names * 400)),
        changes=names,
    )


CASES: dict[str, Callable[[], Report]] = {
    "pass": _passed,
    "fail": _failed,
    "inconclusive": _undecided,
    "invalid": _invalid,
    "smoke": _smoke,
    "hostile": _hostile,
}


@pytest.fixture(scope="session")
def reports() -> dict[str, Report]:
    return {name: make() for name, make in CASES.items()}


@pytest.fixture(params=[name for name in CASES if name != "hostile"])
def named_report(request: pytest.FixtureRequest, reports: dict[str, Report]) -> tuple[str, Report]:
    return request.param, reports[request.param]


@pytest.fixture
def hostile(reports: dict[str, Report]) -> Report:
    return reports["hostile"]
