"""Chroma's v2 REST dialect: the four set-up calls of every new client, then `POST .../collections/{uuid}/query`.

Distances are cosine ones (1 - similarity). The text of a point is its document, the rest of the payload its metadata.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from mock_services.server import Answer, Request, Response, json_response
from mock_services.service import Context, MockType, Service, Settings
from mock_services.vector.collection import Collection, Condition, DimensionError
from mock_services.vector.filters import FilterError
from mock_services.vector.store import OverloadedError, TooManyReadsError, VectorSettings, VectorStore, whole_seconds
from mock_services.vector.where import read_where

VERSION = "1.3.0"
_LARGEST_QUERIES = 100
_LARGEST_RESULTS = 10_000
_LARGEST_BATCH = 5_461
_TENANT, _DATABASE = "default_tenant", "default_database"
_HOME = f"tenants/{_TENANT}/databases/{_DATABASE}"


class ChromaSettings(VectorSettings):
    """Those of every vector mock."""


class ApiError(Exception):
    """An answer that says no, by the name of the client's exception."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name


class Chroma:
    """Implements `Service`. One tenant, one database."""

    def __init__(self, settings: ChromaSettings, context: Context) -> None:
        self._store = VectorStore(settings, context, text_ids=True)
        self._context = context

    @property
    def settings(self) -> Settings:
        return self._store.settings

    def change(self, settings: Settings) -> None:
        assert isinstance(settings, ChromaSettings)
        self._store.change(settings)

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        parts = [part for part in request.path.split("/") if part]
        try:
            return self._route(request, parts[2:] if parts[:2] == ["api", "v2"] else [])
        except ApiError as error:
            return _error(error)
        except TooManyReadsError as error:
            return self._too_many(error.wait_s)

    def _route(self, request: Request, parts: list[str]) -> Answer | Awaitable[Answer]:
        about: dict[str, Any] = {
            "heartbeat": {"nanosecond heartbeat": time.time_ns()},
            "version": VERSION,
            "pre-flight-checks": {"max_batch_size": _LARGEST_BATCH, "supports_base64_encoding": False},
            "auth/identity": {"user_id": "", "tenant": _TENANT, "databases": [_DATABASE]},
            f"tenants/{_TENANT}": {"name": _TENANT},
            _HOME: {"id": str(uuid.UUID(int=1)), "name": _DATABASE, "tenant": _TENANT},
        }
        path = "/".join(parts)
        if request.method == "GET" and path in about:
            return json_response(200, about[path])
        if path.startswith(_HOME + "/"):
            return self._database(request, parts[4:])
        raise ApiError(404, "NotFoundError", f"not found: {request.path}")

    def _database(self, request: Request, parts: list[str]) -> Answer | Awaitable[Answer]:
        collections = self._store.collections
        match request.method, parts:
            case "GET", ["collections_count"]:
                return json_response(200, len(collections))
            case "GET", ["collections"]:
                return json_response(200, [self._describe(name) for name in collections])
            case "POST", ["collections"]:
                return json_response(200, self._create(_read(request)))
            case "GET", ["collections", name]:
                return json_response(200, self._describe(self._name(name)))
            case "DELETE", ["collections", name]:
                del collections[self._name(name)]
                return json_response(200, {})
            case method, ["collections", name, action]:
                return self._act(request, collections[self._name(name)], f"{method} {action}")
        raise ApiError(404, "NotFoundError", f"not found: {request.path}")

    def _act(self, request: Request, collection: Collection, action: str) -> Answer | Awaitable[Answer]:
        writes: dict[str, Callable[[Collection, Mapping[str, Any]], Any]] = {
            "POST add": _upsert,
            "POST upsert": _upsert,
            "POST update": _upsert,
            "POST delete": _delete,
        }
        if action in writes:
            return json_response(200, writes[action](collection, _read(request)))
        if action == "GET count":
            return json_response(200, len(collection))
        if action not in ("POST query", "POST get"):
            raise ApiError(404, "NotFoundError", f"not found: {request.path}")
        body = _read(request)
        self._store.book_reads()
        return json_response(200, _get(collection, body)) if action == "POST get" else self._query(collection, body)

    async def _query(self, collection: Collection, body: Mapping[str, Any]) -> Answer:
        try:
            return json_response(200, await self._answer(collection, body))
        except ApiError as error:
            return _error(error)
        except OverloadedError:
            return Response(503, b"service unavailable", content_type="text/plain")

    async def _answer(self, collection: Collection, body: Mapping[str, Any]) -> dict[str, Any]:
        queries, count = body.get("query_embeddings"), body.get("n_results", 10)
        if not isinstance(queries, list) or not 1 <= len(queries) <= _LARGEST_QUERIES:
            raise _invalid("query_embeddings must be a list of vectors")
        if type(count) is not int or not 1 <= count <= _LARGEST_RESULTS:
            raise _invalid("n_results must be a positive number")
        included = _included(body, ["metadatas", "documents", "distances"])
        answer: dict[str, Any] = dict.fromkeys(("distances", "documents", "embeddings", "metadatas", "uris"))
        answer |= {"ids": [], "include": included} | {name: [] for name in included}
        rows = collection.rows_where(_condition(body))
        for query in queries:
            try:
                hits = self._store.search(collection, query, count, rows)
            except DimensionError as error:
                raise _invalid(_dimension(error)) from None
            except (ValueError, TypeError) as error:
                raise _invalid(str(error)) from None
            answer["ids"].append([str(collection.ids[hit.row]) for hit in hits])
            for name in included:
                answer[name].append([_part(collection, hit.row, name, 1 - hit.score) for hit in hits])
        await self._store.work(collection, count * len(queries), rows, sent_bytes=len(orjson.dumps(answer)))
        return answer

    def _create(self, body: Mapping[str, Any]) -> Any:
        name = body.get("name")
        if not isinstance(name, str) or not 3 <= len(name) <= 512:
            raise _invalid("a collection's name has 3 to 512 characters")
        if name in self._store.collections:
            if body.get("get_or_create") is not True:
                raise ApiError(409, "UniqueConstraintError", f"Collection [{name}] already exists")
        else:
            self._store.collections[name] = Collection(self._store.settings.dimensions)
        return self._describe(name)

    def _id(self, name: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._context.seed}/{name}"))

    def _name(self, name_or_id: str) -> str:
        for name in self._store.collections:
            if name_or_id in (name, self._id(name)):
                return name
        raise ApiError(404, "NotFoundError", f"Collection [{name_or_id}] does not exist")

    def _describe(self, name: str) -> dict[str, Any]:
        hnsw = {"space": "cosine", "ef_construction": 100, "ef_search": 100, "max_neighbors": 16}
        return {
            "id": self._id(name),
            "name": name,
            "configuration_json": {"hnsw": hnsw, "spann": None, "embedding_function": None},
            "metadata": None,
            "dimension": self._store.collections[name].dimensions,
            "tenant": _TENANT,
            "database": _DATABASE,
            "log_position": 0,
            "version": 0,
        }

    def _too_many(self, wait_s: float) -> Response:
        has_hint = self._store.settings.retry_after and math.isfinite(wait_s)
        hint = [("retry-after", whole_seconds(wait_s))] if has_hint else []
        return json_response(429, {"error": "RateLimitError", "message": "Rate limit exceeded"}, hint)


