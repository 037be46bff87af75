from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from harness.config import quantities as q


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (q.Duration, "20m", 1200.0), (q.Duration, "1h30m", 5400.0), (q.Offset, "0s", 0.0), (q.Rate, "600/min", 10.0),
        (q.Count, "60k", 60_000), (q.Count, 7, 7), (q.Size, "16 MiB", 16 * 2**20), (q.Money, "25 USD", (25.0, "USD")),
        (q.Probability, 0.95, 0.95), (q.Probability, "95%", 0.95),
    ],
)  # fmt: skip
def test_what_people_write(kind: Any, text: Any, value: Any) -> None:
    assert TypeAdapter(kind).validate_python(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (q.Duration, 20), (q.Duration, "20"), (q.Duration, "0s"), (q.Duration, "-1s"), (q.Duration, "1 x"),
        (q.Duration, None), (q.Rate, 5), (q.Rate, "5"), (q.Rate, "5/d"), (q.Count, "1.5"), (q.Count, -1),
        (q.Count, True), (q.Count, 1.5), (q.Size, 5),
        (q.Money, 25), (q.Money, "25"), (q.Money, "$25"), (q.Probability, 95), (q.Probability, 1), (q.Probability, 0),
        (q.Probability, float("nan")),
    ],
)  # fmt: skip
def test_what_is_refused(kind: Any, text: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(text)


def test_a_path_is_taken_from_the_folder() -> None:
    adapter: TypeAdapter[Path] = TypeAdapter(q.FilePath)
    assert adapter.validate_python("a/b.json", context={"folder": Path("/plans")}) == Path("/plans/a/b.json")
    assert adapter.validate_python("/abs", context={"folder": Path("/plans")}) == Path("/abs")
    with pytest.raises(ValidationError):
        adapter.validate_python("  ", context={"folder": Path("/plans")})


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\nb", "é"])
def test_header_names(name: str) -> None:
    with pytest.raises(ValueError, match="not a header name"):
        q.check_headers({name: "x"})


@pytest.mark.parametrize("name", ["Authorization", "COOKIE", "x-api-key", "api-key"])
def test_a_sensitive_header_needs_a_reference(name: str) -> None:
    with pytest.raises(ValueError, match="is a secret in the file"):
        q.check_headers({name: "abc"})
    assert q.check_headers({name: "Bearer ${env:KEY}"})
