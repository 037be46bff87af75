"""How an inference server spends its time: prefill and decode with continuous batching, on a clock that is given."""

from mock_services.inference.batching import Batching, InferenceSettings, Job
from mock_services.inference.pacer import Pacer
from mock_services.inference.presets import INFERENCE_PRESETS

__all__ = ["INFERENCE_PRESETS", "Batching", "InferenceSettings", "Job", "Pacer"]
