"""The version of what a run leaves to be judged: the fields of rows and telemetry, and the JSON beside them.

Every file that is read back says its format; another one is refused in words, for numbers of other fields would be
judged as if they were these.
"""

from __future__ import annotations

FORMAT = 2
"""Raised by one whenever a row, a telemetry record, the engine's facts or the manifest change their fields in a way
that a reader must know of; tests hold the fields."""
ADVICE = "run it again, or use the version that wrote it"


def of_format(found: object) -> str:
    """What a file of another format is (`found`: as it says; None, before files said it): part of a sentence."""
    written = found if isinstance(found, int) else "1 or older"
    return f"written by peakproof format {written}, this version reads {FORMAT}"
