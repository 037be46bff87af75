"""Row 37: a client like the SDKs' own, that tries again in silence when it is throttled."""

from locust import HttpUser, task
from requests.adapters import HTTPAdapter
from urllib3.util import Retry


class Client(HttpUser):
    def on_start(self) -> None:
        retry = Retry(
            total=2, status_forcelist=[429, 500, 502, 503], backoff_factor=0, respect_retry_after_header=False
        )
        self.client.mount("http://", HTTPAdapter(max_retries=retry))

    @task
    def ask(self) -> None:
        self.client.get("/ask")
