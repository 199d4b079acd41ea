"""What tests of desks do again and again: order, take, tell."""

from decimal import Decimal

from purveyor.accounts.testing import make_customer
from purveyor.catalog.models import Service
from purveyor.orders.models import Order
from purveyor.orders.testing import place_one
from purveyor.providers.desks.job_states import (
    JobReport,
    Verb,
)
from purveyor.providers.desks.queue import Job, Taking, find_job, take_jobs
from purveyor.providers.desks.reports import report_job
from purveyor.providers.models import (
    DeskJob,
    Fulfilment,
    JobKind,
    Provider,
)
from tests.providers.rounds import dispatch

LONG_AGO = "2020-01-01T00:00:00Z"


def ordered(service: Service, *, quantity: int = 1000, balance: str = "100") -> Order:
    """An order that is on its desk."""
    order = place_one(make_customer(balance), service, quantity=quantity)
    dispatch()
    return Order.objects.get(pk=order.pk)


def only_job(order: Order) -> Job:
    return find_job(DeskJob.objects.get(fulfilment__order=order, kind=JobKind.ORDER).pk)


def take(desk: Provider, *, worker: str = "tool-1", count: int = 100, **others: object) -> list[Job]:
    return take_jobs(desk_id=desk.pk, taking=Taking(worker=worker, count=count, **others))  # type: ignore[arg-type]


def tell(job: Job | int, verb: Verb, *, worker: str | None = "tool-1", **told: object) -> Job:
    job_id = job if isinstance(job, int) else job.id
    report = JobReport(verb=verb, **told)  # type: ignore[arg-type]
    return report_job(job_id, report, worker=worker, actor=worker or "staff")


def cost_of(order: Order) -> Decimal:
    return sum(Fulfilment.objects.filter(order=order).values_list("cost", flat=True), Decimal(0))
