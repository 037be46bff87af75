"""The model every part of a plan is made of: frozen, and no field beyond those it names."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Fields are read by their name in the file (the alias); in Python their name carries the unit."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_alias=True, validate_by_name=False, hide_input_in_errors=True
    )
