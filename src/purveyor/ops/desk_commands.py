"""Commands about desks: who delivers by hand, what, and how it went."""

from decimal import Decimal

import click

from purveyor.ops.terminal import (
    Amount,
    CommandGroup,
    actor,
    in_one_line,
    key_state,
    panel_database,
    say,
    table,
)


@click.group(cls=CommandGroup)
def desk() -> None:
    """Desks, where people deliver by hand: create, service, key, revoke, queue, and what they report."""


@desk.command("create")
@click.argument("name")
def create(*, name: str) -> None:
    """Make a desk: a provider that is people."""
    with panel_database():
        from purveyor.providers.desks.desks import create_desk

        made = create_desk(name=name)
        say(f"Made the desk {made.name}, number {made.pk}")


@desk.command("service")
@click.argument("name")
@click.argument("service", type=int)
@click.option("--cost", type=Amount(), required=True, help="Of 1000, or of one package, in panel currency.")
def offer(*, name: str, service: int, cost: Decimal) -> None:
    """Let the desk NAME deliver our SERVICE, after the routes that it has; told again, at another cost."""
    with panel_database():
        from purveyor.providers.desks.desks import find_desk, offer_by_hand

        route = offer_by_hand(desk=find_desk(name), service_id=service, cost=cost)
        say(f"{name} delivers service {service} for {cost.normalize():f}, as route {route.pk}")


@desk.command("key")
@click.argument("name")
@click.option("--label", default="", help="Who or what uses it; the name of the desk if not given.")
def create_key(*, name: str, label: str) -> None:
    """Make a key for the people and tools of the desk NAME; it is printed once."""
    with panel_database():
        from purveyor.accounts.keys import create_staff_key
        from purveyor.providers.desks.desks import desk_scope, find_desk

        _, text = create_staff_key(name=label or name, scopes=[desk_scope(find_desk(name).pk)])
        say(text)


@desk.command("revoke")
@click.argument("key")
def revoke_key(*, key: str) -> None:
    """Make KEY worthless: the whole key, or its first 8 characters as `purveyor desk keys` shows them."""
    with panel_database():
        from purveyor.accounts.keys import revoke_staff_key

        revoked = revoke_staff_key(prefix=key)
        say(f"The key {revoked} ({revoked.name}) is revoked")


@desk.command("keys")
def list_keys() -> None:
    """List the keys of people and tools of ours, with what they are good for."""
    with panel_database():
        from purveyor.accounts.models import StaffKey

        rows = [
            (str(entry), *key_state(entry), " ".join(entry.scopes), in_one_line(entry.name))
            for entry in StaffKey.objects.order_by("pk")
        ]
        for line in table(rows, none="There is no key of people and tools of ours yet."):
            say(line)


@desk.command("queue")
@click.argument("name")
@click.option("--after", type=int, default=0, help="Go on behind this job.")
def show_queue(*, name: str, after: int) -> None:
    """List the jobs on the desk NAME that are open, oldest first, up to 100."""
    with panel_database():
        from purveyor.providers.desks.desks import find_desk
        from purveyor.providers.desks.queue import LONGEST_PAGE, list_jobs

        jobs = list_jobs(desk_id=find_desk(name).pk, after=after)
        rows = [
            (
                f"{job.id}",
                job.kind,
                f"taken by {in_one_line(job.worker)}" if job.worker else job.state,
                f"order {job.order}",
                f"service {job.service}",
                f"{job.quantity if job.remains is None else job.remains} of {job.quantity} left",
                in_one_line(job.link),
                "CANCEL REQUESTED" if job.cancel_requested else "",
            )
            for job in jobs
        ]
        for line in table(rows, none=f"No job is open on {name}."):
            say(line)
        if len(jobs) == LONGEST_PAGE:
            say(f"There may be more: purveyor desk queue {name} --after {jobs[-1].id}")


@desk.command("complete")
@click.argument("job", type=int)
@click.option("--start-count", type=click.IntRange(min=0), help="How many there were before.")
def complete(*, job: int, start_count: int | None) -> None:
    """Say that JOB is done; of an order, that all of it is delivered."""
    _report(job, "complete", start_count=start_count)


@desk.command("partial")
@click.argument("job", type=int)
@click.argument("remains", type=click.IntRange(min=0))
def partial(*, job: int, remains: int) -> None:
    """Say that JOB ends with REMAINS not delivered, and refund those."""
    _report(job, "partial", remains=remains)


@desk.command("cancel")
@click.argument("job", type=int)
@click.option("--reason", required=True, help="For the customer to read.")
def cancel(*, job: int, reason: str) -> None:
    """Say that the order of JOB is not delivered, and refund it."""
    _report(job, "cancel", reason=reason)


@desk.command("refuse-cancel")
@click.argument("job", type=int)
@click.option("--reason", required=True, help="For the customer to read.")
def refuse_cancel(*, job: int, reason: str) -> None:
    """Say that the order of JOB is delivered, though its customer asked to cancel it."""
    _report(job, "refuse-cancel", reason=reason)


@desk.command("reject")
@click.argument("job", type=int)
@click.option("--reason", required=True, help="For the customer to read.")
def reject(*, job: int, reason: str) -> None:
    """Say that the refill of JOB is not done."""
    _report(job, "reject", reason=reason)


def _report(
    job_id: int,
    verb: str,
    *,
    start_count: int | None = None,
    remains: int | None = None,
    reason: str = "",
) -> None:
    """Report as staff, who need take nothing and may correct how an order's job ended."""
    with panel_database():
        from purveyor.providers.desks.job_states import JobReport, Verb
        from purveyor.providers.desks.reports import report_job

        report = JobReport(verb=Verb(verb), start_count=start_count, remains=remains, reason=reason)
        job = report_job(job_id, report, worker=None, actor=actor())
        say(f"Job {job.id} of order {job.order}: {job.outcome or job.state}")
