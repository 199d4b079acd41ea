"""How a service's orders are taken, set from the command line."""

from purveyor.catalog.models import Service
from purveyor.catalog.testing import make_service
from tests.committed import committed
from tests.ops.test_cli import line_of, run

pytestmark = committed


def test_a_service_is_made_to_queue_orders_for_one_link_and_to_refuse_them_again() -> None:
    service = make_service()
    done = run("service", "same-link", str(service.pk), "queue")
    assert done.output == f"A second order for a link waits for the first to end: {service}\n"
    assert Service.objects.get().queue_same_link
    assert run("service", "same-link", str(service.pk), "refuse").exit_code == 0
    assert not Service.objects.get().queue_same_link


def test_a_service_that_is_not_there_is_told() -> None:
    assert line_of(run("service", "same-link", "999", "queue")) == "there is no service 999"


def test_a_service_is_told_who_finishes_what_a_provider_left() -> None:
    service = make_service()
    assert service.finish_rest == "never"
    done = run("service", "finish-rest", str(service.pk), "rule")
    assert done.output == f"The rest of an order goes to another provider at once: {service}\n"
    assert Service.objects.get().finish_rest == "rule"


def test_a_service_is_told_who_delivers_its_refills() -> None:
    service = make_service(refill=True)
    assert service.refill_by == "provider"
    done = run("service", "refills", str(service.pk), "hand")
    assert done.output == f"Refills are delivered by staff: {service}\n"
    assert Service.objects.get().refill_by == "hand"
