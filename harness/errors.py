"""The error tree and the exit codes: every failure a person can cause says where, what and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says to the shell (verdict.md, "Four verdicts")."""

    PASS = 0
    CRASH = 1
    USAGE = 2
    REFUSED = 3
    INCONCLUSIVE = 4
    INVALID = 5
    ROLLBACK_NOT_CONFIRMED = 97
    EXPECTATION_MISSED = 98
    FAIL = 99
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where it is, and what to do about it. `line` and `column` count from 1; 0 is unknown."""

    what: str
    advice: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    snippet: str = ""
    """The source line the problem is on, shown with a caret under `column`."""

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f":{self.line}:{self.column or 1}"
        head = f"{place}: {self.what}" if place else self.what
        lines = [head + (f" ({self.advice})" if self.advice else "")]
        if self.snippet:
            lines += [f"    {self.snippet}", "    " + " " * max(0, self.column - 1) + "^"]
        return "\n".join(lines)


class PeakproofError(Exception):
    """A failure with a cause a person can mend. `problems` holds all of them at once, never only the first."""

    exit_code = ExitCode.CRASH

    def __init__(self, *problems: Problem | str) -> None:
        assert problems, "an error says what is wrong"
        self.problems = tuple(p if isinstance(p, Problem) else Problem(p) for p in problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class UsageError(PeakproofError):
    """The command line, a plan, an SLO file or an input file is wrong: nothing was started."""

    exit_code = ExitCode.USAGE


class RefusedError(PeakproofError):
    """Preflight or guard said no: the machine, the target or the permission is not there."""

    exit_code = ExitCode.REFUSED


class EvidenceError(PeakproofError):
    """Stored evidence (a spool, a run folder) cannot be read as what it claims to be."""

    exit_code = ExitCode.INVALID
