"""Retrieval, then generation: embed the question, search the vector DB with it, answer from the passages found.

All three are asked of one target, as a gateway offers them: OpenAI's `/v1/embeddings` and `/v1/chat/completions`, and
Qdrant's `/collections/docs/points/query`.
"""

from harness.engine import Arrival, Steps, chat, embed, journey, locust_user, search

PASSAGES = 5


@journey()
def answer_from_documents(arrival: Arrival) -> Steps:
    question = arrival.prompt
    embedded = yield embed(question)
    vector = embedded.json()["data"][0]["embedding"]
    hits = yield search(vector, collection="docs", top_k=PASSAGES)
    yield chat(question, context=hits, max_tokens=arrival.tokens_out)


Rag = locust_user("Rag", answer_from_documents)
