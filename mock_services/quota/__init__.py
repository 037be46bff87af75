"""A provider's quota by the provider's own arithmetic. Pure: every call is given the time."""

from mock_services.quota.cost import COST_RULES, CostRule, Usage
from mock_services.quota.limiter import Denial, Grant, Limit, Quota, Standing
from mock_services.quota.meters import Acceleration, Concurrency, ContinuousBucket, FixedWindow, Meter, SlidingWindow

__all__ = [
    "COST_RULES",
    "Acceleration",
    "Concurrency",
    "ContinuousBucket",
    "CostRule",
    "Denial",
    "FixedWindow",
    "Grant",
    "Limit",
    "Meter",
    "Quota",
    "SlidingWindow",
    "Standing",
    "Usage",
]
