from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import load_plan, load_slo_file, profile_names, secrets_of
from harness.errors import Problem, UsageError

PLAN = """\
target: http://127.0.0.1:8080
journeys: {chat: {model: m}}
arrivals: {segments: [{phase: peak, hold: 20/s, for: 10m}], seed: 42}
slo: slo.yaml
"""
SLO = "service: s\nslos:\n  - ttft p95 <= 2s where journey=chat\n  - errors < 1%\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "slo.yaml").write_text(SLO)
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


def problems(path: Path, **more: object) -> tuple[Problem, ...]:
    with pytest.raises(UsageError) as caught:
        load_plan(path, **more)  # type: ignore[arg-type]  -- one shape for all tests
    return caught.value.problems


def test_a_plan_is_read_with_its_promises(folder: Path) -> None:
    plan = load_plan(write(folder, PLAN))
    assert plan.target == "http://127.0.0.1:8080"
    assert plan.arrivals.segments is not None
    assert plan.arrivals.segments[0].hold == 20.0
    assert plan.arrivals.segments[0].for_s == 600.0
    assert [line.text for line in plan.slo.slos] == ["ttft p95 <= 2s where journey=chat", "errors < 1%"]
    assert plan.slo.slos[1].source == f"{folder}/slo.yaml:4:5"
    assert plan.limits.in_flight is None
    assert plan.deadline_s == 60.0


def test_the_plan_of_the_design_is_read_whole(folder: Path) -> None:
    (folder / "peak.json").write_text("{}")
    (folder / "mine.py").write_text("")
    plan = load_plan(
        write(
            folder,
            "target: http://127.0.0.1:8080\n"
            "profile: mine.py\n"
            "arrivals: {from: peak.json, quantile: 0.95, seed: 42, time_scale: 1, burst: fitted}\n"
            "prompts: {tokens: peak.json}\n"
            "upstreams:\n"
            "  llm/primary: {mock: openai, preset: hosted-chat, tpm: 60k, rpm: 600}\n"
            "  llm/fallback: {mock: openai, preset: hosted-small}\n"
            "  vector: {mock: qdrant}\n"
            "  tools: {mock: tools}\n"
            "slo: slo.yaml\n"
            "limits: {in_flight: 10000, requests: 200000, cost: 25 USD}\n"
            "smoke: false\n",
        )
    )
    assert plan.arrivals.from_ == folder / "peak.json"
    assert plan.profile == str(folder / "mine.py")
    assert plan.prompts is not None
    assert plan.prompts.tokens == folder / "peak.json"
    assert plan.upstreams["llm/primary"].to_service("llm/primary") == {
        "name": "llm/primary", "mock": "openai", "port": 0, "preset": "hosted-chat", "tpm": 60_000, "rpm": 600,
    }  # fmt: skip
    assert plan.limits.cost == (25.0, "USD")


def test_all_problems_are_said_at_once_in_the_file_s_order(folder: Path) -> None:
    path = write(
        folder,
        "target: http://127.0.0.1:8080\n"
        "journeys: {chat: {modle: x}}\n"
        "arrivals: {sed: 1, segments: [{phase: peak, hold: 20, for: 10m}]}\n"
        "slos:\n"
        "  - ttft p99 <= 2s\n"
        '  - {metrc: ttft, quantile: p99, limit: "<= 2s"}\n'
        "deadline: 30\n",
    )
    found = problems(path)
    assert [(p.line, p.column) for p in found] == [(2, 19), (3, 12), (3, 45), (6, 6), (7, 1)]
    assert str(found[3]) == (
        f"{path}:6:6: slos[1].metrc: unknown field, did you mean 'metric'?\n"
        '      - {metrc: ttft, quantile: p99, limit: "<= 2s"}\n'
        "         ^"
    )
    assert "write it like 40/s" in found[2].advice


def test_a_set_lays_a_typed_value_over_the_plan(folder: Path) -> None:
    path = write(folder, PLAN)
    plan = load_plan(path, ["arrivals.seed=7", "limits.requests=5k", "arrivals.segments[0].hold=2/s", "smoke=true"])
    assert (plan.arrivals.seed, plan.limits.requests, plan.smoke) == (7, 5000, True)
    (problem,) = problems(path, sets=["arrivals.sede=7"])
    assert problem.file == "--set arrivals.sede=7"
    assert problem.what == "arrivals.sede: unknown field, did you mean 'seed'?"
    (problem,) = problems(path, sets=["arrivals.seed=many"])
    assert "arrivals.seed" in problem.what
    assert problem.line == 0


def test_a_profile_lays_its_fields_over_the_plan(folder: Path) -> None:
    path = write(
        folder, PLAN + "profiles:\n  ci: {smoke: true, arrivals: {rate_scale: 0.5}}\n  bad: {arrivals: {sed: 1}}\n"
    )
    assert profile_names(path) == ["ci", "bad"]
    assert load_plan(path).smoke is False
    plan = load_plan(path, profile="ci")
    assert plan.smoke is True
    assert (plan.arrivals.rate_scale, plan.arrivals.seed) == (0.5, 42)
    (problem,) = problems(path, profile="bad")
    assert (problem.line, problem.column) == (7, 20)
    (problem,) = problems(path, profile="cii")
    assert "did you mean 'ci'?" in problem.what


@pytest.mark.parametrize(
    ("profiles", "says"), [("[ci]", "should be overlays"), ("{ci: true}", "profiles.ci: should be fields")]
)
def test_profiles_that_are_none(folder: Path, profiles: str, says: str) -> None:
    (problem,) = problems(write(folder, PLAN + f"profiles: {profiles}\n"), profile="ci")
    assert says in problem.what
    assert problem.line == 5


