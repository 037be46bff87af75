"""Qdrant's REST dialect: `POST /collections/{c}/points/query` and its neighbours.

Shapes as the unmodified qdrant-client reads them: every answer is `{"result", "status", "time"}`, an error's status is
`{"error": "..."}`. A read over the limit is 429 with Retry-After (strict mode), an overflowing queue 503.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import orjson

from mock_services.server import Answer, Request, Response, json_response
from mock_services.service import Context, MockType, Service, Settings
from mock_services.vector.collection import Collection, DimensionError, Distance, PointId
from mock_services.vector.filters import FilterError, read_filter
from mock_services.vector.store import OverloadedError, TooManyReadsError, VectorSettings, VectorStore, whole_seconds

VERSION = "1.20.0"
_LARGEST_LIMIT = 10_000
_LARGEST_UPSERT = 10_000
_LARGEST_BATCH = 100
_DISTANCES = ("Cosine", "Dot", "Euclid")


class QdrantSettings(VectorSettings):
    """Those of every vector mock."""


class ApiError(Exception):
    """An answer that says no."""

    def __init__(self, status: int, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class Qdrant:
    """Implements `Service`."""

    def __init__(self, settings: QdrantSettings, context: Context) -> None:
        self._store = VectorStore(settings, context)

    @property
    def settings(self) -> Settings:
        return self._store.settings

    def change(self, settings: Settings) -> None:
        assert isinstance(settings, QdrantSettings)
        self._store.change(settings)

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        started_s = time.perf_counter()
        parts = [part for part in request.path.split("/") if part]
        if request.method in ("GET", "HEAD") and not parts:
            return json_response(200, {"title": "qdrant - vector search engine", "version": VERSION, "commit": ""})
        if request.method in ("GET", "HEAD") and parts in (["healthz"], ["livez"], ["readyz"]):
            return Response(200, b"healthz check passed", content_type="text/plain; charset=utf-8")
        try:
            if len(parts) >= 3 and parts[0] == "collections" and parts[2] == "points":
                return self._points(request, parts, started_s)
            return _answer(self._about(request, parts), started_s)
        except ApiError as error:
            return _error(error, started_s)

    # collections

    def _about(self, request: Request, parts: list[str]) -> Any:
        method, collections = request.method, self._store.collections
        match method, parts:
            case "GET", ["collections"]:
                return {"collections": [{"name": name} for name in collections]}
            case "GET", ["collections", name]:
                return _describe(self._collection(name))
            case "GET", ["collections", name, "exists"]:
                return {"exists": name in collections}
            case "PUT", ["collections", name]:
                return self._create(name, _read(request))
            case "DELETE", ["collections", name]:
                return collections.pop(name, None) is not None
            case _, ["collections", *_]:
                raise ApiError(405, "Method not allowed")
        raise ApiError(404, "Not found")

    def _create(self, name: str, body: Mapping[str, Any]) -> bool:
        if name in self._store.collections:
            raise ApiError(409, f"Wrong input: Collection `{name}` already exists!")
        vectors = body.get("vectors")
        size = vectors.get("size") if isinstance(vectors, Mapping) else None
        distance = vectors.get("distance") if isinstance(vectors, Mapping) else None
        if type(size) is not int or not 1 <= size <= 65_536 or distance not in _DISTANCES:
            raise ApiError(400, "Wrong input: vectors needs a size and a distance; named vectors are not mocked")
        self._store.collections[name] = Collection(size, cast(Distance, distance))
        return True

    def _collection(self, name: str) -> Collection:
        collection = self._store.collections.get(name)
        if collection is None:
            raise ApiError(404, f"Not found: Collection `{name}` doesn't exist!")
        return collection

    # points

    def _points(self, request: Request, parts: list[str], started_s: float) -> Answer | Awaitable[Answer]:
        collection = self._collection(parts[1])
        writes: dict[tuple[str, str], Callable[[Collection, Mapping[str, Any]], Any]] = {
            ("PUT", ""): _upsert,
            ("POST", "delete"): _delete,
        }
        reads: dict[str, Callable[[Collection, Mapping[str, Any]], Any]] = {
            "": self._retrieve,
            "count": _count,
            "scroll": self._scroll,
        }
        what = "/".join(parts[3:])
        if (request.method, what) in writes:
            return _answer(writes[request.method, what](collection, _read(request)), started_s)
        if request.method == "GET" and what and "/" not in what:
            return _answer(self._get_one(collection, what), started_s)
        if request.method != "POST" or what not in {*reads, "query", "search", "query/batch"}:
            raise ApiError(404, "Not found")
        body = _read(request)
        self._book_reads(len(_batch(body)) if what == "query/batch" else 1)
        if what in reads:
            return _answer(reads[what](collection, body), started_s)
        return self._search(collection, what, body, started_s)

    def _book_reads(self, count: int) -> None:
        """A batch costs one read a search (qdrant#5685)."""
        try:
            self._store.book_reads(count)
        except TooManyReadsError as error:
            message = "Rate limiting exceeded: Read rate limit exceeded, "
            if math.isinf(error.wait_s):
                message += "request larger than rate limiter capacity, please try to split your request"
                raise ApiError(429, message) from None
            hint_s = error.wait_s if self._store.settings.retry_after else None
            raise ApiError(429, message + "retry later", hint_s) from None

    async def _search(self, collection: Collection, what: str, body: Mapping[str, Any], started_s: float) -> Answer:
        try:
            if what != "query/batch":
                return _answer(await self._query(collection, what, body), started_s)
            return _answer([await self._query(collection, "query", one) for one in _batch(body)], started_s)
        except ApiError as error:
            return _error(error, started_s)
        except OverloadedError:
            return _error(ApiError(503, "Service unavailable: the search queue is full"), started_s)

    async def _query(self, collection: Collection, what: str, body: Mapping[str, Any]) -> Any:
        """One search, after the time it takes."""
        limit, offset = _whole(body, "limit", 10, _LARGEST_LIMIT), _whole(body, "offset", 0, _LARGEST_LIMIT)
        try:
            rows = collection.rows_where(read_filter(body.get("filter")))
            hits = self._store.search(collection, _vector(collection, what, body), limit + offset, rows)[offset:]
        except DimensionError as error:
            raise ApiError(400, f"Wrong input: Vector dimension error: {error}") from None
        except (FilterError, ValueError, TypeError) as error:
            raise ApiError(400, f"Wrong input: {error}") from None
        least = body.get("score_threshold")
        if isinstance(least, int | float):
            nearer_is_smaller = collection.distance == "Euclid"
            hits = [h for h in hits if (h.score <= least if nearer_is_smaller else h.score >= least)]
        points = [
            {"id": collection.ids[hit.row], "version": self._store.version(hit.row), "score": hit.score}
            | self._carried(collection, hit.row, body, with_payload=False)
            for hit in hits
        ]
        await self._store.work(collection, limit + offset, rows, sent_bytes=len(orjson.dumps(points)))
        return points if what == "search" else {"points": points}

    def _retrieve(self, collection: Collection, body: Mapping[str, Any]) -> Any:
        ids = body.get("ids")
        if not isinstance(ids, list):
            raise ApiError(400, "Format error in JSON body: missing field `ids`")
        rows = [row for point in ids if (row := _row(collection, point)) is not None]
        return [{"id": collection.ids[row]} | self._carried(collection, row, body, with_payload=True) for row in rows]

    def _get_one(self, collection: Collection, text: str) -> Any:
        row = _row(collection, int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text)
        if row is None:
            raise ApiError(404, f"Not found: Point with id {text} does not exist")
        return {"id": collection.ids[row], "payload": collection.payloads[row], "vector": collection.vector(row)}

    def _scroll(self, collection: Collection, body: Mapping[str, Any]) -> Any:
        limit = _whole(body, "limit", 10, _LARGEST_LIMIT)
        try:
            passes = read_filter(body.get("filter"))
        except FilterError as error:
            raise ApiError(400, f"Wrong input: {error}") from None
        rows = collection.rows_where(passes)
        listed = list(range(len(collection))) if rows is None else rows.tolist()
        first = body.get("offset")
        start = next((at for at, row in enumerate(listed) if collection.ids[row] == first), 0) if first else 0
        page = listed[start : start + limit]
        following = listed[start + limit : start + limit + 1]
        points = [{"id": collection.ids[row]} | self._carried(collection, row, body, with_payload=True) for row in page]
        return {"points": points, "next_page_offset": collection.ids[following[0]] if following else None}

    def _carried(self, collection: Collection, row: int, body: Mapping[str, Any], *, with_payload: bool) -> Any:
        """The payload and the vector, as far as the request wants them."""
        carried: dict[str, Any] = {}
        wanted = body.get("with_payload", with_payload)
        if wanted:
            payload = collection.payloads[row]
            if isinstance(wanted, list):
                payload = {key: payload[key] for key in wanted if key in payload}
            carried["payload"] = payload
        if body.get("with_vector") or body.get("with_vectors"):
            carried["vector"] = collection.vector(row)
        return carried


def _answer(result: Any, started_s: float) -> Response:
    return json_response(200, {"result": result, "status": "ok", "time": time.perf_counter() - started_s})


def _error(error: ApiError, started_s: float) -> Response:
    hint = [] if error.retry_after_s is None else [("retry-after", whole_seconds(error.retry_after_s))]
    body = {"status": {"error": str(error)}, "time": time.perf_counter() - started_s}
    return json_response(error.status, body, hint)


def _read(request: Request) -> Mapping[str, Any]:
    try:
        body = request.json() if request.body else {}
    except ValueError as error:
        raise ApiError(400, f"Format error in JSON body: {error}") from None
    if not isinstance(body, Mapping):
        raise ApiError(400, "Format error in JSON body: expected an object")
    return body


def _batch(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    batch = body.get("searches")
    if not isinstance(batch, list) or not all(isinstance(one, Mapping) for one in batch):
        raise ApiError(400, "Format error in JSON body: missing field `searches`")
    if len(batch) > _LARGEST_BATCH:
        raise ApiError(422, f"Validation error in JSON body: [searches: at most {_LARGEST_BATCH}]")
    return batch


def _whole(body: Mapping[str, Any], name: str, default: int, most: int) -> int:
    value = body.get(name)
    if value is None:
        return default
    if type(value) is not int or not 0 <= value <= most:
        raise ApiError(422, f"Validation error in JSON body: [{name}: must be a whole number up to {most}]")
    return value


def _vector(collection: Collection, what: str, body: Mapping[str, Any]) -> Any:
    """The query's vector: given itself, or as the id of a point."""
    query = body.get("vector" if what == "search" else "query")
    if isinstance(query, Mapping):
        query = query.get("nearest")
    if isinstance(query, list):
        return query
    if isinstance(query, int | str):
        row = _row(collection, query)
        if row is None:
            raise ApiError(404, f"Not found: No point with id {query} found")
        return collection.vector(row)
    raise ApiError(400, "Format error in JSON body: this mock answers nearest-neighbour queries only")


def _row(collection: Collection, point: Any) -> int | None:
    return collection.row_of(point) if isinstance(point, int | str) else None


def _count(collection: Collection, body: Mapping[str, Any]) -> Any:
    try:
        rows = collection.rows_where(read_filter(body.get("filter")))
    except FilterError as error:
        raise ApiError(400, f"Wrong input: {error}") from None
    return {"count": len(collection) if rows is None else len(rows)}


def _upsert(collection: Collection, body: Mapping[str, Any]) -> Any:
    points = body.get("points")
    if not isinstance(points, list) or len(points) > _LARGEST_UPSERT:
        raise ApiError(400, f"Format error in JSON body: points must be a list of at most {_LARGEST_UPSERT}")
    read: list[tuple[PointId, Any, dict[str, Any]]] = []
    for point in points:
        if not isinstance(point, Mapping) or not isinstance(point.get("id"), int | str):
            raise ApiError(400, "Format error in JSON body: a point needs an id")
        payload = point.get("payload")
        read.append((point["id"], point.get("vector"), dict(payload) if isinstance(payload, Mapping) else {}))
    try:
        collection.upsert(read)
    except DimensionError as error:
        raise ApiError(400, f"Wrong input: Vector dimension error: {error}") from None
    except (ValueError, TypeError) as error:
        raise ApiError(400, f"Wrong input: {error}") from None
    return {"operation_id": 1, "status": "completed"}


def _delete(collection: Collection, body: Mapping[str, Any]) -> Any:
    try:
        passes = read_filter(body.get("filter"))
    except FilterError as error:
        raise ApiError(400, f"Wrong input: {error}") from None
    points = body.get("points")
    if isinstance(points, list):
        collection.delete([point for point in points if isinstance(point, int | str)])
    elif passes is not None:
        rows = collection.rows_where(passes)
        collection.delete([collection.ids[row] for row in (rows.tolist() if rows is not None else [])])
    else:
        raise ApiError(400, "Format error in JSON body: points or filter is needed")
    return {"operation_id": 1, "status": "completed"}


def _describe(collection: Collection) -> Any:
    count = len(collection)
    return {
        "status": "green",
        "optimizer_status": "ok",
        "points_count": count,
        "indexed_vectors_count": count,
        "segments_count": 1,
        "config": {
            "params": {
                "vectors": {"size": collection.dimensions, "distance": collection.distance},
                "shard_number": 1,
                "replication_factor": 1,
                "write_consistency_factor": 1,
                "on_disk_payload": True,
            },
            "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0},
            "optimizer_config": {
                "deleted_threshold": 0.2,
                "vacuum_min_vector_number": 1000,
                "default_segment_number": 0,
                "flush_interval_sec": 5,
            },
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
        },
        "payload_schema": {},
    }


def build(settings: QdrantSettings, context: Context) -> Service:
    return Qdrant(settings, context)


QDRANT = MockType(
    QdrantSettings,
    build,
    presets={
        "small": {"size": 100_000, "servers": 4},
        "large": {"size": 50_000_000, "servers": 16, "base_ms": 3.0},
        "cold": {"stall_share": 0.2, "stall_factor": 20.0},
    },
)
