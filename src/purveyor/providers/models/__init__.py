"""Upstream panels, what they sell, and what was handed over to them."""

from purveyor.providers.models.balances import BalanceForecast
from purveyor.providers.models.changes import (
    Change,
    ChangeDecision,
    ChangeKind,
    ChangeRule,
    ChangeSet,
    ChangeState,
    ImportedService,
    Rounding,
    ServiceEdit,
    Verdict,
)
from purveyor.providers.models.desks import DeskJob, JobKind, JobOutcome, JobState
from purveyor.providers.models.fulfilments import (
    Attempt,
    EvidenceKind,
    Fulfilment,
    Handover,
    HandoverEvidence,
    Outcome,
)
from purveyor.providers.models.providers import Method, Provider, ProviderKind, ProviderService, Route
from purveyor.providers.models.refills import RefillElsewhere
from purveyor.providers.models.routing import NEUTRAL_SCORE, Policy, RoutePolicy, RouteQuality
from purveyor.providers.models.tasks import CancelTask, ForwardState, RefillTask
from purveyor.providers.models.times import RouteTimes, ServiceTimes

__all__ = [
    "NEUTRAL_SCORE",
    "Attempt",
    "BalanceForecast",
    "CancelTask",
    "Change",
    "ChangeDecision",
    "ChangeKind",
    "ChangeRule",
    "ChangeSet",
    "ChangeState",
    "DeskJob",
    "EvidenceKind",
    "ForwardState",
    "Fulfilment",
    "Handover",
    "HandoverEvidence",
    "ImportedService",
    "JobKind",
    "JobOutcome",
    "JobState",
    "Method",
    "Outcome",
    "Policy",
    "Provider",
    "ProviderKind",
    "ProviderService",
    "RefillElsewhere",
    "RefillTask",
    "Rounding",
    "Route",
    "RoutePolicy",
    "RouteQuality",
    "RouteTimes",
    "ServiceEdit",
    "ServiceTimes",
    "Verdict",
]
