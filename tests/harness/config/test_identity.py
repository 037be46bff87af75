from __future__ import annotations

from pathlib import Path

from harness.config import load_plan, plan_hash

PLAN = """\
target: http://127.0.0.1:${PORT:-80}
profile: mine.py
arrivals: {from: peak.json}
slo: slo.yaml
headers: {Authorization: "Bearer ${env:KEY}"}
"""


def make(folder: Path, peak: str = "{}") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "plan.yaml").write_text(PLAN)
    (folder / "peak.json").write_text(peak)
    (folder / "mine.py").write_text("x = 1\n")
    (folder / "slo.yaml").write_text("slos: [errors < 1%]\n")
    return folder


def hashed(folder: Path, *sets: str, **environ: str) -> str:
    return plan_hash(load_plan(folder / "plan.yaml", sets, environ=environ))


def test_the_same_plan_has_the_same_hash_wherever_it_lies(tmp_path: Path) -> None:
    one, two = make(tmp_path / "a"), make(tmp_path / "b")
    assert hashed(one) == hashed(two) == hashed(one, KEY="another secret")
    (one / "plan.yaml").write_text("# a comment\n" + PLAN)
    assert hashed(one) == hashed(two)


def test_whatever_changes_the_test_changes_the_hash(tmp_path: Path) -> None:
    folder = make(tmp_path / "a")
    before = {hashed(folder), hashed(folder, "arrivals.seed=1"), hashed(folder, PORT="81")}
    make(folder, peak='{"x": 1}')
    before.add(hashed(folder))
    (folder / "mine.py").write_text("x = 2\n")
    before.add(hashed(folder))
    (folder / "slo.yaml").write_text("slos: [errors < 2%]\n")
    before.add(hashed(folder))
    assert len(before) == 6
