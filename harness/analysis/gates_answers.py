"""Gates on the rows as answers: whole, possible, the target's and not our own machine's, and as long as
production's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.analysis.doubt import NOTED, broken, held
from harness.analysis.scene import Scene
from harness.analysis.slo import Slo
from harness.analysis.verdict import Caveat
from harness.analysis.view import View
from harness.results import Outcome, Reason

CLIENT_SHARE = 0.001
EARLY_S = 0.005
"""The alarm never rings early; more than this before due is a wrong stamp."""
LENGTH_ERROR = 0.10
DEGRADED_SHARE = 0.10
"""Of the answers, from which on it is said beside the verdict."""
_REASONS = frozenset(map(int, Reason))
_KNOWN_REASON = np.isin(np.arange(256), list(_REASONS))


def spool(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """The result files were whole."""
    del slos
    damage = scene.rows.damage
    if damage:
        more = f" (and {len(damage) - 1} more)" if len(damage) > 1 else ""
        return broken("spool", damage[0] + more, "the result files were cut or edited: run again")
    return held("spool", f"{len(scene.rows.array)} rows read whole")


def possible(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """No row says what cannot be: an answer before its request, an unknown outcome, a success without an end."""
    del slos
    catalog = scene.rows.catalog
    array = scene.arrivals if len(scene.arrivals) == len(scene.rows.array) else View.whole(scene.rows)
    due, sent, end = array.raw("due_ns"), array.raw("sent_ns"), array.raw("finished_ns")
    first, last, outcome = array.raw("first_token_ns"), array.raw("last_token_ns"), array.raw("outcome")
    success = array.success
    unsent = array.never_sent
    early = due - int(EARLY_S * 1e9)
    claims = (
        ("an unknown outcome", outcome > max(Outcome)),
        ("an unknown reason", ~_KNOWN_REASON[array.raw("reason")]),
        ("a due time before the start", due < 0),
        ("a success without an end", success & (end < 0)),
        ("an end before the send", (end >= 0) & (sent >= 0) & (end < sent)),
        ("an end before it was due", (end >= 0) & (end < early)),
        ("a send before it was due", (sent >= 0) & (sent < early)),
        ("a first token before the send", (first >= 0) & (sent >= 0) & (first < sent)),
        ("a first token after the end", (first >= 0) & (end >= 0) & (first > end)),
        ("a last token before the first", (last >= 0) & (first >= 0) & (last < first)),
        ("a last token after the end", (last >= 0) & (end >= 0) & (last > end)),
        ("a send though never sent", (outcome == Outcome.NOT_SENT) & (sent >= 0)),
        ("a first token though never sent", unsent & (first >= 0)),
        ("a success of our own run without a send", success & (sent < 0) & scene.evidence.own_run),
        *(
            (f"a {key} without a name", array.raw(key) >= len(names))
            for key, names in (
                ("phase", catalog.phases),
                ("journey", catalog.journeys),
                ("step", catalog.steps),
                ("tenant", catalog.tenants),
            )
        ),
    )
    for what, mask in claims:
        count = int(np.count_nonzero(mask))
        if count:
            at = float(due[mask].min()) * 1e-9
            return broken("possible", f"{count} rows hold {what}", "the rows are wrong: repair their source", at)
    return held("possible", "no row says what cannot be")


def client_failures(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """Failures of our own machine (DNS, ports, descriptors) accuse nobody else; above 0.1 % they spoil the run."""
    del slos
    view = scene.judged
    ours = view.raw("reason") >= Reason.CLIENT_DNS
    count, n = int(ours.sum()), len(view)
    if count > CLIENT_SHARE * n:
        first = int(view.raw("reason")[ours][0])
        reason = Reason(first).label if first in _REASONS else f"reason {first}"
        return broken(
            "client_failures",
            f"{count} of {n} requests failed on our own machine ({reason})",
            "raise the descriptor limit, the port range or mend the DNS: see `peakproof doctor`",
            float(view.due_s[ours][0]),
        )
    return held("client_failures", f"{count} of {n} requests failed on our own machine")


def target_count(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """Where the target counts its own requests: at least every answered one, at most every attempt."""
    del slos
    counted = scene.evidence.target_count
    if counted is None or scene.is_part:
        return None
    array = scene.rows.array
    whole = array["step"] == 0
    stepped = np.isin(array["seq"], array["seq"][~whole]) if not whole.all() else np.zeros(len(array), dtype=bool)
    requests = array[~whole | ~stepped]
    answered = int((requests["status"] > 0).sum())
    sent = requests["sent_ns"] >= 0
    attempts = int(np.maximum(requests["attempts"][sent], 1).sum())
    what = f"the target counted {counted} requests; {answered} were answered in {attempts} attempts"
    if not answered <= counted <= attempts:
        return broken("target_count", what, "something answered in the target's place, or the target loses count")
    return held("target_count", what)


def mock_pacing(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """Our own mocks were not the limit; only where there are mocks."""
    del slos
    limit, error = scene.evidence.mock_pacing_limit_s, scene.evidence.mock_pacing_error_s_p99
    if limit is None:
        return None
    if error is None or not error <= limit:
        said = "unknown" if error is None else f"{error * 1e3:.1f} ms"
        return broken(
            "mock_pacing",
            f"the mocks' own pacing error p99 is {said}, limit {limit * 1e3:.1f} ms",
            "the mocks were the limit: a lower rate, or more cores",
        )
    return held("mock_pacing", f"mock pacing error p99 {error * 1e3:.1f} ms (limit {limit * 1e3:.1f} ms)")


def answer_length(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """Answers as long as the plan asked for, within 10 % in the mean; only where the plan asks and tokens were
    counted."""
    del slos
    plan = scene.planned
    if plan is None or plan.tokens_out is None:
        return None
    view = scene.judged.where((scene.judged.outcome == Outcome.OK) & (scene.judged.raw("tokens_out") > 0))
    order = np.argsort(plan.seq)
    place = np.searchsorted(plan.seq[order], view.raw("seq"))
    inside = place < len(order)
    asked = plan.tokens_out[order[np.minimum(place, len(order) - 1)]].astype(float)
    got = view.raw("tokens_out").astype(float)
    inside &= asked > 0
    if not inside.any():
        return None
    ratio = float(got[inside].mean() / asked[inside].mean())
    what = f"answers hold {ratio:.0%} of the tokens asked for"
    if abs(ratio - 1) > LENGTH_ERROR and not scene.evidence.lengths_declared:
        return Caveat(
            "answer_length", NOTED, what, "shorter answers cost less: declare production's lengths to gate on them"
        )
    if abs(ratio - 1) > LENGTH_ERROR:
        return broken(
            "answer_length", what, "shorter answers cost less than production's: check the model and max_tokens"
        )
    return held("answer_length", what)


def degraded(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """Degraded answers count as answers. Where they are many, whoever reads PASS must know that the system did not
    do its whole work."""
    view = scene.judged
    answers = int(view.success.sum())
    count = int((view.outcome == Outcome.DEGRADED).sum())
    if count < DEGRADED_SHARE * answers or count == 0:
        return None
    names = scene.rows.catalog.degraded
    how = np.bincount(view.raw("degraded")[view.outcome == Outcome.DEGRADED], minlength=len(names))
    signal = names[int(how.argmax())] if how.argmax() < len(names) else ""
    what = f"{count / answers:.0%} of the answers were degraded" + (f" ({signal})" if signal else "")
    promised = any(slo.metric in {"degraded", "goodput"} and slo.gate == "block" for slo in slos)
    advice = "" if promised else "no SLO forbids it: add `degraded < 5%` or a goodput"
    return Caveat("degraded", NOTED, what, advice)
