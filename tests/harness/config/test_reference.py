from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.config.plan import Plan
from harness.config.reference import reference

DOCUMENT = Path(__file__).parents[3] / "docs" / "plan-file.md"


def test_the_document_is_current(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden", default=False):
        DOCUMENT.write_text(reference())
    assert DOCUMENT.read_text() == reference(), "write it anew: peakproof schema plan --markdown > docs/plan-file.md"


def test_every_field_is_in_it_with_its_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|(.*)\| (.*) \|$", reference(), re.MULTILINE)
    names = [name for name, *_ in rows]
    assert [info.alias or name for name, info in Plan.model_fields.items()] == names[: len(Plan.model_fields)]
    assert [name for name, *_, meaning in rows if not meaning.strip()] == []


def test_every_link_leads_somewhere() -> None:
    text = reference()
    titles = {title.strip().lower().replace(" ", "-") for title in re.findall(r"^## (.*)$", text, re.MULTILINE)}
    assert set(re.findall(r"\(#([\w-]+)\)", text)) <= titles
