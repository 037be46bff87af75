"""The provider cuts the quota: lower limits, by its own arithmetic and with its own headers, and nothing left of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mock_services.faults.fault import Fault, FaultError
from mock_services.service import Drainable, Settings

if TYPE_CHECKING:
    from mock_services.host import Host

_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_LABELS = {
    "rpm": "requests",
    "tpm": "tokens",
    "itpm": "input_tokens",
    "otpm": "output_tokens",
    "rpd": "requests_day",
}
Amount = Annotated[float, Field(ge=0)] | Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*%$")] | None


class Quota(Fault):
    """Each limit as a number, or as a share of the one in force (`"40%"`)."""

    tpm: Amount = None
    rpm: Amount = None
    itpm: Amount = None
    otpm: Amount = None
    rpd: Amount = None
    rps: Amount = None
    concurrency: Amount = None
    drain: bool = Field(
        default=True,
        description="start with the lowered limits used up, as when a neighbour took them: it bites at once",
    )

    def check(self, host: Host) -> None:
        given = self._given()
        if not given:
            raise FaultError(f"quota needs a limit: one of {', '.join(_limits())}")
        for name, amount in given.items():
            if name not in type(host.service.settings).model_fields:
                raise FaultError(f"{name}: {host.mock} has no such limit")
            if isinstance(amount, str) and getattr(host.service.settings, name) is None:
                raise FaultError(f"{name}: {host.name} has no {name} limit, so there is nothing to take {amount} of")

    def overlay(self, settings: Settings) -> Mapping[str, Any]:
        return {name: _amount(amount, getattr(settings, name)) for name, amount in self._given().items()}

    def begin(self, host: Host) -> None:
        if self.drain and isinstance(host.service, Drainable):
            host.service.drain(tuple(_LABELS.get(name, name) for name in self._given()))

    def _given(self) -> dict[str, float | str]:
        return {name: getattr(self, name) for name in _limits() if getattr(self, name) is not None}


def _limits() -> tuple[str, ...]:
    return (*_LABELS, "rps", "concurrency")


def _amount(amount: float | str, now: float | None) -> float:
    if isinstance(amount, str):
        match = _PERCENT.fullmatch(amount)
        assert match is not None, "the pattern was checked"
        amount = float(round(float(match[1]) / 100 * (now or 0)))
    return int(amount) if amount == int(amount) else amount
