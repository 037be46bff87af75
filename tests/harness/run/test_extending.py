from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.analysis import Rules, Word
from harness.engine import Progress
from harness.report import html
from harness.run.extending import Extension, Watcher, either, extended
from harness.run.foreign import judge_any
from harness.run.inputs import Inputs
from harness.run.judging import judge_run
from tests.harness.run.folders import inputs_of, rows_of, stored_run

PLAN = """
target: http://127.0.0.1:9
journeys: {call: {kind: tool}}
arrivals:
  seed: 3
  segments:
    - {phase: warm, hold: 50/s, for: 2s}
    - {phase: peak, hold: 50/s, for: 10s}
slo:
  slos: ["e2e p95 <= 1s", "errors < 1%"]
  verdict: {extend_up_to: 80s}
smoke: true
"""


def extension_of(inputs: Inputs) -> tuple[Inputs, Extension | None]:
    load, rules, extension = extended(inputs.plan, inputs.load, inputs.rules, inputs.seed)
    return replace(inputs, load=load, rules=rules), extension


def test_the_load_is_planned_for_the_longest_look_and_every_look_pays(tmp_path: Path) -> None:
    longer, extension = extension_of(inputs_of(tmp_path, PLAN))
    assert extension is not None and extension.looks.at_s == (10, 20, 40, 80) and extension.start_s == 2.0
    assert longer.load.shape.duration_s == 82.0
    assert longer.load.arrivals.array.size == pytest.approx(82 * 50, abs=5 * (82 * 50) ** 0.5)
    assert longer.rules.looks == 4 and longer.rules.pass_alpha == pytest.approx(0.0025)


def test_an_slo_file_that_does_not_ask_for_it_gets_the_load_as_written(tmp_path: Path) -> None:
    inputs = inputs_of(tmp_path, PLAN.replace("  verdict: {extend_up_to: 80s}\n", ""))
    assert inputs.rules.extend is False and inputs.rules.extend_up_to_s == Rules().extend_up_to_s
    same, extension = extension_of(inputs)
    assert extension is None and same == inputs


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("smoke: true", "limits: {duration: 15s}"), "limits"),
        (("extend_up_to: 80s", "extend_up_to: 11s"), "no"),
        (("for: 10s}", "for: 10s}\n    - {phase: down, hold: 1/s, for: 2s}"), "last"),
    ],
)
def test_a_run_that_cannot_be_longer_says_so(tmp_path: Path, change: tuple[str, str], why: str) -> None:
    inputs = inputs_of(tmp_path, PLAN.replace(*change))
    same, extension = extension_of(inputs)
    assert extension is None and same.rules == inputs.rules
    assert np.array_equal(same.load.arrivals.array, inputs.load.arrivals.array)
    assert "extend_up_to does not hold" in same.load.shape.notes[-1] and why in same.load.shape.notes[-1]


def test_the_plans_limits_take_the_last_looks_away(tmp_path: Path) -> None:
    _, extension = extension_of(inputs_of(tmp_path, PLAN + "limits: {requests: 2500}\n"))
    assert extension is not None and extension.looks.at_s == (10, 20, 40)


ON = 0.6
"""The engine goes on so long, in seconds, while a look is taken."""


def seen(inputs: Inputs, extension: Extension, folder: Path, bad_share: float) -> tuple[Watcher, str, float]:
    """A run that is watched: the watcher, what it told the engine, and when. What it reads is the run as it would be
    in the end, for it looks at nothing that is due later than its look."""
    stored = stored_run(folder, inputs, rows_of(inputs, bad_share=bad_share))
    watcher = Watcher(stored, extension, inputs.load, inputs.plan.processes)
    for elapsed_s in np.arange(0.0, inputs.load.shape.duration_s, 0.5).tolist():
        if why := watcher(Progress("running", elapsed_s=elapsed_s)):
            return watcher, why, elapsed_s
    return watcher, "", inputs.load.shape.duration_s


@pytest.mark.parametrize(("bad_share", "word"), [(0.0, Word.PASS), (0.2, Word.FAIL), (0.006, Word.INCONCLUSIVE)])
def test_a_run_ends_at_the_look_that_decides_and_is_judged_to_there(
    tmp_path: Path, bad_share: float, word: Word
) -> None:
    inputs, extension = extension_of(inputs_of(tmp_path, PLAN))
    assert extension is not None
    watcher, why, ended_s = seen(inputs, extension, tmp_path / "watched", bad_share)
    decided = word is not Word.INCONCLUSIVE
    assert watcher.ended is decided and bool(why) is decided
    stopped = "" if not decided else why
    rows = rows_of(inputs, fired_s=ended_s + ON if decided else np.inf, bad_share=bad_share)
    folder = stored_run(tmp_path / "kept", inputs, rows, stopped)
    folder.write_manifest({**folder.read_manifest(), **watcher.facts(stopped)})
    report = judge_run(folder)
    assert report.verdict.word is word, report.verdict.caveats
    due_s = inputs.load.arrivals.array["due_ns"] / 1e9
    until_s = watcher.seen_s if decided else np.inf
    assert report.verdict.judged_count == int(np.count_nonzero((due_s >= 2) & (due_s < until_s)))
    assert report.rows is not None and int(report.rows.array["due_ns"].max()) / 1e9 < until_s
    assert not report.run.partial
    assert [c.what for c in report.verdict.caveats if c.kind == "note"] == watcher.said
    assert judge_any(folder.path, None, smoke=False).verdict == report.verdict
    assert "look" in html(report)


