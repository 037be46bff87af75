"""The SLO file: the promises, one sentence each, and how strictly they are judged."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, field_validator

from harness.config.quantities import Duration, Probability
from harness.config.strict import Strict


class SloFields(Strict):
    """An SLO in fields instead of a sentence; both mean the same."""

    metric: str = Field(description="ttft, e2e, tpot, errors, goodput, ... (`peakproof explain metrics`).")
    quantile: str = Field(
        default="", pattern=r"^(p\d{1,2}(\.\d+)?)?$", description="p50, p95, p99, ... for latency metrics."
    )
    limit: str = Field(pattern=r"^\s*(<=?|>=?)\s*\S.*$", description="`<= 2s`, `< 0.5%`, `>= 98%`.")
    meets: dict[str, str] = Field(
        default={}, description="For goodput: what a good request keeps, {ttft: 2s, tpot: 80ms}."
    )
    where: dict[str, str] = Field(default={}, description="Only these requests: {journey: chat}.")
    gate: Literal["block", "warn", "info"] = Field(default="block", description="Only `block` moves the verdict.")

    def sentence(self) -> str:
        """`ttft p99 <= 2s where journey=chat`."""
        parts = [self.metric, self.quantile, self.limit.strip()]
        if self.meets:
            parts.append("{" + ", ".join(f"{name}: {limit}" for name, limit in self.meets.items()) + "}")
        if self.where:
            parts.append("where " + ", ".join(f"{name}={value}" for name, value in self.where.items()))
        if self.gate != "block":
            parts.append(self.gate)
        return " ".join(part for part in parts if part)


class SloLine(Strict):
    """One SLO as a sentence, with the place it was read from (`slo.yaml:3:5`)."""

    text: str
    source: str = ""


SloItem = Annotated[
    SloLine,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "examples": ["ttft p99 <= 2s where journey=chat", "errors < 0.5%"]},
                SloFields.model_json_schema(),
            ]
        }
    ),
]


class Confidence(Strict):
    """One-sided, from 0.5 to 1."""

    pass_: Probability = Field(default=0.99, gt=0.5, alias="pass", description="How sure a PASS must be.")
    fail: Probability = Field(default=0.99, gt=0.5, description="How sure a FAIL must be.")


class VerdictRules(Strict):
    """How strictly the promises are judged."""

    confidence: Confidence = Field(default=Confidence(), description="How sure either word must be.")
    judge_phases: tuple[str, ...] = Field(
        default=(), description="Phases the SLOs are held against; left out: `peak`, or `replay` for a replayed trace."
    )
    min_duration_s: Duration = Field(
        default=600.0, alias="min_duration", description="A shorter judged phase cannot pass, but for a smoke run."
    )
    longest_cycle_s: Duration = Field(
        default=30.0, alias="longest_cycle", description="GC, cache TTL, autoscaler, quota window: 20 of them must fit."
    )
    extend_up_to_s: Duration | None = Field(
        default=None,
        alias="extend_up_to",
        description="An undecided run goes on, looked at at each doubling, to this length at most; left out: it ends.",
    )

    @field_validator("confidence", mode="before")
    @classmethod
    def _one_number(cls, value: Any) -> Any:
        return {"pass": value, "fail": value} if isinstance(value, int | float | str) else value


class SloFile(Strict):
    """Promises about a service. `slos` are sentences (or fields that become one), each with its place."""

    service: str = Field(default="", max_length=200, description="What the promises are about.")
    slos: tuple[SloItem, ...] = Field(min_length=1, max_length=200, description="One promise each.")
    verdict: VerdictRules = Field(default=VerdictRules(), description="How strictly they are judged.")
