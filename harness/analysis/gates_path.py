"""Gates on the way to the target: what the network lost or queued, how the load was spread over the target's addresses,
and whether users came on new connections as the plan says they do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.analysis.doubt import NOT_FED, NOTED, broken, held
from harness.analysis.scene import Scene
from harness.analysis.slo import Slo
from harness.analysis.verdict import Caveat
from harness.results import TelemetryArray

LOST_SHARE = 0.02
"""Of the segments of one direction: above it the run measured the path. Loss on the public internet is mostly below."""
NOTED_SHARE = 0.005
FEWEST = 20
"""Segments that must be lost, or requests sent, before a share of them means anything."""
QUEUE_S = 0.25
"""How much longer than the shortest a usual round trip may be. A kernel may hold an acknowledgement for 200 ms."""
BUSIEST_SHARE = 0.9
CONNECTIONS_ERROR = 0.1
"""Connections for each arrival, against the declared share of new users."""


def path(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """The network lost little, and no queue stood in it, by the kernel's own counts of the load's connections."""
    del slos
    records = scene.telemetry()
    if records is None or not scene.segments or not len(scene.judged) or scene.judged.never_sent.all():
        return None
    sent, received = _growth(scene, records, "segments_sent"), _growth(scene, records, "segments_received")
    resent, unordered = _growth(scene, records, "segments_resent"), _growth(scene, records, "segments_unordered")
    if not sent:
        what = "segments lost on the path: this system's kernel does not count them"
        return Caveat("path", NOT_FED, what) if scene.evidence.own_run else None
    lost = max((count / of for count, of in ((resent, sent), (unordered, received)) if count >= FEWEST), default=0.0)
    what = f"{resent} of {sent} segments were sent again, {unordered} of {received} came out of order"
    queue = _queue_s(scene, records)
    if queue is not None:
        what += f"; round trips took {queue[0] * 1e3:.0f} ms, {queue[1] * 1e3:.0f} ms at best"
    if lost > LOST_SHARE or queue is not None:
        advice = "the network was the limit: mend it, widen it, or load from nearer to the target"
        return broken("path", f"path-limited: {what}", advice)
    if lost > NOTED_SHARE:
        return Caveat("path", NOTED, what, "latency limits are held against the path as well as against the target")
    return held("path", what)


def addresses(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """Where the target has several addresses, the load was not all sent to one of them."""
    del slos
    records = scene.telemetry()
    if records is None or len(scene.judged) < FEWEST:
        return None
    last = [records[records["worker"] == worker][-1] for worker in np.unique(records["worker"])]
    known = max((int(record["addresses"]) for record in last), default=0)
    if known < 2:
        return None
    busiest = max(float(record["busiest_address"]) for record in last if record["addresses"] == known)
    what = f"the busiest of the target's {known} addresses got {busiest:.0%} of the requests"
    if busiest > BUSIEST_SHARE:
        advice = "a client that resolves a name once tests one machine of many: let it take turns"
        return broken("addresses", what, advice)
    return held("addresses", what)


def connections(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """As many new connections as the plan declares users to be new; only where it does."""
    del slos
    declared, records = scene.evidence.new_connections, scene.telemetry()
    if declared is None or records is None or not scene.segments:
        return None
    opened, arrivals = _growth(scene, records, "connects"), _arrivals_between(scene, records)
    if arrivals < FEWEST:
        return None
    share = opened / arrivals
    what = f"{opened} connections for {arrivals} arrivals, {declared:.0%} of which were declared to be new users"
    too_few = share < declared - CONNECTIONS_ERROR
    too_many = share > declared + CONNECTIONS_ERROR and declared < 1.0  # several requests may each need one
    if too_few or too_many:
        hides = "a warm pool hides what connecting costs" if too_few else "something closes connections that users keep"
        return broken("connections", what, f"{hides}: mend the client, or declare `connections` as they are")
    return held("connections", what)


def _bounds(scene: Scene, records: TelemetryArray, worker: int) -> tuple[int, int] | None:
    """Indexes of one worker's records at the start and at the end of what is judged; a start before the first record is
    the first record, which the warm-up's connections are in."""
    mine = np.flatnonzero(records["worker"] == worker)
    moments = records["t_s"][mine]
    start, end = scene.segments[0].start_s, max(s.end_s for s in scene.segments) + 1.0
    first = max(0, int(np.searchsorted(moments, start, side="right")) - 1)
    last = int(np.searchsorted(moments, end, side="right")) - 1
    return (int(mine[first]), int(mine[last])) if last > first else None


def _growth(scene: Scene, records: TelemetryArray, name: str) -> int:
    """By how much a cumulative count grew over the judged part, all workers together."""
    found = (_bounds(scene, records, worker) for worker in np.unique(records["worker"]))
    return sum(int(records[name][b[1]]) - int(records[name][b[0]]) for b in found if b is not None)


def _arrivals_between(scene: Scene, records: TelemetryArray) -> int:
    """Arrivals that were sent in the time that `_growth` is over."""
    count, view = 0, scene.arrivals
    for worker in np.unique(records["worker"]):
        bounds = _bounds(scene, records, worker)
        if bounds is None:
            continue
        start, end = (float(records["t_s"][at]) for at in bounds)
        count += int(((view.raw("worker") == worker) & (view.sent_s > start) & (view.sent_s <= end)).sum())
    return count


def _queue_s(scene: Scene, records: TelemetryArray) -> tuple[float, float] | None:
    """(usual, shortest) round trip where the usual one is longer by more than a kernel's own delay; else None."""
    start, end = scene.segments[0].start_s, max(s.end_s for s in scene.segments) + 1.0
    known = records[records["round_trip_s"] > 0]
    judged = known["round_trip_s"][(known["t_s"] > start) & (known["t_s"] < end)]
    if not len(judged):
        return None
    usual, least = float(np.median(judged)), float(known["round_trip_s"].min())
    return (usual, least) if usual - least > QUEUE_S else None
