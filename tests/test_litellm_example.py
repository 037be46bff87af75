"""The LiteLLM example without LiteLLM: its drills are read, and its table comes out of a drill's folder."""

from __future__ import annotations

import argparse
import importlib.util
import json
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.drill import load_drill

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "litellm"
DRILLS = sorted((EXAMPLE / "drills").glob("*.yaml"))


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("litellm_example", EXAMPLE / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", DRILLS, ids=lambda path: path.stem)
@pytest.mark.parametrize("short", [False, True], ids=["whole", "short"])
def test_every_drill_is_read_and_says_what_comes_of_it(path: Path, short: bool, example: ModuleType) -> None:
    assert load_drill(path, short=short, environ={"LITELLM_MASTER_KEY": "sk-x"}).why
    row = {"drill": path.stem, "outcome": "INVALID", "at most": 99}
    assert len(example.against(path.read_text(), row)) >= 2


def test_a_drill_is_held_to_what_its_file_tells(example: ModuleType) -> None:
    text = "# Outcome: DID NOT HOLD\n# Calls a request: at most 4\n# Degraded: yes\ntitle: t\n"
    as_told = {"drill": "black-hole", "outcome": "DID NOT HOLD", "at most": 4, "degraded after": 15.5}
    assert example.against(text, as_told) == []
    either = text.replace("yes", "yes or never")
    assert example.against(either, as_told) == [] == example.against(either, {**as_told, "degraded after": None})
    assert len(example.against(text.replace("yes", "never"), as_told)) == 1
    for changes, kind, says in (
        ({"outcome": "HELD"}, "word", "black-hole: HELD, told DID NOT HOLD"),
        ({"outcome": "INVALID"}, "word", "black-hole: INVALID"),
        ({"at most": 5}, "figure", "one request made 5 calls, told at most 4"),
        ({"at most": None}, "figure", "made None calls"),
        ({"degraded after": None}, "figure", "degraded after None s, told yes"),
    ):
        assert [(k, says in words) for k, words in example.against(text, {**as_told, **changes})] == [(kind, True)]
    assert "does not tell" in example.against("title: t\n", as_told)[0][1]


@pytest.mark.parametrize(
    ("arguments", "row", "code"),
    [
        ([], {"outcome": "HELD", "at most": 2, "degraded after": 0.4}, 0),
        ([], {"outcome": "INVALID", "at most": 2, "degraded after": 0.4}, 1),
        (["--figures"], {"outcome": "INVALID", "at most": 2, "degraded after": 0.4}, 0),
        (["--figures"], {"outcome": "HELD", "at most": 3, "degraded after": 0.4}, 1),
        (["--figures"], {"outcome": "NOT RUN", "at most": None, "degraded after": None}, 1),
    ],
)
def test_held_to_its_figures_a_word_is_said_and_no_more(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], row: Any, code: int
) -> None:
    for name in ("wait_until_alive", "warm_up", "is_alive"):
        monkeypatch.setattr(example, name, lambda *_: None)
    monkeypatch.setattr(example, "run", lambda path, *_: {"drill": path.stem, **row})
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    words = ["run.py", "--litellm", "/bin/true", "--runs", str(tmp_path), *arguments, "throttle"]
    monkeypatch.setattr(sys, "argv", words)
    assert example.main() == code


PROGRAM = """\
import json, pathlib, sys
runs = pathlib.Path(sys.argv[sys.argv.index("--runs") + 1])
number = len(list(runs.glob("*"))) if runs.exists() else 0
folder = runs / str(number)
for name in ("engine", "mocks"):
    (folder / name).mkdir(parents=True)
(folder / "drill.json").write_text(json.dumps({"why": "send_lag: 2 s", "numbers": None, "faults": FAULTS}))
(folder / "engine/engine.json").write_text('{"start_ns": 0}')
(folder / "mocks/log.jsonl").write_text('{"seq": "1", "started_s": 1.5, "finished_s": 2}\\n')
sys.exit(5 if number < SPOILED else 98)
"""


@pytest.mark.parametrize(("spoiled", "tries", "outcome"), [(1, 2, "DID NOT HOLD"), (2, 2, "INVALID")])
def test_a_spoiled_drill_is_run_again_and_told_of(
    example: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spoiled: int,
    tries: int,
    outcome: str,
) -> None:
    program = tmp_path / "drill.py"
    words = PROGRAM.replace("SPOILED", str(spoiled)).replace("FAULTS", repr([{"start_s": 1.0, "end_s": 2.0}]))
    program.write_text(words)
    monkeypatch.setattr(example, "COMMAND", [sys.executable, str(program)])
    options = argparse.Namespace(runs=tmp_path / "runs", short=True, tries=tries)
    row = example.run(DRILLS[0], options, {})
    assert (row["drill"], row["outcome"], row["at most"]) == (DRILLS[0].stem, outcome, 1)
    assert capsys.readouterr().err.count("INVALID (send_lag: 2 s)") == 1


def test_the_readme_tells_of_every_drill() -> None:
    readme = (EXAMPLE / "README.md").read_text()
    assert all(f"| `{path.stem}` |" in readme for path in DRILLS)


def test_figures_come_from_the_calls_of_requests_that_began_under_the_fault(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = {"time_to_degraded_s": 0.26, "time_to_recover_s": None}
    page = {"numbers": numbers, "faults": [{"start_s": 10.0, "end_s": 20.0}, {"start_s": 10.1, "end_s": 21.0}]}
    (tmp_path / "engine").mkdir()
    (tmp_path / "mocks").mkdir()
    (tmp_path / "drill.json").write_text(json.dumps(page))
    (tmp_path / "engine" / "engine.json").write_text(json.dumps({"start_ns": 100_000_000_000}))
    calls = [
        ("1", 109.0, 109.5),  # before the fault
        ("2", 111.0, 116.0),
        ("2", 116.0, 121.0),
        ("2", 121.0, 126.1),
        ("3", 120.5, 120.9),  # under the second fault only
        ("", 130.0, 130.1),  # the drill's own probe
        ("4", 122.0, 122.2),  # after the last one
    ]
    lines = [json.dumps({"seq": seq, "started_s": a, "finished_s": b}) for seq, a, b in calls]
    (tmp_path / "mocks" / "log.jsonl").write_text("\n".join(lines) + "\n")
    found = example.figures(tmp_path)
    assert found["calls a request"] == 2.0
    assert found["at most"] == 3
    assert found["slowest answer"] == pytest.approx(15.1)
    example.show([{"drill": "black-hole", "outcome": "HELD", **found}])
    said = capsys.readouterr().out.splitlines()
    assert said[1].split() == ["black-hole", "HELD", "0.3", "s", "-", "2.00", "3", "15.1", "s"]
