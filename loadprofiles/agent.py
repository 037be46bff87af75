"""An agent's turn: decide, call a tool, read what it said, answer; sometimes the user comes back with another question.

The calls that decide are not streamed, the answer is: its first token is what the user waits for.
"""

from harness.engine import Arrival, Steps, call_tool, chat, journey, locust_user, think

READING_S = 2.0


@journey(weight=3)
def tool_turn(arrival: Arrival) -> Steps:
    yield chat(arrival.prompt, stream=False, max_tokens=32, name="decide")
    found = yield call_tool("search", {"query": arrival.nonce})
    yield chat(arrival.prompt, context=found, max_tokens=arrival.tokens_out, name="answer")


@journey(weight=1)
def second_thought(arrival: Arrival) -> Steps:
    first = yield chat(arrival.prompt, max_tokens=arrival.tokens_out, name="answer")
    yield think(READING_S)
    yield chat("Please shorten that.", context=first, max_tokens=arrival.tokens_out, name="follow_up")


Agent = locust_user("Agent", tool_turn, second_thought)
