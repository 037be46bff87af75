"""Reading plan and SLO files: the edge of the room, where files are opened. Everything wrong is said at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from harness import COMMAND
from harness.config import overlay
from harness.config.crosschecks import cross_check
from harness.config.launch import LaunchFile
from harness.config.plan import JourneyKind, Plan, profile_path
from harness.config.problems import did_you_mean, path_text, placed, problems_of
from harness.config.sentences import as_slo_file, placeholder, read_sentences
from harness.config.slo import SloFile
from harness.config.tree import FILE_BYTES_MAX, Node, read_tree
from harness.config.variables import expand, secret_names
from harness.errors import Problem, UsageError

BUILTIN_PROFILES = Path(__file__).resolve().parents[2] / "loadprofiles"
"""Reached by path, as a user's own profile is: no import."""
SLO_FIELDS = SloFile.model_fields.keys()

Model = TypeVar("Model", bound=BaseModel)


def load_plan(
    path: Path | str, sets: Sequence[str] = (), profile: str | None = None, environ: Mapping[str, str] | None = None
) -> Plan:
    """Read a plan file, with the overlay `profile` of its `profiles:` and the `--set` assignments `sets` laid over it.

    `environ` holds the variables that `${VAR}` may name. Paths, the load profile's too, come
    joined. Raises UsageError with every problem found, placed.
    """
    path = Path(path)
    tree = read_file(path)
    if (kind := kind_of(tree)) != "plan":  # one line, instead of one for each of its fields
        raise UsageError(tree.problem(*_OTHER_KINDS[kind]))
    tree = _choose_profile(tree, profile)
    for assignment in sets:
        overlay.set_value(tree, assignment)
    unset = expand(tree, environ or {})
    problems = list(unset)
    _hoist(tree, "segments", "arrivals")
    _hoist(tree, "slos", "slo")
    _kind_by_name(tree)
    problems += _read_slo(tree, path.parent, environ or {})
    problems += _misplaced_secrets(tree)
    plan = None
    try:
        plan = _validated(Plan, tree, path.parent)
        problems += cross_check(plan, tree, path.parent, BUILTIN_PROFILES)
    except UsageError as error:
        problems += error.problems
    # What an unset variable left behind is no finding of its own.
    lines = {(problem.file, problem.line) for problem in unset}
    problems = [p for p in problems if p in unset or (p.file, p.line) not in lines]
    if problems or plan is None:
        raise UsageError(*_in_order(problems))
    if plan.profile:
        found = profile_path(plan.profile, path.parent, BUILTIN_PROFILES)
        plan = plan.model_copy(update={"profile": str(found)})
    return plan


def load_slo_file(path: Path | str, environ: Mapping[str, str] | None = None) -> SloFile:
    """Read an SLO file. Raises UsageError with every problem found, placed."""
    path = Path(path)
    tree = read_file(path)
    problems = expand(tree, environ or {})
    tree = as_slo_file(tree)
    problems += read_sentences(tree)
    slo = None
    try:
        slo = _validated(SloFile, tree, path.parent)
    except UsageError as error:
        problems += error.problems
    if problems or slo is None:
        raise UsageError(*_in_order(problems))
    return slo


def load_launch_file(path: Path | str, environ: Mapping[str, str] | None = None) -> LaunchFile:
    """Read a launch file. Raises UsageError with every problem found, placed."""
    path = Path(path)
    tree = read_file(path)
    if not isinstance(tree.value, dict):
        raise UsageError(tree.problem("a launch file is a mapping of fields", "like `seats: [1500, 2000, 3000]`"))
    if problems := expand(tree, environ or {}):
        raise UsageError(*_in_order(problems))
    return _validated(LaunchFile, tree, path.parent)


def read_file(path: Path) -> Node:
    """The tree of one YAML file. Raises UsageError where there is none to read."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise UsageError(Problem(f"no such file: {path}", "`peakproof init` writes a plan to start from")) from None
    except OSError as error:
        raise UsageError(Problem(f"cannot read {path}: {error.strerror}")) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(Problem("not UTF-8 text", "save the file as UTF-8", str(path), line, 1)) from None
    return read_tree(text, str(path))


def profile_names(path: Path) -> list[str]:
    """The overlays that the plan file's `profiles:` offers."""
    node = read_file(path)
    profiles = node.value.get("profiles") if isinstance(node.value, dict) else None
    return list(profiles.value) if profiles and isinstance(profiles.value, dict) else []


def secrets_of(plan: Plan) -> tuple[str, ...]:
    """The environment variables that the plan's secrets name, once each."""
    values = [*plan.headers.values(), *(v for j in plan.journeys.values() for v in j.headers.values())]
    return tuple(dict.fromkeys(name for value in values for name in secret_names(value)))


