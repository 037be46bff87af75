"""The official GitHub, Slack and Stripe clients, unmodified, by their base URLs alone."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings(  # sockets that the clients leave open
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
REASON = "make test-contract installs the official clients"


def test_pygithub_reads_the_quota_and_tells_the_two_limits(start: Any) -> None:
    github = pytest.importorskip("github", reason=REASON)
    mock = start("github", hourly=3, latency_ms=0)
    client = github.Github(base_url=mock.url, auth=github.Auth.Token("x"), retry=None)
    assert client.get_repo("octo/cat").full_name == "octo/cat"
    assert client.rate_limiting == (2, 3)
    assert client.get_user().login == "octo-dev"
    assert list(client.search_issues("bug"))
    client.get_repo("octo/dog")
    with pytest.raises(github.RateLimitExceededException) as caught:
        client.get_repo("octo/cow")
    assert caught.value.headers["x-ratelimit-remaining"] == "0"
    mock.change(hourly=1000, rps=0.1)
    client.get_repo("octo/cat")
    with pytest.raises(github.RateLimitExceededException, match="secondary") as caught:
        client.get_repo("octo/cat")
    assert caught.value.headers["retry-after"] == "10"


def test_slack_sdk_raises_a_limit_unless_its_handler_is_asked_for(start: Any) -> None:
    slack = pytest.importorskip("slack_sdk", reason=REASON)
    from slack_sdk.errors import SlackApiError
    from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

    mock = start("slack", rps=1, window_s=1, latency_ms=0)
    client = slack.WebClient(token="xoxb", base_url=mock.url + "/api/")
    assert client.chat_postMessage(channel="C1", text="hi")["message"]["text"] == "hi"
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="C1", text="hi")
    assert caught.value.response["error"] == "ratelimited"
    assert mock.statuses().count(429) == 1
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))
    for _ in range(2):
        assert client.chat_postMessage(channel="C1", text="hi")["ok"]
    assert mock.statuses()[-1] == 200


def test_stripe_does_not_retry_a_limit_and_repeats_a_key_safely(start: Any) -> None:
    stripe = pytest.importorskip("stripe", reason=REASON)
    mock = start("stripe", rps=2, latency_ms=0)
    client = stripe.StripeClient("sk_test", base_addresses={"api": mock.url}, max_network_retries=2)
    made = client.v1.payment_intents.create({"amount": 100, "currency": "eur"}, {"idempotency_key": "k"})
    again = client.v1.payment_intents.create({"amount": 100, "currency": "eur"}, {"idempotency_key": "k"})
    assert made.id == again.id
    with pytest.raises(stripe.RateLimitError):
        for _ in range(3):
            client.v1.payment_intents.create({"amount": 100, "currency": "eur"})
    assert mock.statuses().count(429) == 1
