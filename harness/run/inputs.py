"""What a run is given, read from files once: plan, promises, forecast, recordings; after this, no input is read."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness import COMMAND, config, forecast, store
from harness.analysis import Rules, Slo, parse_slo
from harness.engine import describe_profile
from harness.errors import Problem, UsageError
from harness.run.planning import Load, plan_load, rules_of


@dataclass(frozen=True)
class Inputs:
    """A plan that was read and checked, with everything it names."""

    path: Path
    plan: config.Plan
    slos: tuple[Slo, ...]
    rules: Rules
    load: Load
    seed: int
    owned: bool
    """The caller said that the target is theirs (`--i-own-this-target`)."""
    repeat: str = ""
    """The command that does this run again; empty where `run` does."""
    options: tuple[str, ...] = ()
    """What the command line said beside the plan's path and the seed."""

    def command(self, name: str) -> str:
        """The command `name` with this plan, these options and this seed, ready to be pasted into a shell."""
        return shlex.join([COMMAND, name, str(self.path), *self.options, "--seed", str(self.seed)])

    def copy_to(self, folder: store.RunFolder) -> None:
        """Keep what was asked, as read."""
        shutil.copyfile(self.path, folder.plan)
        promises = [f"  - {json.dumps(line.text)}  # {line.source}" for line in self.plan.slo.slos]
        store.write_text(folder.slo, "\n".join(["slos:", *promises]) + "\n")
        if self.plan.arrivals.from_ is not None:
            shutil.copyfile(self.plan.arrivals.from_, folder.peak)


def read_inputs(
    path: Path,
    *,
    sets: Sequence[str] = (),
    profile: str | None = None,
    seed: int | None = None,
    owned: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Inputs:
    """Read the plan at `path` and all that it names. Raises UsageError with every problem found."""
    plan = config.load_plan(path, sets, profile, os.environ if environ is None else environ)
    seed = plan.arrivals.seed if seed is None else seed
    peak = _read_peak(plan.arrivals.from_)
    tokens = _read_peak(plan.prompts.tokens) if plan.prompts and plan.prompts.tokens else None
    journeys = describe_profile(Path(plan.profile)) if plan.profile else ()
    load = plan_load(plan, peak, tokens, _recordings(plan), seed, journeys)
    return Inputs(
        path=path,
        plan=plan,
        slos=slos_of(plan.slo),
        rules=rules_of(plan.slo.verdict, load.shape, plan.smoke),
        load=load,
        seed=seed,
        owned=owned,
        options=_options(sets, profile, owned),
    )


def _options(sets: Sequence[str], profile: str | None, owned: bool) -> tuple[str, ...]:
    chosen = ["--profile", profile] if profile else []
    replaced = [word for assignment in sets for word in ("--set", assignment)]
    return (*chosen, *replaced, *(["--i-own-this-target"] if owned else []))


def slos_of(file: config.SloFile) -> tuple[Slo, ...]:
    return tuple(parse_slo(line.text, line.source) for line in file.slos)


def _read_peak(path: Path | None) -> forecast.Peak | None:
    return None if path is None else forecast.peak_from_json(read_text(path), str(path))


def _recordings(plan: config.Plan) -> dict[Path, npt.NDArray[np.float64]]:
    """Offsets of each recording that a `replay` segment names, in seconds, ascending."""
    paths = [segment.replay for segment in plan.arrivals.segments or () if segment.replay is not None]
    return {path: _offsets(path) for path in paths}


def _offsets(path: Path) -> npt.NDArray[np.float64]:
    history = forecast.read_history(read_text(path), str(path))
    if history.requests is None:
        raise UsageError(Problem("holds counts, not single requests: it cannot be replayed", file=str(path)))
    return history.requests.offsets_s


def read_text(path: Path) -> str:
    """The text of an input file. Raises UsageError that says what is wrong with it."""
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(Problem("no such file", file=str(path))) from None
    except UnicodeDecodeError:
        raise UsageError(Problem("not UTF-8 text", file=str(path))) from None
    except OSError as error:
        raise UsageError(Problem(f"cannot be read: {error.strerror}", file=str(path))) from None
