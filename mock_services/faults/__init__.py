"""Every fault by its name on the wire. One file each; its fields are its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_services.faults.black_hole import BlackHole
from mock_services.faults.cached import Cached
from mock_services.faults.chunking import Chunking
from mock_services.faults.cold_start import ColdStart
from mock_services.faults.cut import Cut
from mock_services.faults.error import Error
from mock_services.faults.fault import Fault, FaultError, Moment, parse_named
from mock_services.faults.flapping import Flapping
from mock_services.faults.freeze import Freeze
from mock_services.faults.hard_quota import HardQuota
from mock_services.faults.hint import Hint
from mock_services.faults.idle_close import IdleClose
from mock_services.faults.in_band_error import InBandError
from mock_services.faults.latency import Latency
from mock_services.faults.malformed_chunk import MalformedChunk
from mock_services.faults.noop import NoOp
from mock_services.faults.other_settings import OtherSettings
from mock_services.faults.quota import Quota
from mock_services.faults.refuse import Refuse
from mock_services.faults.reset import Reset
from mock_services.faults.results import Results
from mock_services.faults.short_answers import ShortAnswers
from mock_services.faults.silent_eof import SilentEof
from mock_services.faults.slow_first_token import SlowFirstToken
from mock_services.faults.slow_stream import SlowStream
from mock_services.faults.stall import Stall
from mock_services.faults.swapped import Swapped
from mock_services.faults.throttle import Throttle

FAULTS: dict[str, type[Fault]] = {
    "noop": NoOp,
    "latency": Latency,
    "error": Error,
    "throttle": Throttle,
    "quota": Quota,
    "hard_quota": HardQuota,
    "hint": Hint,
    "black_hole": BlackHole,
    "refuse": Refuse,
    "reset": Reset,
    "slow_first_token": SlowFirstToken,
    "slow_stream": SlowStream,
    "stall": Stall,
    "cut": Cut,
    "silent_eof": SilentEof,
    "in_band_error": InBandError,
    "malformed_chunk": MalformedChunk,
    "results": Results,
    "cold_start": ColdStart,
    "flapping": Flapping,
    "freeze": Freeze,
    "idle_close": IdleClose,
    "chunking": Chunking,
    "cached": Cached,
    "short_answers": ShortAnswers,
    "swapped": Swapped,
    "settings": OtherSettings,
}


def parse_fault(name: str, fields: Mapping[str, Any]) -> Fault:
    """Raises FaultError on an unknown fault, an unknown field or a wrong value."""
    return parse_named(FAULTS, "fault", name, fields)


__all__ = ["FAULTS", "Fault", "FaultError", "Moment", "parse_fault", "parse_named"]
