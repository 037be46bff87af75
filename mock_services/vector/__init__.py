"""Vector databases: true nearest neighbours over a small seeded collection, behind each product's own REST dialect."""

from mock_services.vector.chroma import CHROMA
from mock_services.vector.pinecone import PINECONE
from mock_services.vector.qdrant import QDRANT

__all__ = ["CHROMA", "PINECONE", "QDRANT"]
