"""Whose fault a connect error is."""

from __future__ import annotations

import errno

import pytest

from harness.engine.transport.failures import judge_connect_error
from harness.results import Outcome, Reason


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EADDRNOTAVAIL, (Outcome.NOT_SENT, Reason.CLIENT_PORTS)),
        (errno.EMFILE, (Outcome.NOT_SENT, Reason.CLIENT_DESCRIPTORS)),
        (errno.ENFILE, (Outcome.NOT_SENT, Reason.CLIENT_DESCRIPTORS)),
        (errno.ENOBUFS, (Outcome.NOT_SENT, Reason.CLIENT_OTHER)),
        (errno.ECONNREFUSED, (Outcome.REFUSED, Reason.NONE)),
        (errno.EHOSTUNREACH, (Outcome.REFUSED, Reason.NONE)),
        (errno.ECONNRESET, (Outcome.RESET, Reason.NONE)),
        (errno.ETIMEDOUT, (Outcome.TIMEOUT, Reason.NONE)),
    ],
)
def test_errno(number: int, expected: tuple[Outcome, Reason]) -> None:
    assert judge_connect_error(number) == expected
    assert expected[1].is_client_side is (expected[0] is Outcome.NOT_SENT)
