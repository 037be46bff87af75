"""`peakproof mock`: the mock dependencies on their own, for an app that points its base URLs at them."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from harness.cli.terminal import environ, note, printable, show, show_json
from harness.errors import Problem, UsageError
from harness.units import parse_duration_s

if TYPE_CHECKING:
    from harness.run import MockFleet

_Admin = Annotated[
    str, typer.Option("--admin", metavar="URL", help="Of other mocks than `mock up`'s; token in PEAKPROOF_MOCK_TOKEN.")
]
_Json = Annotated[bool, typer.Option("--json", help="JSON for programs.")]


def up(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[llm|vectordb|tools|copilot]...", help="All of them.")
    ] = None,
    dialect: Annotated[
        list[str] | None,
        typer.Option("--dialect", metavar="NAME,...", help="Mocks by what they speak: anthropic,gemini,azure,mcp,..."),
    ] = None,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Take free ports instead of 8080 and following.")
    ] = False,
) -> int:
    """Start mock dependencies on loopback and serve until Ctrl-C."""
    from harness.run import serve_mocks

    dialects = [name.strip() for given in dialect or () for name in given.split(",") if name.strip()]
    with tempfile.TemporaryDirectory(prefix="peakproof-mocks-") as folder:
        return serve_mocks(names or (), Path(folder), dialects=dialects, free_ports=free_ports, ready=_tell)


def _tell(fleet: MockFleet) -> None:
    for name, url in fleet.urls.items():
        show(f"{name:<10} {url}")
    show(f"admin      {fleet.admin_url}   with the bearer token {fleet.token}")
    note("serving until Ctrl-C; the token is PEAKPROOF_MOCK_TOKEN where that is set; `mock env` prints the variables")


def env(
    shell: Annotated[bool, typer.Option("--shell/--json", help='For `eval "$(...)"`, or as JSON.')] = True,
    admin: _Admin = "",
) -> int:
    """Print the environment variables that point every SDK at the mocks that are up."""
    from harness.run import running_admin

    with running_admin(environ(), admin) as mocks:
        found = mocks.variables()
    if not shell:
        show_json({variable["name"]: variable["value"] for variable in found})
        return 0
    for variable in found:
        show(f"export {variable['name']}={shlex.quote(printable(variable['value']))}")
    return 0


def faults(json: _Json = False, admin: _Admin = "") -> int:
    """List the faults in force, each of them a lease."""
    from harness.run import running_admin

    with running_admin(environ(), admin) as mocks:
        listed = mocks.faults()
    if json:
        show_json(listed)
        return 0
    if not listed["faults"]:
        note("no fault is in force")
    for lease in listed["faults"]:
        show(printable(_line(lease)))
    return 0


def add(
    on: Annotated[str, typer.Argument(help="A service's name: llm, vectordb, ...")],
    fault: Annotated[str, typer.Argument(help="latency, error, throttle, stall, ... (docs/mocks.md)")],
    fields: Annotated[list[str] | None, typer.Argument(metavar="[FIELD=VALUE]...", help="Its fields.")] = None,
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME", help="It ends by itself; above 60s it is held until then or Ctrl-C.")
    ] = "30s",
    admin: _Admin = "",
) -> int:
    """Put a fault on a service of the mocks that are up."""
    from harness.run import LEASE_LIMIT_S, running_admin

    for_s = parse_duration_s(for_)
    with running_admin(environ(), admin) as mocks:
        lease = mocks.add(on, fault, _read_fields(fields or ()), min(for_s, LEASE_LIMIT_S))
        show(printable(_line(lease)))
        if for_s > LEASE_LIMIT_S:
            note(f"held for {for_}; Ctrl-C removes it")
            mocks.hold(lease["id"], for_s)
    return 0


def remove(
    lease: Annotated[str, typer.Argument(metavar="ID", help="As `mock faults` lists it.")], admin: _Admin = ""
) -> int:
    """Remove a fault now."""
    from harness.run import running_admin

    with running_admin(environ(), admin) as mocks:
        show(printable(_line(mocks.remove(lease))))
    return 0


_LEASE_KEYS = {"id", "on", "fault", "owner", "ttl_s", "granted_s", "expires_in_s", "ends_in_s", "reason", "reverted_s"}


def _line(lease: dict[str, Any]) -> str:
    own = " ".join(f"{key}={value}" for key, value in lease.items() if key not in _LEASE_KEYS)
    ends = f"ended: {lease['reason']}" if "reason" in lease else f"ends in {lease['expires_in_s']:.0f} s"
    return f"{lease['id']:<5} {lease['on']:<12} {lease['fault']:<16} {ends:<16} {own}".rstrip()


def _read_fields(given: Sequence[str]) -> dict[str, Any]:
    """`add_ms=250` -> 250, `tpm=40%` -> "40%": JSON where it is JSON, else text."""
    fields: dict[str, Any] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals:
            raise UsageError(Problem(f"{item!r} is no FIELD=VALUE"))
        try:
            fields[name] = orjson.loads(text)
        except orjson.JSONDecodeError:
            fields[name] = text
    return fields


def group() -> typer.Typer:
    """The `mock` command with its own commands."""
    app = typer.Typer(help="The mock dependencies on their own.", no_args_is_help=True)
    app.command("up")(up)
    app.command("env")(env)
    app.command("faults")(faults)
    fault = typer.Typer(help="Add or remove a fault on mocks that are up.", no_args_is_help=True)
    fault.command("add")(add)
    fault.command("remove")(remove)
    app.add_typer(fault, name="fault")
    return app
