from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.analysis import Capacity, Check, State, Verdict, Word
from harness.errors import UsageError
from harness.store import baseline_from_text, baseline_of, baseline_to_text

NAN = float("nan")
CHECK = Check(
    "ttft p95 <= 2s",
    "ttft",
    "block",
    State.MET,
    900,
    500.0,
    1.8,
    9,
    0.01,
    0.004,
    0.02,
    0.05,
    1.2,
    1.1,
    float("inf"),
    2.0,
    "s",
    1.0,
)
VERDICT = Verdict(
    Word.PASS,
    True,
    "held",
    "all met",
    (),
    (CHECK, replace(CHECK, state=State.NO_DATA, value=NAN)),
    (),
    Capacity(proven=20.0),
    None,
    outcomes={"ok": 900},
)
MANIFEST = {
    "run_id": "7f3k",
    "started": "2026-11-24T12:00:00+00:00",
    "plan": "plan.yaml",
    "plan_hash": "abc",
    "target": "t",
}


def test_a_baseline_comes_back_as_it_was() -> None:
    baseline = baseline_of(VERDICT, MANIFEST)
    assert baseline_from_text(baseline_to_text(baseline), "baseline.json") == baseline
    assert [c.state for c in baseline.verdict.checks] == [State.MET]
    assert len(baseline_to_text(baseline)) < 3000


@pytest.mark.parametrize("word", [Word.FAIL, Word.INCONCLUSIVE])
def test_only_a_pass_is_a_baseline_unless_forced(word: Word) -> None:
    verdict = replace(VERDICT, word=word)
    with pytest.raises(UsageError, match="--force"):
        baseline_of(verdict, MANIFEST)
    assert baseline_of(verdict, MANIFEST, force=True).run_id == "7f3k"


def test_an_invalid_run_is_never_a_baseline() -> None:
    with pytest.raises(UsageError, match="7f3k is INVALID"):
        baseline_of(replace(VERDICT, word=Word.INVALID), MANIFEST, force=True)


def test_another_file_is_named_with_its_place() -> None:
    with pytest.raises(UsageError, match=r"b\.json:1:2: not JSON"):
        baseline_from_text("{", "b.json")
    for text in ("[]", "{}", json.dumps({"kind": "peakproof baseline", "format": 9})):
        with pytest.raises(UsageError, match=r"b\.json: is not a baseline file"):
            baseline_from_text(text, "b.json")
    whole = json.loads(baseline_to_text(baseline_of(VERDICT, MANIFEST)))
    for broken in ({**whole, "verdict": {"schema": 1}}, {**whole, "run": {}}, {**whole, "verdict": 3}):
        with pytest.raises(UsageError, match="not a whole baseline"):
            baseline_from_text(json.dumps(broken), "b.json")
