"""Tool APIs that an assistant calls, each with its own limit and its own way to say that it is reached."""

from mock_services.tools.github import GITHUB
from mock_services.tools.json_tools import TOOLS
from mock_services.tools.mcp import MCP
from mock_services.tools.slack import SLACK
from mock_services.tools.stripe import STRIPE
from mock_services.tools.web_search import SEARCH

__all__ = ["GITHUB", "MCP", "SEARCH", "SLACK", "STRIPE", "TOOLS"]
