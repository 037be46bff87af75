"""The files a plan names, looked into: is the forecast one, do the prompts parse, does the load profile compile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from harness.config.plan import Plan
from harness.errors import PeakproofError, Problem

PROBLEMS_MAX = 5
"""Of one file: a file of the wrong kind is wrong on every line."""


def check_contents(plan: Plan) -> list[Problem]:
    """What is wrong inside the files of a plan that was read; each problem names its own file and line."""
    peaks = [plan.arrivals.from_, plan.prompts.tokens if plan.prompts else None]
    problems = [problem for path in dict.fromkeys(peaks) if path for problem in _peak(path)]
    if plan.prompts and plan.prompts.file:
        problems += [problem for problem, _ in zip(_prompts(plan.prompts.file), range(PROBLEMS_MAX), strict=False)]
    if plan.profile:
        problems += _profile(Path(plan.profile))
    return problems


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise PeakproofError(Problem("not UTF-8 text", "save the file as UTF-8", str(path))) from None
    except OSError as error:
        raise PeakproofError(Problem(f"cannot be read: {error.strerror}", "", str(path))) from None


def _peak(path: Path) -> tuple[Problem, ...]:
    from harness.forecast import peak_from_json  # late: numpy and pandas come with it

    try:
        peak_from_json(_text(path), str(path))
    except PeakproofError as error:
        return error.problems
    return ()


def _prompts(path: Path) -> Iterator[Problem]:
    try:
        lines = _text(path).splitlines()
    except PeakproofError as error:
        yield from error.problems
        return
    if not any(line.strip() for line in lines):
        yield Problem("no prompts in it", 'one a line: "text" or {"prompt": "text"}', str(path))
    for number, line in enumerate(lines, 1):
        if line.strip() and not _is_prompt(line):
            yield Problem(
                "no prompt in this line", 'write "text" or {"prompt": "text"}', str(path), number, 1, line[:100]
            )


def _is_prompt(line: str) -> bool:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    text = value.get("prompt", value.get("text")) if isinstance(value, dict) else value
    return isinstance(text, str)


def _profile(path: Path) -> list[Problem]:
    """Compiled, never run: validating a plan runs nobody's code."""
    try:
        compile(_text(path), str(path), "exec", dont_inherit=True)
    except PeakproofError as error:
        return list(error.problems)
    except (SyntaxError, ValueError) as error:
        line, column = getattr(error, "lineno", 0) or 0, getattr(error, "offset", 0) or 0
        snippet = (getattr(error, "text", "") or "").rstrip()
        return [Problem(f"not Python: {getattr(error, 'msg', error)}", "", str(path), line, column, snippet)]
    return []
