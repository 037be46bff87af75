"""Every fault is planted and seen, and the same request without it is healthy."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from mock_services.faults import FAULTS, FaultError, parse_fault


def test_every_fault_is_in_the_tests_of_this_file_or_refuses_nonsense() -> None:
    with pytest.raises(FaultError, match="unknown fault 'gremlin'"):
        parse_fault("gremlin", {})
    with pytest.raises(FaultError, match="add_mss"):
        parse_fault("latency", {"add_mss": 3})
    with pytest.raises(FaultError, match="share"):
        parse_fault("error", {"share": 0})
    assert all(issubclass(kind, FAULTS["noop"].__base__) for kind in FAULTS.values())


def test_every_fault_is_in_the_documentation() -> None:
    table = (Path(__file__).parents[3] / "docs" / "mocks.md").read_text()
    assert all(f"| `{name}` |" in table for name in FAULTS)
    for name, kind in FAULTS.items():
        row = next(line for line in table.splitlines() if line.startswith(f"| `{name}` |"))
        own = set(kind.model_fields) - (set(FAULTS["noop"].__base__.model_fields) - {"up_s", "down_s"})
        assert all(field in row for field in own - ({"up_s", "down_s"} if name != "flapping" else set())), name


def test_noop_changes_nothing_and_is_listed(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await lab.grant("llm", "noop", note="hello")
        assert (await lab.chat()).status_code == 200
        assert (await lab.get("/faults"))["faults"][0]["note"] == "hello"

    in_lab(body)


def test_latency_delays_and_ends_with_its_lease(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "latency", add_ms=150)
        began = time.monotonic()
        assert (await lab.chat()).status_code == 200
        assert time.monotonic() - began >= 0.15
        await lab.revert(lease)
        lease = await lab.grant("llm", "latency", add_ms=4000)
        waiting = asyncio.create_task(lab.chat())
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await lab.revert(lease)
        assert (await waiting).status_code == 200
        assert time.monotonic() - began < 4, "what waits is let go when the fault ends"

    in_lab(body)


@pytest.mark.parametrize("status", [400, 500, 503, 529])
def test_error_speaks_the_dialect(in_lab: Any, status: int) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "error", status=status, retry_after_s=7)
        response = await lab.chat()
        assert response.status_code == status
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}
        assert response.headers["retry-after"] == "7"
        await lab.revert(lease)
        assert (await lab.chat()).status_code == 200

    in_lab(body)


def test_throttle_with_and_without_hint(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "throttle", retry_after_s=2.5)
        response = await lab.chat()
        assert (response.status_code, response.headers["retry-after"]) == (429, "3")
        assert "Please try again in 2.5s." in response.json()["error"]["message"]
        await lab.revert(lease)
        await lab.grant("llm", "throttle", retry_after_s=None)
        response = await lab.chat()
        assert response.status_code == 429 and "retry-after" not in response.headers
        assert (await lab.get("/counts"))["llm"]["by_outcome"] == {"throttled": 2}

    in_lab(body)


LIMITED = {"name": "llm", "mock": "openai", "preset": "instant", "tpm": 60_000, "rpm": 600}


def test_quota_cuts_the_limit_with_real_numbers_and_gives_it_back(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        assert (await lab.chat()).headers["x-ratelimit-limit-tokens"] == "60000"
        lease = await lab.grant("llm", "quota", tpm="40%")
        response = await lab.chat(max_tokens=1000)
        assert response.status_code == 429, "the lowered limit is used up at the start"
        assert response.headers["x-ratelimit-limit-tokens"] == "24000"
        assert "Limit 24000, Used 2" in response.json()["error"]["message"]
        assert response.headers["retry-after"] == "3"
        assert (await lab.patch("llm", rpm=500))["tpm"] == 24000, "a change beside the fault leaves the fault in force"
        await lab.revert(lease)
        response = await lab.chat(max_tokens=1000)
        assert (response.status_code, response.headers["x-ratelimit-limit-tokens"]) == (200, "60000")
        assert response.headers["x-ratelimit-limit-requests"] == "500"

    in_lab(body, LIMITED)


def test_quota_refuses_what_makes_no_sense(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        async def refused(**fields: Any) -> str:
            body = {"on": "llm", "fault": "quota", "ttl_s": 5, **fields}
            response = await lab.client.post(
                f"{lab.admin}/faults", json=body, headers={"authorization": "Bearer test-token"}
            )
            assert response.status_code == 422
            return response.json()["error"]["message"]

        assert "needs a limit" in await refused()
        assert "no itpm limit" in await refused(itpm="40%")
        assert "has no such limit" in await refused(rps=3)
        assert "tpm" in await refused(tpm="lots")

    in_lab(body, LIMITED)


def test_black_hole_swallows_requests_and_resets_them_at_its_end(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "black_hole")
        waiting = asyncio.create_task(lab.chat())
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        await lab.revert(lease)
        with pytest.raises(httpx.TransportError):
            await waiting
        assert (await lab.chat()).status_code == 200

    in_lab(body)


def test_black_hole_at_connect_accepts_and_reads_nothing(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "black_hole", at="connect")
        waiting = asyncio.create_task(lab.chat())
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        await lab.revert(lease)
        with pytest.raises(httpx.TransportError):
            await waiting
        assert (await lab.chat()).status_code == 200

    in_lab(body)


def test_refuse_closes_the_port_keeps_it_and_opens_it_again(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        assert (await lab.chat()).status_code == 200
        first = await lab.grant("llm", "refuse")
        second = await lab.grant("llm", "refuse")
        with pytest.raises(httpx.ConnectError):
            await lab.chat()
        await lab.revert(first)
        with pytest.raises(httpx.ConnectError):
            await lab.chat()
        await lab.revert(second)
        assert (await lab.chat()).status_code == 200

    in_lab(body)


@pytest.mark.parametrize("at", ["request", "connect"])
def test_reset_is_a_reset(in_lab: Any, at: str) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "reset", at=at)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(lab.urls["llm"].rpartition(":")[2]))
        writer.write(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
            raise AssertionError("a FIN is no reset")
        writer.close()
        await lab.revert(lease)
        assert (await lab.chat()).status_code == 200

    in_lab(body)


def test_slow_first_token_shifts_the_stream(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        healthy = await lab.stream()
        await lab.grant("llm", "slow_first_token", add_s=0.2)
        began = time.monotonic()
        events = await lab.stream()
        assert len(events) == len(healthy) and events[-1] == "[DONE]"
        assert time.monotonic() - began >= 0.2

    in_lab(body)


def test_slow_stream_stretches_the_gaps_and_lets_go_at_its_end(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await lab.patch("llm", inference={"step_ms": 10})
        lease = await lab.grant("llm", "slow_stream", factor=6)
        began = time.monotonic()
        events = await lab.stream()
        assert events[-1] == "[DONE]"
        assert time.monotonic() - began >= 0.1, "seven gaps of 10 ms, six times as long: 0.42 s where no token was late"
        await lab.revert(lease)
        lease = await lab.grant("llm", "slow_stream", factor=1000)
        waiting = asyncio.create_task(lab.stream())
        await asyncio.sleep(0.05)
        await lab.revert(lease)
        assert len(await asyncio.wait_for(waiting, 10)) == len(events)

    in_lab(body)


def test_stall_stops_after_its_chunks_and_goes_on_when_the_fault_ends(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "stall", after_chunks=3)
        waiting = asyncio.create_task(lab.stream())
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        await lab.revert(lease)
        assert (await waiting)[-1] == "[DONE]"
        began = time.monotonic()
        await lab.grant("llm", "stall", after_chunks=3, for_s=0.2)
        assert (await lab.stream())[-1] == "[DONE]"
        assert time.monotonic() - began >= 0.2

    in_lab(body)


def test_a_stream_chosen_by_a_stall_that_has_ended_meanwhile_is_not_touched(in_lab: Any) -> None:
    """The stall was granted when the stream began and is gone before its fourth event: nothing is held, or lost."""

    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "stall", after_chunks=3)
        waiting = asyncio.create_task(lab.stream(max_tokens=5))
        while (await lab.get("/counts"))["llm"]["in_flight"] == 0:
            await asyncio.sleep(0.005)
        await lab.revert(lease)
        assert (await waiting)[-1] == "[DONE]"
        assert len(await lab.stream(max_tokens=5)) == 5 + 3, "and the pacer goes on"

    slow = {"step_ms": 60, "step_ms_per_sequence": 0, "overhead_ms": 300}
    in_lab(body, {"name": "llm", "mock": "openai", "preset": "instant", "inference": slow})


@pytest.mark.parametrize("by", ["rst", "fin"])
def test_cut_breaks_streams_and_whole_answers(in_lab: Any, by: str) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "cut", after_chunks=2, by=by)
        with pytest.raises(httpx.TransportError):
            await lab.stream()
        with pytest.raises(httpx.TransportError):
            await lab.chat()
        await lab.revert(lease)
        assert (await lab.stream())[-1] == "[DONE]"
        assert (await lab.get("/counts"))["llm"]["by_outcome"] == {"cut": 2, "ok": 1}

    in_lab(body)


def test_silent_eof_ends_properly_without_the_marker(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await lab.grant("llm", "silent_eof", after_chunks=4)
        events = await lab.stream()
        assert len(events) == 4 and "[DONE]" not in events
        assert all(json.loads(e)["choices"][0]["finish_reason"] is None for e in events)

    in_lab(body)


def test_in_band_error_in_streams_and_in_a_200(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "in_band_error", after_chunks=3)
        events = await lab.stream()
        assert len(events) == 4 and json.loads(events[-1])["error"]["type"] == "server_error"
        response = await lab.chat()
        assert response.status_code == 200 and "error" in response.json()
        await lab.revert(lease)
        await lab.grant("llm", "in_band_error", after_chunks=0, end_marker=True)
        events = await lab.stream()
        assert len(events) == 2 and "error" in json.loads(events[0]) and events[1] == "[DONE]"
        log = (await lab.get("/log"))["log"]
        assert {entry["outcome"] for entry in log} == {"in_band_error"}
        assert {entry["faults"] for entry in log} == {"in_band_error"}

    in_lab(body)


def test_malformed_chunk_is_no_json(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await lab.grant("llm", "malformed_chunk", after_chunks=2, chunks=2)
        bad = []
        for index, event in enumerate(await lab.stream()):
            try:
                json.loads(event)
            except ValueError:
                bad.append(index)
        assert bad[:2] == [2, 3] and len(bad) == 3, "the two mangled ones, and [DONE]"
        with pytest.raises(json.JSONDecodeError):
            (await lab.chat()).json()

    in_lab(body)


def test_results_empty_stale_and_wrong(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        async def said(text: str) -> str:
            return (await lab.chat(text=text)).json()["choices"][0]["message"]["content"]

        truth = {text: await said(text) for text in ("nonce:a", "nonce:b", "nonce:c")}
        lease = await lab.grant("llm", "results", how="empty")
        assert await said("nonce:a") == ""
        assert await lab.stream() == ["[DONE]"]
        await lab.revert(lease)
        lease = await lab.grant("llm", "results", how="stale")
        assert [await said(t) for t in truth] == [truth["nonce:a"]] * 3
        await lab.revert(lease)
        await lab.grant("llm", "results", how="wrong")
        assert [await said(t) for t in truth] == [truth["nonce:a"], truth["nonce:a"], truth["nonce:b"]]

    in_lab(body)


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"form": "missing"}, {}),
        ({"form": "zero"}, {"retry-after": "0"}),
        ({"form": "seconds", "value_s": 130}, {"retry-after": "130"}),
        ({"form": "float", "value_s": 7.66}, {"retry-after": "7.66"}),
        ({"form": "ms", "value_s": 0.25}, {"retry-after-ms": "250"}),
        ({"form": "text"}, {"retry-after": "soon"}),
    ],
)
def test_hint_rewrites_the_hint_of_refusals_only(in_lab: Any, fields: dict[str, Any], headers: dict[str, str]) -> None:
    async def body(lab: Any) -> None:
        await lab.grant("llm", "hint", **fields)
        assert (await lab.chat()).status_code == 200
        await lab.grant("llm", "throttle", retry_after_s=9)
        response = await lab.chat()
        assert response.status_code == 429
        assert {k: v for k, v in response.headers.items() if k.startswith("retry")} == headers

    in_lab(body)


def test_hint_date_is_an_http_date(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await lab.grant("llm", "throttle")
        await lab.grant("llm", "hint", form="date", value_s=60)
        assert (await lab.chat()).headers["retry-after"].endswith(" GMT")

    in_lab(body)


def test_cold_start_holds_requests_until_it_ends(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "cold_start", for_s=30)
        waiting = asyncio.create_task(lab.chat())
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        await lab.revert(lease)
        assert (await waiting).status_code == 200
        began = time.monotonic()
        await lab.grant("llm", "cold_start", for_s=0.2)
        assert (await lab.chat()).status_code == 200
        assert time.monotonic() - began >= 0.18

    in_lab(body)


def test_flapping_goes_down_and_up_again(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await lab.grant("llm", "flapping", up_s=0.4, down_s=0.4)
        seen = []
        for _ in range(40):
            seen.append((await lab.chat()).status_code)
            await asyncio.sleep(0.03)
        changes = [a for a, b in itertools.pairwise(seen) if a != b]
        assert seen[0] == 503 and len(changes) >= 2

    in_lab(body)


# who is hit


def test_share_is_seeded_and_near_its_share(in_lab: Any) -> None:
    async def hits(lab: Any) -> list[int]:
        await lab.grant("llm", "error", share=0.3)
        return [(await lab.chat()).status_code for _ in range(50)]

    first = in_lab(hits)
    assert first == in_lab(hits), "the same seed hits the same requests"
    assert first != in_lab(hits, seed=8)
    assert 5 <= first.count(503) <= 26


def test_index_cohort_path_and_time_choose(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "error", from_request=2, every=3, requests=2)
        assert [(await lab.chat()).status_code for _ in range(10)] == [200, 200, 503, 200, 200, 503] + [200] * 4
        await lab.revert(lease)
        lease = await lab.grant("llm", "error", header="x-tenant=a")
        url = f"{lab.urls['llm']}/v1/models"
        codes = [
            (await lab.client.get(url, headers={"x-tenant": t, "authorization": "Bearer k"})).status_code for t in "ab"
        ]
        assert codes == [503, 200]
        await lab.revert(lease)
        lease = await lab.grant("llm", "error", path="/v1/embeddings")
        assert (await lab.chat()).status_code == 200
        await lab.revert(lease)
        await lab.grant("llm", "error", after_s=0.2)
        assert (await lab.chat()).status_code == 200
        await asyncio.sleep(0.25)
        assert (await lab.chat()).status_code == 503

    in_lab(body)


def test_two_faults_work_together(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await lab.grant("llm", "latency", add_ms=100)
        await lab.grant("llm", "error", status=500)
        began = time.monotonic()
        assert (await lab.chat()).status_code == 500
        assert time.monotonic() - began >= 0.1

    in_lab(body)


def content_of(events: list[str]) -> list[str]:
    """The content of every event that has some."""
    choices = [json.loads(event)["choices"] for event in events if event != "[DONE]"]
    return [c[0]["delta"]["content"] for c in choices if c and c[0]["delta"].get("content")]


def test_freeze_stops_the_world_and_lets_it_go_on(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "freeze", up_s=30, down_s=0.4)
        began = time.monotonic()
        assert (await lab.chat()).status_code == 200
        assert time.monotonic() - began >= 0.3, "what arrives in the pause waits for its end"
        assert (await lab.chat()).status_code == 200, "and the next is served at once"
        await lab.revert(lease)
        streaming = asyncio.create_task(lab.stream(max_tokens=20))
        await asyncio.sleep(0.1)
        lease = await lab.grant("llm", "freeze", down_s=30)
        done, _ = await asyncio.wait([streaming], timeout=0.6)
        assert not done, "a stream stops in the middle"
        await lab.revert(lease)
        assert (await streaming)[-1] == "[DONE]"

    in_lab(body, {"name": "llm", "mock": "openai", "preset": "instant", "inference": {"step_ms": 20}})


def test_idle_close_ends_kept_connections_and_no_others(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        async def reads_eof_within(seconds: float) -> bool:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(lab.urls["llm"].rpartition(":")[2]))
            writer.write(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await reader.read(4096)).startswith(b"HTTP/1.1 401")
            if not lease:
                lease.update(await lab.grant("llm", "idle_close", idle_s=0.2))
            done, _ = await asyncio.wait([reading := asyncio.create_task(reader.read())], timeout=seconds)
            reading.cancel()
            writer.close()
            return bool(done)

        lease: dict[str, Any] = {}
        assert await reads_eof_within(2), "a connection that was open before"
        assert await reads_eof_within(2), "and a new one"
        assert len(await lab.stream(max_tokens=20)) > 20, "one that is busy for longer stays"
        await lab.revert(lease)
        assert not await reads_eof_within(0.5)

    in_lab(body, {"name": "llm", "mock": "openai", "preset": "instant", "inference": {"step_ms": 20}})


def test_chunking_changes_the_pieces_and_not_what_is_said(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        plain = content_of(await lab.stream(max_tokens=10))
        assert len(plain) == 10
        lease = await lab.grant("llm", "chunking", tokens=4)
        grouped = content_of(await lab.stream(max_tokens=10))
        assert (len(grouped), "".join(grouped)) == (3, "".join(plain))
        await lab.revert(lease)
        await lab.grant("llm", "chunking", events=3, split_characters=True)
        payload = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": 40}
        url, headers = f"{lab.urls['llm']}/v1/chat/completions", {"authorization": "Bearer k"}
        async with lab.client.stream("POST", url, json=payload, headers=headers) as response:
            pieces = [piece async for piece in response.aiter_raw()]
        assert any(piece.count(b"data: ") >= 2 for piece in pieces), "several events in a segment"
        assert any(0xC2 <= piece[-1] <= 0xF4 for piece in pieces), "a character cut in two"
        said = b"".join(pieces).decode()
        assert said.count("data: ") == 40 + 3 and "é" in said and said.endswith("data: [DONE]\n\n")

    in_lab(body)


def test_cached_answers_come_from_memory_and_new_questions_do_not(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await lab.grant("llm", "cached")
        first = await lab.chat(text="again nonce:AAA1")
        assert (await lab.chat(text="again nonce:AAA1")).json() == first.json(), "to the very id"
        assert (await lab.chat(text="again nonce:BBB2")).json()["id"] != first.json()["id"]
        began = time.monotonic()
        slow = await lab.stream(max_tokens=20)
        took_s = time.monotonic() - began
        began = time.monotonic()
        assert await lab.stream(max_tokens=20) == slow
        assert time.monotonic() - began < took_s / 2

    in_lab(body, {"name": "llm", "mock": "openai", "preset": "instant", "inference": {"step_ms": 20}})


def test_short_answers_and_swapped_ones(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "short_answers", tokens=5)
        assert len(content_of(await lab.stream(max_tokens=50))) == 5
        assert (await lab.chat(max_tokens=50)).json()["usage"]["completion_tokens"] == 5
        await lab.revert(lease)
        assert len(content_of(await lab.stream(max_tokens=50))) == 50
        lease = await lab.grant("llm", "swapped")
        await lab.chat(text="nonce:FIRST")
        second = (await lab.chat(text="nonce:SECOND")).json()["choices"][0]["message"]["content"]
        assert "nonce:FIRST" in second and "SECOND" not in second
        await lab.revert(lease)
        assert "nonce:THIRD" in (await lab.chat(text="nonce:THIRD")).text
        body = {"on": "vector", "fault": "swapped", "ttl_s": 5}
        refused = await lab.client.post(
            f"{lab.admin}/faults", json=body, headers={"authorization": "Bearer test-token"}
        )
        assert refused.status_code == 422 and "generates no text" in refused.text

    in_lab(body, {"name": "llm", "mock": "openai", "preset": "instant"}, {"name": "vector", "mock": "qdrant"})


def test_other_settings_hold_while_the_fault_lasts_and_are_checked_before(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        lease = await lab.grant("llm", "settings", values={"exhausted": True})
        assert (await lab.chat()).status_code == 429
        await lab.revert(lease)
        assert (await lab.chat()).status_code == 200
        for values in ({"exhaustion": True}, {"capacity": 2}):
            with pytest.raises(AssertionError, match=r"exhaustion|capacity"):
                await lab.grant("llm", "settings", values=values)
        await lab.grant("llm", "settings", values={"acceleration": 2})
        codes = [(await lab.chat()).status_code for _ in range(22)]
        assert codes == [200] * 20 + [429] * 2, "from a standing start, twenty within ten seconds"

    in_lab(body)
