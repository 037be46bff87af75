from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness import config, forecast
from harness.errors import UsageError
from harness.run.inputs import read_inputs
from harness.run.planning import engine_job, mocks_config, plan_load, rules_of, steady_load, windows_of

HEAD = "target: http://127.0.0.1:9\njourneys: {chat: {model: m}, embed: {weight: 3, model: e}}\n"
PROMISES = "slo: {slos: ['errors < 1%']}\n"


def plan_of(tmp_path: Path, text: str) -> config.Plan:
    path = tmp_path / "plan.yaml"
    path.write_text(HEAD + PROMISES + text)
    return config.load_plan(path, environ={})


def two_weeks() -> forecast.Peak:
    history = forecast.read_history(forecast.generate_history(3, peak_per_s=30.0), "history.csv")
    return forecast.forecast_peak(history).peak


def test_segments_become_phases_and_arrivals(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "arrivals: {segments: [{phase: warm, ramp: [0/s, 50/s], for: 10s}, {phase: peak, hold: 50/s, for: 40s}]}\n",
    )
    load = plan_load(plan, None, None, {}, seed=1)
    assert load.shape.expected_count == pytest.approx(2250)
    assert abs(load.arrivals.array.size - 2250) < 5 * 2250**0.5
    assert load.peak_per_s is None
    assert dict(load.mix) == {"chat": 0.25, "embed": 0.75}
    rules = rules_of(plan.slo.verdict, load.shape, smoke=True)
    assert rules.judge_phases == ("peak",)
    assert [(w.phase, w.constant_rate, w.judged) for w in windows_of(load.shape, rules)] == [
        ("warm", False, False),
        ("peak", True, True),
    ]


def shifting_log() -> forecast.Peak:
    """An hour of chat that becomes embeddings, 2 requests a second."""
    rows = (
        f'{{"t": {i / 2}, "path": "/v1/{"embeddings" if i % 60 < i / 120 else "chat/completions"}"}}'
        for i in range(7200)
    )
    return forecast.forecast_peak(forecast.read_history("\n".join(rows), "log.jsonl")).peak


def test_the_mix_of_a_log_is_planned_over_time(tmp_path: Path) -> None:
    peak = shifting_log()
    (tmp_path / "peak.json").write_text("{}")
    plan = plan_of(tmp_path, "arrivals: {from: peak.json, process: poisson, warm: 0s}\n")
    load = plan_load(plan, peak, None, {}, seed=1)
    journey, half = load.arrivals.array["journey"], load.arrivals.array["due_ns"] < 1800 * 10**9
    assert np.mean(journey[half] == 1) == pytest.approx(0.25, abs=0.04)
    assert np.mean(journey[~half] == 1) == pytest.approx(0.75, abs=0.04)
    assert load.mix["embed"] == pytest.approx(0.5, abs=0.03)
    replayed = plan_load(plan_of(tmp_path, "arrivals: {from: peak.json, warm: 0s}\n"), peak, None, {}, seed=1)
    assert list(replayed.arrivals.array["journey"]) == [int(i % 60 < i / 120) for i in range(len(replayed.arrivals))]


def test_a_mix_that_names_no_journey_of_the_plan_says_how_to_name_it(tmp_path: Path) -> None:
    (tmp_path / "peak.json").write_text("{}")
    (tmp_path / "plan.yaml").write_text(
        "target: http://127.0.0.1:9\njourneys: {ask: {}}\n" + PROMISES + "arrivals: {from: peak.json}\n"
    )
    plan = config.load_plan(tmp_path / "plan.yaml", environ={})
    with pytest.raises(UsageError, match=r"which is no journey.*--journey NAME="):
        plan_load(plan, shifting_log(), None, {}, seed=1)


