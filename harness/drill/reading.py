"""Reading drill files: YAML with places, the `short:` overlay, and everything that is wrong said at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.analysis import SloError, parse_slo
from harness.config import Node, expand, merged, placed, problems_of, read_file, set_value
from harness.drill.adapters.activity import OutsideFault
from harness.drill.model import OWN_WORDS, Drill, FaultSpec
from harness.errors import Problem, UsageError


def load_drill(
    path: Path | str, *, short: bool = False, sets: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> Drill:
    """Read the drill at `path`; `short` lays its `short:` over it (the same drill in seconds), then the assignments
    `sets` (`expect.degraded.within=5s`). Raises UsageError with every problem, placed."""
    path = Path(path)
    return _validated(*_resolved(path, short, sets, environ), path.parent)


def resolved_drill(
    path: Path, *, short: bool = False, sets: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The drill as `load_drill` reads it, still as plain data: `short:` and `sets` laid over it, secrets as names."""
    tree, problems = _resolved(path, short, sets, environ)
    if problems:
        raise UsageError(*problems)
    plain: dict[str, Any] = tree.plain_value()
    return plain


def _resolved(
    path: Path, short: bool, sets: Sequence[str], environ: Mapping[str, str] | None
) -> tuple[Node, list[Problem]]:
    tree = read_file(path)
    if not isinstance(tree.value, dict):
        raise UsageError(tree.problem("a drill is a mapping of fields", "see drills/ for some"))
    overlay = tree.value.pop("short", None)
    problems = expand(tree, environ or {})
    if short:
        if overlay is None or not isinstance(overlay.value, dict):
            raise UsageError(Problem("has no short form", "write the shorter durations under `short:`", str(path)))
        tree = _laid_over(tree, overlay)
    for assignment in sets:
        set_value(tree, assignment)
    return tree, problems


def _validated(tree: Node, problems: list[Problem], folder: Path) -> Drill:
    try:
        drill = Drill.model_validate(tree.plain_value(), context={"folder": folder})
    except ValidationError as error:
        problems += problems_of(error, tree, Drill)
    else:
        problems += _contradictions(drill, tree)
        if not problems:
            return drill
    raise UsageError(*sorted(dict.fromkeys(problems), key=lambda p: (p.line, p.column)))


def _laid_over(tree: Node, overlay: Node) -> Node:
    """Mappings merge key by key, and `faults` item by item: a short form only says what is shorter."""
    result = merged(tree, overlay)
    assert isinstance(result.value, dict) and isinstance(tree.value, dict) and isinstance(overlay.value, dict)
    below, above = tree.value.get("faults"), overlay.value.get("faults")
    if below and above and isinstance(below.value, list) and isinstance(above.value, list):
        items = [merged(a, b) for a, b in zip(below.value, above.value, strict=False)]
        items += below.value[len(items) :]
        result.value["faults"] = Node(items, below.source, below.line, below.column)
    return result


def _contradictions(drill: Drill, tree: Node) -> list[Problem]:
    """What each field allows by itself and all of them together do not."""
    problems = []
    for index, fault in enumerate(drill.faults):
        problems += [
            placed(tree, ("faults", index, name), "the drill says this itself", "leave it out")
            for name in sorted(fault.fields.keys() & set(OWN_WORDS))
        ]
    broken: tuple[FaultSpec | OutsideFault, ...] = (*drill.faults, *drill.outside)
    if not any(fault.after_s == 0 for fault in broken):
        where = "faults" if drill.faults else "outside"
        problems.append(placed(tree, (where,), "no fault begins at once", "give the first one no `after`"))
    within_s = drill.expect.degraded.within_s if drill.expect.degraded else 0.0
    end_s = max(fault.after_s + drill.fault_s(fault) for fault in broken)
    if within_s >= end_s:
        what = f"degraded mode may take {within_s:g} s, but the last fault ends after {end_s:g} s"
        problems.append(placed(tree, ("expect", "degraded", "within"), what, "let the fault last longer"))
    for index, text in enumerate(drill.expect.during):
        try:
            parse_slo(text)
        except SloError as error:
            problems.append(placed(tree, ("expect", "during", index), error.what, error.advice))
    if not drill.plan.is_file():
        problems.append(placed(tree, ("plan",), f"no such file: {drill.plan}", "a path from the folder of this file"))
    return problems
