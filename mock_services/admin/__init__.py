"""The admin API, on a loopback port of its own."""

from mock_services.admin.app import AdminApp

__all__ = ["AdminApp"]
