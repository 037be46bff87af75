"""What no single field can know: names that refer to each other, files that must be there, hosts to be listed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

from harness.config.plan import KNOWN_MOCKS, Plan, profile_path
from harness.config.problems import did_you_mean, placed
from harness.config.promises import check_promises
from harness.config.tree import Node
from harness.errors import Problem


def cross_check(plan: Plan, tree: Node, folder: Path, builtin_profiles: Path) -> list[Problem]:
    """Every contradiction inside a valid plan, with its place. Looks at the file system for the files it names."""
    return [
        *_target(plan, tree),
        *_work(plan, tree, folder, builtin_profiles),
        *_upstreams(plan, tree),
        *_phases(plan, tree),
        *_files(plan, tree),
        *_money(plan, tree),
        *check_promises(plan, tree),
    ]


def is_loopback(host: str) -> bool:
    """By name or literal address only: what a name resolves to is checked at connect."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _target(plan: Plan, tree: Node) -> Iterator[Problem]:
    name = plan.target_upstream
    if name:
        if name not in plan.upstreams:
            meant = did_you_mean(name, plan.upstreams)
            yield placed(
                tree, ("target",), f"{name!r} is neither a URL nor one of `upstreams`{meant}", "write http://..."
            )
    elif not is_loopback(plan.target_host) and plan.target_host not in {host.lower() for host in plan.allow_hosts}:
        advice = f"list it if it is yours to load: allow_hosts: [{plan.target_host}]"
        yield placed(tree, ("target",), f"{plan.target_host} is not on this machine and not in allow_hosts", advice)
    for index, host in enumerate(plan.allow_hosts):
        if "/" in host or "*" in host or ":" in host.strip("[]").replace("::", ""):
            yield placed(
                tree,
                ("allow_hosts", index),
                f"not a host name: {host!r}",
                "a name or address; no URL, port or wildcard",
            )


def _work(plan: Plan, tree: Node, folder: Path, builtin: Path) -> Iterator[Problem]:
    if plan.profile and plan.journeys:
        yield placed(tree, ("journeys",), "a plan has a profile or journeys, not both")
    elif plan.profile:
        path = profile_path(plan.profile, folder, builtin)
        if not path.is_file():
            known = sorted(p.stem for p in builtin.glob("*.py") if p.stem != "__init__")
            advice = f"built-in ones: {', '.join(known)}" if known else "a path from the folder of this file"
            yield placed(tree, ("profile",), f"no such file: {path}{did_you_mean(plan.profile, known)}", advice)
    elif not plan.journeys:
        what = "missing: what does one arrival do?"
        yield tree.problem(f"journeys: {what}", "journeys: {chat: {model: ...}}, or profile: my_locustfile.py")


def _upstreams(plan: Plan, tree: Node) -> Iterator[Problem]:
    for name, upstream in plan.upstreams.items():
        if upstream.mock not in KNOWN_MOCKS:
            meant = did_you_mean(upstream.mock, KNOWN_MOCKS)
            yield placed(tree, ("upstreams", name, "mock"), f"no mock {upstream.mock!r}{meant}", ", ".join(KNOWN_MOCKS))
        for part, other in upstream.upstreams.items():
            if other not in plan.upstreams:
                what = f"{other!r} is not one of the plan's upstreams{did_you_mean(other, plan.upstreams)}"
                yield placed(tree, ("upstreams", name, "upstreams", part), what)
            elif other == name:
                yield placed(tree, ("upstreams", name, "upstreams", part), "an upstream cannot be its own upstream")


def _phases(plan: Plan, tree: Node) -> Iterator[Problem]:
    if plan.arrivals.segments is None:
        return
    known = {segment.phase for segment in plan.arrivals.segments} | {"replay"}
    seen: list[str] = []
    for index, segment in enumerate(plan.arrivals.segments):
        if segment.phase in seen[:-1] and segment.phase != seen[-1]:
            path = ("arrivals", "segments", index, "phase")
            yield placed(
                tree,
                path,
                f"the phase {segment.phase!r} was left before",
                "a phase is one stretch of time: use another name",
            )
        seen.append(segment.phase)
    judged = plan.slo.verdict.judge_phases
    for index, phase in enumerate(judged):
        if phase not in known:
            what = f"the plan has no phase {phase!r}{did_you_mean(phase, known)}"
            yield placed(
                tree, ("slo", "verdict", "judge_phases", index), what, f"phases: {', '.join(dict.fromkeys(seen))}"
            )
    if not judged and "peak" not in known and "replay" not in seen:
        what = "no phase is called 'peak', so nothing would be judged"
        yield placed(
            tree, ("arrivals", "segments"), what, "name one of them peak, or say verdict: {judge_phases: [...]}"
        )


def _files(plan: Plan, tree: Node) -> Iterator[Problem]:
    forecast = "make it: peakproof forecast HISTORY -o peak.json"
    wanted: list[tuple[tuple[str | int, ...], Path | None, str]] = [
        (("arrivals", "from"), plan.arrivals.from_, forecast)
    ]
    if plan.prompts is not None:
        at: tuple[str | int, ...] = (
            ("prompts", "file") if isinstance(tree.locate(("prompts",))[0].value, dict) else ("prompts",)
        )
        wanted += [(("prompts", "tokens"), plan.prompts.tokens, forecast), (at, plan.prompts.file, "")]
    for index, segment in enumerate(plan.arrivals.segments or ()):
        wanted.append((("arrivals", "segments", index, "replay"), segment.replay, ""))
    for path, file, advice in wanted:
        if file is not None and not file.is_file():
            yield placed(tree, path, f"no such file: {file}", advice)


def _money(plan: Plan, tree: Node) -> Iterator[Problem]:
    cost = plan.limits.cost
    if cost is not None and plan.prices is not None and plan.prices.input[1] != cost[1]:
        yield placed(
            tree, ("prices",), f"prices are in {plan.prices.input[1]}, the limit in {cost[1]}", "use one currency"
        )
    elif cost is not None and plan.prices is None and plan.target_host and not is_loopback(plan.target_host):
        what = "a cost limit cannot be held without prices"
        yield placed(
            tree, ("limits", "cost"), what, "add prices: {input: 0.15 USD, output: 0.60 USD} for a million tokens"
        )
