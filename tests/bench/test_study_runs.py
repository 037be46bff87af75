from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.study_runs import AROUND_S, Item, Study, go_on, told
from harness.analysis import verdict_to_json
from tests.harness.analysis.worlds import run


class Clock:
    """Time passes as runs are made."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def study_of(folder: Path, loads_s: tuple[float, ...], tries: int = 1) -> Study:
    items = tuple(Item(k, "", load_s, {"rate": 1.0}) for k, load_s in enumerate(loads_s))
    return Study("some", items, folder / "out" / "some.jsonl", tries=tries)


def runner(clock: Clock, words: dict[tuple[int, int], str]) -> Any:
    def make(item: Item, attempt: int, kept: Path) -> dict[str, Any]:
        clock.s += item.takes_s
        kept.mkdir(parents=True)
        word = words.get((item.index, attempt), "PASS")
        return {"index": item.index, "word": word, "why": [], "broken": [], "kept": str(kept)}

    return make


def made(study: Study, budget_s: float, most: int = 99, words: dict[tuple[int, int], str] | None = None) -> list[int]:
    """The runs that one call makes, in their order."""
    before, clock = len(study.lines()), Clock()
    after = go_on(study, budget_s, most, runner(clock, words or {}), clock)
    assert study.lines() == after, "each line is in the file"
    return [line["index"] for line in after[before:]]


def test_a_study_goes_on_where_it_stood_and_begins_nothing_that_would_not_end_in_time(tmp_path: Path) -> None:
    study = study_of(tmp_path, (50, 50, 600, 50))
    assert made(study, 2 * (50 + AROUND_S) + 1) == [0, 1]
    assert made(study, 100, most=1) == [3], "the long one does not fit, the next short one does"
    assert made(study, 600) == []
    assert made(study, 7000) == [2]
    assert made(study, 7000) == []


@pytest.mark.parametrize(("tries", "runs"), [(1, [0, 1]), (3, [0, 0, 0, 1])])
def test_a_spoiled_run_is_tried_again_as_often_as_the_study_says(tmp_path: Path, tries: int, runs: list[int]) -> None:
    words = {(0, 0): "INVALID", (0, 1): "INVALID"}
    study = study_of(tmp_path, (50, 50), tries)
    assert made(study, 7000, words=words) == runs
    kept = {path.name for path in (tmp_path / "out" / "some-runs").iterdir()}
    assert kept == {"0-0", "0-1"} if tries == 3 else {"0-0"}


def test_a_run_that_came_to_no_verdict_is_no_run_but_not_tried_for_ever(tmp_path: Path) -> None:
    study = study_of(tmp_path, (50,))
    assert made(study, 7000, words={(0, k): "CRASH" for k in range(9)}) == [0, 0, 0]
    assert made(study, 7000) == []


def test_a_line_tells_what_the_run_said(tmp_path: Path) -> None:
    (item,) = study_of(tmp_path, (50,)).items
    line = told(json.dumps(verdict_to_json(run(judged_s=120).judged())), "", item)
    assert (line["word"], line["trial"], line["broken"], line["missed"]) == ("PASS", "PASS", [], [])
    assert told("", "Traceback: boom", item) == {"word": "CRASH", "broken": ["crash"], "why": ["Traceback: boom"]}
