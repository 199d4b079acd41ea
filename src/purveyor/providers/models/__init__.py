"""Upstream panels, what they sell, and what was handed over to them."""

from purveyor.providers.models.balances import BalanceForecast
from purveyor.providers.models.fulfilments import (
    Attempt,
    EvidenceKind,
    Fulfilment,
    Handover,
    HandoverEvidence,
    Outcome,
)
from purveyor.providers.models.providers import Provider, ProviderService, Route
from purveyor.providers.models.tasks import CancelTask, ForwardState, RefillTask
from purveyor.providers.models.times import RouteTimes, ServiceTimes

__all__ = [
    "Attempt",
    "BalanceForecast",
    "CancelTask",
    "EvidenceKind",
    "ForwardState",
    "Fulfilment",
    "Handover",
    "HandoverEvidence",
    "Outcome",
    "Provider",
    "ProviderService",
    "RefillTask",
    "Route",
    "RouteTimes",
    "ServiceTimes",
]
