"""The kill switch of a running drill: a stop file, and a door on loopback (`peakproof drill stop`, or any HTTP client).

The drill writes into its run folder, for its owner's eyes only, where the door is and the token that opens it:
`curl -X POST -H "Authorization: Bearer $TOKEN" $URL/stop`. The note is gone when the drill is.
"""

from __future__ import annotations

import hmac
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import orjson

from harness.errors import Problem, RefusedError, UsageError

STOP_FILE = "STOP"
"""`touch runs/STOP` ends every drill under that root within a second."""
NOTE = "stop.json"
"""In the run folder while the drill runs: `{"url", "token", "pid"}`."""
TOKEN_VARIABLE = "PEAKPROOF_DRILL_TOKEN"  # noqa: S105 -- the name of a variable
"""The door's token, where somebody wants to know it beforehand."""
POLL_S = 0.2
_PATIENCE_S = 5.0

Halt = Callable[[str], None]
Status = Callable[[], Mapping[str, Any]]


class KillSwitch:
    """Use as a context manager: inside, each of the ways in calls `halt` with its name. `status` is what the door
    tells who asks. Port 0 takes a free one; the door listens on loopback only."""

    def __init__(self, folder: Path, halt: Halt, status: Status, *, port: int = 0, token: str = "") -> None:
        """Raises RefusedError where the port is taken."""
        self._stop_file = folder.parent / STOP_FILE
        self._note = folder / NOTE
        self._halt = halt
        self._token = token or secrets.token_urlsafe(24)
        self._over = threading.Event()
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _door(self._token, halt, status))
        except OSError as error:
            raise RefusedError(Problem(f"the kill switch cannot take port {port}: {error.strerror}")) from None
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._threads = (
            threading.Thread(target=self._watch_file, name="drill-stop-file", daemon=True),
            threading.Thread(target=self._server.serve_forever, args=(POLL_S,), name="drill-kill-switch", daemon=True),
        )

    def __enter__(self) -> Self:
        self._note.touch(mode=0o600)
        self._note.write_bytes(orjson.dumps({"url": self.url, "token": self._token, "pid": os.getpid()}))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._note.unlink(missing_ok=True)
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _watch_file(self) -> None:
        """Several times a second, whatever the engine has to say."""
        while not self._over.wait(POLL_S):
            if self._stop_file.exists():
                self._halt(f"stopped by {self._stop_file}")
                return


def _refusal(headers: Message, token: str) -> HTTPStatus | None:
    """A page in a browser reaches loopback too: it knows no token, and names itself or another host."""
    given = headers.get("Authorization", "").removeprefix("Bearer ").encode("latin-1", "replace")
    if "Origin" in headers or headers.get("Host", "").rpartition(":")[0] not in ("127.0.0.1", "localhost"):
        return HTTPStatus.FORBIDDEN
    return None if hmac.compare_digest(given, token.encode()) else HTTPStatus.UNAUTHORIZED


def _door(token: str, halt: Halt, status: Status) -> type[BaseHTTPRequestHandler]:
    class Door(BaseHTTPRequestHandler):
        """`GET /` tells where the drill stands, `POST /stop` ends it; both need the token."""

        timeout = _PATIENCE_S
        server_version, sys_version = "peakproof", ""

        def do_GET(self) -> None:
            if self._may_enter("/"):
                self._answer(HTTPStatus.OK, status())

        def do_POST(self) -> None:
            if self._may_enter("/stop"):
                halt("stopped by its kill switch")
                self._answer(HTTPStatus.ACCEPTED, status())

        def _may_enter(self, path: str) -> bool:
            refused = _refusal(self.headers, token)
            if refused is None and self.path != path:
                refused = HTTPStatus.NOT_FOUND
            if refused is not None:
                self._answer(refused)
            return refused is None

        def _answer(self, code: HTTPStatus, said: Mapping[str, Any] | None = None) -> None:
            body = orjson.dumps({"error": {"message": code.phrase}} if said is None else said)
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """The terminal belongs to the drill."""

    return Door


@dataclass(frozen=True)
class RunningDrill:
    """A drill under way, by the note in its run folder."""

    run_id: str
    url: str
    token: str

    def ask(self, method: str = "GET", path: str = "/") -> Mapping[str, Any]:
        """What its door says. Raises RefusedError where nobody answers, or not with yes."""
        try:
            with httpx.Client(trust_env=False, timeout=_PATIENCE_S) as client:
                answer = client.request(method, self.url + path, headers={"Authorization": f"Bearer {self.token}"})
                answer.raise_for_status()
                said: Mapping[str, Any] = answer.json()
                return said
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            advice = "it has ended without cleaning up; its faults end by themselves when their leases run out"
            what = f"drill {self.run_id} does not answer at {self.url}: {error or type(error).__name__}"
            raise RefusedError(Problem(what, advice)) from None

    def stop(self) -> Mapping[str, Any]:
        """End its load and its faults now. Raises RefusedError."""
        return self.ask("POST", "/stop")


def running_drills(root: Path, run_id: str = "") -> tuple[RunningDrill, ...]:
    """The drills whose notes lie under `root`, all or the one named. Raises UsageError for a name that is none."""
    found = []
    for path in sorted(root.glob(f"*/{NOTE}")):
        try:
            note = orjson.loads(path.read_bytes())
            found.append(RunningDrill(path.parent.name, str(note["url"]), str(note["token"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # it ended while we looked
    if run_id and not (found := [drill for drill in found if drill.run_id == run_id]):
        raise UsageError(
            Problem(f"no drill {run_id!r} is running", "`peakproof drill status` tells which are", str(root))
        )
    return tuple(found)
