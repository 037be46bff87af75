"""Mocks that are programs of their own: started with the upstreams' URLs in the environment, ended with us."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from mock_services.catalogue import CHILDREN
from mock_services.config import ChildPlan
from mock_services.service import SettingsError

START_LIMIT_S = 20.0
ANSWER_LIMIT_S = 15.0
"""Longer than the longest stop of a child's event loop that can be asked for."""
_STOP_LIMIT_S = 1.2


class ChildError(Exception):
    """A child that did not come up."""


class Child:
    """A running child; `settings` are those it said were in force."""

    def __init__(self, plan: ChildPlan, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self.plan = plan
        self.process = process
        self.url = ""
        self.settings: Mapping[str, Any] = {}
        self._control = control
        self._lines: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def mock(self) -> str:
        return self.plan.mock

    async def change(self, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Changes the child's settings at once, and answers those now in force.

        Raises SettingsError where they cannot be, ChildError where the child does not answer.
        """
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(ANSWER_LIMIT_S):
                    if self._lines is None:
                        self._lines = await asyncio.open_unix_connection(sock=self._control)
                    reader, writer = self._lines
                    writer.write(orjson.dumps(dict(changes)) + b"\n")
                    line = await reader.readline()
            except (TimeoutError, OSError) as error:
                self._hang_up()
                raise ChildError(f"{self.plan.name} does not answer: {error or 'too late'}") from None
        if not line:
            raise ChildError(f"{self.plan.name} has ended")
        said = orjson.loads(line)
        if "error" in said:
            raise SettingsError(said["error"])
        self.settings = said["settings"]
        return self.settings

    def _hang_up(self) -> None:
        """An answer that comes too late must not be taken for the next one's."""
        if self._lines is not None:
            self._lines[1].close()
        self._control.close()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL where that is not heard in time."""
        self._hang_up()
        if self.process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), _STOP_LIMIT_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


def environment(plan: ChildPlan, urls: Mapping[str, str], seed: int) -> dict[str, str]:
    """`COPILOT_PRIMARY_URL` and its like, `COPILOT_WEAKNESS=no_breaker,no_timeout`, and every other option as JSON
    or text. No admin token: a system under test has no business with it."""
    prefix = plan.mock.upper() + "_"
    values = {name: text for name, text in os.environ.items() if name != "PEAKPROOF_MOCK_TOKEN"}
    for role, name in plan.options.get("upstreams", {}).items():
        # what stands behind a TCP proxy is spoken to as ever
        values[f"{prefix}{role.upper()}_URL"] = urls[name].replace("tcp://", "http://", 1)
    values[prefix + "SEED"] = str(seed)
    for key, value in plan.options.items():
        if key != "upstreams":
            values[prefix + key.upper()] = _as_text(value)
    return values


def _as_text(value: Any) -> str:
    """Switches (`{"no_breaker": true}`) become a list of those that are on."""
    if isinstance(value, dict) and all(isinstance(on, bool) for on in value.values()):
        return ",".join(name for name, on in value.items() if on)
    return value if isinstance(value, str) else orjson.dumps(value).decode()


async def start_child(plan: ChildPlan, urls: Mapping[str, str], seed: int, folder: Path) -> Child:
    """Raises ChildError where it ends, or is not ready in time."""
    ready_file = folder / f"{plan.name.replace('/', '_')}.ready.json"
    control, childs_end = socket.socketpair()
    control.setblocking(False)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *CHILDREN[plan.mock],
        "--port",
        str(plan.port),
        "--ready-file",
        str(ready_file),
        "--control-fd",
        str(childs_end.fileno()),
        pass_fds=(childs_end.fileno(),),
        env=environment(plan, urls, seed),
        stdin=asyncio.subprocess.DEVNULL,
    )
    childs_end.close()
    child = Child(plan, process, control)
    for _ in range(round(START_LIMIT_S / 0.05)):
        if ready_file.exists():
            child.url = str(orjson.loads(ready_file.read_bytes())["url"])
            await child.change({})  # nothing: it answers what is in force
            return child
        if process.returncode is not None:
            raise ChildError(f"{plan.name} ended while starting (exit {process.returncode}); its output is above")
        await asyncio.sleep(0.05)
    await child.stop()
    raise ChildError(f"{plan.name} was not ready within {START_LIMIT_S:g} s")
