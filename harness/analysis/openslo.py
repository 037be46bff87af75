"""OpenSLO v1: ratio SLOs in and out without loss. Dicts only; whoever reads YAML is somebody else.

An SLO of ours is a ratio of good to all requests with a target, which is `ratioMetric` with `target`. The short form
that
it came from is kept in an annotation, so an export comes back as what it was; a foreign document is read where its
indicator names one of our metrics, and refused where it asks for what a load test cannot hold (calendar windows are
noted, budgeting by time slices is refused).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis.slo import AT_LEAST, Kind, Slo, parse_slo
from harness.errors import Problem, UsageError

API_VERSION = "openslo/v1"
ANNOTATION = "peakproof/slo"
METRIC_ANNOTATION = "peakproof/metric"


def slo_to_openslo(slo: Slo, service: str) -> dict[str, Any]:
    """One OpenSLO document. Raises ValueError for means, which are no ratio."""
    if slo.kind is Kind.MEAN:
        raise ValueError(f"{slo.text}: a mean is no ratio of good requests; OpenSLO's ratioMetric cannot hold it")
    name = re.sub(r"[^a-z0-9]+", "-", slo.text.lower()).strip("-")[:63].strip("-")
    return {
        "apiVersion": API_VERSION,
        "kind": "SLO",
        "metadata": {"name": name, "displayName": slo.text, "annotations": {ANNOTATION: _short(slo)}},
        "spec": {
            "service": service,
            "description": f"share of requests that meet: {slo.text}",
            "budgetingMethod": "Occurrences",
            "timeWindow": [{"duration": "28d", "isRolling": True}],
            "indicator": {
                "metadata": {"name": f"{name[:55]}-ratio"},
                "spec": {
                    "ratioMetric": {
                        "counter": True,
                        "good": {"metricSource": {"type": "peakproof", "spec": {"query": f"good({slo.text})"}}},
                        "total": {"metricSource": {"type": "peakproof", "spec": {"query": "requests"}}},
                    }
                },
            },
            "objectives": [{"displayName": slo.text, "target": _target(slo)}],
        },
    }


def _target(slo: Slo) -> float:
    return round(1 - slo.allowed_share, 12)


def _short(slo: Slo) -> str:
    return slo.text if parse_slo(slo.text).gate == slo.gate else f"{slo.text} {slo.gate}"


def slos_from_openslo(document: Mapping[str, Any], name: str) -> tuple[Slo, ...]:
    """The SLOs of one OpenSLO document, one an objective. Raises UsageError saying which field cannot be held."""
    try:
        return _slos(document, name)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise UsageError(
            Problem(f"not a whole OpenSLO document: {error} is missing or of the wrong kind", file=name)
        ) from None


def _slos(document: Mapping[str, Any], name: str) -> tuple[Slo, ...]:
    if document["apiVersion"] != API_VERSION or document["kind"] != "SLO":
        said = f"{document['apiVersion']} {document['kind']}"
        raise _refuse(name, f"{said} is not {API_VERSION} SLO", "only SLO documents are judged")
    spec = document["spec"]
    if spec.get("budgetingMethod", "Occurrences") != "Occurrences":
        raise _refuse(
            name, f"budgetingMethod {spec['budgetingMethod']}", "a load test counts requests: use Occurrences"
        )
    annotations = document["metadata"].get("annotations") or {}
    objectives = spec["objectives"]
    if not isinstance(objectives, Sequence) or not objectives:
        raise _refuse(name, "no objectives", "one target at least")
    indicator = spec["indicator"]["spec"]
    if "ratioMetric" not in indicator and ANNOTATION not in annotations:
        raise _refuse(name, "an indicator without ratioMetric", "write it as good requests over all requests")
    return tuple(_slo(objective, annotations, name) for objective in objectives)


def _slo(objective: Mapping[str, Any], annotations: Mapping[str, Any], name: str) -> Slo:
    target = objective.get("target")
    if target is None and objective.get("targetPercent") is not None:
        target = objective["targetPercent"] / 100
    if isinstance(target, bool) or not isinstance(target, int | float) or not 0 < target < 1:
        raise _refuse(name, f"target {target!r}", "a share between 0 and 1, as 0.99")
    text = str(annotations.get(ANNOTATION) or _text(str(annotations.get(METRIC_ANNOTATION, "success")), float(target)))
    try:
        slo = parse_slo(text, source=name)
    except ValueError as error:
        raise _refuse(
            name, f"{text!r}: {error}", f"the annotation {ANNOTATION} holds an SLO in the short form"
        ) from None
    if abs(_target(slo) - target) > 1e-9:
        raise _refuse(name, f"target {target} against {text!r}", "the annotation and the target disagree: change both")
    return slo


def _text(metric: str, target: float) -> str:
    """A ratio that names no latency: success, goodput, or the share of a bad outcome."""
    percent = f"{target * 100:.10g}%" if metric in AT_LEAST else f"{(1 - target) * 100:.10g}%"
    return f"{metric} {'>=' if metric in AT_LEAST else '<='} {percent}"


def _refuse(name: str, what: str, advice: str) -> UsageError:
    return UsageError(Problem(what, advice, file=name))
