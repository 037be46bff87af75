"""Named providers: an inference preset, and the limits of a published tier."""

from __future__ import annotations

from typing import Any

from mock_services.inference import INFERENCE_PRESETS

PRESETS: dict[str, dict[str, Any]] = {
    # OpenAI's published limits for gpt-4o in usage tier 4 (platform docs, 2026-10): 10,000 RPM, 2,000,000 TPM.
    "hosted-chat": {"inference": INFERENCE_PRESETS["hosted-chat"].model_dump(), "rpm": 10_000, "tpm": 2_000_000},
    # And for gpt-4o-mini in tier 4: 10,000 RPM, 10,000,000 TPM.
    "hosted-small": {"inference": INFERENCE_PRESETS["hosted-small"].model_dump(), "rpm": 10_000, "tpm": 10_000_000},
    # A server of one's own has no quota: its queue is the limit.
    "self-hosted-8b": {"inference": INFERENCE_PRESETS["self-hosted-8b"].model_dump(), "embedding_ms": 8},
    "self-hosted-70b": {"inference": INFERENCE_PRESETS["self-hosted-70b"].model_dump(), "embedding_ms": 8},
    "instant": {"inference": INFERENCE_PRESETS["instant"].model_dump(), "embedding_ms": 0},
}
