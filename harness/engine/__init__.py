"""The engine: open-loop load on Locust, in processes of its own. Importing this loads neither Locust nor gevent."""

from harness.engine.facts import EngineFacts, read_engine, read_rows
from harness.engine.job import DegradedSignal, EngineJob, JourneySpec
from harness.engine.journeys.arrival import Arrival
from harness.engine.journeys.prompts import prompt_numbers
from harness.engine.journeys.steps import (
    Answer,
    StepFailed,
    Steps,
    call_tool,
    chat,
    embed,
    http,
    journey,
    search,
    think,
)
from harness.engine.launching import EngineProcess, join, launch
from harness.engine.plain import locust_user
from harness.engine.profile import describe_profile
from harness.engine.progress import Progress

__all__ = [
    "Answer",
    "Arrival",
    "DegradedSignal",
    "EngineFacts",
    "EngineJob",
    "EngineProcess",
    "JourneySpec",
    "Progress",
    "StepFailed",
    "Steps",
    "call_tool",
    "chat",
    "describe_profile",
    "embed",
    "http",
    "join",
    "journey",
    "launch",
    "locust_user",
    "prompt_numbers",
    "read_engine",
    "read_rows",
    "search",
    "think",
]
