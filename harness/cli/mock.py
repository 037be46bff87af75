"""`peakproof mock`: the mock dependencies on their own, for an app that points its base URLs at them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.terminal import note, show

if TYPE_CHECKING:
    from harness.run import MockFleet


def up(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[llm|vectordb|tools|copilot]...", help="All of them.")
    ] = None,
    free_ports: Annotated[bool, typer.Option("--free-ports", help="Take free ports instead of 8080 to 8083.")] = False,
) -> int:
    """Start mock dependencies on loopback and serve until Ctrl-C."""
    from harness.run import serve_mocks

    with tempfile.TemporaryDirectory(prefix="peakproof-mocks-") as folder:
        return serve_mocks(names or (), Path(folder), free_ports=free_ports, ready=_tell)


def _tell(fleet: MockFleet) -> None:
    for name, url in fleet.urls.items():
        show(f"{name:<10} {url}")
    show(f"admin      {fleet.admin_url}   with the bearer token {fleet.token}")
    note("serving until Ctrl-C; the token is PEAKPROOF_MOCK_TOKEN where that is set")


def group() -> typer.Typer:
    """The `mock` command with its own commands."""
    app = typer.Typer(help="The mock dependencies on their own.", no_args_is_help=True)
    app.command("up")(up)
    return app
