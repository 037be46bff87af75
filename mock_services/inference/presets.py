"""Named servers. Each says where its numbers come from; "illustrative" means: plausible in shape, measured by nobody.

A preset is a starting point, not a claim about a vendor. For a claim about yours, set the fields to what you measured.
"""

from __future__ import annotations

from mock_services.inference.batching import InferenceSettings

INFERENCE_PRESETS: dict[str, InferenceSettings] = {
    # Illustrative. A large hosted chat model as public trackers show them at light load: TTFT of 0.3 to 0.6 s, most of
    # it network and routing, and 50 to 100 tokens/s a stream. The fleet's size is invented: four replicas of 64, so
    # that a laptop's load can reach the knee (around 250 streams at once).
    "hosted-chat": InferenceSettings(
        replicas=4,
        max_batch=64,
        kv_tokens=260_000,
        prefill_tokens_per_s=20_000,
        prefill_chunk=2048,
        step_ms=11.5,
        step_ms_per_sequence=0.09,
        step_ms_per_1k_kv=0.01,
        step_jitter=0.12,
        overhead_ms=360,
        overhead_sigma=0.18,
    ),
    # Illustrative. A small hosted model: TTFT of 0.15 to 0.3 s, 120 to 180 tokens/s a stream.
    "hosted-small": InferenceSettings(
        replicas=4,
        max_batch=128,
        kv_tokens=400_000,
        prefill_tokens_per_s=60_000,
        prefill_chunk=4096,
        step_ms=5.5,
        step_ms_per_sequence=0.02,
        step_ms_per_1k_kv=0.004,
        step_jitter=0.12,
        overhead_ms=190,
        overhead_sigma=0.2,
    ),
    # Reasoned from hardware, not measured: 8 B parameters in 16 bits are 16 GB, read once a step; at 2 TB/s of memory
    # bandwidth (A100 80 GB data sheet) that is 8 ms. Prefill at 2 x 8e9 FLOP a token and half of 312 TFLOP/s gives
    # about 9,700 tokens/s. KV cache: 128 KiB a token (32 layers, 8 KV heads of 128, 16 bits, K and V), 55 GB free:
    # 440,000. 1000 tokens of KV are 131 MB: 0.065 ms. vLLM's defaults: 256 sequences, 2048 batched tokens, an
    # unbounded queue.
    "self-hosted-8b": InferenceSettings(
        replicas=1,
        max_batch=256,
        kv_tokens=440_000,
        prefill_tokens_per_s=9_700,
        prefill_chunk=2048,
        step_ms=8.0,
        step_ms_per_sequence=0.03,
        step_ms_per_1k_kv=0.065,
        step_jitter=0.03,
        overhead_ms=3,
        overhead_sigma=0.1,
    ),
    # The same arithmetic for 70 B in 8 bits over four such GPUs: 70 GB / 8 TB/s = 8.8 ms and as much again for
    # tensor-parallel all-reduces; prefill 2 x 70e9 FLOP a token on half of 4 x 312 TFLOP/s; KV cache 320 KiB a token
    # (80 layers), 230 GB free: 700,000 tokens; 1000 tokens of KV are 328 MB over 8 TB/s: 0.04 ms.
    "self-hosted-70b": InferenceSettings(
        replicas=1,
        max_batch=256,
        kv_tokens=700_000,
        prefill_tokens_per_s=4_400,
        prefill_chunk=2048,
        step_ms=17.6,
        step_ms_per_sequence=0.06,
        step_ms_per_1k_kv=0.04,
        step_jitter=0.03,
        overhead_ms=3,
        overhead_sigma=0.1,
    ),
    # No server at all: answers come at once, tokens 1 ms apart. For testing clients, and for measuring the mock itself.
    "instant": InferenceSettings(
        replicas=1,
        max_batch=10_000,
        kv_tokens=1_000_000_000,
        prefill_tokens_per_s=1e9,
        prefill_chunk=1_000_000,
        step_ms=1.0,
        step_ms_per_sequence=0,
        step_ms_per_1k_kv=0,
        overhead_ms=0,
    ),
}
