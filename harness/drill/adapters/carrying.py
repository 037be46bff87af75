"""Carries out one activity: starts the program or sends the request, and says what came of it. It never raises for
what the other side did."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import IO

import httpx

from harness.config.variables import SECRET
from harness.drill.adapters.activity import Action, HttpProvider, Probe, ProcessProvider
from harness.drill.adapters.tolerance import Observed, is_within
from harness.errors import PeakproofError, Problem, UsageError

KEPT_BYTES = 65_536
_LOOK_S = 0.05
_HTTP_FAILURE = 400
_QUERY_METHODS = ("GET", "HEAD", "DELETE")

Permit = Callable[[str], object]
"""Raises PeakproofError for a URL that may not be reached (`guard.targets.check_target` with the plan's hosts)."""


def carry_out(activity: Action | Probe, environ: Mapping[str, str], permit: Permit) -> Observed:
    """Do it, with its pauses. What went wrong is in the answer. Raises UsageError only for a secret that is not set."""
    pauses = activity.pauses if isinstance(activity, Action) else None
    if pauses:
        time.sleep(pauses.before_s)
    if isinstance(activity.provider, ProcessProvider):
        seen = run_program(activity.provider, environ)
    else:
        seen = send_request(activity.provider, environ, permit)
    if pauses:
        time.sleep(pauses.after_s)
    return seen


def confirmed(probe: Probe, environ: Mapping[str, str], permit: Permit, within_s: float, every_s: float = 0.25) -> bool:
    """Whether the probe is within its tolerance at some look before `within_s` have passed; one look at least."""
    deadline_s = time.monotonic() + within_s
    while True:
        if is_within(probe.tolerance, carry_out(probe, environ, permit)):
            return True
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(every_s)


def run_program(provider: ProcessProvider, environ: Mapping[str, str]) -> Observed:
    """The program's exit code and the first 64 KiB of what it said; its whole process group is gone afterwards."""
    path = shutil.which(provider.path, path=environ.get("PATH"))
    if path is None:
        return Observed(False, None, problem=f"no such program: {provider.path}")
    own = {name: with_secrets(text, environ) for name, text in provider.env.items()}
    arguments = [with_secrets(word, environ) for word in provider.arguments]
    started_s = time.monotonic()
    try:
        child = subprocess.Popen(  # noqa: S603 -- the drill's own words, no shell
            [path, *arguments],
            env={**environ, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return Observed(False, None, problem=f"{provider.path}: {error.strerror}")
    try:
        out, err, in_time = _listen(child, started_s + provider.timeout_s)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        code = child.wait()
    took_s = time.monotonic() - started_s
    problem = "" if in_time else f"{provider.path} did not end within {provider.timeout_s:g} s"
    return Observed(in_time and code == 0, code if in_time else None, out, err, took_s, problem)


def _listen(child: subprocess.Popen[bytes], deadline_s: float) -> tuple[str, str, bool]:
    """Both outputs until the program has ended (what it left running may keep them open), or the deadline."""
    assert child.stdout is not None and child.stderr is not None
    heard: dict[IO[bytes], bytearray] = {child.stdout: bytearray(), child.stderr: bytearray()}
    with selectors.DefaultSelector() as selector, child.stdout, child.stderr:
        for stream in heard:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, stream)
        in_time = True
        while child.poll() is None and in_time:
            _take(selector, heard, _LOOK_S)
            in_time = time.monotonic() < deadline_s
        while _take(selector, heard, 0) and time.monotonic() < deadline_s:
            pass
    out, err = (bytes(data).decode(errors="replace") for data in heard.values())
    return out, err, in_time


def _take(selector: selectors.BaseSelector, heard: dict[IO[bytes], bytearray], wait_s: float) -> bool:
    """Reads what is there; beyond the limit it is dropped, so that the program is never held up. Was anything read?"""
    if not selector.get_map():
        time.sleep(wait_s)
        return False
    got = False
    for key, _ in selector.select(wait_s):
        data = os.read(key.fd, KEPT_BYTES)
        if not data:
            selector.unregister(key.fileobj)
            continue
        got = True
        kept = heard[key.data]
        kept += data[: max(0, KEPT_BYTES - len(kept))]
    return got


def send_request(provider: HttpProvider, environ: Mapping[str, str], permit: Permit) -> Observed:
    """The status and the first 64 KiB of the body, all of it within the timeout."""
    started_s = time.monotonic()
    try:
        permit(provider.url)
    except PeakproofError as error:
        return Observed(False, None, problem=str(error))
    headers = {name: with_secrets(text, environ) for name, text in provider.headers.items()}
    is_query = provider.method in _QUERY_METHODS
    body = bytearray()
    try:
        with (
            httpx.Client(trust_env=False, timeout=provider.timeout_s) as client,
            client.stream(
                provider.method,
                provider.url,
                headers=headers,
                params=provider.arguments if is_query else None,
                json=None if is_query else provider.arguments,
            ) as response,
        ):
            for piece in response.iter_bytes():
                body += piece[: KEPT_BYTES - len(body)]
                if len(body) >= KEPT_BYTES or time.monotonic() - started_s > provider.timeout_s:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Observed(False, None, problem=f"{provider.method} {provider.url}: {error or type(error).__name__}")
    took_s = time.monotonic() - started_s
    text = body.decode(errors="replace")
    return Observed(response.status_code < _HTTP_FAILURE, response.status_code, text, "", took_s)


def with_secrets(text: str, environ: Mapping[str, str]) -> str:
    """`${env:NAME}` replaced, at the last moment. Raises UsageError for a variable that is not set."""
    for name in SECRET.findall(text):
        if not environ.get(name):
            raise UsageError(Problem(f"the environment has no {name}", f"export {name}=..."))
    return SECRET.sub(lambda match: environ[match[1]], text)
