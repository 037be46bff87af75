"""Row 3: a closed model: ten users who each wait for their answer, sold as a rate."""

from gevent.lock import BoundedSemaphore
from locust import HttpUser, task

desk = BoundedSemaphore(10)


class Visitor(HttpUser):
    @task
    def ask(self) -> None:
        with desk:
            self.client.get("/ask")
