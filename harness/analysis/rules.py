"""The rules of one judgement: how sure, over what, and what a short run is forgiven."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Confidence:
    """One-sided confidence asked for either word."""

    to_pass: float = 0.99
    to_fail: float = 0.99

    def __post_init__(self) -> None:
        for value in (self.to_pass, self.to_fail):
            if not 0.5 < value < 1:
                raise ValueError(f"a confidence lies between 0.5 and 1, not {value}")


@dataclass(frozen=True)
class Rules:
    """The `verdict:` block of an SLO file, in seconds (verdict.md, "The SLO file")."""

    confidence: Confidence = Confidence()
    judge_phases: tuple[str, ...] = ("peak",)
    min_duration_s: float = 600.0
    longest_cycle_s: float = 30.0
    """GC, cache TTL, autoscaler, quota window: at least 20 of them must fit into the judged time."""
    extend_up_to_s: float = 2700.0
    smoke: bool = False
    """Waives the coverage rule, and the verdict says so."""
    looks: int = 1
    """Planned looks at the data (at most 6); each is taken at `a / looks`."""
    extend: bool = False
    """An undecided run goes on, to `extend_up_to_s` at most: only where the SLO file asks for it."""
    post_stratify: bool = False
    """Weigh each journey by its planned share instead of the one that came: for replays of recorded traffic."""

    def __post_init__(self) -> None:
        if not 1 <= self.looks <= 6:
            raise ValueError(f"between 1 and 6 looks, not {self.looks}")

    @property
    def pass_alpha(self) -> float:
        return (1 - self.confidence.to_pass) / self.looks

    @property
    def fail_alpha(self) -> float:
        return (1 - self.confidence.to_fail) / self.looks

    @property
    def needed_s(self) -> float:
        """Judged seconds that a release-grade verdict needs."""
        return max(self.min_duration_s, 20 * self.longest_cycle_s)
