"""The dialects that answers are read in, by the name a plan gives them."""

from types import MappingProxyType

from harness.engine.transport.dialects.anthropic import ANTHROPIC
from harness.engine.transport.dialects.gemini import GEMINI
from harness.engine.transport.dialects.inband import judge_error
from harness.engine.transport.dialects.openai import OPENAI
from harness.engine.transport.dialects.plain import BYTES, JSON, SSE
from harness.engine.transport.dialects.responses import RESPONSES
from harness.engine.transport.dialects.signs import UNKNOWN, Dialect, Signs

DIALECTS = MappingProxyType({d.name: d for d in (OPENAI, RESPONSES, ANTHROPIC, GEMINI, SSE, JSON, BYTES)})

__all__ = ["BYTES", "DIALECTS", "JSON", "SSE", "UNKNOWN", "Dialect", "Signs", "judge_error"]
