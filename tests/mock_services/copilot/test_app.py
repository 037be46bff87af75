from __future__ import annotations

import asyncio
import time

import orjson

from mock_services.copilot.weakness import parse_weaknesses
from tests.mock_services.copilot.stage import Stage, is_dead, refuses


def body(text: str) -> bytes:
    return orjson.dumps({"messages": [{"role": "user", "content": text}], "stream": True})


def test_the_counts_say_what_each_run_asked(stage: Stage) -> None:
    stage.opens()

    async def scene() -> None:
        for run, n in (("a", 3), ("b", 2)):
            for seq in range(n):
                sent = {"x-peakproof-run": run, "x-peakproof-seq": str(seq)}
                await stage.call("POST", "/v1/chat/completions", body("x"), sent)
        stage.primary = stage.fallback = refuses(503)
        await stage.call("POST", "/v1/chat/completions", body("y"), {"x-peakproof-run": "b"})
        await stage.call("POST", "/v1/chat/completions", b"{")

    asyncio.run(scene())
    counts = orjson.loads(asyncio.run(stage.call("GET", "/counts")).body)
    assert counts["requests"] == 7
    assert counts["in_flight"] == 0
    assert {run: one["requests"] for run, one in counts["by_run"].items()} == {"a": 3, "b": 3}
    assert counts["by_run"]["b"]["by_status"] == {"200": 2, "503": 1}
    assert counts["by_outcome"] == {"client_error": 1, "ok": 5, "unanswered": 1}
    assert counts["upstreams"]["primary"]["calls"] == 6


def test_the_log_holds_a_line_for_every_request(stage: Stage) -> None:
    stage.opens()

    async def scene() -> list[dict[str, object]]:
        for seq in range(5):
            sent = {"x-peakproof-run": "r", "x-peakproof-seq": str(seq)}
            await stage.call("POST", "/v1/chat/completions", body("x"), sent)
        first = orjson.loads((await stage.call("GET", "/log", query="limit=3")).body)
        rest = orjson.loads((await stage.call("GET", "/log", query=f"after={first['next_after']}")).body)
        assert (await stage.call("GET", "/log", query="after=x")).status == 422
        return [*first["log"], *rest["log"]]

    lines = asyncio.run(scene())
    assert [line["seq"] for line in lines] == ["0", "1", "2", "3", "4"]
    assert {(line["run"], line["status"], line["outcome"], line["model"]) for line in lines} == {
        ("r", 200, "ok", "primary")
    }


def test_health_and_metrics_tell_the_breakers_state(stage: Stage) -> None:
    stage.primary = is_dead
    stage.opens()

    async def scene() -> None:
        assert orjson.loads((await stage.call("GET", "/healthz")).body)["breakers"]["primary"] == "closed"
        for _ in range(6):
            await stage.ask()
        assert orjson.loads((await stage.call("GET", "/healthz")).body)["breakers"]["primary"] == "open"
        text = (await stage.call("GET", "/metrics")).body.decode()
        assert 'copilot_breaker_state{upstream="primary",state="open"} 1' in text
        assert 'copilot_upstream_failures_total{upstream="primary",reason="connection"} 5' in text
        assert 'copilot_upstream_skipped_total{upstream="primary"} 1' in text
        assert "copilot_requests_total 6\n" in text
        samples = [line for line in text.splitlines() if not line.startswith("#")]
        assert all(len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0 for line in samples)

    asyncio.run(scene())


def test_a_flood_of_run_ids_does_not_grow_without_bound(stage: Stage) -> None:
    stage.opens()

    async def scene() -> None:
        for n in range(200):
            await stage.call("POST", "/v1/chat/completions", b"{", {"x-peakproof-run": f"run-{n}" + "x" * 5000})
        counts = orjson.loads((await stage.call("GET", "/counts")).body)
        assert counts["requests"] == 200
        assert len(counts["by_run"]) == 64
        assert all(len(run) <= 64 for run in counts["by_run"])

    asyncio.run(scene())


def test_sync_block_stops_the_loop(stage: Stage, monkeypatch: object) -> None:
    import mock_services.copilot.app as app

    slept: list[float] = []
    monkeypatch.setattr(app, "_BLOCK_EVERY_S", 0.0)  # type: ignore[attr-defined]
    monkeypatch.setattr(time, "sleep", slept.append)  # type: ignore[attr-defined]
    stage.opens(weakness=parse_weaknesses("sync_block=0.3"))

    async def scene() -> None:
        async with stage.app.router.lifespan_context(stage.app):
            for _ in range(5):
                await asyncio.sleep(0)

    asyncio.run(scene())
    assert slept and set(slept) == {0.3}
