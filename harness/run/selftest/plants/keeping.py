"""Rows 40 and 41: a client as most are, that keeps its connections and asks for the target's address once."""

from locust import FastHttpUser, task


class Keeper(FastHttpUser):
    @task
    def ask(self) -> None:
        self.client.get("/ask")
