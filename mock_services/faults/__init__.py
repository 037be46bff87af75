"""Every fault by its name on the wire. One file each; its fields are its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from mock_services.faults.fault import Fault, FaultError, Moment
from mock_services.faults.latency import Latency
from mock_services.faults.noop import NoOp
from mock_services.service import explain

FAULTS: dict[str, type[Fault]] = {
    "noop": NoOp,
    "latency": Latency,
}


def parse_fault(name: str, fields: Mapping[str, Any]) -> Fault:
    """Raises FaultError on an unknown fault, an unknown field or a wrong value."""
    kind = FAULTS.get(name)
    if kind is None:
        raise FaultError(f"unknown fault {name!r}; there are: {', '.join(sorted(FAULTS))}")
    try:
        return kind.model_validate(dict(fields))
    except ValidationError as error:
        raise FaultError("; ".join(explain(error))) from None


__all__ = ["FAULTS", "Fault", "FaultError", "Moment", "parse_fault"]
