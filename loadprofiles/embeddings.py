"""Embeddings: single texts as users type them, and the batches of an indexing job beside them."""

from harness.engine import Arrival, Steps, embed, journey, locust_user

BATCH = 16


@journey(weight=9)
def query(arrival: Arrival) -> Steps:
    yield embed(arrival.prompt)


@journey(weight=1)
def batch(arrival: Arrival) -> Steps:
    text = arrival.prompt
    yield embed([f"{number}: {text}" for number in range(BATCH)], name="embed_batch")


Embeddings = locust_user("Embeddings", query, batch)
