"""The plan file: one page that says what is tested, with what load, against which promises."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from harness.config.arrivals import ArrivalsPlan, Prompts
from harness.config.quantities import Count, Duration, Money, NewUsers, Size, check_headers
from harness.config.slo import SloFile
from harness.config.strict import Strict


def _degree(value: Any) -> Any:
    if not isinstance(value, bool | int | float):
        raise ValueError(f"{value!r} is neither true, false nor a number")  # noqa: TRY004 -- pydantic collects ValueErrors
    return value


JourneyKind = Literal["chat", "embed", "search", "tool", "http"]
Dialect = Literal["openai", "responses", "anthropic", "gemini", "sse", "json", "bytes"]
Headers = Annotated[dict[str, str], AfterValidator(check_headers)]
Degree = Annotated[Any, BeforeValidator(_degree), WithJsonSchema({"type": ["boolean", "number"]})]
_SIGNAL = re.compile(r"header\s+(?P<name>[A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s*==\s*(?P<equals>\S.*))?")


KNOWN_MOCKS = (
    "openai", "azure", "anthropic", "gemini", "vertex", "groq", "vllm", "qdrant", "chroma", "pinecone", "tools",
    "search", "mcp", "github", "slack", "stripe", "plain", "tcp", "neighbour", "copilot",
)  # fmt: skip
"""What `mock:` may say. The mocks are another program; a contract test holds this list against theirs."""


class Journey(Strict):
    """What one arrival does: a request of a built-in kind."""

    kind: JourneyKind = Field(
        default="chat", description="What the request is; a journey named after a kind takes that kind."
    )
    weight: float = Field(
        default=1.0, gt=0, le=1e6, description="Share of the arrivals, against the other journeys' weights."
    )
    path: str = Field(
        default="", description="Below the target's own path, unless it begins with it; empty: the kind's own."
    )
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(default="POST", description="For `http`.")
    model: str = Field(default="", description="The model's name, for the kinds that have one.")
    stream: bool = Field(default=True, description="Ask for a streamed answer.")
    dialect: Dialect = Field(default="openai", description="How the answer is read.")
    body: Annotated[str, WithJsonSchema({"type": ["string", "object", "array"]})] = Field(
        default="",
        description="A JSON template; {{prompt}}, {{max_tokens}}, {{seq}}, {{nonce}} go in. Empty: the kind's own.",
    )
    headers: Headers = Field(default={}, description="Beside those of the plan.")
    expect_nonce: bool = Field(default=False, description="The answer must carry its own request's nonce.")

    @property
    def streams(self) -> bool:
        """Whether its answers are read as streams: they have a first token then."""
        read_whole = ("json", "bytes") if self.kind == "chat" else ("openai", "json", "bytes")
        return self.stream and self.kind in ("chat", "http") and self.dialect not in read_whole

    @field_validator("body", mode="before")
    @classmethod
    def _body_as_mapping(cls, value: Any) -> Any:
        return json.dumps(value) if isinstance(value, dict | list) else value


class Upstream(Strict):
    """A mock that this plan starts and controls."""

    mock: str = Field(pattern=r"^[a-z][a-z0-9_-]*$", description="Which mock: openai, qdrant, tools, copilot, ...")
    preset: str = Field(default="", description="A named set of the mock's own defaults, like hosted-chat.")
    port: int = Field(default=0, ge=0, le=65535, description="0 takes a free one.")
    tpm: Count | None = Field(default=None, description="Tokens a minute before it throttles.")
    rpm: Count | None = Field(default=None, description="Requests a minute before it throttles.")
    rps: Count | None = Field(default=None, description="Requests a second before it throttles.")
    upstreams: dict[str, str] = Field(
        default={}, description="For copilot: which upstream of this plan plays which part."
    )
    weakness: dict[str, Degree] = Field(
        default={},
        description="For copilot: defects switched on on purpose, with their degree; a list of names will do.",
    )
    settings: dict[str, Any] = Field(default={}, description="Further settings of that mock, handed on as they are.")

    @field_validator("weakness", mode="before")
    @classmethod
    def _weakness_as_list(cls, value: Any) -> Any:
        return (
            dict.fromkeys(value, True) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value
        )

    def to_service(self, name: str) -> dict[str, Any]:
        """This upstream as an entry of `mocks.json`."""
        service: dict[str, Any] = {"name": name, "mock": self.mock, "port": self.port, **self.settings}
        for key in ("preset", "tpm", "rpm", "rps", "upstreams", "weakness"):
            value = getattr(self, key)
            if value not in (None, "", {}):
                service[key] = value
        return service


class Limits(Strict):
    """What the run may not exceed: refused before the start where the plan would, stopped where the run does."""

    in_flight: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Requests open at once; an arrival beyond it is `not_sent`. "
        "Left out: 10,000, or half of the descriptor limit where that is less.",
    )
    requests: Count = Field(default=1_000_000, description="Requests in all.")
    cost: Money | None = Field(default=None, description="Money in all; needs `prices`.")
    duration_s: Duration = Field(default=86_400.0, alias="duration", description="From the first to the last arrival.")


class Remote(Strict):
    """Workers on other machines, beside the `processes` of this one. Both sides hold the key PEAKPROOF_ENGINE_KEY."""

    workers: int = Field(default=0, ge=0, le=256, description="How many the run waits for before it starts.")
    bind: str = Field(default="127.0.0.1", description="The address of this machine where they find the run.")
    port: int = Field(default=5557, ge=0, le=65535, description="Its port; 0 takes a free one.")


class Prices(Strict):
    """What a million tokens cost, to hold the cost limit."""

    input: Money = Field(description="A million prompt tokens.")
    output: Money = Field(description="A million output tokens.")

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if self.input[1] != self.output[1]:
            raise ValueError(f"two currencies: {self.input[1]} and {self.output[1]}")
        return self


class Plan(Strict):
    """A plan file, read and checked. Paths are joined to its folder; secrets are still `${env:NAME}`."""

    title: str = Field(default="", max_length=200, description="One line for the report.")
    target: str = Field(description="Base URL of the endpoint under test, or the name of one of `upstreams`.")
    allow_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts beside loopback that may be loaded; the caller must also say --i-own-this-target.",
    )
    profile: str = Field(
        default="", description="A load profile (locustfile): a path, or the name of a built-in one such as rag."
    )
    journeys: dict[str, Journey] = Field(default={}, description="Built-in journeys instead of a profile, by name.")
    arrivals: ArrivalsPlan = Field(description="When requests are due.")
    prompts: Prompts | None = Field(
        default=None, description="What the requests carry; left out: sizes from the forecast, or small ones."
    )
    upstreams: dict[str, Upstream] = Field(
        default={}, description="Mocks this plan starts and controls; left out, the run only watches the target."
    )
    slo: SloFile = Field(description="The promises: a file, or the same fields in place.")
    limits: Limits = Field(default=Limits(), description="What the run may not exceed.")
    prices: Prices | None = Field(
        default=None, description="Money for a million tokens: {input: 0.15 USD, output: 0.60 USD}."
    )
    headers: Headers = Field(default={}, description="Sent with every request; a secret is written ${env:NAME}.")
    degraded: tuple[str, ...] = Field(
        default=(), description="Signals of degraded mode, like `header x-served-by == fallback`."
    )
    connections: NewUsers | None = Field(
        default=None,
        description="`new`: each arrival is a new user, on a connection of its own, TLS and all; `kept`: users keep "
        "theirs; `30%`: so many are new. Said, it is a promise: other connections make the run INVALID. "
        "Left out: kept, and not held to it.",
    )
    served_by_header: str = Field(default="x-served-by", description="The header that says who answered.")
    trace_url: str = Field(
        default="", description="Where the report's trace ids lead: https://tempo.example/trace/{trace}."
    )
    processes: int = Field(default=1, ge=1, le=256, description="Load generator processes.")
    remote: Remote = Field(default=Remote(), description="Workers on other machines: `peakproof worker` joins them.")
    deadline_s: Duration = Field(default=60.0, alias="deadline", description="The longest a request may take in all.")
    idle_limit_s: Duration = Field(
        default=30.0, alias="idle_limit", description="The longest silence inside an answer."
    )
    drain_s: Duration = Field(
        default=30.0, alias="drain", description="How long answers may still come after the last arrival."
    )
    body_limit: Size = Field(default=16 * 2**20, description="The largest answer that is read.")
    smoke: bool = Field(
        default=False, description="A short run that says so: the verdict is marked, the minimum duration waived."
    )

    @field_validator("target")
    @classmethod
    def _target_form(cls, value: str) -> str:
        if "://" not in value:
            return value
        url = urlsplit(value)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"not an http or https URL: {value!r}")
        if url.username is not None or url.password is not None:
            raise ValueError("a name or password in the URL; send it as a header with ${env:NAME}")
        if url.query or url.fragment:
            raise ValueError("a base URL has no query and no fragment")
        if not _port_is_valid(value):
            raise ValueError("the port is not a number from 1 to 65535")
        return value.rstrip("/")

    @field_validator("trace_url")
    @classmethod
    def _trace_url(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("http", "https") or "{trace}" not in value):
            raise ValueError(f"not a link to a trace: {value!r}; write https://tempo.example/trace/{{trace}}")
        return value

    @field_validator("degraded")
    @classmethod
    def _signals(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for signal in value:
            if not _SIGNAL.fullmatch(signal.strip()):
                raise ValueError(f"not a signal: {signal!r}; write `header NAME` or `header NAME == VALUE`")
        return value

    @property
    def degraded_headers(self) -> tuple[tuple[str, str], ...]:
        """The degraded signals as (header, value); an empty value means any."""
        matches = [_SIGNAL.fullmatch(signal.strip()) for signal in self.degraded]
        return tuple((m["name"].lower(), (m["equals"] or "").strip()) for m in matches if m)

    @property
    def target_upstream(self) -> str:
        """The upstream that is the target; empty where the target is a URL."""
        return "" if "://" in self.target else self.target

    @property
    def target_host(self) -> str:
        return (urlsplit(self.target).hostname or "") if "://" in self.target else ""


def _port_is_valid(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def profile_path(name: str, folder: Path, builtin: Path) -> Path:
    """The locustfile that `profile:` names: a path from the plan's folder, else one of the built-in ones."""
    own = folder / name
    if own.is_file() or (name.endswith(".py") and not name.startswith("loadprofiles/")):
        return own
    return builtin / (name.removeprefix("loadprofiles/").removesuffix(".py") + ".py")
