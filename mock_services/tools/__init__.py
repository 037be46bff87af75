"""Tool APIs that an assistant calls, each with its own limit and its own way to say that it is reached."""

from mock_services.tools.json_tools import TOOLS

__all__ = ["TOOLS"]
