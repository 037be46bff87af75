"""Load profiles: a Python file says what one arrival does, as generator journeys or as plain Locust users.

A file with functions marked by `@journey` gives those. A file without gives its Locust `User` classes, unmodified, each
class one journey with the class's weight. Loading runs the file's code: it happens in the engine's processes only.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

from harness.engine.job import JourneySpec
from harness.engine.journeys.prompts import mix
from harness.errors import Problem, UsageError

ANY = "profile"
"""The name of the one journey of a job that leaves the choice among a profile's journeys to the engine."""
_LOAD_S = 60.0
_WEIGHT_SCALE = 1 << 32


@dataclass(frozen=True)
class Profile:
    """What a file holds, in the order it is written. Only one of the two is filled."""

    journeys: Mapping[str, tuple[Callable[..., Any], float]]
    users: Mapping[str, tuple[type, float]]

    @property
    def weights(self) -> dict[str, float]:
        return {name: weight for name, (_, weight) in (self.journeys or self.users).items()}


def load_profile(path: Path) -> Profile:
    """Runs the file. Raises UsageError when it cannot be, or holds nothing to do."""
    module = _run(path)
    marked = [value for value in vars(module).values() if hasattr(value, "peakproof_journey")]
    journeys = {name: (function, weight) for function in marked for name, weight in [function.peakproof_journey]}
    if len(journeys) != len(marked):
        raise UsageError(Problem("two journeys have the same name", "name them apart", str(path)))
    if journeys:
        return Profile(journeys, {})
    users = _users_in(module)
    if not users:
        advice = "mark a generator with @journey, or define a Locust User with tasks"
        raise UsageError(Problem("nothing in it says what an arrival does", advice, str(path)))
    return Profile({}, users)


def describe_profile(path: Path) -> tuple[JourneySpec, ...]:
    """The journeys of a profile for a job, without running its code in this process. Raises UsageError."""
    command = [sys.executable, "-m", "harness.engine.node", "describe", str(path)]
    try:
        found = subprocess.run(command, capture_output=True, timeout=_LOAD_S, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 -- our own module
    except subprocess.TimeoutExpired:
        raise UsageError(Problem(f"it did not load within {_LOAD_S:g} s", file=str(path))) from None
    if found.returncode:
        said = found.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(Problem(f"it cannot be loaded: {said[-1] if said else 'no reason given'}", file=str(path)))
    weights = orjson.loads(found.stdout.splitlines()[-1])
    return tuple(JourneySpec(name, "profile", weight) for name, weight in weights.items())


def pick_by_journey(weights: Mapping[str, float], specs: Sequence[JourneySpec], seed: int) -> Callable[[int, int], str]:
    """`pick(journey, seq)`: the name in the profile that serves an arrival of that journey. Raises UsageError for a
    journey that the profile does not hold; the one journey `profile` stands for all of them, by weight."""
    if [spec.name for spec in specs] == [ANY] and ANY not in weights:
        return lambda _journey, seq: choose(weights, seed, seq)
    names = [spec.name for spec in specs]
    if missing := [name for name in names if name not in weights]:
        raise UsageError(Problem(f"the profile holds no journey {missing[0]!r}", f"it holds {', '.join(weights)}"))
    return lambda journey, _seq: names[journey]


def choose(weights: Mapping[str, float], seed: int, seq: int) -> str:
    """One of the names for arrival `seq`: weighted, the same for the same seed."""
    total = sum(weights.values())
    at = mix(seed ^ 0x6A6F75726E6579, seq) % _WEIGHT_SCALE / _WEIGHT_SCALE * total
    for name, weight in weights.items():
        at -= weight
        if at < 0:
            return name
    return name


def _run(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(Problem("there is no such profile", "give the path of a Python file", str(path)))
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as Locust does: a profile may import its neighbours
    spec = importlib.util.spec_from_file_location(f"peakproof_profile_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UsageError(Problem(f"{error.msg}", file=str(path), line=error.lineno or 0)) from None
    except Exception as error:
        line = _line_in(error, path)
        raise UsageError(Problem(f"{type(error).__name__}: {error}", file=str(path), line=line)) from error
    return module


def _line_in(error: BaseException, path: Path) -> int:
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _users_in(module: ModuleType) -> dict[str, tuple[type, float]]:
    locust: Any = sys.modules.get("locust")
    if locust is None:
        return {}  # the file did not import it, so it has no users
    found: dict[str, Any] = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, locust.User) and not getattr(value, "abstract", True)
    }
    weights = {name: float(value.weight or value.fixed_count) for name, value in found.items()}
    return {name: (found[name], weight) for name, weight in weights.items() if weight > 0}
