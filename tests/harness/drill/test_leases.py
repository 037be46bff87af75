import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import httpx
import pytest

from harness.drill import FaultSpec, Injector, Lease, Probe, Reading, confirm_gone, refuse_foreign, take_back
from harness.errors import RefusedError

SPEC = FaultSpec.model_validate({"on": "llm", "fault": "error", "status": 503, "for": "5s"})
LEASE = {"id": "f1", "on": "llm", "fault": "error", "owner": "run a", "granted_s": 7.5}


class Admin:
    """An injector on paper: remembers what it was asked, answers what it is told to."""

    def __init__(self, answers: Callable[[httpx.Request], httpx.Response]) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self._answers = answers
        self.injector = Injector(
            httpx.Client(base_url="http://admin", transport=httpx.MockTransport(self._answer), trust_env=False)
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, request.url.path, body))
        return self._answers(request)


def says(status: int, body: object = None) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(status, json=body)


def test_a_grant_carries_the_fault_and_its_limits() -> None:
    admin = Admin(says(201, LEASE))
    lease = admin.injector.grant(SPEC, "run a", 15, 20)
    assert lease == Lease("f1", "llm", "error", "run a", 7.5)
    sent = {"status": 503, "on": "llm", "fault": "error", "owner": "run a", "ttl_s": 15, "max_total_s": 20}
    assert admin.asked == [("POST", "/faults", sent)]


def test_a_fault_that_is_not_taken_is_refused_in_the_injectors_words() -> None:
    with pytest.raises(RefusedError, match="status: not a status"):
        Admin(says(400, {"error": {"message": "status: not a status"}})).injector.grant(SPEC, "o", 1, 1)
    with pytest.raises(httpx.HTTPStatusError):
        Admin(says(500)).injector.grant(SPEC, "o", 1, 1)


def test_a_renewal_that_comes_too_late() -> None:
    lease = Lease("f1", "llm", "error", "o", 0.0)
    assert Admin(says(200, {})).injector.renew(lease) and not Admin(says(404)).injector.renew(lease)


def test_trying_out_begins_in_an_hour_and_is_taken_back() -> None:
    admin = Admin(says(201, LEASE))
    admin.injector.try_out([SPEC], "run a")
    (_, _, body), taken_back = admin.asked
    assert body["after_s"] == 3600 and body["ttl_s"] == 1 and taken_back[:2] == ("DELETE", "/faults/f1")


def test_a_foreign_lease_refuses_a_start_and_says_how_to_clear_it() -> None:
    refuse_foreign([], "clear")
    with pytest.raises(RefusedError, match=r"error on llm \(owner b\).*clear it with: clear"):
        refuse_foreign([Lease("f1", "llm", "error", "b", 0.0)], "clear")


@pytest.mark.parametrize(("failures", "trouble"), [(0, ""), (2, ""), (9, "could not be taken back")])
def test_taking_back_is_tried_again(failures: int, trouble: str) -> None:
    tries = count()

    def answer(request: httpx.Request) -> httpx.Response:
        if next(tries) < failures:
            raise httpx.ConnectError("refused")
        return httpx.Response(200)

    pauses: list[float] = []
    said = take_back(Admin(answer).injector, [Lease("f1", "llm", "error", "o", 0.0)], pauses.append)
    assert (said == "" and not trouble) or trouble in said
    assert len(pauses) == min(failures, 2)


class Model:
    """An upstream that behaves one way after the other."""

    def __init__(self, *readings: Reading) -> None:
        self._readings: Iterator[Reading] = iter(readings)
        self._last = readings[0]

    def ask(self) -> Reading:
        self._last = next(self._readings, self._last)
        return self._last


HEALTHY, SICK = Reading(200, 0.1, 500, True), Reading(503, 0.1, 90, True)


def confirmed(leases: list[dict[str, Any]], *readings: Reading) -> str:
    times = count()
    probes: dict[str, tuple[Probe, Reading]] = {"llm": (Model(*readings), HEALTHY)}  # type: ignore[dict-item]
    injector = Admin(says(200, {"faults": leases, "reverted": []})).injector
    return confirm_gone(injector, "run a", probes, lambda: float(next(times)), lambda _: None)


def test_gone_is_what_behaves_as_before() -> None:
    assert confirmed([], HEALTHY) == ""
    assert confirmed([], SICK, SICK, HEALTHY) == "", "a limit of its own may need a moment"
    assert confirmed([{**LEASE, "owner": "another"}], HEALTHY) == ""


def test_the_injectors_word_alone_is_not_believed() -> None:
    assert "does not behave as before" in confirmed([], SICK)
    assert "still holds error on llm" in confirmed([LEASE], HEALTHY)


def test_an_injector_that_is_gone_confirms_nothing() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert "does not answer" in confirm_gone(Admin(answer).injector, "run a", {})
