"""The manifest: what a stored run must say of its plan, so that it can be judged again without the plan."""

from __future__ import annotations

import os
import platform
from datetime import datetime
from typing import Any

import numpy as np

from harness import COMMAND, __version__, config, store
from harness.analysis import Confidence, PhaseWindow, Prices, Rules, Slo, parse_slo
from harness.errors import EvidenceError, Problem
from harness.results import ADVICE, FORMAT, of_format
from harness.run.inputs import Inputs
from harness.run.planning import windows_of as windows_of_shape


def manifest_of(inputs: Inputs, target: str, started: datetime) -> dict[str, Any]:
    """The facts of a run that is about to start, JSON-clean."""
    plan, load, rules = inputs.plan, inputs.load, inputs.rules
    return {
        "format": FORMAT,
        "started": started.isoformat(),
        "title": plan.title,
        "plan": inputs.path.name,
        "plan_hash": config.plan_hash(plan),
        "repeat": inputs.repeat or inputs.command("run"),
        "target": target,
        "target_name": plan.target_upstream or target,
        "machine": machine(),
        "traced": True,
        "trace_url": plan.trace_url,
        "seed": inputs.seed,
        "service": plan.slo.service,
        "slos": [{"text": line.text, "source": line.source} for line in plan.slo.slos],
        "rules": {
            "to_pass": rules.confidence.to_pass,
            "to_fail": rules.confidence.to_fail,
            "judge_phases": list(rules.judge_phases),
            "min_duration_s": rules.min_duration_s,
            "longest_cycle_s": rules.longest_cycle_s,
            "extend_up_to_s": rules.extend_up_to_s,
            "smoke": rules.smoke,
            "looks": rules.looks,
        },
        "phases": [
            [w.phase, w.start_s, w.end_s, w.constant_rate, w.judged] for w in windows_of_shape(load.shape, rules)
        ],
        "process": load.shape.process,
        "rate_knots_s": load.shape.knots_s.tolist(),
        "rate_per_s": load.shape.rates_per_s.tolist(),
        "mix": dict(load.mix),
        "forecast_peak": load.peak_per_s,
        "peak_label": load.peak_label,
        "lengths_declared": plan.prompts is not None and plan.prompts.lengths == "kept",
        "cached": None if plan.prompts is None else plan.prompts.cached,
        "new_connections": plan.connections,
        "secrets": list(config.secrets_of(plan)),
        "notes": list(load.shape.notes),
        "prices": None if plan.prices is None else [plan.prices.input[0], plan.prices.output[0], plan.prices.input[1]],
        "upstreams": {name: _limits_text(upstream) for name, upstream in plan.upstreams.items()},
        "versions": [[COMMAND, __version__], ["python", platform.python_version()], ["numpy", np.__version__]],
    }


def machine() -> str:
    """The kind of machine, as far as it decides what a run can show; not its name: pipelines change it."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"


def _limits_text(upstream: config.Upstream) -> str:
    limits = [f"{name} {value:,}" for name in ("tpm", "rpm", "rps") if (value := getattr(upstream, name)) is not None]
    places = {name: upstream.settings.get(name) for name in ("servers", "concurrency")}
    limits += [f"{name} {value:,}" for name, value in places.items() if isinstance(value, int)]
    return ", ".join([" ".join(filter(None, [upstream.mock, upstream.preset])), *limits])


def windows_of(manifest: dict[str, Any], rules: Rules) -> tuple[PhaseWindow, ...]:
    """The phases as planned, up to the look that ended the run, judged as `rules` says (which may be other rules than
    those of the run)."""
    ended_s = manifest.get("judged_until_s")
    return tuple(
        PhaseWindow(
            phase, start_s, end_s if ended_s is None else min(end_s, ended_s), constant, phase in rules.judge_phases
        )
        for phase, start_s, end_s, constant, _ in manifest["phases"]
    )


def rules_of(manifest: dict[str, Any]) -> Rules:
    data = dict(manifest["rules"])
    confidence = Confidence(data.pop("to_pass"), data.pop("to_fail"))
    return Rules(confidence=confidence, **{**data, "judge_phases": tuple(data["judge_phases"])})


def slos_of(manifest: dict[str, Any]) -> tuple[Slo, ...]:
    return tuple(parse_slo(line["text"], line["source"]) for line in manifest["slos"])


def prices_of(manifest: dict[str, Any]) -> Prices | None:
    return None if manifest["prices"] is None else Prices(*manifest["prices"])


def read_manifest(folder: store.RunFolder) -> dict[str, Any]:
    """Raises EvidenceError where the manifest is missing, broken, or of another format."""
    manifest = folder.read_manifest()
    if (found := manifest.get("format")) != FORMAT:
        raise EvidenceError(Problem(of_format(found), ADVICE, str(folder.manifest)))
    return manifest
