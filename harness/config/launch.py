"""The launch file: people times habits, for a service that has no traffic yet. Estimates are one number, or three."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from harness.config.strict import Strict


def _three(value: Any) -> Any:
    return (value, value, value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Estimate = Annotated[tuple[float, float, float], BeforeValidator(_three)]
"""`2000`, or low, mid and high: `[1500, 2000, 3000]` (one in ten is below low, nine in ten are below high)."""


class BassAdoption(Strict):
    """Adopters tell others (Bass, 1969)."""

    innovation: float = Field(gt=0, le=1, description="Share of the rest that comes by itself, a day.")
    imitation: float = Field(ge=0, le=5, description="How strongly each adopter brings others, a day.")


class LogisticAdoption(Strict):
    """Half of them by the midpoint."""

    midpoint_day: float = Field(ge=0, description="The day on which half have adopted it.")
    width_days: float = Field(gt=0, description="So many days later it is 73 %.")


class Adoption(Strict):
    """One of the two."""

    bass: BassAdoption | None = None
    logistic: LogisticAdoption | None = None

    @model_validator(mode="after")
    def _one(self) -> Adoption:
        if (self.bass is None) == (self.logistic is None):
            raise ValueError("name one of bass and logistic")
        return self


class LaunchFile(Strict):
    """seats x reach x adopted by `day` x sessions x requests x attempts, at the busiest minute of the busiest hour."""

    seats: Estimate = Field(description="People who could use it.")
    reach: Estimate = Field(default=(1.0, 1.0, 1.0), description="Share of them who ever will.")
    adoption: Adoption | None = Field(default=None, description="How they come in; left out: all on the first day.")
    sessions_per_day: Estimate = Field(description="Of one who has adopted it.")
    requests_per_session: Estimate
    attempts: Estimate = Field(default=(1.0, 1.0, 1.0), description="Attempts a request, retries included.")
    busy_hour_share: Estimate = Field(
        default=(0.11, 0.13, 0.18), description="Of a day's requests, the busiest hour's."
    )
    minute_over_hour: Estimate = Field(default=(1.1, 1.25, 1.6), description="The busiest minute over its hour's mean.")
    day: float = Field(default=28.0, ge=0, description="Days after the launch that the peak is asked for.")
    burst: Literal["chat", "code", "poisson"] = Field(default="chat", description="How uneven its seconds are.")
