"""The metrics of a run under way for a Prometheus to scrape, on loopback; the verdict stays until the command ends."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from harness.cli.terminal import note
from harness.errors import EvidenceError, Problem, RefusedError

if TYPE_CHECKING:
    from harness.report import LivePlan, Moment, RunLabels
    from harness.store import RunFolder

PATH = "/metrics"
POLL_S = 0.2
_PATIENCE_S = 5.0
LONGEST_WAIT_S = 65.0
"""Prometheus scrapes once a minute where nobody tells it otherwise."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a scraper that hangs up is no news
            super().handle_error(request, client_address)


class MetricsPort:
    """Use as a context manager: inside, `http://127.0.0.1:PORT/metrics` answers as soon as there is something to show;
    who comes before waits so long. Port 0 takes a free one.

    Scrapes are answered by a thread of the command's own process: the load runs in others. The thread begins when
    those have been started, for to fork beside threads is to ask for trouble.
    """

    def __init__(self, port: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises RefusedError where the port is taken."""
        self._clock = clock
        self._labels: RunLabels | None = None
        self._folder: RunFolder | None = None
        self._seen: tuple[Moment, LivePlan] | None = None
        self._verdict = ""
        self._scraped_s: list[float] = []
        self._verdict_fetched = threading.Event()
        try:
            self._server = _Server(("127.0.0.1", port), _page(self))
        except OSError as error:
            what = f"--metrics-port cannot take {port}: {error.strerror}"
            raise RefusedError(Problem(what, "another one, or 0 for any that is free")) from None
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}{PATH}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), name="metrics-port", daemon=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()

    def opened(self, folder: RunFolder) -> None:
        """The run has a folder: its manifest says what the values are of."""
        self._folder, self._labels = folder, None

    def show(self, now: Moment, plan: LivePlan) -> None:
        """What the next scrape is told."""
        if self._labels is None and self._folder is not None:
            self._labels = _labels_of(self._folder)
        self._seen = (now, plan)
        if not self._thread.is_alive():
            self._thread.start()

    def end(self, verdict: str) -> None:
        """The OpenMetrics text of what came of the run; from now on it is told as well."""
        self._verdict = verdict

    def linger(self) -> None:
        """Leave a scraper the time to come once more, for the verdict. Ctrl-C ends the wait."""
        wait_s = self.patience_s()
        if wait_s > 0:
            note(f"metrics  the verdict is served until it is fetched, for {wait_s:.0f} s at most (Ctrl-C ends that)")
            with contextlib.suppress(KeyboardInterrupt):
                self._verdict_fetched.wait(wait_s)

    def patience_s(self) -> float:
        """How long a scraper is waited for: twice the time between its last two visits; 0 where none ever came, or
        one has the verdict already."""
        visits = list(self._scraped_s)
        if not visits or self._verdict_fetched.is_set():
            return 0.0
        between_s = visits[-1] - visits[-2] if len(visits) > 1 else LONGEST_WAIT_S
        return min(LONGEST_WAIT_S, 2 * between_s + 1.0)

    def text(self) -> str:
        """What a scrape is told now, in OpenMetrics."""
        from harness.report import RunLabels, live_metrics
        from harness.report.exposition import END

        verdict = self._verdict
        if self._seen is None:
            return END
        return live_metrics(*self._seen, self._labels or RunLabels(), verdict)

    def scraped(self, text: str) -> None:
        """A scraper has been given `text`."""
        self._scraped_s.append(self._clock())
        del self._scraped_s[:-2]
        if self._verdict and text.endswith(self._verdict):
            self._verdict_fetched.set()


def _labels_of(folder: RunFolder) -> RunLabels | None:
    from harness.report import RunLabels

    try:
        manifest = folder.read_manifest()
    except EvidenceError:
        return None  # not written yet: asked again at the next moment
    told = {name: str(manifest.get(name, "")) for name in ("plan", "plan_hash")}
    target = str(manifest.get("target_name") or manifest.get("target", ""))
    return RunLabels(run_id=folder.run_id, target=target, **told)


def _page(port: MetricsPort) -> type[BaseHTTPRequestHandler]:
    class Page(BaseHTTPRequestHandler):
        """`GET /metrics`, in the format that is asked for."""

        timeout = _PATIENCE_S
        server_version, sys_version = "peakproof", ""

        def do_GET(self) -> None:
            from harness.report import exposition

            # A page in a browser that makes its own name point to loopback is not to read what is tested here.
            if self.headers.get("Host", "").rpartition(":")[0] not in ("127.0.0.1", "localhost"):
                self._answer(HTTPStatus.FORBIDDEN, "text/plain", f"{HTTPStatus.FORBIDDEN.phrase}\n")
            elif self.path.partition("?")[0] != PATH:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", f"see {PATH}\n")
            else:
                text = port.text()
                if "application/openmetrics-text" in self.headers.get("Accept", ""):
                    self._answer(HTTPStatus.OK, exposition.OPENMETRICS, text)
                else:
                    self._answer(HTTPStatus.OK, exposition.PROMETHEUS, exposition.as_prometheus(text))
                port.scraped(text)

        def _answer(self, code: HTTPStatus, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """The terminal belongs to the run."""

    return Page
