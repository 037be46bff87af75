"""What the live view costs: the CPU of its frames while a load of 1,000 arrivals a second writes its rows.

`make study-live`; the bar is 2 % of a core at two frames a second. The rows are written between the frames and not
counted; reading them, following four SLOs and drawing the block is.
"""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path

import numpy as np

from harness import config
from harness.analysis import parse_slo
from harness.cli.live import FRAME_S, Live
from harness.engine import Progress
from harness.results import RESULT_DTYPE, ResultArray, SpoolWriter
from harness.run.planning import plan_load
from harness.store import RunFolder

RATE, MINUTES = 1_000, 5
PLAN = f"""
target: http://127.0.0.1:9
journeys: {{chat: {{model: m}}}}
arrivals: {{segments: [{{phase: warm, hold: {RATE}/s, for: 10s}}, {{phase: peak, hold: {RATE}/s, for: {MINUTES}m}}]}}
slo: {{slos: ["e2e p95 <= 2s"]}}
"""
SLOS = ("ttft p95 <= 1s", "e2e p99 <= 2s", "errors < 1%", "goodput >= 95% {ttft: 1s, e2e: 2s}")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def rows(rng: np.random.Generator, elapsed_s: float, count: int) -> ResultArray:
    """The arrivals of the last half second, answered within a second."""
    array = np.zeros(count, RESULT_DTYPE)
    array["due_ns"] = (elapsed_s + rng.uniform(-FRAME_S, 0, count)) * 1e9
    array["sent_ns"] = array["due_ns"]
    array["first_token_ns"] = array["due_ns"] + rng.integers(10**8, 10**9, count)
    array["last_token_ns"] = array["finished_ns"] = array["first_token_ns"] + 10**8
    array["phase"] = elapsed_s >= 10
    return array


def main() -> None:
    rng = np.random.default_rng(1)
    frames, spent_s, worst_s = int(MINUTES * 60 / FRAME_S), 0.0, 0.0
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "plan.yaml"
        path.write_text(PLAN)
        load = plan_load(config.load_plan(path, environ={}), None, None, {}, seed=1)
        folder = RunFolder(Path(scratch), "run")
        folder.engine.mkdir(parents=True)
        spool = SpoolWriter(folder.spool(0), 0)
        live = Live(Terminal(), [parse_slo(text) for text in SLOS], lambda: elapsed_s)
        live.opened(folder)
        for frame in range(1, frames + 1):
            elapsed_s = frame * FRAME_S
            new = rows(rng, elapsed_s, int(RATE * FRAME_S))
            for row in new.tolist():
                spool.add(*row)
            spool.flush()
            done = {"ok": RATE * frame // 2}
            told = Progress("running", elapsed_s, RATE * 600, done["ok"], done["ok"], 0, 40, done, 4e-4, 0.4, 1, 1)
            start_s = time.process_time()
            live.watch(told, load)
            frame_s = time.process_time() - start_s
            spent_s, worst_s = spent_s + frame_s, max(worst_s, frame_s)
        spool.close()
    share = spent_s / (frames * FRAME_S)
    print(
        f"{frames} frames: {1e3 * spent_s / frames:.2f} ms each, {1e3 * worst_s:.0f} ms at most: {share:.2%} of a core"
    )


if __name__ == "__main__":
    main()
