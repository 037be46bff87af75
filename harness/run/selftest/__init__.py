"""The lie detector: defects planted in real runs, each with the verdict that must follow."""

from harness.run.selftest.catalogue import LIES, chosen
from harness.run.selftest.lie import Finding, Lie
from harness.run.selftest.trial import try_all, try_one

__all__ = ["LIES", "Finding", "Lie", "chosen", "try_all", "try_one"]
