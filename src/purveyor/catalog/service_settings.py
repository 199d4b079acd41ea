"""How a service's orders are taken: settings that owners change, known in every process within a second."""

from purveyor.catalog.models import FinishRest, RefillBy, Service
from purveyor.catalog.order_types import OrderType


class ServiceSettingError(Exception):
    """A service cannot be set so; the text says why."""


def queue_same_link(*, service_id: int, wanted: bool) -> Service:
    """Let a second order for a link wait for the first to end, or refuse it as a duplicate again.

    Orders that wait already go on waiting. Raises `ServiceSettingError` when there is no such service.
    """
    service = find(service_id)
    Service.objects.filter(pk=service.pk).update(queue_same_link=wanted)
    return service


def feed(*, service_id: int, posts_service_id: int | None) -> Service:
    """Have post events make the orders of a subscription service, delivered by another service's routes.

    None hands new subscriptions over to a provider again; those that are fed stay so, but no post of theirs
    is served until the service is fed again. Raises `ServiceSettingError`.
    """
    service = find(service_id)
    if posts_service_id is not None:
        if service.type != OrderType.SUBSCRIPTIONS:
            raise ServiceSettingError(f"service {service_id} is not of type {OrderType.SUBSCRIPTIONS}")
        if find(posts_service_id).type != OrderType.DEFAULT:
            raise ServiceSettingError(f"service {posts_service_id} is not of type {OrderType.DEFAULT}")
    Service.objects.filter(pk=service.pk).update(posts_service_id=posts_service_id)
    return service


def finish_rest(*, service_id: int, choice: FinishRest) -> Service:
    """Say whether another provider delivers what the first one leaves of an order, from now on.

    Raises `ServiceSettingError` when there is no such service.
    """
    service = find(service_id)
    Service.objects.filter(pk=service.pk).update(finish_rest=choice)
    return service


def refill_by(*, service_id: int, choice: RefillBy) -> Service:
    """Say who delivers refills that are asked for from now on.

    Raises `ServiceSettingError` when there is no such service.
    """
    service = find(service_id)
    Service.objects.filter(pk=service.pk).update(refill_by=choice)
    return service


def find(service_id: int) -> Service:
    """The service of an id, whether it is on or off. Raises `ServiceSettingError` when there is none."""
    found = Service.objects.filter(pk=service_id).first()
    if found is None:
        raise ServiceSettingError(f"there is no service {service_id}")
    return found
