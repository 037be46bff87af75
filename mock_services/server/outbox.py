"""What the connections of one port have to say, gathered for a moment: each sends once, in the order they spoke."""

from __future__ import annotations

from typing import Protocol


class Speaker(Protocol):
    """A connection, as its outbox sees it."""

    def send_held(self) -> None:
        """What it has said since it was added leaves now."""


class Outbox:
    """While it is `holding`, connections keep what they write; `flush` lets it go.

    A thousand streams are due in the same few milliseconds. Their chunks are made in one go, which keeps the code for
    that in the processor's caches, and sent in another, a step of the model after the other.
    """

    __slots__ = ("_speakers", "holding")

    def __init__(self) -> None:
        self.holding = False
        self._speakers: list[Speaker] = []

    def add(self, speaker: Speaker) -> None:
        self._speakers.append(speaker)

    def flush(self) -> None:
        """Everything held is with the kernel once this returns, but for those whose clients read too slowly."""
        speakers = self._speakers
        for speaker in speakers:
            speaker.send_held()
        speakers.clear()

    def release(self) -> None:
        """Holds no more."""
        self.holding = False
        self.flush()
