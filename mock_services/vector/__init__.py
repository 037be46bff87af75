"""Vector databases: true nearest neighbours over a small seeded collection, behind each product's own REST dialect."""

from mock_services.vector.qdrant import QDRANT

__all__ = ["QDRANT"]
