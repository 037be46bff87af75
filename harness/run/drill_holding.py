"""What the threads that hold a drill's faults have in common: their terms, their journal, how they are told to stop."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.drill import Lease

TICK_S = 0.05


@dataclass(frozen=True)
class Event:
    """One line of the journal, on the run's clock."""

    at_s: float
    what: str


@dataclass(frozen=True)
class Terms:
    """On which terms a drill's faults are held: the same for each of them."""

    owner: str
    ttl_s: float
    """A fault that nobody renews ends by itself after this."""
    now_s: Callable[[], float]
    """The run's clock; negative until the load begins."""
    veto: Callable[[], str]
    """Why nothing may be broken, asked at that moment; empty where it may."""
    alarm: Callable[[str], None]
    """Told what went wrong, at once: the other faults and the load need not go on."""


class Holder(threading.Thread, ABC):
    """Runs beside the load, makes faults when they are due, and takes them back whatever comes."""

    def __init__(self, name: str, terms: Terms) -> None:
        super().__init__(name=name, daemon=True)
        self._terms = terms
        self._stopping = threading.Event()
        self.journal: list[Event] = []
        self.granted: list[Lease] = []
        self.not_injected = ""
        """Why nothing was broken; empty where it was, or was not due."""
        self.trouble = ""
        """What went wrong with a fault; empty while nothing did."""
        self.against = ""
        """What speaks against the rollback, as far as the thread itself can tell."""
        self.shown: list[str] = []
        """What a probe of its own saw in force."""

    def stop(self) -> None:
        """Take everything back now. Safe from a signal handler; does not wait."""
        self._stopping.set()

    @abstractmethod
    def dismiss(self) -> None:
        """For one that was never started."""

    @property
    @abstractmethod
    def over(self) -> frozenset[str]:
        """The leases that were taken back."""

    @abstractmethod
    def reverted(self) -> Mapping[str, float]:
        """lease -> when it ended, by the host's monotonic clock; without those that nobody can tell of."""

    def _forbidden(self, unmade: str) -> bool:
        """Whether nothing may be broken now. Then it is noted as `unmade`, and told to the others."""
        why = self._terms.veto()
        if why:
            self.not_injected = why
            self._note(f"{unmade}: {why}")
            self._terms.alarm(why)
        return bool(why)

    def _note(self, what: str) -> None:
        self.journal.append(Event(self._terms.now_s(), what))
