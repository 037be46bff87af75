"""Named providers: an inference preset, and the limits of a published tier."""

from __future__ import annotations

from typing import Any

from mock_services.inference import INFERENCE_PRESETS

_SELF_HOSTED: dict[str, dict[str, Any]] = {
    name: {"inference": INFERENCE_PRESETS[name].model_dump(), "embedding_ms": embedding_ms}
    for name, embedding_ms in (("self-hosted-8b", 8), ("self-hosted-70b", 8), ("instant", 0))
}
"""A server of one's own has no quota: its queue is the limit."""


def _presets(chat: dict[str, Any], small: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        "hosted-chat": {"inference": INFERENCE_PRESETS["hosted-chat"].model_dump(), **chat},
        "hosted-small": {"inference": INFERENCE_PRESETS["hosted-small"].model_dump(), **small},
        **_SELF_HOSTED,
    }


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    # OpenAI, usage tier 4 (platform docs, 2026-10): gpt-4o 10,000 RPM and 2,000,000 TPM; gpt-4o-mini 10,000,000 TPM.
    "openai": _presets({"rpm": 10_000, "tpm": 2_000_000}, {"rpm": 10_000, "tpm": 10_000_000}),
    # Azure: 6 RPM for each 1000 TPM of a deployment (quota page); the sizes of the deployments are invented.
    "azure": _presets({"rpm": 2_700, "tpm": 450_000}, {"rpm": 12_000, "tpm": 2_000_000}),
    # Anthropic, tier 4 (rate-limits page, 2026-10): Sonnet 4,000 RPM, 2,000,000 ITPM, 400,000 OTPM; Haiku twice that.
    "anthropic": _presets(
        {"rpm": 4_000, "itpm": 2_000_000, "otpm": 400_000}, {"rpm": 4_000, "itpm": 4_000_000, "otpm": 800_000}
    ),
    # Gemini, paid tier 1: 1,000 RPM, 1,000,000 TPM, 10,000 RPD [unverified].
    "gemini": _presets(
        {"rpm": 1_000, "tpm": 1_000_000, "rpd": 10_000}, {"rpm": 4_000, "tpm": 4_000_000, "rpd": 100_000}
    ),
    # Groq, developer plan: 1,000 RPM, 300,000 TPM, 500,000 RPD [unverified].
    "groq": _presets({"rpm": 1_000, "tpm": 300_000, "rpd": 500_000}, {"rpm": 1_000, "tpm": 250_000, "rpd": 500_000}),
    "vllm": _SELF_HOSTED,
}