def test_the_books_of_an_extended_run_are_kept_over_all_of_it(tmp_path: Path) -> None:
    """Rows that are lost after the look that ended the run are lost rows all the same."""
    inputs, extension = extension_of(inputs_of(tmp_path, PLAN))
    assert extension is not None
    watcher, why, ended_s = seen(inputs, extension, tmp_path / "watched", 0.0)
    rows = rows_of(inputs, fired_s=ended_s + ON)
    folder = stored_run(tmp_path / "kept", inputs, rows[:-5], why)
    folder.write_manifest({**folder.read_manifest(), **watcher.facts(why)})
    verdict = judge_run(folder).verdict
    assert verdict.word is Word.INVALID and "ledger" in verdict.reasons


def test_another_promise_pays_for_the_looks_too(tmp_path: Path) -> None:
    inputs, extension = extension_of(inputs_of(tmp_path, PLAN))
    assert extension is not None
    folder = stored_run(tmp_path / "kept", inputs, rows_of(inputs))
    (tmp_path / "other.yaml").write_text('slos: ["errors < 2%"]\n')
    paid = judge_any(folder.path, tmp_path / "other.yaml", smoke=False).verdict.checks[0]
    folder.write_manifest({**folder.read_manifest(), "rules": {**folder.read_manifest()["rules"], "looks": 1}})
    alone = judge_any(folder.path, tmp_path / "other.yaml", smoke=False).verdict.checks[0]
    assert paid.n == alone.n and paid.bad_share_high > alone.bad_share_high


def test_a_load_that_somebody_ends_is_judged_to_its_latest_look(tmp_path: Path) -> None:
    inputs, extension = extension_of(inputs_of(tmp_path, PLAN))
    assert extension is not None
    watcher, _, _ = seen(inputs, extension, tmp_path / "watched", 0.006)
    assert watcher.seen_s is not None and not watcher.ended
    rows = rows_of(inputs, fired_s=watcher.seen_s + 3, bad_share=0.006)
    folder = stored_run(tmp_path / "kept", inputs, rows, "stopped by SIGINT")
    folder.write_manifest({**folder.read_manifest(), **watcher.facts("stopped by SIGINT")})
    report = judge_run(folder)
    assert report.verdict.word is Word.INCONCLUSIVE and report.run.partial == "stopped by SIGINT"


def test_a_look_waits_for_answers_that_are_under_way_but_not_for_ever(tmp_path: Path) -> None:
    inputs, extension = extension_of(inputs_of(tmp_path, PLAN + "deadline: 5s\n"))
    assert extension is not None
    due_s = inputs.load.arrivals.array["due_ns"] / 1e9
    rows = rows_of(inputs)
    without_one = np.delete(rows, int(np.searchsorted(due_s, 11.9)) - 1)
    watcher = Watcher(stored_run(tmp_path / "a", inputs, without_one), extension, inputs.load, inputs.plan.processes)
    assert watcher(Progress("running", elapsed_s=13.5)) == ""
    assert watcher(Progress("running", elapsed_s=40.0)) == "" and watcher.said == []
    assert "1 arrivals due before 12 s have no outcome" in watcher(Progress("running", elapsed_s=50.0))
    assert not watcher.ended


def test_nothing_is_looked_at_before_its_time_or_while_the_load_drains(tmp_path: Path) -> None:
    inputs, extension = extension_of(inputs_of(tmp_path, PLAN))
    assert extension is not None
    watcher = Watcher(stored_run(tmp_path / "a", inputs, rows_of(inputs)), extension, inputs.load, 1)
    assert watcher(Progress("running", elapsed_s=11.9)) == ""
    assert watcher(Progress("draining", elapsed_s=30.0)) == ""
    assert watcher.said == [] and watcher.facts("") == {"looks": [], "judged_until_s": None, "ended_by_look": False}


def test_the_first_reason_to_end_is_the_one_that_is_told() -> None:
    progress = Progress("running")
    assert either(None, lambda _: "", lambda _: "late", lambda _: "never")(progress) == "late"
    assert either(None)(progress) == ""
