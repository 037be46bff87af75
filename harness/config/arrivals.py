"""When requests are due: the peak of a forecast, or segments written by hand."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from harness.config.quantities import Count, Duration, FilePath, Offset, Probability, Rate
from harness.config.strict import Strict


class Segment(Strict):
    """One stretch of load. Exactly one of hold, ramp, step, spike, sine or replay gives its shape."""

    phase: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$",
        description="Name of the phase it belongs to; SLOs are judged in `judge_phases`.",
    )
    for_s: Duration | None = Field(default=None, alias="for", description="How long; only `replay` may leave it out.")
    hold: Rate | None = Field(default=None, description="A constant rate.")
    ramp: tuple[Rate, Rate] | None = Field(default=None, description="From one rate to another, in a straight line.")
    step: tuple[Rate, ...] | None = Field(
        default=None, min_length=2, description="Several constant rates of equal length."
    )
    spike: Spike | None = Field(default=None, description="A base rate with one burst in it.")
    sine: Sine | None = Field(default=None, description="A rate that swings around its mean.")
    replay: FilePath | None = Field(default=None, description="Recorded timestamps, fired as they were.")

    @property
    def shape(self) -> str:
        """The name of the one shape that is given."""
        return next(name for name in SHAPES if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        given = [name for name in SHAPES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a segment has exactly one of {', '.join(SHAPES)}; this one has {' and '.join(given) or 'none'}"
            )
        if self.for_s is None and self.replay is None:
            raise ValueError("for: missing; say how long the segment lasts, like `for: 5m`")
        if self.spike and self.for_s and (self.spike.at_s or 0.0) + self.spike.width_s > self.for_s:
            raise ValueError("spike: it ends after its segment; make `for` longer, or `at` earlier")
        return self


class Spike(Strict):
    """A burst with hard edges."""

    base: Rate = Field(description="Rate outside the burst.")
    peak: Rate = Field(description="Rate inside it.")
    at_s: Offset | None = Field(
        default=None,
        alias="at",
        description="When the burst begins, from the segment's start; left out: in the middle.",
    )
    width_s: Duration = Field(default=1.0, alias="width", description="How long it lasts.")


class Sine(Strict):
    """A wave that starts at its mean and rises."""

    mean: Rate = Field(description="The rate around which it swings.")
    amplitude: Rate = Field(description="At most the mean: a rate is never negative.")
    period_s: Duration | None = Field(default=None, alias="period", description="Left out: one wave a segment.")

    @model_validator(mode="after")
    def _stays_positive(self) -> Self:
        if self.amplitude > self.mean:
            raise ValueError("amplitude: larger than the mean; a rate is never negative")
        return self


SHAPES = ("hold", "ramp", "step", "spike", "sine", "replay")


class Slice(Strict):
    """A part of the forecast's time: `5m` (its busiest five minutes) or `{from: 2h, for: 5m}`."""

    from_s: Offset | None = Field(
        default=None, alias="from", description="Where it begins; left out: the busiest stretch of that length."
    )
    for_s: Duration = Field(alias="for", description="How long, in the forecast's own time.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"for": value} if isinstance(value, str) else value


class Burst(Strict):
    """Burstiness beyond Poisson: `fitted` (as the forecast's history), `none`, a preset (`chat`, `code`), or a
    gamma-modulated rate of this variance, redrawn every `tau`."""

    kind: Literal["fitted", "none", "poisson", "chat", "code", "fixed"] = Field(
        default="fixed", description="`fixed` takes the two numbers; `none` is `poisson`."
    )
    variance: float | None = Field(default=None, ge=0, description="Of the rate's level, whose mean is 1.")
    tau_s: Duration | None = Field(default=None, alias="tau", description="How long a level lasts on average.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        numbers = self.variance is not None and self.tau_s is not None
        if (self.kind == "fixed") != numbers:
            raise ValueError("write `fitted`, `none`, `chat`, `code`, or both numbers: {variance: 0.5, tau: 10s}")
        return self


class ArrivalsPlan(Strict):
    """Exactly one of `from` (a peak.json that `forecast` wrote) and `segments`."""

    from_: FilePath | None = Field(
        default=None, alias="from", description="The peak.json that `peakproof forecast` wrote."
    )
    segments: tuple[Segment, ...] | None = Field(
        default=None, min_length=1, max_length=500, description="Written by hand, one after the other."
    )
    quantile: Probability | None = Field(
        default=None, description="Which quantile of the forecast peak is the load; left out: the forecast's own."
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="The same seed gives the same arrivals.")
    time_scale: float = Field(
        default=1.0, gt=0, le=1e6, description="Time compression: 60 plays an hour in a minute, at unchanged rates."
    )
    rate_scale: float = Field(default=1.0, gt=0, le=1e6, description="Multiplies every rate.")
    burst: Burst = Field(default=Burst(kind="fitted"), description="Burstiness beyond Poisson.")
    warm_s: Offset | None = Field(
        default=None,
        alias="warm",
        description="A ramp from 0 before the forecast's load, as a phase `warm`; left out: a tenth of the run, "
        "5 to 60 s; 0s: none.",
    )
    process: Literal["auto", "poisson", "cox", "deterministic", "replay"] = Field(
        default="auto",
        description="How arrivals fall: auto replays what was recorded, else draws bursts where they are known (cox), "
        "else Poisson.",
    )
    slice: Slice | None = Field(default=None, description="Only this part of the forecast.")

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases of hand-written segments, in order; empty where a forecast makes them."""
        return tuple(dict.fromkeys(segment.phase for segment in self.segments or ()))

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.from_ is None) == (self.segments is None):
            raise ValueError("give exactly one of `from` (a peak.json) and `segments`")
        if self.segments is not None:
            names = {"quantile": "quantile", "slice": "slice", "warm_s": "warm", "time_scale": "time_scale"}
            idle = [names[name] for name in sorted(self.model_fields_set & names.keys())]
            if idle:
                raise ValueError(f"{' and '.join(idle)}: only a forecast has one; segments say it themselves")
            if self.process in ("replay", "cox") and (self.process == "replay" or self.burst.kind == "fitted"):
                need = "a `replay` segment" if self.process == "replay" else "`burst` in numbers, or a preset"
                raise ValueError(f"process: {self.process} of hand-written segments needs {need}")
        return self


class TokenSizes(Strict):
    """Fixed sizes for every request, where no recorded sizes are at hand."""

    in_: Count = Field(alias="in", description="Prompt tokens.")
    out: Count = Field(description="Output tokens to ask for.")


class Prompts(Strict):
    """What is sent: prompts drawn to recorded token sizes, to fixed sizes, or read from a JSONL file."""

    tokens: FilePath | None = Field(default=None, description="A peak.json whose token sizes are used.")
    sizes: TokenSizes | None = Field(default=None, description="Fixed token sizes: {in: 300, out: 150}.")
    file: FilePath | None = Field(default=None, description='A JSONL of prompts, one {"prompt": ...} a line.')

    lengths: Literal["at_most", "kept"] = Field(
        default="at_most",
        description="What the output sizes are: a bound, or `kept`: production's own lengths, and a run whose answers "
        "are over 10 % shorter or longer in the mean is INVALID.",
    )
    cached: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of answers that production serves from a cache; another share makes the run INVALID.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.tokens is None and self.sizes is None and self.file is None:
            raise ValueError("give `tokens` (a peak.json), `sizes` ({in: 300, out: 150}) or `file` (a JSONL)")
        if self.tokens is not None and self.sizes is not None:
            raise ValueError("give one of `tokens` and `sizes`")
        return self


Segment.model_rebuild()
