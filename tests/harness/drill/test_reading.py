"""The drill file: what is in the catalogue reads, and what is wrong is said all at once, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import load_plan
from harness.drill import Bound, Drill, load_drill
from harness.errors import UsageError

CATALOGUE = sorted((Path(__file__).resolve().parents[3] / "drills").glob("*.yaml"))
GOOD = """\
title: one
plan: plan.yaml
steady_state: {for: 10s, errors: "< 0.5%"}
faults:
  - {on: llm, fault: quota, tpm: 40%, for: 30s}
expect:
  degraded: {within: 5s, signal: [header x-served-by == fallback, upstream share llm/b >= 60%]}
short:
  faults: [{for: 6s}]
"""


def read(folder: Path, text: str, **options: bool) -> Drill:
    (folder / "plan.yaml").write_text("x: 1")
    path = folder / "drill.yaml"
    path.write_text(text)
    return load_drill(path, **options)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(UsageError) as error:
        read(folder, text)
    return [str(p).splitlines()[0].split("drill.yaml:", 1)[-1] for p in error.value.problems]


@pytest.mark.parametrize("path", CATALOGUE, ids=lambda p: p.stem)
def test_the_catalogue_reads_in_both_forms_and_names_upstreams_of_its_plan(path: Path) -> None:
    long, short = load_drill(path), load_drill(path, short=True)
    assert long.number == int(path.name[:2]), "a file is called by its number"
    assert long.why, "an on-call engineer needs to know why, and what to do"
    upstreams = load_plan(long.plan, [f"{k}={v}" for k, v in long.set.items()]).upstreams
    assert {fault.on for fault in long.faults} <= upstreams.keys()
    spent = short.load.warm_s + short.steady_state.for_s + short.load.hint_s + short.load.tail_s
    spent += max(fault.after_s + short.fault_s(fault) for fault in short.faults)
    spent += short.expect.recovered.within_s if short.expect.recovered else 0
    assert spent <= 26, "the short form is for tests"


def test_a_fault_keeps_its_own_fields_and_its_duration(tmp_path: Path) -> None:
    drill = read(tmp_path, GOOD)
    assert drill.faults[0].fields == {"tpm": "40%"}
    assert drill.fault_s(drill.faults[0]) == 30
    assert drill.steady_state.errors == Bound("<", 0.005, "< 0.5%")
    assert drill.expect.degraded is not None
    assert [(s.kind, s.level, s.share) for s in drill.expect.degraded.signal] == [
        ("header", 3, 0.5),
        ("upstream", 4, 0.6),
    ]


def test_the_short_form_is_laid_over_the_faults_one_by_one(tmp_path: Path) -> None:
    fault = read(tmp_path, GOOD, short=True).faults[0]
    assert (fault.for_s, fault.fields, fault.on) == (6, {"tpm": "40%"}, "llm")


def test_a_fault_without_a_duration_holds_after_the_deadline(tmp_path: Path) -> None:
    drill = read(tmp_path, GOOD.replace(", for: 30s", "") + "hold: 40s\n")
    assert drill.fault_s(drill.faults[0]) == 45


def test_everything_wrong_is_said_at_once_with_its_place(tmp_path: Path) -> None:
    text = GOOD.replace("title: one", "titel: one").replace('"< 0.5%"', "0.5").replace("within: 5s", "within: soon")
    found = problems(tmp_path, text.replace("upstream share llm/b >= 60%", "some smoke"))
    assert [f.split(": ")[0] for f in found] == ["1:1", "3:26", "7:14", "7:69"]
    assert "did you mean 'title'" in found[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("for: 30s}\n", "for: 4s}\n"), "the last fault ends"),
        (("for: 30s}\n", "for: 30s, after: 1s}\n"), "no fault begins at once"),
        (("tpm: 40%", "ttl_s: 9"), "the drill says this itself"),
        (("expect:\n", "expect:\n  during: [ttft soon]\n"), "expect.during[0]"),
        (("title: one", "title: one\nttl: 90s"), "at most 60 s"),
        (("plan: plan.yaml", "plan: none.yaml"), "no such file"),
    ],
)
def test_contradictions(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    assert any(says in p for p in problems(tmp_path, GOOD.replace(*change)))


def test_expecting_nothing_is_no_drill(tmp_path: Path) -> None:
    text = GOOD[: GOOD.index("expect:")] + "expect: {}\n"
    assert any("nothing is expected" in p for p in problems(tmp_path, text))
