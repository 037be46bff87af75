"""What an operating system error says: the target's doing, or our own machine's? Pure."""

from __future__ import annotations

import errno

from harness.results import Outcome, Reason

_OURS = {
    errno.EADDRNOTAVAIL: Reason.CLIENT_PORTS,
    errno.EADDRINUSE: Reason.CLIENT_PORTS,
    errno.EMFILE: Reason.CLIENT_DESCRIPTORS,
    errno.ENFILE: Reason.CLIENT_DESCRIPTORS,
    errno.ENOBUFS: Reason.CLIENT_OTHER,
    errno.ENOMEM: Reason.CLIENT_OTHER,
    errno.EACCES: Reason.CLIENT_OTHER,
    errno.EPERM: Reason.CLIENT_OTHER,
    errno.EAFNOSUPPORT: Reason.CLIENT_OTHER,
    errno.ENETUNREACH: Reason.CLIENT_OTHER,
    errno.ENETDOWN: Reason.CLIENT_OTHER,
}


def judge_connect_error(number: int) -> tuple[Outcome, Reason]:
    """The end of a request whose connection could not be opened, by errno.

    Failures of our own machine are NOT_SENT: no byte of the request left it, and the target is not to blame.
    """
    reason = _OURS.get(number)
    if reason is not None:
        return Outcome.NOT_SENT, reason
    if number == errno.ETIMEDOUT:
        return Outcome.TIMEOUT, Reason.NONE
    if number == errno.ECONNRESET:
        return Outcome.RESET, Reason.NONE
    return Outcome.REFUSED, Reason.NONE