def _invalid(message: str) -> ApiError:
    return ApiError(400, "InvalidArgumentError", message)


def _dimension(error: DimensionError) -> str:
    return f"Collection expecting embedding with dimension of {error.expected}, got {error.got}"


def _read(request: Request) -> Mapping[str, Any]:
    try:
        body = request.json() if request.body else {}
    except ValueError:
        raise _invalid("the body is not JSON") from None
    if not isinstance(body, Mapping):
        raise _invalid("the body must be an object")
    return body


def _error(error: ApiError) -> Response:
    return json_response(error.status, {"error": error.name, "message": str(error)})


def _included(body: Mapping[str, Any], default: list[str]) -> list[str]:
    included = body.get("include", default)
    known = {"distances", "documents", "embeddings", "metadatas", "uris"}
    if not isinstance(included, list) or not all(isinstance(name, str) and name in known for name in included):
        raise _invalid(f"include must be a list of {', '.join(sorted(known))}")
    return included


def _condition(body: Mapping[str, Any]) -> Condition | None:
    """`where` over the metadata and `where_document: {"$contains": "..."}` over the text, both."""
    try:
        where = read_where(body.get("where"))
    except FilterError as error:
        raise _invalid(str(error)) from None
    document = body.get("where_document")
    wanted = document.get("$contains") if isinstance(document, Mapping) else None
    if document and not isinstance(wanted, str):
        raise _invalid("where_document takes $contains")
    if wanted is None:
        return where
    text: str = wanted
    return lambda point, payload: text in str(payload.get("text", "")) and (where is None or where(point, payload))


