"""A small, fast HTTP/1.1 server: the door through which every mock speaks."""

from mock_services.server.connection import Connection
from mock_services.server.exchange import reset_by_rst
from mock_services.server.head import Head
from mock_services.server.listener import Listener
from mock_services.server.message import (
    Admission,
    Answer,
    App,
    Hang,
    Headers,
    Peer,
    Request,
    Reset,
    Response,
    Stream,
    Writer,
    json_response,
)
from mock_services.server.outbox import Outbox

__all__ = [
    "Admission",
    "Answer",
    "App",
    "Connection",
    "Hang",
    "Head",
    "Headers",
    "Listener",
    "Outbox",
    "Peer",
    "Request",
    "Reset",
    "Response",
    "Stream",
    "Writer",
    "json_response",
    "reset_by_rst",
]
