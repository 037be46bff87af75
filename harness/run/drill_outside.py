"""The thread that holds one fault on what is not ours: watchman first, then the action, the rollback, the proof."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.drill import Lease, OutsideFault, OutsideSpan, Watchman
from harness.drill.adapters import Action, Observed, Probe, ProcessProvider, carry_out, confirmed
from harness.drill.adapters.carrying import with_secrets
from harness.errors import PeakproofError, Problem, RefusedError
from harness.guard.targets import check_target
from harness.run.drill_holding import TICK_S, Holder, Terms

SEEN_WITHIN_S = 10.0
"""How long the probes may take to see what an action did."""
TRIES = 3
_SHORT = 300


@dataclass(frozen=True)
class Reach:
    """Where actions and probes may go, and with which secrets."""

    allow_hosts: tuple[str, ...]
    owned: bool
    environ: Mapping[str, str]

    def permit(self, url: str) -> object:
        """Raises PeakproofError for a URL that may not be reached."""
        return check_target(url, self.allow_hosts, self.owned)

    def do(self, activity: Action | Probe) -> Observed:
        return carry_out(activity, self.environ, self.permit)

    def sees(self, probe: Probe, within_s: float = SEEN_WITHIN_S) -> bool:
        return confirmed(probe, self.environ, self.permit, within_s)


def check_outside(fault: OutsideFault, reach: Reach) -> None:
    """Before any load: everything can be done, and nothing is broken yet. Raises RefusedError or UsageError."""
    for activity in (fault.action, fault.rollback, fault.gone, *((fault.active,) if fault.active else ())):
        provider = activity.provider
        if isinstance(provider, ProcessProvider):
            if shutil.which(provider.path, path=reach.environ.get("PATH")) is None:
                raise RefusedError(Problem(f"{activity.name!r} needs the program {provider.path!r}", "install it"))
            texts = [*provider.env.values(), *provider.arguments]
        else:
            reach.permit(provider.url)
            texts = list(provider.headers.values())
        for text in texts:
            with_secrets(text, reach.environ)
    if not reach.sees(fault.gone, 0.0):
        what = f"{fault.name} is not in its steady state: the probe {fault.gone.name!r} does not hold before any fault"
        raise RefusedError(Problem(what, f"mend it, or clear it with: {command_of(fault.rollback)}"))
    if fault.active and reach.sees(fault.active, 0.0):
        what = f"the probe {fault.active.name!r} sees the fault on {fault.name} before it was made"
        raise RefusedError(Problem(what, "a probe for `active` is within its tolerance only under the fault"))


def command_of(action: Action) -> str:
    """What a person types to do the same by hand; secrets stay names."""
    provider = action.provider
    if isinstance(provider, ProcessProvider):
        return shlex.join([provider.path, *provider.arguments])
    return f"curl -X {provider.method} {shlex.quote(provider.url)}"


class OutsideHolder(Holder):
    """One fault on what is not ours; its watchman is up before the load begins."""

    def __init__(self, span: OutsideSpan, reach: Reach, terms: Terms, log: Path) -> None:
        """`log` is the watchman's. Raises RefusedError where it does not come up."""
        super().__init__(f"drill-outside-{span.fault.name[:40]}", terms)
        self._span = span
        self._reach = reach
        self._reverted: dict[str, float] = {}
        total_s = span.end_s - span.start_s + terms.ttl_s + span.fault.action.provider.timeout_s
        self._watchman = Watchman(
            span.fault,
            ttl_s=terms.ttl_s,
            total_s=total_s,
            allow_hosts=reach.allow_hosts if reach.owned else (),
            log=log,
        )

    def reverted(self) -> dict[str, float]:
        return self._reverted

    @property
    def over(self) -> frozenset[str]:
        return frozenset(self._reverted)

    def dismiss(self) -> None:
        with self._watchman:
            self._watchman.dismiss()

    def run(self) -> None:
        fault = self._span.fault
        with ExitStack() as watched:
            watched.enter_context(self._watchman)
            if not self._wait(self._span.start_s):
                self._watchman.dismiss()
                return
            if self._forbidden(f"the action {fault.action.name!r} was not carried out"):
                self._watchman.dismiss()
                return
            if not self._watchman.arm():
                self.trouble = f"the watchman of {fault.name} is gone: nothing was broken"
                self._note(self.trouble)
                return
            try:
                self._break(fault)
                if self.trouble:
                    self._terms.alarm(self.trouble)
                else:
                    self._wait(self._span.end_s)
            except PeakproofError as error:
                self.trouble = self.trouble or str(error)
            finally:
                self._roll_back(fault)

    def _wait(self, until_s: float) -> bool:
        """False where it was told to stop before."""
        while not self._stopping.is_set():
            if self._terms.now_s() >= until_s:
                return True
            self._stopping.wait(TICK_S)
        return False

    def _break(self, fault: OutsideFault) -> None:
        lease = Lease(f"outside {fault.name}", fault.name, fault.action.name, self._terms.owner, time.monotonic())
        self.granted.append(lease)  # whatever comes of it, something may be broken from here on
        seen = self._reach.do(fault.action)
        self._watchman.acted()
        if not seen.ok:
            self.trouble = f"the action {fault.action.name!r} failed: {_said(seen)}"
        elif fault.active and not self._reach.sees(fault.active):
            self.trouble = (
                f"the action {fault.action.name!r} was carried out, and {fault.active.name!r} does not see it"
            )
        elif fault.active:
            self.shown.append(fault.name)
        self._note(self.trouble or f"{fault.action.name} on {fault.name}: carried out")

    def _roll_back(self, fault: OutsideFault) -> None:
        """Believed on the probe alone. Where it does not see the fault gone, the watchman tries again by itself."""
        self.against = f"{fault.name}: the rollback {fault.rollback.name!r} did not go well"
        try:
            for number in range(TRIES):
                time.sleep(number)
                seen = self._reach.do(fault.rollback)
                self._reverted[self.granted[-1].id] = time.monotonic()
                if self._reach.sees(fault.gone):
                    self.against = ""
                    self._watchman.dismiss()
                    self._note(f"{fault.rollback.name} on {fault.name}: carried out, and seen by {fault.gone.name!r}")
                    return
                self.against = f"{fault.name}: the probe {fault.gone.name!r} does not see it gone"
                if not seen.ok:
                    self.against = f"{fault.name}: the rollback {fault.rollback.name!r} failed: {_said(seen)}"
        except PeakproofError as error:
            self.against = f"{fault.name}: {error}"
        finally:
            if self.against:
                self.trouble = self.trouble or self.against
                self._note(self.against)


def _said(seen: Observed) -> str:
    return (seen.problem or seen.stderr.strip() or f"it ended with {seen.status}")[:_SHORT]


def reach_of(allow_hosts: tuple[str, ...], owned: bool) -> Reach:
    """With this process's own environment."""
    return Reach(allow_hosts, owned, os.environ)
