"""What a verdict may look at beside the rows: the plan as numbers, and the engine's word about itself.

Every field may be None: the evidence is absent. `Evidence.own_run` says if that is a gap in our own run (INVALID) or
rows of another tool (the gate is listed as `not_fed`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from harness.results import ClockFact, Gaps, TelemetryArray, WorkerFact


@dataclass(frozen=True)
class PhaseWindow:
    """One phase of the plan on the run's clock."""

    phase: str
    start_s: float
    end_s: float
    constant_rate: bool
    judged: bool


@dataclass(frozen=True)
class Planned:
    """The arrivals as planned, one entry an arrival in order of `due_ns`; indexes are those of the rows' catalog."""

    due_ns: npt.NDArray[np.int64]
    phase: npt.NDArray[np.uint8]
    journey: npt.NDArray[np.uint8]
    seq: npt.NDArray[np.uint32]
    process: str = "poisson"
    """`poisson`, `cox`, `deterministic` or `replay`."""
    rate_knots_s: npt.NDArray[np.float64] | None = None
    rate_per_s: npt.NDArray[np.float64] | None = None
    tokens_out: npt.NDArray[np.uint32] | None = None
    """Output tokens asked for, one entry an arrival; 0 asks for nothing in particular."""


@dataclass(frozen=True)
class Calls:
    """What the dependencies saw of the judged load, one entry a call, joined to arrivals by `seq`. Shapes (n,)."""

    names: tuple[str, ...]
    """Names of the dependencies (`llm/primary`), indexed by `name`."""
    name: npt.NDArray[np.uint8]
    seq: npt.NDArray[np.int64]
    started_s: npt.NDArray[np.float64]
    """On the run's clock."""
    finished_s: npt.NDArray[np.float64]
    status: npt.NDArray[np.uint16]
    limits: dict[str, str] = field(default_factory=dict)
    """What limits each dependency, in words (`tokens-per-minute quota 60000`)."""
    places: dict[str, int] = field(default_factory=dict)
    """How many calls each dependency works on at once, where it is known."""


@dataclass(frozen=True)
class Prices:
    """What tokens cost, for the `cost` metric."""

    per_million_in: float
    per_million_out: float
    currency: str = "USD"


@dataclass(frozen=True)
class Deployment:
    """What was tested, for provisioning."""

    replicas: int | None = None
    """Replicas of the target under test; None leaves replica counts out."""
    zones: int = 3
    headroom: float = 0.2
    """Share of each replica kept free at the peak."""
    quota_window_s: float = 10.0
    """How long a stretch the provider judges its quota by (Azure: 1 to 10 s)."""


@dataclass(frozen=True)
class Evidence:
    own_run: bool
    phases: tuple[PhaseWindow, ...] | None = None
    planned: Planned | None = None
    telemetry: TelemetryArray | None = None
    workers: tuple[WorkerFact, ...] | None = None
    clock: ClockFact | None = None
    in_flight_limit: int | None = None
    deadline_s: float | None = None
    mock_pacing_error_s_p99: float | None = None
    """How late the mocks themselves were; above their limit the run measured our mock, not the target."""
    mock_pacing_limit_s: float | None = None
    target_count: int | None = None
    """Requests the target itself counted, where we own it."""
    journey_mix: dict[str, float] | None = None
    """Planned share of each journey."""
    stopped_early: str = ""
    """Why the load ended before the plan did (a signal, a budget, a full disk); empty when it ran to its end."""
    notes: tuple[str, ...] = field(default=())
    """Facts the engine wants said (a refused ghost worker, a malformed frame)."""
    forecast_peak: float | None = None
    """Arrivals/s at the forecast peak, for headroom."""
    prices: Prices | None = None
    calls: Calls | None = None
    lengths_declared: bool = False
    """`Planned.tokens_out` are production's own lengths, which the answers must keep (within 10 % in the mean);
    otherwise they are what was asked for at most, and shorter answers are only noted."""
    deployment: Deployment = field(default=Deployment())
    forecast_peak_range: tuple[float, float] | None = None
    """(low, high) of the forecast peak, arrivals/s; None takes 0.8 and 1.25 times `forecast_peak`."""
    prompt_of: npt.NDArray[np.uint32] | None = None
    """Which prompt each planned arrival carries, by seq: equal numbers, equal prompts. None where each is its own."""
    ledger_problems: tuple[str, ...] = ()
    """What did not add up when the books were closed: arrivals with two outcomes, rows that nobody planned, counts of
    workers that are not those of their rows. The rows judged are those left when these are taken out."""
    judged_until_s: float | None = None
    """On the run's clock: what is due from here on is not judged, for a look ended the run here. None judges all."""
    new_connections: float | None = None
    """Share of the arrivals that are declared to be new users, on connections of their own; None declares nothing."""
    declared_cache_share: float | None = None
    """Share of answers that may come from a cache, as production's do; None declares nothing."""
    gaps: Gaps | None = None
    """All gaps between the pieces of streamed answers, by phase; None where none was streamed, or nobody counted."""
    secrets: tuple[str, ...] = ()
    """Names of the environment variables that the requests' keys came from."""