def _validated(model: type[Model], tree: Node, folder: Path) -> Model:
    try:
        return model.model_validate(tree.plain_value(), context={"folder": folder})
    except ValidationError as error:
        raise UsageError(*problems_of(error, tree, model)) from None


def _in_order(problems: list[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line, p.column))


Kind = Literal["plan", "slo", "drill", "launch"]


def kind_of(tree: Node) -> Kind:
    """Which kind of file a tree is, by its own fields; a plan where nothing speaks for another."""
    fields = tree.value.keys() if isinstance(tree.value, dict) else set()
    if isinstance(tree.value, list) or ("slos" in fields and not fields & (Plan.model_fields.keys() - SLO_FIELDS)):
        return "slo"
    if {"faults", "steady_state", "expect"} & fields:
        return "drill"
    if fields and not fields & Plan.model_fields.keys() and fields & LaunchFile.model_fields.keys():
        return "launch"
    return "plan"


_OTHER_KINDS: Mapping[Kind, tuple[str, str]] = {
    "slo": ("an SLO file, not a plan", "give the plan whose `slo:` names it"),
    "drill": ("a drill, not a plan", f"{COMMAND} drill run takes it"),
    "launch": ("a launch file, not a plan", f"{COMMAND} forecast --launch takes it"),
}


def _choose_profile(tree: Node, profile: str | None) -> Node:
    """The tree without `profiles:`, with the chosen one laid over it."""
    if not isinstance(tree.value, dict):
        raise UsageError(tree.problem("a plan is a mapping of fields", "`peakproof init` writes one to start from"))
    profiles = tree.value.pop("profiles", None)
    if profiles and profiles.value is not None and not isinstance(profiles.value, dict):
        raise UsageError(profiles.problem("profiles: should be overlays by name", "write `ci: {smoke: true}` under it"))
    if profile is None:
        return tree
    choices = profiles.value if profiles and isinstance(profiles.value, dict) else {}
    if profile not in choices:
        what = f"no profile {profile!r} in this plan{did_you_mean(profile, choices)}"
        advice = f"profiles: {', '.join(choices)}" if choices else "it has no `profiles:`"
        raise UsageError(Problem(what, advice, tree.source.name))
    above = choices[profile]
    if not isinstance(above.value, dict):
        raise UsageError(above.problem(f"profiles.{profile}: should be fields", "write the fields that it replaces"))
    return overlay.merged(tree, above)


def _hoist(tree: Node, inner: str, outer: str) -> None:
    """`segments:` at the top of a plan means `arrivals: {segments: ...}`, and `slos:` means `slo: {slos: ...}`."""
    assert isinstance(tree.value, dict)
    if inner in tree.value and outer not in tree.value:
        child = tree.value.pop(inner)
        place = tree.keys.pop(inner, (child.line, child.column))
        tree.value[outer] = Node({inner: child}, tree.source, *place, keys={inner: place})
        tree.keys[outer] = place


def _kind_by_name(tree: Node) -> None:
    """A journey that is called like a kind (`chat:`) is of that kind, and may be empty."""
    assert isinstance(tree.value, dict)
    journeys = tree.value.get("journeys")
    for name, journey in journeys.value.items() if journeys and isinstance(journeys.value, dict) else ():
        if journey.value is None:
            journey.value = {}
        if isinstance(journey.value, dict) and name in get_args(JourneyKind):
            journey.value.setdefault("kind", Node(name, tree.source))


def _read_slo(tree: Node, folder: Path, environ: Mapping[str, str]) -> list[Problem]:
    """Put the promises in place of the path that `slo:` gives, each with its own place. Answers with what is wrong."""
    assert isinstance(tree.value, dict)
    slo = tree.value.get("slo")
    if slo is None:
        return []
    problems: list[Problem] = []
    if isinstance(slo.value, str):
        path = folder / slo.value
        if not path.is_file():
            tree.value["slo"] = placeholder(tree.source)
            return [placed(tree, ("slo",), f"no such file: {path}", "a path from the folder of this file")]
        try:
            slo = read_file(path)
        except UsageError as error:
            tree.value["slo"] = placeholder(tree.source)
            return list(error.problems)
        problems += expand(slo, environ)
    slo = as_slo_file(slo)
    tree.value["slo"] = slo
    return problems + read_sentences(slo)


def _misplaced_secrets(tree: Node) -> list[Problem]:
    """A secret is left unresolved, so it makes sense only where the transport resolves it: in a header."""
    return [
        node.problem(f"{path_text(path)}: a secret (${{env:...}}) belongs in `headers`", "use ${NAME} for what is none")
        for path, node in tree.scalars()
        if isinstance(node.value, str) and secret_names(node.value) and "headers" not in path
    ]
