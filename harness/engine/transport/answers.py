"""What a whole response says: its status first, then, where that is a success, its body. Pure."""

from __future__ import annotations

import orjson

from harness.engine.exchange import Exchange
from harness.engine.transport.dialects import BYTES, JSON, Dialect, Signs, judge_error
from harness.engine.transport.streams import canary_in, note_answer
from harness.results import Outcome, Reason
from harness.results.row import FLAG_NONCE_CHECKED

Judgement = tuple[Outcome, Reason]
GOOD: Judgement = (Outcome.OK, Reason.NONE)
_OK, _DEGRADED = Outcome.OK, Outcome.DEGRADED  # bound once: see exchange.py


def settle(exchange: Exchange, judged: Judgement, now_ns: int) -> None:
    """Write the end into the exchange: the last thing that happens to it."""
    outcome, exchange.reason = judged
    exchange.outcome = _DEGRADED if exchange.degraded and outcome is _OK else outcome
    exchange.finished_ns = now_ns
    if not exchange.tokens_out:
        exchange.tokens_out = exchange.events


def judge_status(status: int) -> Judgement | None:
    """The outcome that a status alone decides; None for a success, whose body decides."""
    if 200 <= status < 300:
        return None
    if status == 429:
        return Outcome.THROTTLED, Reason.NONE
    if status >= 500:
        return Outcome.SERVER_ERROR, Reason.NONE
    if 300 <= status < 400:
        return Outcome.CLIENT_ERROR, Reason.REDIRECT
    return Outcome.CLIENT_ERROR, Reason.NONE


def judge_answer(exchange: Exchange, dialect: Dialect, body: bytes, canary: bool = False) -> Judgement:
    """A success's whole, decoded body, read in the request's dialect; with `canary`, who wrote its text."""
    request = exchange.request
    if dialect is BYTES:
        return _judge_nonce(exchange, "", body) if request.nonce else GOOD
    if not body:
        bare = dialect is JSON and exchange.status in (204, 205) and not request.stream
        return GOOD if bare else (Outcome.WRONG_SHAPE, Reason.NONE)
    try:
        signs = dialect.read_answer(orjson.loads(body))
    except orjson.JSONDecodeError:
        return Outcome.MALFORMED, Reason.BAD_EVENT
    note_answer(exchange, signs)
    if canary:
        exchange.written_by = canary_in(signs.text)
    exchange.finish_reason = signs.finish or exchange.finish_reason
    return _judge_signs(exchange, signs, body)


def _judge_signs(exchange: Exchange, signs: Signs, body: bytes) -> Judgement:
    if signs.error:
        return judge_error(signs.error), Reason.IN_BAND_ERROR
    if exchange.request.stream or not signs.content:  # a stream was asked for, and a document came
        return Outcome.WRONG_SHAPE, Reason.NONE
    return _judge_nonce(exchange, signs.text, body) if exchange.request.nonce else GOOD


def _judge_nonce(exchange: Exchange, text: str, body: bytes) -> Judgement:
    """Where the dialect finds text the nonce must be in it; an answer without any (plain JSON, vectors) as a whole."""
    exchange.flags |= FLAG_NONCE_CHECKED
    nonce = exchange.request.nonce
    found = nonce.decode("utf-8", "replace") in text if text else nonce in body
    return GOOD if found else (Outcome.WRONG_SHAPE, Reason.NONCE_MISSING)
