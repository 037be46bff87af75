from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.llm.embedding import embed
from mock_services.vector.collection import Collection, DimensionError

vectors = st.lists(st.floats(-10, 10).map(lambda x: round(x, 3)), min_size=3, max_size=3)


@given(
    st.lists(vectors, min_size=1, max_size=30),
    vectors,
    st.integers(1, 40),
    st.sampled_from(["Cosine", "Dot", "Euclid"]),
)
def test_the_hits_are_the_true_nearest(
    points: list[list[float]], query: list[float], count: int, distance: str
) -> None:
    collection = Collection(3, distance)  # type: ignore[arg-type]
    collection.upsert([(row, values, {}) for row, values in enumerate(points)])

    def score(values: list[float]) -> float:
        if distance == "Euclid":
            return math.dist(values, query)
        dot = sum(a * b for a, b in zip(values, query, strict=True))
        return dot / ((math.hypot(*values) or 1.0) * (math.hypot(*query) or 1.0)) if distance == "Cosine" else dot

    expected = sorted((score(values) for values in points), reverse=distance != "Euclid")[:count]
    hits = collection.nearest(query, count)
    assert [hit.score for hit in hits] == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert len({hit.row for hit in hits}) == len(hits)


def test_a_seeded_collection_is_the_same_every_time_and_answers_questions() -> None:
    one, other = Collection.seeded(400, 64, seed=3), Collection.seeded(400, 64, seed=3)
    assert one.payloads == other.payloads
    assert one.payloads != Collection.seeded(400, 64, seed=4).payloads
    query = embed("a refund within fourteen days once the payment has cleared", 64).tolist()
    best = one.payloads[one.nearest(query, 1)[0].row]["text"]
    worst = one.payloads[one.nearest(query, 1, farthest=True)[0].row]["text"]
    assert "refund" in best
    assert "refund" not in worst


def test_upsert_adds_replaces_and_is_all_or_nothing() -> None:
    collection = Collection(2)
    collection.upsert([(1, [1, 0], {"a": 1}), ("x", [0, 2], {})])
    collection.upsert([(1, [0, 5], {"a": 2})])
    assert (len(collection), collection.payloads[0]) == (2, {"a": 2})
    assert collection.vector(0) == pytest.approx([0, 1]), "cosine vectors are kept normalised"
    with pytest.raises(DimensionError):
        collection.upsert([(2, [1, 1], {}), (3, [1, 1, 1], {})])
    with pytest.raises(ValueError, match="finite"):
        collection.upsert([(2, [1, math.nan], {})])
    assert len(collection) == 2


def test_delete_keeps_the_rest_findable() -> None:
    collection = Collection(2)
    collection.upsert([(n, [math.cos(n), math.sin(n)], {"n": n}) for n in range(5)])
    assert collection.delete([1, 3, 99]) == 2
    assert collection.ids == [0, 2, 4]
    hit = collection.nearest([math.cos(4), math.sin(4)], 1)[0]
    assert collection.payloads[hit.row] == {"n": 4}
    assert collection.row_of(4) == hit.row


def test_a_wrong_query_is_refused() -> None:
    collection = Collection.seeded(10, 8, seed=1)
    with pytest.raises(DimensionError, match="expected dim: 8, got 2"):
        collection.nearest([1.0, 2.0], 3)
    with pytest.raises(ValueError, match="finite"):
        collection.nearest([math.inf] * 8, 3)
    assert collection.nearest(np.ones(8).tolist(), 3, np.asarray([], dtype=np.intp)) == []
