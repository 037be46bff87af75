"""A TCP fault proxy for dependencies that are not ours, in Toxiproxy's vocabulary, with a TTL on everything."""

from mock_services.tcp.host import TCP

__all__ = ["TCP"]
