from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

AUTH = {"authorization": "Bearer test-token"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "test-token"}, 401),
        ({**AUTH, "host": "evil.example"}, 403),
        ({**AUTH, "origin": "https://evil.example"}, 403),
        ({**AUTH, "origin": "http://localhost:3000"}, 200),
        (AUTH, 200),
    ],
)
def test_who_may_ask(in_lab: Any, headers: dict[str, str], status: int) -> None:
    async def body(lab: Any) -> None:
        for path in ("/healthz", "/services", "/counts", "/log", "/faults", "/metrics"):
            response = await lab.client.get(lab.admin + path, headers=headers)
            assert response.status_code == status, path
            if status != 200:
                assert response.json()["error"]["message"]

    in_lab(body)


def test_services_are_described_and_patched(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        listed = (await lab.get("/services"))["services"]
        assert [s["name"] for s in listed] == ["llm/primary", "llm/fallback"]
        assert listed[0]["settings"]["tpm"] == 60_000 and listed[0]["mock"] == "openai"
        assert listed[0]["url"] == lab.urls["llm/primary"]
        changed = await lab.patch("llm/primary", tpm=24_000, inference={"step_ms": 3})
        assert changed["tpm"] == 24_000 and changed["inference"]["step_ms"] == 3
        assert changed["inference"]["max_batch"] == 10_000, "a group is changed key by key"
        assert (await lab.get("/services/llm/primary"))["settings"] == changed

        async def refused(name: str, body: Any) -> int:
            url = f"{lab.admin}/services/{name}"
            return (await lab.client.patch(url, content=body, headers=AUTH)).status_code

        assert await refused("llm/primary", b'{"tmp": 5}') == 422
        assert await refused("llm/primary", b'{"tpm": -5}') == 422
        assert await refused("llm/primary", b"[1]") == 400
        assert await refused("llm/primary", b"{") == 400
        assert await refused("nobody", b"{}") == 404
        assert (await lab.get("/services/llm/primary"))["settings"] == changed, "a refusal changes nothing"

    in_lab(
        body,
        {"name": "llm/primary", "mock": "openai", "preset": "instant", "tpm": 60_000},
        {"name": "llm/fallback", "mock": "openai", "preset": "instant"},
    )


def test_leases_over_http(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        async def post(**fields: Any) -> Any:
            return await lab.client.post(f"{lab.admin}/faults", json=fields, headers=AUTH)

        assert (await post(on="llm", fault="error")).status_code == 422, "a TTL is required"
        assert (await post(on="llm", fault="error", ttl_s=61)).status_code == 422
        assert (await post(on="llm", fault="error", ttl_s="15")).status_code == 422
        assert (await post(on="llm", fault="error", ttl_s=True)).status_code == 422
        assert (await post(on="nobody", fault="error", ttl_s=5)).status_code == 404
        assert (await post(on="llm", fault="error", ttl_s=5, colour="red")).status_code == 422
        granted = await post(on="llm", fault="error", ttl_s=1.0, owner="run 7f3k", status=502)
        assert granted.status_code == 201
        lease = granted.json()
        assert 0 < lease["expires_in_s"] <= 1.0 and lease["owner"] == "run 7f3k" and lease["status"] == 502
        assert (await lab.chat()).status_code == 502
        for _ in range(4):
            await asyncio.sleep(0.35)
            url = f"{lab.admin}/faults/{lease['id']}/renew"
            assert (await lab.client.put(url, headers=AUTH)).status_code == 200
        assert (await lab.chat()).status_code == 502
        await asyncio.sleep(1.2)
        assert (await lab.chat()).status_code == 200, "nobody renewed it"
        url = f"{lab.admin}/faults/{lease['id']}"
        assert (await lab.client.put(url + "/renew", headers=AUTH)).status_code == 404
        assert (await lab.client.delete(url, headers=AUTH)).status_code == 404
        faults = await lab.get("/faults")
        assert faults["faults"] == [] and faults["reverted"][0]["reason"] == "expired"

    in_lab(body)


def test_counts_log_and_metrics_agree(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        url = f"{lab.urls['llm']}/v1/chat/completions"
        ask = {"model": "gpt-x", "messages": [{"role": "user", "content": "x" * 400}], "max_tokens": 5}
        for seq in range(5):
            headers = {"authorization": "Bearer k", "x-peakproof-run": "7f3k", "x-peakproof-seq": str(seq)}
            await lab.client.post(url, json=ask, headers=headers)
        await lab.client.get(f"{lab.urls['llm']}/v1/nothing", headers={"authorization": "Bearer k"})
        counts = (await lab.get("/counts"))["llm"]
        assert counts["requests"] == 6 and counts["in_flight"] == 0
        assert counts["by_status"] == {"200": 5, "404": 1}
        assert (counts["tokens_in"], counts["tokens_out"]) == (5 * 104, 25)
        assert counts["pacing_error_ms_p99"] > 0
        log = await lab.get("/log?service=llm&limit=4")
        assert [e["seq"] for e in log["log"]] == ["0", "1", "2", "3"]
        assert {e["run"] for e in log["log"]} == {"7f3k"}
        assert all(e["started_s"] <= e["first_byte_s"] <= e["finished_s"] for e in log["log"])
        rest = await lab.get(f"/log?after={log['next_after']}")
        assert [e["index"] for e in rest["log"]] == [5, 6]
        assert (await lab.get("/log?service=other"))["log"] == []
        text = (await lab.client.get(f"{lab.admin}/metrics", headers=AUTH)).text
        assert 'peakproof_mock_requests_total{service="llm",status="200"} 5' in text
        assert 'quantile="0.99"' in text

    in_lab(body)


def test_routes_that_are_not_there(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        async def status(method: str, path: str) -> int:
            return (await lab.client.request(method, lab.admin + path, headers=AUTH)).status_code

        assert await status("GET", "/") == 404
        assert await status("POST", "/counts") == 405
        assert await status("POST", "/faults/f1") == 405
        assert await status("DELETE", "/services/llm") == 405
        assert await status("GET", "/log?after=x") == 422
        assert await status("GET", "/log?limit=-1") == 422

    in_lab(body)


def test_fuzzed_admin_calls_never_fail_inside(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        rng = random.Random(11)
        words = [
            "llm",
            "error",
            "quota",
            "latency",
            "ttl_s",
            "on",
            "fault",
            "share",
            "40%",
            "",
            "\x00",
            "é",
            "../..",
            "f1",
        ]
        values: list[Any] = [*words, 0, -1, 1e308, 2**70, None, True, [], {}, [1], {"a": 1}]
        for _ in range(150):
            method = rng.choice(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
            path = rng.choice(
                ["/faults", "/services/llm", "/faults/f1", "/faults/f1/renew", "/log", "/counts", "/%00", "//"]
            )
            keys = [
                "on",
                "fault",
                "ttl_s",
                "owner",
                "max_total_s",
                "tpm",
                "rpm",
                "status",
                "share",
                "inference",
                "models",
            ]
            json_body: Any = {rng.choice(keys): rng.choice(values) for _ in range(rng.randint(0, 6))}
            if rng.random() < 0.5:
                json_body |= {"on": "llm", "fault": rng.choice(["error", "quota", "results"]), "ttl_s": 1}
            response = await lab.client.request(method, lab.admin + path, json=json_body, headers=AUTH)
            assert response.status_code < 500, (method, path, json_body, response.text)
        assert (await lab.client.get(f"{lab.admin}/healthz", headers=AUTH)).json()["ok"]

    in_lab(body)
