"""Row 44: the clock of one of two workers is half a minute ahead, for every library of its process."""

import os
import sys
import time
from pathlib import Path

from harness.engine import Arrival, Steps, http, journey

if "1" in sys.argv[-2:]:
    ahead = Path(__file__).with_name("ahead.txt")
    ahead.write_text("30")
    os.environ["PEAKPROOF_LYING_CLOCK"] = str(ahead)
    if time.time() - ahead.stat().st_mtime < 25:
        raise RuntimeError("the clock does not lie")


@journey()
def ask(arrival: Arrival) -> Steps:
    yield http("GET", "/ask")
