"""Row 8: a streaming client that works a millisecond on every piece that it reads."""

import time

from locust import FastHttpUser, task


class Reader(FastHttpUser):
    @task
    def ask(self) -> None:
        body = {"messages": [{"role": "user", "content": "hello"}], "stream": True, "max_tokens": 40}
        with self.client.post("/v1/chat/completions", json=body, stream=True, catch_response=True) as response:
            for _ in response.iter_lines():
                until = time.perf_counter() + 0.001
                while time.perf_counter() < until:
                    pass
