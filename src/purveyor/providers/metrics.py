"""What the worker counts, for Prometheus."""

from typing import Final

from prometheus_client import Counter, Histogram

DISPATCHES: Final = Counter(
    "purveyor_dispatches_total", "Orders handed to a provider, by what came of it", ["outcome"]
)
CALLS: Final = Histogram(
    "purveyor_provider_call_seconds",
    "How long calls to providers take",
    ["action"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
CALLS_FAILED: Final = Counter(
    "purveyor_provider_calls_failed_total", "Calls that brought no answer", ["action", "kind"]
)
SETBACKS: Final = Counter("purveyor_provider_setbacks_total", "Providers paused, by reason", ["setback"])
POLLED: Final = Counter("purveyor_orders_polled_total", "Orders asked about, by what was told", ["outcome"])
CHARGES_DRIFTED: Final = Counter(
    "purveyor_provider_charges_drifted_total",
    "Orders that a provider charged otherwise than expected, by what was done about it",
    ["consequence"],
)
RESTS: Final = Counter(
    "purveyor_rests_total", "What a provider left of an order, by what became of it", ["outcome"]
)
FORWARDED: Final = Counter(
    "purveyor_requests_forwarded_total", "Refills and cancels told to a provider", ["kind", "outcome"]
)
LEASES_EXPIRED: Final = Counter(
    "purveyor_hand_overs_abandoned_total", "Hand-overs of workers that died, now unknown"
)
UNKNOWN: Final = Counter("purveyor_hand_overs_unknown_total", "Hand-overs whose outcome nobody can tell")
LOOP_FAILURES: Final = Counter("purveyor_worker_failures_total", "Rounds of the worker that failed", ["loop"])
