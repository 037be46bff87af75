from __future__ import annotations

import json
from pathlib import Path

from harness.run.past_drills import SHOWN, drills_of


def drilled(root: Path, name: str, title: str, started: str, result: str = "HELD", target: str = "copilot") -> None:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"target": "http://127.0.0.1:1", "target_name": target}))
    (folder / "drill.json").write_text(json.dumps({"title": title, "started": started, "result": result}))


def test_each_drill_tells_of_its_last_time_before_the_run(tmp_path: Path) -> None:
    drilled(tmp_path, "a", "outage", "2026-11-01T10:00:00+00:00", "DID NOT HOLD")
    drilled(tmp_path, "b", "outage", "2026-11-08T10:00:00+00:00")
    drilled(tmp_path, "c", "outage", "2026-11-30T10:00:00+00:00", "DID NOT HOLD")
    drilled(tmp_path, "d", "throttle", "2026-11-09T10:00:00+00:00", "NOT RUN")
    drilled(tmp_path, "e", "other", "2026-11-09T10:00:00+00:00", target="elsewhere")
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "drill.json").write_text("{")
    assert drills_of(tmp_path, "copilot", "2026-11-20T00:00:00+00:00") == (
        "NOT RUN, 2026-11-09: throttle",
        "HELD, 2026-11-08: outage",
    )


def test_many_are_counted(tmp_path: Path) -> None:
    for k in range(SHOWN + 3):
        drilled(tmp_path, str(k), f"drill {k}", f"2026-11-{k + 1:02d}T10:00:00+00:00")
    told = drills_of(tmp_path, "copilot", "2027")
    assert len(told) == SHOWN + 1
    assert told[-1] == "and 3 more"
