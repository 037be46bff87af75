from __future__ import annotations

from typing import Any

from mock_services.tools.stripe import STRIPE
from tests.mock_services.tools.mock import Mock

PAY = "/v1/payment_intents"
FORM = b"amount=1200&currency=eur"


def stripe(**settings: Any) -> Mock:
    return Mock(STRIPE, {"authorization": "Bearer sk_test"}, **settings)


def test_what_is_made_can_be_read_again() -> None:
    mock = stripe()
    status, made, headers = mock.call("POST", PAY, FORM)
    assert (status, made["amount"], made["currency"]) == (200, 1200, "eur")
    assert headers["request-id"].startswith("req_")
    assert mock.call("GET", f"{PAY}/{made['id']}")[1] == made
    assert mock.call("GET", f"{PAY}/pi_nope")[1]["error"]["code"] == "resource_missing"


def test_a_key_gives_the_same_answer_again() -> None:
    mock = stripe()
    first = mock.call("POST", PAY, FORM, idempotency_key="k1")
    again = mock.call("POST", PAY, FORM, idempotency_key="k1")
    assert again[1] == first[1] and again[2]["idempotent-replayed"] == "true"
    assert mock.call("POST", PAY, FORM, idempotency_key="k2")[1] != first[1]
    status, body, _ = mock.call("POST", PAY, b"amount=1&currency=eur", idempotency_key="k1")
    assert (status, body["error"]["type"]) == (400, "idempotency_error")


def test_a_key_in_use_is_409() -> None:
    assert sorted(stripe(latency_ms=2).statuses(3, "POST", PAY, FORM, idempotency_key="k")) == [200, 409, 409]


def test_an_answer_that_did_not_come_is_not_remembered() -> None:
    mock = stripe(servers=1, queue=0, latency_ms=2)
    statuses = mock.statuses(2, "POST", PAY, FORM)
    assert sorted(statuses) == [200, 503]
    mock.now_s += 10
    assert mock.call("POST", PAY, FORM, idempotency_key="k")[0] == 200


def test_the_limit_has_no_hint() -> None:
    mock = stripe(rps=2)
    assert mock.statuses(3, "POST", PAY, FORM) == [200, 200, 429]
    _, body, headers = mock.call("POST", PAY, FORM)
    assert body["error"]["code"] == "rate_limit"
    assert "retry-after" not in headers and headers["stripe-rate-limited-reason"] == "global-rate"


def test_what_is_wrong_is_said() -> None:
    mock = stripe()
    assert Mock(STRIPE).call("POST", PAY, FORM)[0] == 401
    for wrong in (b"", b"amount=x&currency=eur", b"amount=0&currency=eur", b"amount=5", b"\xff\xfe"):
        assert mock.call("POST", PAY, wrong)[0] == 400, wrong
    assert mock.call("GET", "/v1/nope")[0] == 404
    assert mock.call("POST", "/v1/customers", b"email=a%40b")[1]["email"] == "a@b"
