"""HTTP for the engine: callbacks on the event loop, no greenlet per request, and an exact account of every end."""

from harness.engine.transport.client import Transport
from harness.engine.transport.dialects import DIALECTS
from harness.engine.transport.wire import render_headers

__all__ = ["DIALECTS", "Transport", "render_headers"]
