"""The admin API's own description, OpenAPI 3.1; fault schemas come from the faults themselves."""

from __future__ import annotations

from typing import Any

from mock_services.faults import FAULTS
from mock_services.leases import TTL_LIMIT_S

_ERROR = {"description": 'An error: `{"error": {"message": ...}}`', "content": {"application/json": {}}}


def _operation(summary: str, status: str = "200", **more: Any) -> dict[str, Any]:
    responses: dict[str, Any] = {status: {"description": "Done", "content": {"application/json": {}}}}
    responses |= dict.fromkeys(("400", "401", "403", "404", "405", "409", "422"), _ERROR)
    return {"summary": summary, "responses": responses, **more}


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _in_query(name: str, kind: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": {"type": kind}}


def _grant_schema() -> dict[str, Any]:
    lease = {
        "on": {"type": "string", "description": "a service's name"},
        "ttl_s": {"type": "number", "exclusiveMinimum": 0, "maximum": TTL_LIMIT_S},
        "max_total_s": {"type": ["number", "null"], "exclusiveMinimum": 0},
        "owner": {"type": "string"},
    }
    kinds = []
    for name, fault in FAULTS.items():
        schema = fault.model_json_schema()
        properties = {**lease, "fault": {"const": name}, **schema["properties"]}
        kinds.append(
            {
                "type": "object",
                "title": name,
                "description": (fault.__doc__ or "").strip(),
                "properties": properties,
                "required": ["on", "fault", "ttl_s", *schema.get("required", [])],
                "additionalProperties": False,
            }
        )
    return {"oneOf": kinds}


def openapi() -> dict[str, Any]:
    """The document that `GET /openapi.json` answers with."""
    settings = {"content": {"application/json": {"schema": {"type": "object"}}}}
    grant = {"required": True, "content": {"application/json": {"schema": _grant_schema()}}}
    log = [
        _in_query("service", "string", "of one service only"),
        _in_query("after", "integer", "indices above this one"),
        _in_query("limit", "integer", "at most 10000; 1000 if not given"),
    ]
    paths: dict[str, Any] = {
        "/healthz": {"get": _operation("Whether the mocks are up, and for how long")},
        "/services": {"get": _operation("Every service: name, mock, url, settings in force")},
        "/services/{name}": {
            "parameters": [_in_path("name")],
            "get": _operation("One service; a name with `/` is taken as it is"),
            "patch": _operation("Change settings at once; answers the settings now in force", requestBody=settings),
        },
        "/counts": {"get": _operation("Per service: requests, status, outcome, tokens, pacing error p99")},
        "/log": {"get": _operation("The request log, oldest first", parameters=log)},
        "/faults": {
            "get": _operation("Leases in force, and the last hundred that ended, with the reason"),
            "post": _operation("Grant a fault as a lease", "201", requestBody=grant),
        },
        "/faults/{id}": {
            "parameters": [_in_path("id")],
            "get": _operation("One lease in force"),
            "delete": _operation("Revert it now"),
        },
        "/faults/{id}/renew": {"parameters": [_in_path("id")], "put": _operation("Start its TTL anew")},
        "/env": {"get": _operation("The environment variables that point each SDK at these mocks")},
        "/metrics": {"get": _operation("Prometheus text exposition")},
        "/openapi.json": {"get": _operation("This document")},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "peakproof mocks: admin API", "version": "1"},
        "security": [{"token": []}],
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "paths": paths,
    }
