"""A fault that does nothing: the tutorial.

To write a fault: one file, one class. Its fields are its JSON (`{"fault": "noop", "note": "hello", "ttl_s": 15}`), with
the fields of `Fault` that choose the requests. Override the hooks you need, add the class to `FAULTS` in
`mock_services/faults/__init__.py`, and plant it in a test that sees it work and sees the healthy case pass.
"""

from __future__ import annotations

from pydantic import Field

from mock_services.faults.fault import Fault


class NoOp(Fault):
    note: str = Field(default="", max_length=200, description="kept in the list of leases, read by nobody")
