"""The engine before others, where the system lets it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PRIORITY = -10


def ask_for_priority() -> None:
    """Before others where the system lets us: an arrival that waits for the processor is sent late, and a target or a
    mock on the same machine must not be what makes it late. Where Linux shares the processor among sessions first
    (autogroup), the engine's session asks too: within it alone the process's own priority would weigh nothing."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(PRIORITY))
