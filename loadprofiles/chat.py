"""One streamed chat completion an arrival, with the prompt and answer sizes that the plan drew.

profile: chat                                        # in a plan
locust -f loadprofiles/chat.py --host http://...     # the same under plain Locust, web UI included
"""

from harness.engine import Arrival, Steps, chat, journey, locust_user


@journey()
def ask(arrival: Arrival) -> Steps:
    yield chat(arrival.prompt, max_tokens=arrival.tokens_out)


Chat = locust_user("Chat", ask)
