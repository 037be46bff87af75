"""The verdict and its parts: plain frozen values that every report renders and `verdict.json` stores."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from harness.errors import ExitCode


class Word(StrEnum):
    """Four verdicts, because they ask for four actions (verdict.md)."""

    PASS = "PASS"  # noqa: S105 -- a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode[self.name]


class State(StrEnum):
    """What one check found."""

    MET = "MET"
    MISSED = "MISSED"
    UNDECIDED = "UNDECIDED"
    NO_DATA = "NO_DATA"


@dataclass(frozen=True)
class Check:
    """One SLO held against the rows. Shares are of requests beyond the limit (or not successful)."""

    slo: str
    """As written, e.g. `ttft p95 <= 2s where journey=chat`."""
    metric: str
    gate: str
    """`block`, `warn` or `info`: only `block` moves the verdict."""
    state: State
    n: int
    n_effective: float
    design_effect: float
    bad: int
    bad_share: float
    bad_share_low: float
    bad_share_high: float
    allowed_share: float
    """p0: the share of bad requests the SLO allows; NaN where the metric is not a share."""
    value: float
    """The metric itself at the asked quantile (seconds), or the share for share metrics; NaN when undefined."""
    value_low: float
    value_high: float
    limit: float
    unit: str
    """`s` or `share` (or `1/s`, `USD`, `ratio`)."""
    p_value: float
    """For Holm: the chance of so many bad requests if the SLO were just met."""
    reason: str = ""
    """Sub-reason when UNDECIDED (`TOO_SHORT`, `AT_LIMIT`, `CORRELATED`, `WARM_UP`) or why there is NO_DATA."""
    more_requests: int | None = None
    more_minutes: float | None = None
    advice: str = ""
    source: str = ""
    """`file:line:column` of the SLO, for annotations."""
    note: str = ""
    """How the metric was taken, where that is not plain (tokens counted as events)."""


@dataclass(frozen=True)
class Caveat:
    """A doubt about the measurement, with advice. `kind` is the gate's name; `status` is one of `held`, `broken`,
    `not_fed`, `waived`, `noted`. Only `broken` makes a run INVALID."""

    kind: str
    status: str
    what: str
    advice: str = ""
    at_s: float | None = None
    """The moment on the run's clock from which it holds, where there is one."""


PEAK_TOLERANCE = 0.005
"""A busiest minute this close to the forecast peak is the peak: curves are drawn in buckets."""


@dataclass(frozen=True)
class Capacity:
    """A bracket, never a point; rates in arrivals/s. None where this run cannot say."""

    proven: float | None = None
    estimate: float | None = None
    disproven: float | None = None
    forecast_peak: float | None = None
    busiest_minute: float | None = None
    """Mean rate of the busiest minute that was planned in the judged phases: what a forecast peak (a mean over a minute
    too) is held against. `proven` is the mean over all of them, and a random draw."""

    @property
    def headroom(self) -> float | None:
        """What was shown over the forecast peak, - 1; None where nothing was proven or there is no peak."""
        if self.proven is None or not self.forecast_peak:
            return None
        return max(self.proven, self.busiest_minute or 0.0) / self.forecast_peak - 1


@dataclass(frozen=True)
class FailureMode:
    """One way in which arrivals did not succeed."""

    outcome: str
    reason: str
    count: int
    share: float
    """Of all failures."""
    first_s: float
    last_s: float
    journey: str = ""
    step: str = ""


@dataclass(frozen=True)
class Bottleneck:
    """A suspect with its evidence."""

    name: str
    status: str
    """`SUSPECTED` or `CONFIRMED`."""
    evidence: tuple[str, ...]
    advice: str = ""


@dataclass(frozen=True)
class Trust:
    """The trust box: whether the numbers can be believed, in numbers. None is unknown."""

    planned: int | None
    accounted: int
    send_lag_s_p50: float | None
    send_lag_s_p99: float | None
    loop_lag_s_p99: float | None
    generator_cpu_share_max: float | None
    certificate: tuple[str, ...] = ()
    """The arrival certificate, one line each: rate curve error, index of dispersion planned and realised."""


@dataclass(frozen=True)
class Verdict:
    word: Word
    smoke: bool
    headline: str
    """The verdict in words, one sentence."""
    why: str
    """One sentence."""
    reasons: tuple[str, ...]
    """Machine-readable: names of broken gates, missed SLOs, sub-reasons."""
    checks: tuple[Check, ...]
    caveats: tuple[Caveat, ...]
    capacity: Capacity
    headroom: float | None
    """What was proven over the forecast peak, - 1: see `Capacity`."""
    failures: tuple[FailureMode, ...] = ()
    outcomes: dict[str, int] = field(default_factory=dict)
    bottleneck: tuple[Bottleneck, ...] = ()
    provisioning: tuple[str, ...] = ()
    trust: Trust | None = None
    first_cause: str = ""
    judged: tuple[str, ...] = ()
    """Names of the judged phases."""
    judged_count: int = 0
    offered_rate: float | None = None
    """Mean arrivals/s in the judged phases."""

    @property
    def exit_code(self) -> ExitCode:
        return self.word.exit_code
