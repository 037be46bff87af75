"""Gates on caches: answers that were made before flatter a target as often as the load repeats itself.

Two witnesses: the answers that say so (a served-by mark), against the share that the plan declares; and, where prompts
repeat, the time that answers to repeated prompts took against that of first ones, within the same stretch of load.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.analysis.doubt import NOTED, broken, held
from harness.analysis.scene import Scene
from harness.analysis.slo import Slo
from harness.analysis.special import normal_tail
from harness.analysis.verdict import Caveat
from harness.analysis.view import Floats
from harness.results import Outcome

CACHE_ERROR = 0.05
FEWEST = 20
"""First and repeated prompts that a comparison takes."""
FASTER = 0.8
REPEATS_P = 0.001
_ADVICE = "repeated prompts flatter the target: use unique ones, or declare `prompts.cached` as production has it"


def cache_share(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """Answers that say they came from a cache, as often as production's. A degraded answer from a cache is degraded
    mode, not a flattered one."""
    del slos
    declared = scene.evidence.declared_cache_share
    catalog, view = scene.rows.catalog, scene.judged
    marks = [i for i, name in enumerate(catalog.served_by) if "cache" in name.lower()]
    good = view.success if declared is not None else view.outcome == Outcome.OK
    cached = np.isin(view.raw("served_by"), marks) & good
    share = float(cached.mean()) if len(view) else 0.0
    if declared is None and not marks:
        return None
    what = f"{share:.1%} of the answers came from a cache, " + (
        "none declared" if declared is None else f"{declared:.1%} declared"
    )
    if abs(share - (declared or 0.0)) > CACHE_ERROR:
        return broken("cache_share", what, _ADVICE)
    return held("cache_share", what)


def repeated_prompts(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """Where prompts repeat, answers to repeated ones are not faster than to first ones."""
    del slos
    numbers, declared = scene.evidence.prompt_of, scene.evidence.declared_cache_share
    if numbers is None or declared:
        return None
    seq = scene.arrivals.raw("seq")
    repeats = np.isin(seq, np.unique(numbers, return_index=True)[1], invert=True)
    good = scene.arrivals.success & np.isin(seq, scene.judged.raw("seq"))
    spent = scene.arrivals.finished_s - scene.arrivals.sent_s
    first, again = spent[good & ~repeats], spent[good & repeats]
    if len(again) == 0:
        return None
    if min(len(first), len(again)) < FEWEST:
        share = len(again) / (len(first) + len(again))
        what = f"{share:.0%} of the judged prompts were asked before: a cache could not be told from the target"
        return Caveat("repeated_prompts", NOTED, what, "a longer prompts file, or none: generated prompts are unique")
    ratio = float(np.median(again) / max(np.median(first), 1e-9))
    what = f"answers to repeated prompts took {ratio:.0%} of the time of first ones"
    if ratio < FASTER and _later_is_less(first, again) < REPEATS_P:
        return broken("repeated_prompts", what + ": a cache answered", _ADVICE)
    return held("repeated_prompts", what)


def _later_is_less(first: Floats, again: Floats) -> float:
    """One-sided p-value of the rank-sum test that `again` is not smaller (normal approximation, no ties)."""
    order = np.argsort(np.argsort(np.concatenate([again, first]), kind="stable"), kind="stable")
    m, n = len(again), len(first)
    statistic = float(order[:m].sum()) - m * (m - 1) / 2
    z = (m * n / 2 - statistic) / math.sqrt(m * n * (m + n + 1) / 12)
    return normal_tail(z)
