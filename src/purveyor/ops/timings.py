"""How long services take and what is promised of them, as an operator reads it on the command line."""

from collections.abc import Iterator
from datetime import timedelta

from purveyor.catalog.service_settings import find
from purveyor.ops.terminal import in_one_line
from purveyor.orders.durations import in_words
from purveyor.orders.models import OrderPromise, PastPromise, PromiseOutcome, ServicePromise
from purveyor.providers.models import RouteTimes, ServiceTimes

NOT_ENOUGH = "not enough data"
MOST_ASKED = 500


def all_services() -> Iterator[str]:
    """The times of every service of which there is enough data."""
    known = ServiceTimes.objects.filter(finish_p50__isnull=False).select_related("service")
    nothing = True
    for times in known.order_by("service__position", "service_id").iterator():
        nothing = False
        yield f"{in_one_line(str(times.service))}: {_average(times)}"
    if nothing:
        yield "Of no service are there enough completed orders yet."


def one_service(service_id: int) -> Iterator[str]:
    """The times of a service and of its routes. Raises `ServiceSettingError` when there is none."""
    service = find(service_id)
    yield in_one_line(str(service))
    times = ServiceTimes.objects.filter(service=service).first()
    yield f"    {_average(times)}"
    if times is not None:
        yield f"    from the order: {_percentiles(times)}"
    routes = RouteTimes.objects.filter(route__service=service).select_related(
        "route__provider_service__provider"
    )
    for route_times in routes.order_by("route__position", "route_id"):
        offer = route_times.route.provider_service
        yield f"    {in_one_line(offer.provider.name)} {offer.external_id}: {_percentiles(route_times)}"


def promises(*, service_id: int | None = None) -> Iterator[str]:
    """What is promised, of one service or of all."""
    found = ServicePromise.objects.select_related("service").order_by("service_id")
    if service_id is not None:
        found = found.filter(service_id=service_id)
    nothing = True
    for promise in found:
        nothing = False
        each = " per 1000" if promise.per_thousand else ""
        within = in_words(timedelta(minutes=promise.minutes))
        past = PastPromise(promise.past).value
        yield f"{in_one_line(str(promise.service))}: within {within}{each}; past it: {past}"
    if nothing:
        yield "Nothing is promised."


def asked() -> Iterator[str]:
    """The late orders of which staff decide, oldest promise first."""
    waiting = OrderPromise.objects.filter(outcome=PromiseOutcome.ASKED).select_related("order__service")
    found = list(waiting.order_by("promised_until")[: MOST_ASKED + 1])
    for promise in found[:MOST_ASKED]:
        order = promise.order
        yield (
            f"order {order.pk}  promised until {promise.promised_until:%Y-%m-%d %H:%M} UTC  {order.status}  "
            f"{order.remains} of {order.quantity} remain  {in_one_line(str(order.service))}"
        )
    if len(found) > MOST_ASKED:
        yield f"These are the first {MOST_ASKED}; there are more."
    if not found:
        yield "Nobody is asked about any order."


def _average(times: ServiceTimes | None) -> str:
    if times is None or times.average is None:
        return f"average time: {NOT_ENOUGH}"
    return f"average time {in_words(times.average)}"


def _percentiles(times: ServiceTimes | RouteTimes) -> str:
    if times.finish_p50 is None or times.finish_p90 is None:
        return f"{NOT_ENOUGH} ({times.measured} completed)"
    parts = [f"half end within {in_words(times.finish_p50)}, 9 in 10 within {in_words(times.finish_p90)}"]
    if times.start_p50 is not None and times.start_p90 is not None:
        parts.insert(
            0, f"half start within {in_words(times.start_p50)}, 9 in 10 within {in_words(times.start_p90)}"
        )
    return f"{'; '.join(parts)} (latest {times.measured})"
