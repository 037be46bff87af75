"""The seeded collection: passages that read like a support handbook, and a vector for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mock_services.llm.embedding import embed

Vectors = NDArray[np.float32]

_TOPICS = ("billing", "delivery", "returns", "accounts", "security", "api", "warranty", "outages")
_LANGUAGES = ("en", "de", "fr")
_SUBJECTS = (
    "The customer",
    "A support agent",
    "The account owner",
    "The billing service",
    "The warehouse",
    "An administrator",
    "The mobile app",
    "The partner API",
)
_VERBS = ("confirms", "updates", "cancels", "reviews", "exports", "restores", "schedules", "escalates")
_OBJECTS = (
    "the invoice for the current period",
    "an order that has not left the warehouse",
    "a refund within fourteen days",
    "the second factor of a sign-in",
    "a replacement under warranty",
    "the rate limit of a project",
    "the delivery window",
    "an incident report",
)
_CONDITIONS = (
    "once the payment has cleared",
    "when the parcel is reported lost",
    "after the identity check",
    "unless a dispute is open",
    "before the end of the month",
    "while the region is degraded",
    "if the contract allows it",
    "as soon as stock is back",
)


def vectors_of(texts: Sequence[str], dimensions: int) -> Vectors:
    """Unit vectors, shape (len(texts), dimensions), in the space of the mock providers' embeddings: a question finds
    the passages that share its words."""
    if not texts:
        return np.zeros((0, dimensions), dtype=np.float32)
    return np.stack([embed(text, dimensions) for text in texts])


def seeded_payloads(count: int, seed: int) -> list[dict[str, Any]]:
    """A passage and what filters ask for: `topic`, `language`, `year`, `priority`."""
    rng = np.random.default_rng([seed, count])
    picks = rng.integers(0, 8, size=(count, 3, 4))
    years = rng.integers(2018, 2027, size=count)
    payloads = []
    for index in range(count):
        topic = _TOPICS[index % len(_TOPICS)]
        sentences = [
            f"{_SUBJECTS[s]} {_VERBS[v]} {_OBJECTS[o]} {_CONDITIONS[c]}." for s, v, o, c in picks[index].tolist()
        ]
        payloads.append(
            {
                "title": f"{topic.capitalize()} handbook, section {index}",
                "text": f"[{topic}-{index}] " + " ".join(sentences),
                "topic": topic,
                "language": _LANGUAGES[index % 7 % len(_LANGUAGES)],
                "year": int(years[index]),
                "priority": index % 10,
            }
        )
    return payloads
