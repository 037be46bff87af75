"""Points in memory and the exact nearest ones among them, by numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mock_services.vector.corpus import Vectors, seeded_payloads, vectors_of

PointId = int | str
Distance = Literal["Cosine", "Dot", "Euclid"]
Payload = dict[str, Any]
Condition = Callable[[PointId, Payload], bool]
POINTS_LIMIT = 200_000


class DimensionError(ValueError):
    """A vector of the wrong length."""

    def __init__(self, expected: int, got: int) -> None:
        super().__init__(f"expected dim: {expected}, got {got}")
        self.expected = expected
        self.got = got


@dataclass(frozen=True)
class Hit:
    """A point and how near it is, in the collection's own measure (for Euclid, smaller is nearer)."""

    row: int
    score: float


class Collection:
    """Vectors of one length. Cosine vectors are kept normalised, as Qdrant keeps them."""

    def __init__(self, dimensions: int, distance: Distance = "Cosine") -> None:
        self.dimensions = dimensions
        self.distance: Distance = distance
        self.ids: list[PointId] = []
        self.payloads: list[Payload] = []
        self._rows: dict[PointId, int] = {}
        self._vectors: Vectors = np.zeros((0, dimensions), dtype=np.float32)

    @classmethod
    def seeded(cls, count: int, dimensions: int, seed: int, *, text_ids: bool = False) -> Collection:
        """Ids are 1, 2, ... or, with `text_ids`, "doc-1", "doc-2", ..."""
        collection = cls(dimensions)
        collection.ids = [f"doc-{n}" if text_ids else n for n in range(1, count + 1)]
        collection._rows = {point: row for row, point in enumerate(collection.ids)}
        collection.payloads = seeded_payloads(count, seed)
        collection._vectors = vectors_of([payload["text"] for payload in collection.payloads], dimensions)
        return collection

    def __len__(self) -> int:
        return len(self.ids)

    def row_of(self, point: PointId) -> int | None:
        return self._rows.get(point)

    def vector(self, row: int) -> list[float]:
        vector: list[float] = self._vectors[row].tolist()
        return vector

    def rows_where(self, condition: Condition | None) -> NDArray[np.intp] | None:
        """Rows that meet the condition; None stands for all."""
        if condition is None:
            return None
        pairs = zip(self.ids, self.payloads, strict=True)
        return np.asarray([row for row, (i, p) in enumerate(pairs) if condition(i, p)], dtype=np.intp)

    def nearest(
        self, query: Sequence[float], count: int, rows: NDArray[np.intp] | None = None, *, farthest: bool = False
    ) -> list[Hit]:
        """The `count` nearest points among `rows`, nearest first. Raises DimensionError, ValueError."""
        vector = np.asarray(query, dtype=np.float32)
        if vector.ndim != 1 or vector.shape[0] != self.dimensions:
            raise DimensionError(self.dimensions, int(vector.size))
        if not np.isfinite(vector).all():
            raise ValueError("a vector holds finite numbers only")
        scores = self._scores(vector, self._vectors if rows is None else self._vectors[rows])
        count = min(count, scores.shape[0])
        if count <= 0:
            return []
        key = scores if (self.distance == "Euclid") != farthest else -scores
        best = np.argpartition(key, count - 1)[:count]
        best = best[np.argsort(key[best], kind="stable")]
        of = best if rows is None else rows[best]
        return [Hit(int(row), float(scores[at])) for row, at in zip(of, best, strict=True)]

    def upsert(self, points: Sequence[tuple[PointId, Sequence[float], Payload]]) -> None:
        """Adds points, or replaces those of the same id: all of them, or none. Raises DimensionError, ValueError."""
        new: dict[PointId, tuple[Vectors, Payload]] = {}
        for point, values, payload in points:
            vector = np.asarray(values, dtype=np.float32)
            if vector.ndim != 1 or vector.shape[0] != self.dimensions:
                raise DimensionError(self.dimensions, int(vector.size))
            if not np.isfinite(vector).all():
                raise ValueError("a vector holds finite numbers only")
            if self.distance == "Cosine":
                vector = vector / (float(np.linalg.norm(vector)) or 1.0)
            new[point] = (vector, payload)
        fresh = [point for point in new if point not in self._rows]
        if len(self) + len(fresh) > POINTS_LIMIT:
            raise ValueError(f"this mock holds at most {POINTS_LIMIT} points in a collection")
        for point in new.keys() & self._rows.keys():
            row = self._rows[point]
            self._vectors[row], self.payloads[row] = new[point]
        if fresh:
            self._vectors = np.concatenate([self._vectors, np.stack([new[point][0] for point in fresh])])
            for point in fresh:
                self._rows[point] = len(self.ids)
                self.ids.append(point)
                self.payloads.append(new[point][1])

    def delete(self, points: Sequence[PointId]) -> int:
        """How many of them there were."""
        gone = {self._rows[point] for point in points if point in self._rows}
        if gone:
            kept = [row for row in range(len(self)) if row not in gone]
            self._vectors = np.ascontiguousarray(self._vectors[kept])
            self.ids = [self.ids[row] for row in kept]
            self.payloads = [self.payloads[row] for row in kept]
            self._rows = {point: row for row, point in enumerate(self.ids)}
        return len(gone)

    def _scores(self, query: Vectors, vectors: Vectors) -> NDArray[np.float32]:
        if self.distance == "Euclid":
            distances: NDArray[np.float32] = np.linalg.norm(vectors - query, axis=1)
            return distances
        if self.distance == "Cosine":
            query = query / (float(np.linalg.norm(query)) or 1.0)
        # Not `@`: the library behind that wakes a thread for every core, and on a busy machine the whole mock, its
        # streams and all, waits for the last of them: 20 ms where the product itself takes 0.3.
        products: NDArray[np.float32] = np.einsum("ij,j->i", vectors, query)
        return products


Collections = Mapping[str, Collection]
