"""Actions and probes on what is not ours, in Chaos Toolkit's words: a `process` or an `http` provider, a tolerance.

An experiment's `action`, `probe` and `rollback` blocks can be pasted from a Chaos Toolkit file, but for one thing: here
a rollback is not optional.
"""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from harness import units
from harness.config import Duration, Offset

TIMEOUT_LIMIT_S = 300.0
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Part(BaseModel):
    """Frozen, and no field beyond those it names."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_alias=True, validate_by_name=False, hide_input_in_errors=True
    )


def _seconds(value: Any) -> Any:
    """Chaos Toolkit's bare number of seconds, or a duration as the rest of the drill writes it."""
    return units.parse_duration_s(value) if isinstance(value, str) else value


def _words(value: Any) -> Any:
    """A list stays; text is split as a shell would, without one; a mapping becomes `key value` pairs."""
    if isinstance(value, str):
        return shlex.split(value)
    if isinstance(value, dict):
        return [str(word) for pair in value.items() for word in pair if word is not None and word != ""]
    return [str(word) for word in value] if isinstance(value, list) else value


_SECONDS = WithJsonSchema({"type": ["number", "string"], "title": "seconds", "examples": [5, "5s"]})
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=TIMEOUT_LIMIT_S), _SECONDS]
Words = Annotated[
    tuple[str, ...],
    BeforeValidator(_words),
    WithJsonSchema({"type": ["string", "array", "object"], "title": "words"}),
]


class ProcessProvider(Part):
    """A program, started without a shell; it and all its children are ended at the timeout."""

    type: Literal["process"]
    path: str = Field(min_length=1, description="The program: a path, or a name found on PATH.")
    arguments: Words = Field(default=(), description="A list, a line of text, or a mapping of options.")
    env: dict[str, str] = Field(default={}, description="Beside our own environment; secrets as ${env:NAME}.")
    timeout_s: Seconds = Field(default=30.0, alias="timeout")


class HttpProvider(Part):
    """An HTTP request; redirects are not followed."""

    type: Literal["http"]
    url: str = Field(pattern=r"^https?://[^\s/]+", description="Loopback, or a host of the plan's allow_hosts.")
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    headers: dict[str, str] = Field(default={}, description="Secrets as ${env:NAME}.")
    arguments: Any = Field(default=None, description="The query of a GET, HEAD or DELETE; the JSON body of others.")
    timeout_s: Seconds = Field(default=10.0, alias="timeout")

    @field_validator("method", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("headers")
    @classmethod
    def _well_formed(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not _HEADER.fullmatch(name) or not text.isprintable():
                raise ValueError(f"not a header: {name!r}")
        return value


Provider = Annotated[ProcessProvider | HttpProvider, Field(discriminator="type")]


class Tolerance(Part):
    """What a probe's answer must be. `target`: which part of it (`status`, `body`, `stdout`, `stderr`)."""

    type: Literal["exact", "one_of", "range", "regex", "jsonpath"]
    target: Literal["status", "body", "stdout", "stderr"] = "status"
    expect: Any = Field(default=None, description="exact: the value; jsonpath: the value or values found.")
    values: tuple[Any, ...] = ()
    range: tuple[float, float] | None = None
    pattern: str = ""
    path: str = Field(default="", description="jsonpath: `$.a.b[0]`, the subset without filters and wildcards.")

    @model_validator(mode="after")
    def _has_its_field(self) -> Self:
        needed = {"range": self.range is not None, "regex": bool(self.pattern), "jsonpath": bool(self.path)}
        if not needed.get(self.type, True):
            raise ValueError(f"a tolerance of type {self.type} needs `{_NEEDS[self.type]}`")
        if self.range is not None and self.range[0] > self.range[1]:
            raise ValueError("the range ends below its beginning")
        if self.type == "regex":
            _compiled(self.pattern)
        if self.type == "jsonpath" and not JSON_PATH.fullmatch(self.path):
            raise ValueError(f"not a path we can follow: {self.path!r}; write it like $.status or $.pods[0].phase")
        return self


_NEEDS = {"range": "range", "regex": "pattern", "jsonpath": "path"}
JSON_PATH = re.compile(r"\$(?:\.[A-Za-z_][\w-]*|\[\d+\])*")


def _compiled(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {pattern!r}: {error}") from None


def _tolerance(value: Any) -> Any:
    """Chaos Toolkit's short forms: a number, text, true/false, or a list of values that will do."""
    if isinstance(value, list):
        return {"type": "one_of", "values": value}
    if isinstance(value, dict):
        return value
    return {"type": "exact", "target": "stdout" if isinstance(value, str) else "status", "expect": value}


class Pauses(Part):
    before_s: Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=60), _SECONDS] = Field(
        default=0.0, alias="before"
    )
    after_s: Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=60), _SECONDS] = Field(
        default=0.0, alias="after"
    )


class Action(Part):
    """Something that is done. It went well when its program exits 0, its request is answered below 400."""

    type: Literal["action"] = "action"
    name: str = Field(min_length=1, max_length=200)
    provider: Provider
    pauses: Pauses = Pauses()


_TOLERANCE = WithJsonSchema(
    {"title": "tolerance", "description": "A number, text, true, a list of values, or a mapping with `type`."}
)


class Probe(Part):
    """Something that is looked at. `tolerance`: what must be seen; `true` is exit 0 or a status below 400."""

    type: Literal["probe"] = "probe"
    name: str = Field(min_length=1, max_length=200)
    provider: Provider
    tolerance: Annotated[Tolerance, BeforeValidator(_tolerance), _TOLERANCE] = Field(
        default=True, validate_default=True
    )


class OutsideFault(Part):
    """A fault that no mock can hold as a lease: an action, the rollback it must have, and how to see both.

    The watchman (`watchman.py`) stands in for the lease: it runs the rollback where the runner is gone.
    """

    on: str = Field(default="", max_length=100, description="What breaks: an upstream of the plan, or any name.")
    action: Action
    rollback: Action
    active: Probe | None = Field(default=None, description="Within tolerance only while the fault is there.")
    gone: Probe = Field(description="Within tolerance only once it is gone: the rollback is believed on this alone.")
    for_s: Duration | None = Field(
        default=None, alias="for", description="How long; left out: `expect.degraded.within` and `hold`."
    )
    after_s: Offset = Field(default=0.0, alias="after", description="How long after the first fault may begin.")

    @property
    def name(self) -> str:
        """What the journal, the page and the numbers call it."""
        return self.on or self.action.name
