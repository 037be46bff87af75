"""The gate on being let in: a key that is wrong is a fault of the run, not of the system."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.analysis.doubt import broken, held
from harness.analysis.scene import Scene
from harness.analysis.slo import Slo
from harness.analysis.verdict import Caveat

KIND = "credentials"
_REFUSED = (401, 403, 407)


def credentials(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """Some request of each journey was let in. Where every answer of a journey from the first on was 401, 403 or 407,
    nothing of the system was measured. One that lets requests in and refuses later ones is the system's own affair:
    that stays a failure. Says nothing where no answer was a refusal."""
    del slos
    view = scene.arrivals
    status = view.raw("status")
    refused = np.isin(status, _REFUSED)
    if not refused.any():
        return None
    answered = status > 0
    let_in = np.unique(view.journey[answered & ~refused])
    shut_out = np.setdiff1d(view.journey[refused], let_in)
    if len(shut_out):
        mine = answered & np.isin(view.journey, shut_out)
        where = _where(scene, shut_out) if len(let_in) else ""
        what = f"every answer{where} was {_named(status[mine])}, so nothing of it was measured"
        return broken(KIND, what, _advice(scene), float(view.due_s[mine][0]))
    return held(KIND, f"{int(refused.sum())} answers were {_named(status[refused])}, others were let in")


def _where(scene: Scene, journeys: npt.NDArray[np.uint8]) -> str:
    names = scene.rows.catalog.journeys
    return f" of journey {', '.join(names[k] if k < len(names) else str(k) for k in journeys)}"


def _named(status: npt.NDArray[np.uint16]) -> str:
    return " or ".join(map(str, np.unique(status).tolist()))


def _advice(scene: Scene) -> str:
    evidence = scene.evidence
    if not evidence.own_run:
        return "was the key right, and did the request carry it?"
    if not evidence.secrets:
        return "the plan sends no key (headers: {Authorization: 'Bearer ${env:NAME}'})"
    return f"is the key in {', '.join(evidence.secrets)} right, and may it do this?"
