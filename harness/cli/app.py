"""The command line: one import and one line a command. Parse, call, print, exit code; nothing else happens here."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Sequence

import typer
from typer.exceptions import Abort, TyperException

from harness import COMMAND
from harness.cli import (
    analyze,
    capacity,
    compare,
    doctor,
    drill,
    explain,
    forecast,
    init,
    mock,
    plan,
    run,
    schema,
    selftest,
    validate,
    version,
    worker,
)
from harness.cli.terminal import note, show_error
from harness.errors import ExitCode, PeakproofError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE)


def build() -> typer.Typer:
    """The application with all its commands, in the order in which one meets them."""
    app = typer.Typer(
        name=COMMAND,
        help="Will this AI endpoint survive its forecast peak, how much headroom is there, and what breaks first?",
        epilog=f"First steps: {COMMAND} init, {COMMAND} validate, {COMMAND} doctor plan.yaml. "
        f"Exit codes: {COMMAND} explain exit-codes.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command("demo")(run.demo)
    app.command("init")(init.init)
    app.command("validate")(validate.validate)
    app.command("doctor")(doctor.doctor)
    app.command("forecast")(forecast.forecast)
    app.add_typer(mock.group(), name="mock")
    app.command("plan")(plan.plan)
    app.command("run")(run.run)
    app.command("capacity")(capacity.capacity)
    app.command("worker")(worker.worker)
    app.add_typer(drill.group(), name="drill")
    app.command("report")(analyze.report)
    app.command("analyze")(analyze.analyze)
    app.command("compare")(compare.compare)
    app.add_typer(compare.baseline(), name="baseline")
    app.add_typer(compare.history(), name="history")
    app.command("explain")(explain.explain)
    app.command("selftest")(selftest.selftest)
    app.command("schema")(schema.schema)
    app.command("version")(version.version)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. `arguments` are those of the process where None. The exit code is the caller's to use."""
    try:
        code = build()(args=None if arguments is None else list(arguments), prog_name=COMMAND, standalone_mode=False)
    except PeakproofError as error:
        show_error(str(error))
        return error.exit_code
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # not public, and its text is the whole help
            note(error.format_message())
        else:
            show_error(_usage_text(error))
        return ExitCode.USAGE
    except (KeyboardInterrupt, Abort):
        return ExitCode.INTERRUPTED
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            show_error(_no_room_text(error))
            return ExitCode.INVALID
        show_error(_crash_text(error))
        return ExitCode.CRASH
    return int(code or 0)


def _usage_text(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else COMMAND
    return f"{error.format_message().rstrip('.')} (see {path} --help)"


def _no_room_text(error: OSError) -> str:
    """A full disk can meet any write; whatever was measured until then is no verdict."""
    where = f" ({error.filename})" if error.filename else ""
    advice = f"make room; what a run had written can still be judged: {COMMAND} report runs/ID"
    return f"the machine gave out: {error.strerror}{where} ({advice})"


def _crash_text(error: Exception) -> str:
    if os.environ.get("PEAKPROOF_TRACEBACK"):
        return traceback.format_exc().rstrip()
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(place.filename)}:{place.lineno}"  # noqa: PTH119 -- a name for the eye, no file access
    return (
        f"a defect of {COMMAND}, not of your input: {type(error).__name__}: {error} ({where})\n"
        "PEAKPROOF_TRACEBACK=1 shows all of it"
    )