def _part(collection: Collection, row: int, name: str, distance: float) -> Any:
    payload = collection.payloads[row]
    match name:
        case "distances":
            return distance
        case "documents":
            return payload.get("text")
        case "embeddings":
            return collection.vector(row)
        case "metadatas":
            return {key: value for key, value in payload.items() if key != "text"} or None
    return None


def _get(collection: Collection, body: Mapping[str, Any]) -> Any:
    included = [name for name in _included(body, ["metadatas", "documents"]) if name != "distances"]
    found = collection.rows_where(_condition(body))
    rows = range(len(collection)) if found is None else found.tolist()
    if isinstance(body.get("ids"), list):
        wanted = set(map(str, body["ids"]))
        rows = [row for row in rows if str(collection.ids[row]) in wanted]
    offset, limit = body.get("offset") or 0, body.get("limit")
    if type(offset) is not int or offset < 0 or not (limit is None or (type(limit) is int and limit >= 0)):
        raise _invalid("offset and limit must be whole numbers")
    rows = list(rows)[offset : None if limit is None else offset + limit]
    answer: dict[str, Any] = dict.fromkeys(("documents", "embeddings", "metadatas", "uris"))
    answer |= {name: [_part(collection, row, name, 0.0) for row in rows] for name in included}
    return answer | {"ids": [str(collection.ids[row]) for row in rows], "include": included}


def _upsert(collection: Collection, body: Mapping[str, Any]) -> Any:
    ids, vectors = body.get("ids"), body.get("embeddings")
    if not isinstance(ids, list) or not isinstance(vectors, list) or len(ids) != len(vectors):
        raise _invalid("ids and embeddings must be lists of one length")
    if len(ids) > _LARGEST_BATCH or not all(isinstance(point, str) for point in ids):
        raise _invalid(f"at most {_LARGEST_BATCH} ids, each a text")
    documents, metadatas = body.get("documents") or [None] * len(ids), body.get("metadatas") or [None] * len(ids)
    if not (
        isinstance(documents, list) and isinstance(metadatas, list) and len(documents) == len(metadatas) == len(ids)
    ):
        raise _invalid("documents and metadatas must be lists of the same length")
    payloads = [
        (dict(meta) if isinstance(meta, Mapping) else {}) | ({} if text is None else {"text": str(text)})
        for meta, text in zip(metadatas, documents, strict=True)
    ]
    try:
        collection.upsert(list(zip(ids, vectors, payloads, strict=True)))
    except DimensionError as error:
        raise _invalid(_dimension(error)) from None
    except (ValueError, TypeError) as error:
        raise _invalid(str(error)) from None
    return {}


def _delete(collection: Collection, body: Mapping[str, Any]) -> Any:
    ids = body.get("ids")
    if isinstance(ids, list):
        return {"deleted": collection.delete([str(point) for point in ids])}
    rows = collection.rows_where(_condition(body))
    if rows is None:
        raise _invalid("ids or where is needed")
    return {"deleted": collection.delete([collection.ids[row] for row in rows.tolist()])}


def build(settings: ChromaSettings, context: Context) -> Service:
    return Chroma(settings, context)


CHROMA = MockType(ChromaSettings, build)
