"""Pinecone's data plane: `POST /query` and its neighbours, on one index. The mock's URL is the index's host."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from mock_services.server import Answer, Request, Response, json_response
from mock_services.service import Context, MockType, Service, Settings
from mock_services.vector.collection import Collection, DimensionError, PointId
from mock_services.vector.filters import FilterError
from mock_services.vector.store import OverloadedError, TooManyReadsError, VectorSettings, VectorStore, whole_seconds
from mock_services.vector.where import read_where

_LARGEST_TOP_K = 10_000
_LARGEST_UPSERT = 1_000
_INVALID, _NOT_FOUND = 3, 5
"""gRPC codes, as the data plane's error bodies carry them."""


class PineconeSettings(VectorSettings):
    """Those of every vector mock."""


class ApiError(Exception):
    """An answer that says no; `code` is a gRPC code."""

    def __init__(self, status: int, message: str, code: int = _INVALID) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Pinecone:
    """Implements `Service`."""

    def __init__(self, settings: PineconeSettings, context: Context) -> None:
        self._store = VectorStore(settings, context, text_ids=True)
        self._namespaces: dict[str, Collection] = {}

    @property
    def settings(self) -> Settings:
        return self._store.settings

    def change(self, settings: Settings) -> None:
        assert isinstance(settings, PineconeSettings)
        self._store.change(settings)

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        if not request.headers.get(b"api-key"):
            return Response(401, b"Unauthorized", content_type="text/plain")
        writes: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("POST", "/vectors/upsert"): self._upsert,
            ("POST", "/vectors/delete"): self._delete,
        }
        reads: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "/vectors/fetch"): self._fetch,
            ("GET", "/vectors/list"): self._list,
            ("POST", "/describe_index_stats"): self._stats,
            ("GET", "/describe_index_stats"): self._stats,
        }
        route = (request.method, request.path)
        try:
            if route in writes:
                return json_response(200, writes[route](request))
            if route != ("POST", "/query") and route not in reads:
                return _error(ApiError(404, "Not Found", _NOT_FOUND))
            self._store.book_reads()
            return json_response(200, reads[route](request)) if route in reads else self._query(_read(request))
        except ApiError as error:
            return _error(error)
        except TooManyReadsError as error:
            return self._too_many(error.wait_s)

    async def _query(self, body: Mapping[str, Any]) -> Answer:
        try:
            namespace = str(body.get("namespace") or "")
            matches = await self._matches(self._index(namespace), body)
        except ApiError as error:
            return _error(error)
        except OverloadedError:
            busy = {"error": {"code": "UNAVAILABLE", "message": "The index is overloaded. Try again."}, "status": 503}
            return json_response(503, busy)
        return json_response(200, {"matches": matches, "namespace": namespace, "usage": {"readUnits": 5}})

    async def _matches(self, index: Collection, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        top_k = body.get("topK")
        if type(top_k) is not int or not 1 <= top_k <= _LARGEST_TOP_K:
            raise ApiError(400, f"topK must be between 1 and {_LARGEST_TOP_K}")
        vector = body.get("vector")
        if vector is None and isinstance(body.get("id"), str):
            row = index.row_of(body["id"])
            vector = [0.0] * index.dimensions if row is None else index.vector(row)
        if not isinstance(vector, list):
            raise ApiError(400, "You must enter either `id` or `vector`")
        try:
            rows = index.rows_where(read_where(body.get("filter")))
            hits = self._store.search(index, vector, top_k, rows)
        except DimensionError as error:
            raise ApiError(400, _dimension(error)) from None
        except (FilterError, ValueError, TypeError) as error:
            raise ApiError(400, str(error)) from None
        matches = []
        for hit in hits:
            match: dict[str, Any] = {"id": str(index.ids[hit.row]), "score": hit.score}
            if body.get("includeValues"):
                match["values"] = index.vector(hit.row)
            if body.get("includeMetadata"):
                match["metadata"] = index.payloads[hit.row]
            matches.append(match)
        await self._store.work(index, top_k, rows, sent_bytes=len(orjson.dumps(matches)))
        return matches

    def _index(self, namespace: str) -> Collection:
        """The seeded points are the default namespace."""
        settings = self._store.settings
        if namespace in ("", "__default__"):
            return self._store.collections[settings.collection]
        return self._namespaces.get(namespace) or Collection(settings.dimensions)

    def _fetch(self, request: Request) -> Any:
        wanted = [value for name, value in parse_qsl(request.query_string) if name == "ids"]
        index = self._index(request.query().get("namespace", ""))
        rows = [row for point in wanted if (row := index.row_of(point)) is not None]
        vectors = {
            str(index.ids[row]): {
                "id": str(index.ids[row]),
                "values": index.vector(row),
                "metadata": index.payloads[row],
            }
            for row in rows
        }
        return {"vectors": vectors, "namespace": request.query().get("namespace", ""), "usage": {"readUnits": 1}}

    def _list(self, request: Request) -> Any:
        query = request.query()
        index, prefix = self._index(query.get("namespace", "")), query.get("prefix", "")
        limit = int(query["limit"]) if query.get("limit", "").isdigit() else 100
        ids = sorted(str(point) for point in index.ids if str(point).startswith(prefix))
        after = query.get("paginationToken", "")
        page = [point for point in ids if point > after][: max(1, min(limit, 100))]
        more = {"pagination": {"next": page[-1]}} if page and page[-1] != ids[-1] else {}
        listed = [{"id": point} for point in page]
        return {"vectors": listed, "namespace": query.get("namespace", ""), "usage": {"readUnits": 1}, **more}

    def _stats(self, _: Request) -> Any:
        counts = {"": len(self._index(""))} | {name: len(index) for name, index in self._namespaces.items()}
        return {
            "namespaces": {name: {"vectorCount": count} for name, count in counts.items() if count},
            "dimension": self._store.settings.dimensions,
            "indexFullness": 0,
            "totalVectorCount": sum(counts.values()),
            "metric": "cosine",
            "vectorType": "dense",
        }

    def _upsert(self, request: Request) -> Any:
        body = _read(request)
        vectors = body.get("vectors")
        if not isinstance(vectors, list) or not 1 <= len(vectors) <= _LARGEST_UPSERT:
            raise ApiError(400, f"vectors must be a list of 1 to {_LARGEST_UPSERT}")
        points: list[tuple[PointId, Any, dict[str, Any]]] = []
        for vector in vectors:
            if not isinstance(vector, Mapping) or not isinstance(vector.get("id"), str):
                raise ApiError(400, "a vector needs an id")
            metadata = vector.get("metadata")
            points.append((vector["id"], vector.get("values"), dict(metadata) if isinstance(metadata, Mapping) else {}))
        namespace = str(body.get("namespace") or "")
        index = self._index(namespace)
        try:
            index.upsert(points)
        except DimensionError as error:
            raise ApiError(400, _dimension(error)) from None
        except (ValueError, TypeError) as error:
            raise ApiError(400, str(error)) from None
        if namespace not in ("", "__default__"):
            self._namespaces[namespace] = index
        return {"upsertedCount": len(points)}

    def _delete(self, request: Request) -> Any:
        body = _read(request)
        index = self._index(str(body.get("namespace") or ""))
        if body.get("deleteAll") is True:
            index.delete(list(index.ids))
        elif isinstance(body.get("ids"), list):
            index.delete([point for point in body["ids"] if isinstance(point, str)])
        else:
            raise ApiError(400, "ids or deleteAll is needed")
        return {}

    def _too_many(self, wait_s: float) -> Response:
        message = "Request failed. You've reached the max read units for this index. Try again later."
        body = {"error": {"code": "RESOURCE_EXHAUSTED", "message": message}, "status": 429}
        has_hint = self._store.settings.retry_after and math.isfinite(wait_s)
        return json_response(429, body, [("retry-after", whole_seconds(wait_s))] if has_hint else [])


def _read(request: Request) -> Mapping[str, Any]:
    try:
        body = request.json() if request.body else {}
    except ValueError:
        raise ApiError(400, "Invalid JSON in the request body") from None
    if not isinstance(body, Mapping):
        raise ApiError(400, "The request body must be an object")
    return body


def _dimension(error: DimensionError) -> str:
    return f"Vector dimension {error.got} does not match the dimension of the index {error.expected}"


def _error(error: ApiError) -> Response:
    return json_response(error.status, {"code": error.code, "message": str(error), "details": []})


def build(settings: PineconeSettings, context: Context) -> Service:
    return Pinecone(settings, context)


PINECONE = MockType(PineconeSettings, build)
