"""`make bench-mocks`: what the mocks can carry on one core, beside an equal Starlette endpoint in the same run.

Rates are requests per second of the server's own CPU time: what one core does when it does nothing else. That holds on
a shared machine too, and however slow the client is. Pacing errors are the mock's own, from its admin API: from when a
token was due to when the last chunk of its step had been handed to the kernel.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from mock_services.inference import INFERENCE_PRESETS

TOKEN = "bench"
HEAD = "host: bench\r\nauthorization: Bearer sk-bench\r\ncontent-type: application/json\r\n"
STARLETTE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def plain(request):
    return JSONResponse({"ok": True})
uvicorn.run(Starlette(routes=[Route("/plain", plain)]), host="127.0.0.1", port=int(sys.argv[1]),
            loop=sys.argv[2], http=sys.argv[3], access_log=False, log_level="error")
"""
FLOOR = """
import sys, asyncio, uvloop
SAID = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: 11\\r\\n\\r\\n" + b'{"ok":true}'
class Parrot(asyncio.Protocol):
    def connection_made(self, transport): self.write = transport.write
    def data_received(self, data): self.write(SAID * data.count(b"GET "))
async def main():
    server = await asyncio.get_running_loop().create_server(Parrot, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    await server.serve_forever()
uvloop.run(main())
"""
"""Reads nothing and says one thing: what no Python server on uvloop can be cheaper than."""
IDLE = """
import sys, time
late, due, ends = [], time.monotonic(), time.monotonic() + float(sys.argv[1])
while due < ends:
    due += 0.005
    time.sleep(max(0, due - time.monotonic()))
    late.append(time.monotonic() - due)
    due = max(due, time.monotonic())
late.sort()
print(round(late[int(0.99 * len(late))] * 1000, 2), round(late[-1] * 1000, 1))
"""
"""A process that does nothing but wake up: how late the machine itself is."""
UVICORNS = {"uvicorn[standard]": ("uvloop", "httptools"), "uvicorn": ("asyncio", "h11")}
"""What `pip install` of each of the two runs on by itself."""


@contextmanager
def mocks(*services: dict[str, Any]) -> Iterator[tuple[psutil.Process, dict[str, Any]]]:
    """The program as users start it."""
    with tempfile.TemporaryDirectory() as folder:
        config, ready = Path(folder, "mocks.json"), Path(folder, "ready.json")
        config.write_text(json.dumps({"services": list(services)}))
        command = [sys.executable, "-m", "mock_services", "up", "--config", str(config), "--ready-file", str(ready)]
        with running(command, {"PEAKPROOF_MOCK_TOKEN": TOKEN}) as process:
            while not ready.exists():
                time.sleep(0.02)
            yield process, json.loads(ready.read_bytes())


@contextmanager
def running(command: list[str], extra: dict[str, str]) -> Iterator[psutil.Process]:
    child = subprocess.Popen(command, env={**os.environ, **extra})
    try:
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait()


