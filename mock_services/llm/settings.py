"""What can be set on a provider, and changed while it runs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mock_services.inference import InferenceSettings
from mock_services.quota import Limit
from mock_services.service import Settings

CostRuleName = Literal[
    "max_of_estimate",
    "prompt_plus_max",
    "max_or_16",
    "actual",
    "prompt_only",
    "input_and_output",
    "reserve_then_settle",
    "reserve_then_settle_x5",
]
ScopePart = Literal["key", "org", "model", "region", "tenant"]


class ProviderSettings(Settings):
    """A limit of None is no limit."""

    rpm: float | None = Field(default=None, ge=0, description="requests a minute")
    tpm: float | None = Field(default=None, ge=0, description="tokens a minute, by the cost rule")
    itpm: float | None = Field(default=None, ge=0, description="input tokens a minute")
    otpm: float | None = Field(default=None, ge=0, description="output tokens a minute")
    rpd: float | None = Field(default=None, ge=0, description="requests a day")
    concurrency: int | None = Field(default=None, ge=0, description="requests at once")
    acceleration: float | None = Field(default=None, gt=0, description="growth of the rate allowed within a minute")
    algorithm: Literal["bucket", "sliding", "fixed"] = "bucket"
    sub_window_s: float | None = Field(default=None, gt=0, le=60, description="RPM judged in such windows too")
    cost_rule: CostRuleName = "max_of_estimate"
    limit_scope: tuple[ScopePart, ...] = ("org", "model")

    exhausted: bool = Field(default=False, description="the hard quota or spend cap is reached: no wait helps")

    api_keys: tuple[str, ...] = Field(default=(), description="keys that are valid; none given: any key is")
    models: tuple[str, ...] = Field(default=(), description="models that exist; none given: any does")
    context_tokens: int = Field(default=128_000, ge=1)
    region: str = ""
    distance_ms: float = Field(default=0, ge=0, le=60_000, description="network to this region, on every generation")
    capacity: float = Field(
        default=1, gt=0, le=1, description="of a region: share of its limits, batch and cache it has"
    )
    canary: str = Field(default="", description="who the text says it is served by; the service's name if empty")

    answer_tokens: int = Field(default=160, ge=1, le=100_000, description="median length of an answer")
    answer_sigma: float = Field(default=0.4, ge=0, le=3, description="sigma of its lognormal, seeded by the prompt")
    answer_length: Literal["requested", "natural"] = Field(
        default="requested",
        description="requested: an answer is as long as its max_tokens; natural: at most, and cut with reason length",
    )
    embedding_ms: float = Field(default=45, ge=0, description="an embedding's latency, plus the prefill of its tokens")
    embedding_dimensions: int = Field(default=1536, ge=1, le=4096)
    inference: InferenceSettings = InferenceSettings()


def inference_of(settings: ProviderSettings) -> InferenceSettings:
    """The server as this region has it: its share of the capacity, and as far away."""
    own = settings.inference
    scaled = {
        "max_batch": max(1, int(own.max_batch * settings.capacity)),
        "kv_tokens": max(1, int(own.kv_tokens * settings.capacity)),
        "prefill_tokens_per_s": own.prefill_tokens_per_s * settings.capacity,
        "distance_ms": settings.distance_ms,
    }
    return own.model_copy(update=scaled)


def limits_of(settings: ProviderSettings) -> list[Limit]:
    """Minute limits by the settings' algorithm, in the order in which a provider names them."""
    scope = settings.limit_scope
    limits: list[Limit] = []
    for label, counts, amount in (
        ("requests", "requests", settings.rpm),
        ("tokens", "tokens", settings.tpm),
        ("input_tokens", "input_tokens", settings.itpm),
        ("output_tokens", "output_tokens", settings.otpm),
    ):
        if amount is not None:
            limits.append(Limit(label, counts, amount * settings.capacity, 60.0, settings.algorithm, scope))
    if settings.rpm is not None and settings.sub_window_s is not None:
        limits.append(limits[0].sub_window(settings.sub_window_s))
    if settings.rpd is not None:
        limits.append(Limit("requests_day", "requests", settings.rpd, 86_400.0, settings.algorithm, scope))
    if settings.concurrency is not None:
        limits.append(Limit("concurrency", "requests", settings.concurrency, 0.0, "concurrency", scope))
    if settings.acceleration is not None:
        limits.append(Limit("acceleration", "requests", settings.acceleration, 60.0, "acceleration", scope))
    return limits