def test_steps_of_a_capacity_search_carry_the_mix_of_the_busiest_moment(tmp_path: Path) -> None:
    (tmp_path / "peak.json").write_text("{}")
    plan = plan_of(tmp_path, "arrivals: {from: peak.json, process: poisson, warm: 0s}\n")
    load = plan_load(plan, shifting_log(), None, {}, seed=1)
    busiest = float(load.shape.knots_s[int(np.argmax(load.shape.rates_per_s))])
    step = steady_load(plan, load, 50.0, 1.0, 60.0, "step", 3)
    assert dict(step.mix) == load.shape.mix_at(busiest)
    seen = np.bincount(step.arrivals.array["journey"], minlength=2) / len(step.arrivals)
    assert seen[1] == pytest.approx(step.mix["embed"], abs=0.05)


@pytest.mark.parametrize(
    "segment",
    [
        "{phase: peak, step: [10/s, 20/s], for: 20s}",
        "{phase: peak, spike: {base: 10/s, peak: 90/s, at: 5s, width: 1s}, for: 20s}",
        "{phase: peak, sine: {mean: 20/s, amplitude: 10/s, period: 5s}, for: 20s}",
    ],
)
def test_every_written_shape_gives_its_area(tmp_path: Path, segment: str) -> None:
    plan = plan_of(tmp_path, f"arrivals: {{process: deterministic, segments: [{segment}]}}\n")
    load = plan_load(plan, None, None, {}, seed=1)
    assert load.arrivals.array.size == pytest.approx(load.shape.expected_count, abs=1.0)


