"""A day at an assistant: mostly chat, some retrieval, some tools, by the weights below."""

from harness.engine import Arrival, Steps, call_tool, chat, embed, journey, locust_user, search


@journey(weight=8)
def ask(arrival: Arrival) -> Steps:
    yield chat(arrival.prompt, max_tokens=arrival.tokens_out)


@journey(weight=1)
def find(arrival: Arrival) -> Steps:
    embedded = yield embed(arrival.prompt)
    yield search(embedded.json()["data"][0]["embedding"], collection="docs")


@journey(weight=1)
def use_tool(arrival: Arrival) -> Steps:
    yield call_tool("search", {"query": arrival.nonce})


Mixed = locust_user("Mixed", ask, find, use_tool)
