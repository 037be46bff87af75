"""HTTP for the engine: callbacks on the event loop, no greenlet per request, and an exact account of every end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.engine.transport.dialects import DIALECTS
from harness.engine.transport.wire import render_headers

if TYPE_CHECKING:
    from harness.engine.transport.client import Transport

__all__ = ["DIALECTS", "Transport", "render_headers"]


def __getattr__(name: str) -> Any:
    """`Transport` needs gevent, which the caller of `launch` must not load; headers and dialects do not."""
    if name == "Transport":
        from harness.engine.transport.client import Transport

        return Transport
    raise AttributeError(name)
