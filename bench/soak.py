"""A long load at half the rate that the engine is rated for: memory, descriptors and send lag must not move.

    make soak-engine         # or: python -m bench.soak [--minutes 10] [--rate 5000]

By hand, not in any test: ten minutes. Exit 1 where something moved. Writes `bench/out/soak.json`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass

import numpy as np

from bench import servers
from bench.engine import PARTS
from bench.flying import PLAIN, Flown, fly, uniform
from harness.engine.priority import ask_for_priority

RATE_PER_S = 5_000
"""Half of the floor of planned arrivals on one core."""
MEMORY_MB_PER_MILLION, LAG_FACTOR, LAG_SLACK_MS = 8.0, 2.0, 0.5


@dataclass(frozen=True)
class Soaked:
    """First against last third of the load; the first tenth warms up and counts for nothing."""

    requests: int
    memory_mb: tuple[float, float]
    descriptors: tuple[int, int]
    lag_ms_p99: tuple[float, float]
    waited_s: float
    failed: int

    @property
    def moved(self) -> list[str]:
        """What did not stay as it was, one sentence each."""
        grown = (self.memory_mb[1] - self.memory_mb[0]) / (self.requests * 0.6) * 1e6
        said = [f"memory grew by {grown:.1f} MB a million requests"] if grown > MEMORY_MB_PER_MILLION else []
        if self.descriptors[1] > self.descriptors[0] + 1:
            said.append(f"descriptors went from {self.descriptors[0]} to {self.descriptors[1]}")
        if self.lag_ms_p99[1] > self.lag_ms_p99[0] * LAG_FACTOR + LAG_SLACK_MS:
            said.append(f"send lag p99 went from {self.lag_ms_p99[0]:.2f} to {self.lag_ms_p99[1]:.2f} ms")
        return said + ([f"{self.failed} requests failed"] if self.failed else [])


def soaked(flown: Flown) -> Soaked:
    rss, fds, rows = np.array(flown.rss_mb), np.array(flown.descriptors), flown.rows
    lag_ms = (rows["sent_ns"] - rows["due_ns"]) / 1e6

    def ends(values: np.ndarray, q: float) -> tuple[float, float]:
        count = values.size
        first, last = values[count // 10 : count * 4 // 10], values[count * 7 // 10 :]
        return float(np.percentile(first, q)), float(np.percentile(last, q))

    fds_first, fds_last = ends(fds, 100)
    failed = int(rows.size - flown.ok.size)
    return Soaked(rows.size, ends(rss, 50), (int(fds_first), int(fds_last)), ends(lag_ms, 99), flown.waited_s, failed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=RATE_PER_S)
    asked = parser.parse_args()
    if lacking := servers.missing("nginx", "taskset"):
        print(f"the soak needs {', '.join(lacking)}: apt-get install nginx util-linux")
        return 2
    ask_for_priority()
    with servers.nginx() as url:
        result = soaked(fly(url, uniform(asked.rate, asked.minutes * 60), PLAIN, warm=200))
    PARTS.parent.mkdir(parents=True, exist_ok=True)
    (PARTS.parent / "soak.json").write_text(json.dumps(asdict(result) | {"moved": result.moved}, indent=1))
    print(f"{result.requests:,} requests in {asked.minutes:g} minutes; first and last third:")
    print(f"memory {result.memory_mb[0]:.1f} and {result.memory_mb[1]:.1f} MB, descriptors {result.descriptors}, ")
    print(f"send lag p99 {result.lag_ms_p99[0]:.2f} and {result.lag_ms_p99[1]:.2f} ms; waited {result.waited_s:.2f} s")
    print("\n".join(result.moved) or "nothing moved")
    return 1 if result.moved else 0


if __name__ == "__main__":
    raise SystemExit(main())