def test_variables_are_replaced_and_secrets_are_not(folder: Path) -> None:
    text = (
        PLAN.replace("http://127.0.0.1:8080", "http://127.0.0.1:${PORT}")
        + "headers: {Authorization: 'Bearer ${env:KEY}'}\n"
    )
    plan = load_plan(write(folder, text), environ={"PORT": "9", "KEY": "s3cret"})
    assert plan.target == "http://127.0.0.1:9"
    assert "s3cret" not in repr(plan)
    assert secrets_of(plan) == ("KEY",)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("headers: {Authorization: Bearer sk-abc}", "is a secret in the file"),
        ("headers: {X-Api-Key: '${KEY}'}", "is a secret in the file"),
        ("title: '${env:KEY}'", "belongs in `headers`"),
        ("headers: {Host: x}", "belongs to the transport"),
        ('headers: {A: "x\\r\\nEvil: 1"}', "one printable line"),
    ],
)
def test_a_secret_stays_out_of_the_plan(folder: Path, line: str, says: str) -> None:
    (problem,) = problems(write(folder, PLAN + line + "\n"), environ={"KEY": "s3cret"})
    assert says in problem.what
    assert "s3cret" not in str(problem)


def test_promises_in_place_and_their_places(folder: Path) -> None:
    text = PLAN.replace(
        "slo: slo.yaml\n", "slo:\n  slos:\n    - ttft p95 <= 2s\n  verdict: {min_duration: 5m, confidence: 0.95}\n"
    )
    plan = load_plan(write(folder, text))
    assert plan.slo.slos[0].source == f"{folder}/plan.yaml:6:7"
    assert plan.slo.verdict.min_duration_s == 300
    assert (plan.slo.verdict.confidence.pass_, plan.slo.verdict.confidence.fail) == (0.95, 0.95)


def test_problems_of_the_slo_file_carry_its_own_name_and_come_with_the_plan_s(folder: Path) -> None:
    (folder / "slo.yaml").write_text("service: s\nslos:\n  - errors < 1%\nverdict: {min_duratoin: 5m}\n")
    found = problems(write(folder, PLAN + "smok: true\n"))
    assert [(Path(p.file).name, p.line) for p in found] == [("plan.yaml", 5), ("slo.yaml", 4)]
    assert found[1].what == "verdict.min_duratoin: unknown field, did you mean 'min_duration'?"


def test_a_broken_slo_file_does_not_hide_the_plan_s_own_problems(folder: Path) -> None:
    (folder / "slo.yaml").write_text("slos: [\n")
    assert {Path(p.file).name for p in problems(write(folder, PLAN + "smok: true\n"))} == {"plan.yaml", "slo.yaml"}


@pytest.mark.parametrize(
    ("name", "data"),
    [("none.yaml", None), ("bytes.yaml", b"a: \xff\n"), ("list.yaml", b"- 1\n"), ("word.yaml", b"word\n")],
)
def test_a_file_that_is_no_plan(tmp_path: Path, name: str, data: bytes | None) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    (problem,) = problems(path)
    assert problem.advice


def test_a_folder_is_no_plan(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path)
    assert "cannot read" in problem.what


def test_slo_file_defaults_are_those_of_the_design(folder: Path) -> None:
    rules = load_slo_file(folder / "slo.yaml").verdict
    assert (rules.confidence.pass_, rules.confidence.fail) == (0.99, 0.99)
    assert (rules.min_duration_s, rules.longest_cycle_s) == (600, 30)
    assert rules.extend_up_to_s is None  # a run that goes on costs: only where the file asks for it
    assert rules.judge_phases == ()


def test_an_slo_file_may_be_a_bare_list(tmp_path: Path) -> None:
    (tmp_path / "slo.yaml").write_text("- errors < 1%\n")
    assert load_slo_file(tmp_path / "slo.yaml").slos[0].text == "errors < 1%"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("slos: []\n", "slos: empty"),
        ("service: s\n", "slos: missing"),
        ("slos: [3]\n", "not a promise"),
        ("slos: ['']\n", "not a promise"),
        ("slos:\n  - ttft p95 <= 2s where journey: chat\n", "reads the ':'"),
        ("slos: [errors < 1%]\nverdict: {confidence: {pass: 0.4}}\n", "greater than 0.5"),
    ],
)
def test_an_slo_file_that_promises_nothing_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "slo.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_slo_file(tmp_path / "slo.yaml")
    assert says in str(caught.value)


def test_promises_in_fields_become_the_same_sentence(tmp_path: Path) -> None:
    (tmp_path / "slo.yaml").write_text(
        "slos:\n"
        "  - {metric: ttft, quantile: p99, limit: <= 2s, where: {journey: chat}, gate: warn}\n"
        "  - {metric: goodput, limit: '>= 98%', meets: {ttft: 2s, tpot: 80ms}}\n"
    )
    texts = [line.text for line in load_slo_file(tmp_path / "slo.yaml").slos]
    assert texts == ["ttft p99 <= 2s where journey=chat warn", "goodput >= 98% {ttft: 2s, tpot: 80ms}"]


def test_segments_at_the_top_are_arrivals(folder: Path) -> None:
    text = PLAN.replace(
        "arrivals: {segments: [{phase: peak, hold: 20/s, for: 10m}], seed: 42}",
        "segments: [{phase: peak, hold: 20/s, for: 10m}]",
    )
    plan = load_plan(write(folder, text))
    assert plan.arrivals.segments is not None
    (problem,) = problems(write(folder, text.replace("hold", "hodl")))[:1]
    assert "arrivals.segments[0].hodl" in problem.what
    assert problem.line == 3
