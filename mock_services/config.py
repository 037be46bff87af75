"""`mocks.json` -> what to start. Every fault of the file is told at once, with the service it is in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from mock_services.catalogue import CHILDREN, MOCKS
from mock_services.neighbour import NeighbourSettings
from mock_services.service import Settings, SettingsError, parse_settings
from mock_services.tcp.host import TcpSettings

_TOP_KEYS = {"run_id", "seed", "host", "services"}
_OWN_KEYS = {"name", "mock", "preset", "port"}


class ConfigError(ValueError):
    """`mocks.json` is wrong; the message lists everything that is."""


@dataclass(frozen=True)
class ServicePlan:
    name: str
    mock: str
    port: int
    settings: Settings


@dataclass(frozen=True)
class ChildPlan:
    name: str
    mock: str
    port: int
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Config:
    run_id: str
    seed: int
    host: str
    services: tuple[ServicePlan, ...]
    children: tuple[ChildPlan, ...] = field(default=())


def parse_config(text: bytes) -> Config:
    """Raises ConfigError. `host` is loopback unless the file says otherwise."""
    try:
        data = orjson.loads(text)
    except ValueError as error:
        raise ConfigError(f"not JSON: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("services"), list) or not data["services"]:
        raise ConfigError('a mocks file is an object with a list "services" of at least one service')
    problems = [f"unknown key {key!r}" for key in sorted(set(data) - _TOP_KEYS)]
    seed, host = data.get("seed", 0), data.get("host", "127.0.0.1")
    if type(seed) is not int:
        problems.append(f'"seed" must be a whole number, not {seed!r}')
    if not isinstance(host, str):
        problems.append(f'"host" must be an address, not {host!r}')
    services: list[ServicePlan] = []
    children: list[ChildPlan] = []
    for entry in data["services"]:
        try:
            _parse_service(entry, services, children)
        except ConfigError as error:
            problems.append(str(error))
    names = [plan.name for plan in services] + [plan.name for plan in children]
    problems += [f"the name {name!r} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    for child in children:
        problems += [
            f"{child.name}: upstream {role!r} names {name!r}, which is no service of this file"
            for role, name in child.options.get("upstreams", {}).items()
            if name not in names
        ]
    problems += [
        f"{plan.name}: the target {plan.settings.target!r} is no service of this file"
        for plan in services
        if isinstance(plan.settings, NeighbourSettings) and plan.settings.target not in names
    ]
    problems += [
        f"{plan.name}: the upstream {plan.settings.upstream!r} is neither host:port nor a service of this file"
        for plan in services
        if isinstance(plan.settings, TcpSettings) and not plan.settings.address and plan.settings.upstream not in names
    ]
    if problems:
        raise ConfigError("; ".join(problems))
    return Config(str(data.get("run_id", "")), seed, host, tuple(services), tuple(children))


def _parse_service(entry: Any, services: list[ServicePlan], children: list[ChildPlan]) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
        raise ConfigError('every service is an object with a "name"')
    name, mock, port = entry["name"], entry.get("mock"), entry.get("port", 0)
    if type(port) is not int or not 0 <= port <= 65535:
        raise ConfigError(f"{name}: port must be 0..65535 (0 takes a free one), not {port!r}")
    options = {key: value for key, value in entry.items() if key not in _OWN_KEYS}
    if mock in CHILDREN:
        upstreams = options.get("upstreams", {})
        if not isinstance(upstreams, dict) or not all(isinstance(v, str) for v in upstreams.values()):
            raise ConfigError(f'{name}: "upstreams" maps roles to names of services')
        children.append(ChildPlan(name, mock, port, options))
        return
    kind = MOCKS.get(mock) if isinstance(mock, str) else None
    if kind is None or not isinstance(mock, str):
        raise ConfigError(f"{name}: unknown mock {mock!r}; there are: {', '.join(sorted([*MOCKS, *CHILDREN]))}")
    preset = entry.get("preset")
    if preset is not None and preset not in kind.presets:
        known = ", ".join(sorted(kind.presets)) or "none"
        raise ConfigError(f"{name}: unknown preset {preset!r}; {mock} has: {known}")
    try:
        settings = parse_settings(kind.settings, {**(kind.presets[preset] if preset else {}), **options})
    except SettingsError as error:
        raise ConfigError(f"{name}: {error}") from None
    services.append(ServicePlan(name, mock, port, settings))
