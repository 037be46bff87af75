"""`validate`: one file of any kind, with all the overlays it offers, and no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.config.contents import check_contents
from harness.config.load import (
    Kind,
    kind_of,
    load_launch_file,
    load_plan,
    load_slo_file,
    profile_names,
    read_file,
    secrets_of,
)
from harness.errors import Problem, UsageError


@dataclass(frozen=True)
class Checked:
    """What came of checking one file: nothing wrong, or all that is. `notes` are worth knowing and not wrong."""

    file: str
    kind: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "kind": self.kind,
            "ok": not self.problems,
            "problems": [asdict(problem) for problem in self.problems],
            "notes": list(self.notes),
        }


def kind_of_file(path: Path | str) -> Kind:
    """Which kind of file it is, by its own fields; a plan where it cannot be read."""
    try:
        return kind_of(read_file(Path(path)))
    except UsageError:
        return "plan"


def check_file(path: Path | str, environ: Mapping[str, str], sets: Sequence[str] = ()) -> Checked:
    """Check a plan (and each of its profiles), an SLO file or a launch file; which it is, its own fields say."""
    try:
        tree = read_file(Path(path))
    except UsageError as error:
        return Checked(str(path), "plan", error.problems)
    kind = kind_of(tree)
    if kind in ("plan", "drill"):  # a drill is checked by the room of drills; here it is told that it is no plan
        return _check_plan(path, environ, sets)
    try:
        (load_slo_file if kind == "slo" else load_launch_file)(path, environ)
    except UsageError as error:
        return Checked(str(path), kind, error.problems)
    return Checked(str(path), kind)


def _check_plan(path: Path | str, environ: Mapping[str, str], sets: Sequence[str]) -> Checked:
    problems: dict[Problem, None] = {}
    notes: dict[str, None] = {}
    for profile in (None, *profile_names(Path(path))):
        try:
            plan = load_plan(path, sets, profile, environ)
        except UsageError as error:
            problems |= dict.fromkeys(error.problems)
            continue
        problems |= dict.fromkeys(check_contents(plan))
        for name in secrets_of(plan):
            if not environ.get(name):
                notes[f"the secret {name} is not set here; the run will need it"] = None
        if plan.limits.cost is not None and plan.prices is None:
            notes["limits.cost: without prices it cannot be held"] = None
    return Checked(str(path), "plan", tuple(problems), tuple(notes))