def test_a_replay_segment_fires_what_was_recorded(tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text("timestamp\n")
    plan = plan_of(tmp_path, "arrivals: {segments: [{phase: replay, replay: times.csv}]}\n")
    offsets = np.array([0.0, 0.25, 0.25, 7.125])
    load = plan_load(plan, None, None, {tmp_path / "times.csv": offsets}, seed=1)
    assert load.arrivals.array["due_ns"].tolist() == [0, 250_000_000, 250_000_000, 7_125_000_000]
    assert rules_of(plan.slo.verdict, load.shape, smoke=True).judge_phases == ("replay",)


def test_a_forecast_peak_is_what_capacity_is_held_against(tmp_path: Path) -> None:
    peak = two_weeks()
    (tmp_path / "peak.json").write_text(forecast.peak_to_json(peak))
    plan = plan_of(tmp_path, "arrivals: {from: peak.json, slice: 60s, rate_scale: 2}\n")
    load = plan_load(plan, peak, None, {}, seed=1)
    assert load.peak_per_s == pytest.approx(peak.peak_per_s()), "twice the rates are not twice the forecast"
    assert load.shape.rates_per_s.max() == pytest.approx(2 * peak.peak_per_s(), rel=0.05)
    assert load.peak_label.startswith("forecast p")
    assert [p.name for p in load.shape.phases] == ["warm", "peak"]


def test_fixed_token_sizes_win_and_gaps_are_filled(tmp_path: Path) -> None:
    arrivals = "arrivals: {segments: [{phase: peak, hold: 50/s, for: 2s}]}\n"
    array = plan_load(plan_of(tmp_path, arrivals), None, None, {}, seed=1).arrivals.array
    assert set(array["tokens_in"].tolist()) == {200} and set(array["tokens_out"].tolist()) == {100}
    array = plan_load(
        plan_of(tmp_path, arrivals + "prompts: {sizes: {in: 7, out: 9}}\n"), None, None, {}, seed=1
    ).arrivals.array
    assert set(array["tokens_in"].tolist()) == {7} and set(array["tokens_out"].tolist()) == {9}


def test_the_same_seed_is_the_same_load(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "arrivals: {segments: [{phase: peak, hold: 50/s, for: 5s}]}\n")
    one, two, other = (plan_load(plan, None, None, {}, seed=s).arrivals.array for s in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


def test_a_load_without_an_arrival_is_refused(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "arrivals: {segments: [{phase: peak, hold: 0/s, for: 5s}]}\n")
    with pytest.raises(UsageError, match="no arrival"):
        plan_load(plan, None, None, {}, seed=1)


def test_the_job_carries_the_plan_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "sk-very-secret")
    plan = plan_of(
        tmp_path,
        "arrivals: {segments: [{phase: peak, hold: 5/s, for: 5s}]}\n"
        "headers: {Authorization: 'Bearer ${env:KEY}'}\ndegraded: [header x-degraded]\nlimits: {in_flight: 77}\n",
    )
    load = plan_load(plan, None, None, {}, seed=1)
    job = engine_job(plan, load, "r1", "http://127.0.0.1:9", 1, 1024)
    job.write(tmp_path / "job.json")
    text = (tmp_path / "job.json").read_text()
    assert "sk-very-secret" not in text and "${env:KEY}" in text
    assert job.in_flight_limit == 77 and job.degraded[0].name == "x-degraded"
    assert [spec.name for spec in job.journeys] == ["chat", "embed"]
    assert job.kernel_stamps, "answers of chat come in parts, whose times count"


def test_the_target_is_started_after_what_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(
        "target: app\njourneys: {chat: {model: m}}\n"
        + PROMISES
        + "arrivals: {segments: [{phase: peak, hold: 5/s, for: 5s}]}\n"
        + "upstreams: {app: {mock: copilot, upstreams: {primary: llm}}, llm: {mock: openai, tpm: 60k}}\n"
    )
    made = mocks_config(config.load_plan(path, environ={}), "r1", 5)
    assert [service["name"] for service in made["services"]] == ["llm", "app"]
    assert made["services"][0]["tpm"] == 60_000 and made["seed"] == 5


@pytest.mark.parametrize("kind", ["chat", "code"])
def test_a_burst_preset_makes_hand_written_load_bursty(tmp_path: Path, kind: str) -> None:
    segments = "segments: [{phase: peak, hold: 50/s, for: 40s}]"
    plan = plan_of(tmp_path, f"arrivals: {{burst: {kind}, {segments}}}\n")
    shape = plan_load(plan, None, None, {}, seed=1).shape
    assert (shape.process, shape.burst) == ("cox", forecast.PRESETS[kind])
    plain = plan_of(tmp_path, f"arrivals: {{burst: none, {segments}}}\n")
    assert plan_load(plain, None, None, {}, seed=1).shape.process == "poisson"


def test_a_profile_is_planned_by_its_own_names_and_weights(tmp_path: Path) -> None:
    profile = tmp_path / "mine.py"
    profile.write_text(
        "from harness.engine import http, journey\n"
        "@journey(weight=3)\ndef often(arrival):\n    yield http('GET', '/a')\n"
        "@journey(weight=1)\ndef rarely(arrival):\n    yield http('GET', '/b')\n"
    )
    path = tmp_path / "plan.yaml"
    path.write_text(
        "target: http://127.0.0.1:9\nprofile: mine.py\n"
        + PROMISES
        + "arrivals: {segments: [{phase: peak, hold: 100/s, for: 20s}]}\n"
    )
    inputs = read_inputs(path, environ={})
    assert dict(inputs.load.mix) == {"often": 0.75, "rarely": 0.25}
    job = engine_job(inputs.plan, inputs.load, "r", "http://127.0.0.1:9", 1, None)
    assert [(spec.name, spec.kind) for spec in job.journeys] == [("often", "profile"), ("rarely", "profile")]
    share = float(np.mean(inputs.load.arrivals.array["journey"] == 0))
    assert share == pytest.approx(0.75, abs=0.05)


def test_a_run_without_remote_workers_takes_any_free_port(tmp_path: Path) -> None:
    """Two runs on one machine must not want the same one."""
    arrivals = "arrivals: {segments: [{phase: peak, hold: 5/s, for: 5s}]}\n"
    for extra, port in (("", 0), ("remote: {workers: 1}\n", 5557)):
        plan = plan_of(tmp_path, arrivals + extra)
        job = engine_job(plan, plan_load(plan, None, None, {}, seed=1), "r1", "http://127.0.0.1:9", 1, 1024)
        assert job.port == port
