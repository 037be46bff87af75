from __future__ import annotations

import re
from typing import Any

from mock_services.admin.openapi import openapi
from mock_services.faults import FAULTS

AUTH = {"authorization": "Bearer test-token"}


def test_every_path_that_is_described_is_there_and_every_method(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        document = (await lab.client.get(lab.admin + "/openapi.json", headers=AUTH)).json()
        assert document == openapi()
        for path, operations in document["paths"].items():
            for method in set(operations) - {"parameters"}:
                url = lab.admin + re.sub(r"\{\w+\}", "nobody", path)
                response = await lab.client.request(method, url, headers=AUTH, json={})
                assert response.status_code != 405, (method, path)
                if "{" not in path and method == "get":
                    assert response.status_code == 200, path

    in_lab(body)


def test_every_fault_is_described_with_its_ttl() -> None:
    schema = openapi()["paths"]["/faults"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {kind["properties"]["fault"]["const"] for kind in schema["oneOf"]} == set(FAULTS)
    assert all("ttl_s" in kind["required"] for kind in schema["oneOf"])


def test_the_environment_is_told(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        told = (await lab.get("/env"))["env"]
        assert {"service": "llm", "name": "OPENAI_BASE_URL", "value": lab.urls["llm"] + "/v1", "second": False} in told

    in_lab(body)
