from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.guard import MASK, redact

CANARY = "c4n4ryS3cretValue99"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"authorization: Basic {CANARY}==",
        f"AUTHORIZATION={CANARY}",
        f'{{"api_key": "{CANARY}"}}',
        f"{{'password': '{CANARY}'}}",
        f"https://user:{CANARY}@api.example.com/v1",
        f"https://{CANARY}@api.example.com/v1",
        f"GET /v1?api_key={CANARY}&x=1",
        f"GET /v1?access_token={CANARY}",
        f"OPENAI_API_KEY={CANARY}",
        f"x-api-key: {CANARY}",
        f"Set-Cookie: session={CANARY}; Path=/",
        f"client_secret={CANARY}",
        f"AWS_SECRET_ACCESS_KEY={CANARY}",
        f"it said Bearer {CANARY} was wrong",
        f"key sk-{CANARY}",
        f"key sk-proj-{CANARY}",
        f"key gsk_{CANARY}",
        f"token ghp_{CANARY}{CANARY}",
        f"slack xoxb-{CANARY}",
        f"jwt eyJhbGciOi.{CANARY}.{CANARY}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}",
        f'headers: {{Authorization: "Bearer {CANARY}"}}',
        f'"Authorization": "Bearer {CANARY}"',
        f"x-goog-api-key:{CANARY}",
        f"headers: {{Authorization: [Bearer {CANARY}]}}",
        f"my_very_own_token={CANARY}",
        f"accessToken: {CANARY}",
        f"token={CANARY}",
        f'{{"token": "{CANARY}"}}',
        f"GET /x?sig={CANARY}&y",
    ],
)
def test_a_planted_secret_does_not_come_through(text: str) -> None:
    assert CANARY not in redact(text)
    assert MASK in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer ${env:OPENAI_API_KEY}",
        'headers: {Authorization: "Bearer ${env:KEY}"}',
        "plan.yaml:6:5: slos[1].metrc: unknown field, did you mean 'metric'?",
        "http://127.0.0.1:8080/v1/chat/completions",
        "prompt tokens: 350, tokens/s p5 >= 20/s, max_tokens=100",
        "ttft p99 <= 2s where journey=chat",
        "mail me@example.com",
        "Time per output token: (last - first token) / (tokens out - 1)",
        "per token: 13 ms; first token = 0.412 s",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_known_secrets_go_wherever_they_stand() -> None:
    assert redact(f"a {CANARY}x {CANARY}", [CANARY, "", "abc"]) == f"a {MASK}x {MASK}"


@given(st.text(max_size=300))
def test_redacting_twice_changes_nothing(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~+/-", min_size=12, max_size=60))
def test_any_bearer_token_goes(token: str) -> None:
    secret = "Zq9" + token
    assert secret not in redact(f"Authorization: Bearer {secret}")


@pytest.mark.parametrize(
    "piece",
    [
        "aaaa-",
        "secret",
        "secret-",
        "token ",
        "bearer ",
        "eyJaaaa-",
        "api_key_",
        "a://",
        "token=",
        "sk-",
        "://@",
        "-----BEGIN PRIVATE KEY-----",
    ],
)
@pytest.mark.timeout(20)
def test_a_hostile_text_costs_no_quadratic_time(piece: str) -> None:
    redact(piece * 20_000)


def test_a_place_to_fill_in_is_no_secret() -> None:
    assert redact("export OPENAI_API_KEY=...") == "export OPENAI_API_KEY=..."
    assert redact("export OPENAI_API_KEY=...hunter2") == f"export OPENAI_API_KEY={MASK}"
