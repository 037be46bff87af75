import json
import math
from dataclasses import fields

import numpy as np
import pytest

from harness.analysis import Verdict, verdict_from_json, verdict_to_json
from harness.results import Outcome
from tests.harness.analysis.worlds import lognormal, run


def verdicts() -> list[Verdict]:
    failing = run(latency=lognormal(6.0))
    dead = run()
    dead.fail(np.ones(len(dead.array), dtype=bool), Outcome.RESET)
    return [
        run().judged(),
        failing.judged(),
        dead.judged(),
        run(judged_s=20).judged("e2e p99.9 <= 3s", "amplification <= 1.5", "ttft p95 <= 2s where journey=nobody"),
    ]


def same(a: object, b: object) -> bool:
    return repr(a) == repr(b)  # NaN is not equal to itself


@pytest.mark.parametrize("verdict", verdicts(), ids=lambda v: v.word.value)
def test_a_verdict_survives_its_json(verdict: Verdict) -> None:
    text = json.dumps(verdict_to_json(verdict), allow_nan=False)
    assert same(verdict_from_json(json.loads(text)), verdict)


def test_the_top_level_has_what_the_contract_names() -> None:
    data = verdict_to_json(run().judged())
    assert {
        "verdict",
        "reasons",
        "checks",
        "caveats",
        "capacity",
        "headroom",
        "smoke",
        "headline",
        "why",
        "exit_code",
    } <= set(data)
    assert data["verdict"] == "PASS"
    assert data["exit_code"] == 0
    assert set(data) >= {f.name for f in fields(Verdict)} - {"word"}


def test_an_infinite_percentile_is_said_in_words() -> None:
    world = run()
    data = verdict_to_json(world.fail(np.ones(len(world.array), dtype=bool), Outcome.TIMEOUT).judged())
    assert data["checks"][0]["value"] == "inf"
    assert math.isinf(verdict_from_json(data).checks[0].value)


@pytest.mark.parametrize("spoil", [{"schema": 9}, {"verdict": "FINE"}, {"checks": [{"slo": "x"}]}, {"capacity": None}])
def test_what_is_no_verdict_is_refused(spoil: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        verdict_from_json({**verdict_to_json(run().judged()), **spoil})