def cpu_s(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def post(path: str, body: dict[str, Any]) -> bytes:
    data = json.dumps(body)
    return f"POST {path} HTTP/1.1\r\n{HEAD}content-length: {len(data)}\r\n\r\n{data}".encode()


def counts_of(ready: dict[str, Any]) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {TOKEN}"}
    return httpx.get(ready["admin"] + "/counts", headers=headers, trust_env=False, timeout=30).json()["llm"]


# plain requests


class Pinger(asyncio.Protocol):
    """One keep-alive connection that asks again as soon as it was answered."""

    def __init__(self, request: bytes, size: int, depth: int) -> None:
        self.request, self.size, self.depth = request * depth, size * depth, depth
        self.got = self.done = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.got += len(data)
        if self.got >= self.size:
            self.got -= self.size
            self.done += self.depth
            self.transport.write(self.request)  # type: ignore[attr-defined]


async def ping(port: int, request: bytes, size: int, depth: int, seconds: float) -> int:
    """32 connections, `depth` requests under way on each; answers how many were answered."""
    loop = asyncio.get_running_loop()
    made = [
        (await loop.create_connection(lambda: Pinger(request, size, depth), "127.0.0.1", port))[1] for _ in range(32)
    ]
    await asyncio.sleep(seconds)
    done = sum(pinger.done for pinger in made)
    for pinger in made:
        pinger.transport.abort()  # type: ignore[attr-defined]
    return done


def wrk(port: int, request: bytes, seconds: float) -> int:
    """The same 32 connections from wrk, which is cheap enough for the server to be the limit."""
    path = request.split(b" ", 2)[1].decode()
    command = ["wrk", "-t1", "-c32", f"-d{max(1, round(seconds))}s", f"http://127.0.0.1:{port}{path}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(next(line for line in said.splitlines() if "requests in" in line).split()[0])


def plain_rate(port: int, process: psutil.Process, request: bytes, depth: int, seconds: float) -> tuple[float, float]:
    """Requests per second of the server's CPU, and the share of it that the kernel took."""
    with socket.create_connection(("127.0.0.1", port), 5) as one:
        one.sendall(request)
        time.sleep(0.05)
        size = len(one.recv(65_536))
    before = process.cpu_times()
    if depth == 1 and shutil.which("wrk"):
        done = wrk(port, request, seconds)
    else:
        done = asyncio.run(ping(port, request, size, depth, seconds))
    after = process.cpu_times()
    kernel_s = after.system - before.system
    used_s = after.user - before.user + kernel_s
    return done / used_s, kernel_s / used_s


@contextmanager
def server(program: str, *given: str) -> Iterator[tuple[psutil.Process, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running([sys.executable, "-c", program, str(port), *given], {}) as process:
        for _ in range(200):
            time.sleep(0.05)
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield process, port


def bench_plain(seconds: float, depth: int) -> dict[str, Any]:
    """The servers take turns, a second each, so that a busy machine is busy for all of them; medians of the turns.

    `depth` 16 is pipelined as in TechEmpower's plaintext test. The bar is against `uvicorn[standard]` (uvloop and
    httptools, as the mocks); plain `uvicorn` (asyncio and h11) is measured beside it.
    """
    request = f"GET /plain HTTP/1.1\r\n{HEAD}\r\n".encode()
    with ExitStack() as stack:
        process, ready = stack.enter_context(mocks({"name": "plain", "mock": "plain"}))
        servers = {"mock": (process, int(ready["services"]["plain"].rpartition(":")[2]))}
        servers["floor"] = stack.enter_context(server(FLOOR))
        servers |= {name: stack.enter_context(server(STARLETTE, *made_of)) for name, made_of in UVICORNS.items()}
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
        for turn in range(max(2, round(seconds / 2)) + 1):
            for name, (one, port) in servers.items():
                rate = plain_rate(port, one, request, depth, 1.0)
                if turn:  # the first one warms up
                    found[name].append(rate)
    times = {
        name: [ours / theirs for (ours, _), (theirs, _) in zip(found["mock"], found[name], strict=True)]
        for name in ("floor", *UVICORNS)
    }
    return {
        "depth": depth,
        "per_cpu_s": {name: round(statistics.median(rate for rate, _ in turns)) for name, turns in found.items()},
        "kernel_share": {
            name: round(statistics.median(share for _, share in turns), 2) for name, turns in found.items()
        },
        "times": {name: round(statistics.median(ratios), 2) for name, ratios in times.items()},
        "times_range": {name: [round(min(ratios), 2), round(max(ratios), 2)] for name, ratios in times.items()},
        "bar": "times uvicorn[standard] >= 5",
        "met": statistics.median(times["uvicorn[standard]"]) >= 5,
    }


def read_streams(
    port: int, request: bytes, gaps_s: list[float], seconds: float, poll_s: float, at_end: Callable[[], None]
) -> int:
    """Opens a stream and waits, for each gap; reads all for so long, cheaply; answers how many were open at the end."""
    poller = select.epoll()
    open_: dict[int, socket.socket] = {}
    for index, gap_s in enumerate(gaps_s):
        one = socket.create_connection(("127.0.0.1", port), 30)
        one.sendall(request)
        one.setblocking(False)
        open_[one.fileno()] = one
        poller.register(one, select.EPOLLIN)
        time.sleep(gap_s)
        if index % 100 == 99:
            drain(poller, open_)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        drain(poller, open_)
        time.sleep(poll_s)
    alive = len(open_)
    at_end()
    for one in open_.values():
        one.close()
    return alive


@contextmanager
def watched_machine(seconds: float) -> Iterator[dict[str, float]]:
    """How late an idle process wakes up meanwhile, in ms: filled in at the end."""
    found: dict[str, float] = {}
    child = subprocess.Popen([sys.executable, "-c", IDLE, str(seconds)], stdout=subprocess.PIPE, text=True)
    try:
        yield found
        found["idle_timer_late_ms_p99"], found["idle_timer_late_ms_max"] = map(float, child.communicate()[0].split())
    finally:
        child.kill()
        child.wait()


def drain(poller: select.epoll, open_: dict[int, socket.socket]) -> None:
    for number, _ in poller.poll(0, 20_000):
        one = open_.get(number)
        if one is not None:
            try:
                if not one.recv(65_536):
                    poller.unregister(number)
                    open_.pop(number).close()
            except BlockingIOError:
                continue


def bench_streams(streams: int, per_s: float, seconds: float, replicas: int) -> dict[str, Any]:
    """Each stream gets `per_s` tokens a second. A replica's steps fall where its first stream fell: those are opened
    evenly over one step, for servers do not step in time with each other."""
    inference = {
        "replicas": replicas,
        "max_batch": max(1, -(-streams // replicas)),
        "kv_tokens": 10**9,
        "prefill_tokens_per_s": 1e9,
        "step_ms": 1000 / per_s,
        "step_ms_per_sequence": 0,
        "step_ms_per_1k_kv": 0,
        "overhead_ms": 0,
    }
    ask = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
    request = post("/v1/chat/completions", {**ask, "max_tokens": int((seconds + 60) * per_s)})
    with mocks({"name": "llm", "mock": "openai", "inference": inference}) as (process, ready):
        port = int(ready["services"]["llm"].rpartition(":")[2])
        before, began = cpu_s(process), time.monotonic()
        counts: dict[str, Any] = {}
        with watched_machine(seconds) as machine:
            gaps_s = [1 / per_s / replicas] * replicas + [0.0] * (streams - replicas)
            alive = read_streams(
                port, request, gaps_s, seconds, min(0.01, 0.2 / per_s), lambda: counts.update(counts_of(ready))
            )
        used, took = cpu_s(process) - before, time.monotonic() - began
    return {
        "streams": streams,
        "open_at_the_end": alive,
        "tokens_per_s_each": per_s,
        "chunks": counts["pacing_samples"],
        "chunks_per_s": round(counts["pacing_samples"] / took),
        "cpu_us_per_chunk": round(used / counts["pacing_samples"] * 1e6, 1),
        "cpu_share": round(used / took, 2),
        "pacing_error_ms_p99": counts["pacing_error_ms_p99"],
        **machine,
        "bar": "all open, pacing_error_ms_p99 <= 10",
        "met": alive == streams and counts["pacing_error_ms_p99"] <= 10,
    }


async def ask_at_a_rate(port: int, request: bytes, per_s: float, seconds: float) -> None:
    """Open loop: asks when it is due, reads whatever comes."""
    began, reading = time.monotonic(), set()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        while not (await reader.read(65_536)).endswith(b"0\r\n\r\n"):
            continue
        writer.close()

    for index in range(int(per_s * seconds)):
        await asyncio.sleep(max(0.0, began + index / per_s - time.monotonic()))
        reading.add(asyncio.create_task(one()))
    await asyncio.wait(reading, timeout=10)


def half_of(preset: str, answer_tokens: int) -> float:
    """Answers a second at which half of the preset's places are taken, were all full."""
    speed = INFERENCE_PRESETS[preset]
    step_ms = speed.step_ms + speed.step_ms_per_sequence * speed.max_batch
    return 500 * speed.replicas * speed.max_batch / (step_ms * answer_tokens)


def bench_preset(preset: str, seconds: float) -> dict[str, Any]:
    """Streamed answers of a preset at half load, of a core or of the preset's own places, whichever comes first; how
    late the mock was by its own measure."""
    prompt, rate, half = [{"role": "user", "content": "x" * 800}], 10.0, half_of(preset, 100)
    request = post("/v1/chat/completions", {"model": "m", "messages": prompt, "stream": True, "max_tokens": 100})
    for run_s in (3.0, 3.0, seconds):
        with (
            mocks({"name": "llm", "mock": "openai", "preset": preset}) as (process, ready),
            watched_machine(run_s) as machine,
        ):
            before, began = cpu_s(process), time.monotonic()
            asyncio.run(ask_at_a_rate(int(ready["services"]["llm"].rpartition(":")[2]), request, rate, run_s))
            used, took = cpu_s(process) - before, time.monotonic() - began
            counts = counts_of(ready)
        measured = {"per_s": round(rate, 1), "cpu_share": round(used / took, 2)}
        rate = min(0.5 * rate * run_s / used, half)
    return {
        "preset": preset,
        "half_of_its_places_per_s": round(half, 1),
        **measured,
        "answered": counts["by_outcome"],
        "pacing_error_ms_p99": counts["pacing_error_ms_p99"],
        **machine,
        "bar": "pacing_error_ms_p99 <= 2",
        "met": counts["pacing_error_ms_p99"] <= 2,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["plain", "pipelined", "streams", "slow", "preset"])
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--slow-streams", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=Path("bench/out/mocks.json"))
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    parts = {
        "plain": lambda: bench_plain(options.seconds, depth=1),
        "pipelined": lambda: bench_plain(options.seconds, depth=16),
        "streams": lambda: bench_streams(options.streams, 50, options.seconds, replicas=20),
        "slow": lambda: bench_streams(options.slow_streams, 1, options.seconds * 2, replicas=1000),
        "preset": lambda: bench_preset("hosted-chat", options.seconds),
    }
    conditions = {
        "python": sys.version.split()[0],
        "cpus": os.cpu_count(),
        "cpu": platform.processor() or platform.machine(),
        "load_average": [round(x, 1) for x in os.getloadavg()],
        "client": "wrk" if shutil.which("wrk") else "asyncio",
    }
    print(", ".join(f"{name} {value}" for name, value in conditions.items()))
    found = json.loads(options.out.read_bytes()) if options.out.exists() else {}
    for part in options.parts:
        result = found[part] = {**parts[part](), "conditions": conditions}
        print(f"{part:<10}", "met     " if result["met"] else "NOT MET ", end=" ")
        print(*(f"{k} {v}" for k, v in result.items() if k not in {"met", "conditions"}), sep="\n" + " " * 20)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
