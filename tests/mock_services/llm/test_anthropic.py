from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

CLAUDE = {"name": "c", "mock": "anthropic", "preset": "instant", "rpm": 600, "itpm": 50_000, "otpm": 10_000}
KEY = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
ASK = {"model": "claude-x", "max_tokens": 6, "messages": [{"role": "user", "content": "hi nonce:n1"}]}


async def ask(lab: Any, **fields: Any) -> Any:
    return await lab.client.post(lab.urls["c"] + "/v1/messages", json={**ASK, **fields}, headers=KEY)


def test_a_message_whole_and_streamed(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        whole = (await ask(lab)).json()
        assert whole["content"][0]["text"].startswith("[served-by:c] nonce:n1") and whole["stop_reason"] == "end_turn"
        streamed = (await ask(lab, stream=True)).text
        events = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: ")]
        kinds = [event["type"] for event in events]
        assert kinds[:3] == ["message_start", "content_block_start", "ping"]
        assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
        assert "".join(e["delta"]["text"] for e in events if e["type"] == "content_block_delta").startswith(
            "[served-by:c]"
        )
        assert events[-2]["usage"]["output_tokens"] == 6

    in_lab(body, CLAUDE)


def test_headers_say_when_in_utc_and_round_tokens(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        headers = (await ask(lab, messages=[{"role": "user", "content": "x" * 8000}])).headers
        assert headers["anthropic-ratelimit-input-tokens-remaining"] == "48000"
        assert headers["anthropic-ratelimit-tokens-limit"] in ("50000", "10000")
        reset = datetime.fromisoformat(headers["anthropic-ratelimit-input-tokens-reset"])
        assert -2 <= (reset - datetime.now(UTC)).total_seconds() < 6

    in_lab(body, CLAUDE)


def test_limits_in_anthropics_words(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("c", "quota", itpm=6000)
        response = await ask(lab, messages=[{"role": "user", "content": "x" * 2000}])
        assert response.status_code == 429 and response.headers["retry-after"] in ("5", "6")
        said = response.json()
        assert (
            said["error"]["type"] == "rate_limit_error" and "6,000 input tokens per minute" in said["error"]["message"]
        )
        assert said["request_id"] == response.headers["request-id"]
        await lab.revert(lease)
        lease = await lab.grant("c", "hard_quota")
        capped = await ask(lab)
        assert capped.status_code == 429 and "retry-after" not in capped.headers
        assert capped.json()["error"]["details"]["error_code"] == "enforced_spend_limit_reached"
        await lab.revert(lease)
        await lab.patch("c", acceleration=2.0)
        codes = [(await ask(lab)).status_code for _ in range(25)]
        assert codes.count(429) == 5, "twenty from a standing start, no more"

    in_lab(body, CLAUDE)


def test_cache_reads_are_not_counted(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        system = [{"type": "text", "text": "word " * 8000, "cache_control": {"type": "ephemeral"}}]
        first, second = await ask(lab, system=system), await ask(lab, system=system)
        assert first.json()["usage"]["cache_creation_input_tokens"] == 10_000
        assert second.json()["usage"]["cache_read_input_tokens"] == 10_000
        remaining = [int(r.headers["anthropic-ratelimit-input-tokens-remaining"]) for r in (first, second)]
        assert remaining[0] == 40_000 and remaining[1] >= 40_000

    in_lab(body, CLAUDE)


def test_what_is_wrong_is_said(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        url = lab.urls["c"] + "/v1/messages"
        assert (await lab.client.post(url, json=ASK)).json()["error"]["type"] == "authentication_error"
        assert (await lab.client.post(url, json=ASK, headers={"x-api-key": "k"})).status_code == 400
        assert (await ask(lab, max_tokens=None)).json()["error"]["message"] == "max_tokens: Field required"
        assert (await ask(lab, messages="x")).status_code == 400
        nothing = await lab.client.get(lab.urls["c"] + "/v1/nothing", headers=KEY)
        assert nothing.status_code == 404 and nothing.json()["error"]["type"] == "not_found_error"

    in_lab(body, CLAUDE)
