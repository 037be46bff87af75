from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import is_loopback, load_plan
from harness.errors import UsageError

PEAK = "{phase: peak, hold: 1/s, for: 1m}"
PLAN = {
    "target": "http://127.0.0.1:8080",
    "journeys": "{chat: {model: m}}",
    "arrivals": "{segments: [{phase: peak, hold: 20/s, for: 10m}]}",
    "slos": "[errors < 1%]",
}


def load(folder: Path, **fields: str) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in {**PLAN, **fields}.items() if value)
    (folder / "plan.yaml").write_text(text)
    load_plan(folder / "plan.yaml")


def test_the_plan_these_tests_break_is_whole(tmp_path: Path) -> None:
    load(tmp_path)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"target": "https://api.example.com/v1"}, "not in allow_hosts"),
        ({"target": "copilott", "upstreams": "{copilot: {mock: copilot}}"}, "did you mean 'copilot'?"),
        ({"target": "127.0.0.1:8080"}, "neither a URL nor one of"),
        ({"allow_hosts": "['*.example.com']"}, "not a host name"),
        ({"allow_hosts": "['https://x.example']"}, "not a host name"),
        ({"journeys": ""}, "what does one arrival do?"),
        ({"profile": "rag.py"}, "a profile or journeys, not both"),
        ({"journeys": "", "profile": "nowhere.py"}, "no such file"),
        ({"upstreams": "{c: {mock: copilot, upstreams: {a: llm/primry}}, llm/primary: {mock: tools}}"},
         "did you mean 'llm/primary'?"),
        ({"upstreams": "{c: {mock: copilot, upstreams: {primary: c}}}"}, "its own upstream"),
        ({"upstreams": "{c: {mock: opnai}}"}, "did you mean 'openai'?"),
        ({"arrivals": "{segments: [{phase: warm, hold: 1/s, for: 1m}]}"}, "nothing would be judged"),
        ({"slos": "", "slo": "{slos: [errors < 1%], verdict: {judge_phases: [peek]}}"}, "did you mean 'peak'?"),
        ({"arrivals": f"{{segments: [{PEAK}, {PEAK.replace('peak', 'x')}, {PEAK}]}}"}, "was left before"),
        ({"arrivals": "{from: peak.json}"}, "no such file"),
        ({"prompts": "prompts.jsonl"}, "no such file"),
        ({"limits": "{cost: 5 USD}", "prices": "{input: 1 EUR, output: 2 EUR}"}, "prices are in EUR"),
        ({"limits": "{cost: 5 USD}", "target": "https://a.example", "allow_hosts": "[a.example]"}, "without prices"),
        ({"slos": "", "slo": "slos.yaml"}, "no such file"),
        ({"slos": "[errors < 1% where journey=caht]"}, "did you mean 'chat'?"),
        ({"slos": "[errors < 1% where phase=peek]"}, "did you mean 'peak'?"),
        ({"slos": "[degraded < 1%]"}, "would hold always"),
        ({"slos": "[cost < 1 USD]"}, "a cost needs prices"),
        ({"slos": "[cost < 1 USD]", "prices": "{input: 1 EUR, output: 2 EUR}"}, "it is in USD"),
        ({"slos": "[ttft p95 < 1s]", "journeys": "{chat: {stream: false}}"}, "there is no ttft"),
        ({"slos": "[tpot p95 < 1s where journey=embed]", "journeys": "{chat: {}, embed: {}}"}, "there is no tpot"),
        ({"slos": "['goodput >= 95% {ttft: 1s}']", "journeys": "{embed: {}}"}, "there is no ttft"),
    ],
)  # fmt: skip
def test_a_contradiction_is_found_with_its_place(tmp_path: Path, fields: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, **fields)
    (problem,) = caught.value.problems
    assert says in problem.what
    assert problem.line > 0
    assert problem.snippet


@pytest.mark.parametrize(
    "fields",
    [
        {"target": "https://API.example.com/v1", "allow_hosts": "[api.example.com]"},
        {"target": "copilot", "upstreams": "{copilot: {mock: copilot, upstreams: {primary: p}}, p: {mock: openai}}"},
        {"target": "http://[::1]:80"},
        {"arrivals": f"{{segments: [{PEAK.replace('peak', 'a')}]}}", "slos": "",
         "slo": "{slos: [errors < 1%], verdict: {judge_phases: [a]}}"},
        {"arrivals": "{segments: [{phase: peak, hold: 1/s, for: 1m}, {phase: peak, ramp: [1/s, 2/s], for: 1m}]}"},
        {"limits": "{cost: 5 USD}", "prices": "{input: 1 USD, output: 2 USD}"},
        {"slos": "[degraded < 1%]", "degraded": "[header x-degraded]"},
        {"slos": "[ttft p95 < 1s]", "journeys": "{chat: {stream: false}, other: {kind: chat}}"},
        {"slos": "[ttft p95 < 1s]", "journeys": "{http: {dialect: sse}}"},
    ],
)  # fmt: skip
def test_what_agrees_passes(tmp_path: Path, fields: dict[str, str]) -> None:
    load(tmp_path, **fields)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("app.localhost", True),
     ("0.0.0.0", False), ("localhost.example.com", False), ("127.0.0.1.nip.io", False), ("10.0.0.1", False),
     ("", False)],
)  # fmt: skip
def test_loopback_by_name(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
