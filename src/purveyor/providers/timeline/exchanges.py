"""The lines of an order's story that only staff read: exchanges with providers, and what they cost. Pure."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from purveyor.money.models import Transfer, TransferKind
from purveyor.providers.models import (
    Attempt,
    CancelTask,
    DeskJob,
    Fulfilment,
    Handover,
    HandoverEvidence,
    Outcome,
    ProviderKind,
    RefillTask,
)
from purveyor.providers.routes.decisions import sentences
from purveyor.providers.timeline.facts import Exchanges
from purveyor.providers.timeline.lines import PANEL, Line, LineKind, numbered, shown


def lines_for_staff(exchanges: Exchanges, *, currency: str, is_package: bool) -> Iterator[Line]:
    """What happened between the panel and providers; amounts in the panel's `currency`."""
    # Nothing is sent to a desk: of what goes there, its jobs tell.
    providers = {
        fulfilment.pk: fulfilment.provider.name
        for fulfilment in exchanges.fulfilments
        if fulfilment.provider.kind == ProviderKind.API
    }
    for fulfilment in exchanges.fulfilments:
        yield from _fulfilment(fulfilment, currency=currency, is_package=is_package)
    for attempt in exchanges.attempts:
        if attempt.fulfilment_id in providers:
            yield from _attempt(attempt, provider=providers[attempt.fulfilment_id])
    for evidence in exchanges.evidence:
        yield _evidence(evidence)
    for cost in exchanges.costs:
        yield _cost(cost, currency=currency)
    for job in exchanges.jobs:
        yield from _job(job)
    yield from map(_forwarded, exchanges.refill_tasks)
    yield from map(_forwarded, exchanges.cancel_tasks)


def _fulfilment(fulfilment: Fulfilment, *, currency: str, is_package: bool) -> Iterator[Line]:
    provider = fulfilment.provider
    if fulfilment.decision is not None:
        yield Line(
            at=fulfilment.created_at,
            kind=LineKind.DECIDED,
            who=PANEL,
            text=" ".join(sentences(fulfilment.decision)),
            data=fulfilment.decision,
        )
    purpose = ""
    if fulfilment.refill_id is not None:
        purpose = _(", for refill %(refill)s") % {"refill": fulfilment.refill_id}
    elif fulfilment.wanted is not None:
        purpose = _(", for the %(wanted)s that remained") % {"wanted": fulfilment.wanted}
    yield Line(
        at=fulfilment.created_at,
        kind=LineKind.HANDED_OVER,
        who=PANEL,
        text=_("Hand-over %(number)s, to %(provider)s as its service %(service)s: %(terms)s")
        % {
            "number": fulfilment.number,
            "provider": provider.name,
            "service": fulfilment.service_external_id,
            "terms": _terms(fulfilment, currency=currency, is_package=is_package),
        }
        + purpose,
        data={"fulfilment": fulfilment.pk},
    )
    if fulfilment.settled_by and fulfilment.settled_at is not None:
        if fulfilment.handover == Handover.ACCEPTED:
            text = _("Settled: %(provider)s did take it, as its order %(external)s")
        else:
            text = _("Settled: %(provider)s did not take it")
        yield Line(
            at=fulfilment.settled_at,
            kind=LineKind.SETTLED,
            who=fulfilment.settled_by,
            text=text % {"provider": provider.name, "external": fulfilment.external_id},
        )
    if fulfilment.started_at is not None:
        # What a desk has is a job, and its number is told with it.
        is_job = provider.kind == ProviderKind.MANUAL
        text = _("Told that its job has begun") if is_job else _("Told that order %(external)s has begun")
        yield Line(
            at=fulfilment.started_at,
            kind=LineKind.PROGRESS,
            who=provider.name,
            text=text % {"external": fulfilment.external_id},
        )
    if fulfilment.ended_at is not None and provider.kind == ProviderKind.API:
        told = [fulfilment.provider_status]
        if fulfilment.remains is not None:
            told.append(_("%(remains)s remain") % {"remains": fulfilment.remains})
        if fulfilment.provider_charge is not None:
            charge = {"charge": shown(fulfilment.provider_charge), "currency": provider.currency}
            told.append(_("charged %(charge)s %(currency)s") % charge)
        yield Line(
            at=fulfilment.ended_at,
            kind=LineKind.PROGRESS,
            who=provider.name,
            text=_("Told that order %(external)s has ended: %(told)s")
            % {"external": fulfilment.external_id, "told": ", ".join(told)},
        )


def _terms(fulfilment: Fulfilment, *, currency: str, is_package: bool) -> str:
    """What was handed over at which price of the provider's, and what that should cost us."""
    if fulfilment.quantity == 0:  # a subscription, whose posts are orders of their own
        text = _("its posts at %(rate)s %(foreign)s per 1000")
    elif is_package:
        text = _("one at %(rate)s %(foreign)s, expected to cost %(cost)s %(currency)s")
    else:
        text = _("%(quantity)s at %(rate)s %(foreign)s per 1000, expected to cost %(cost)s %(currency)s")
    return text % {
        "quantity": fulfilment.quantity,
        "rate": shown(fulfilment.provider_rate),
        "foreign": fulfilment.provider.currency,
        "cost": shown(fulfilment.expected_cost),
        "currency": currency,
    }


def _attempt(attempt: Attempt, *, provider: str) -> Iterator[Line]:
    sent = attempt.request or {}
    request = " ".join(f"{name}={value}" for name, value in sorted(sent.items())) or _("nothing that is kept")
    yield Line(
        at=attempt.created_at,
        kind=LineKind.SENT,
        who=PANEL,
        text=_("Sent to %(provider)s: %(request)s") % {"provider": provider, "request": request},
        data={"attempt": attempt.pk},
    )
    if attempt.answered_at is None:
        return
    status = _("no HTTP status") if attempt.http_status is None else f"HTTP {attempt.http_status}"
    yield Line(
        at=attempt.answered_at,
        kind=LineKind.ANSWERED,
        who=provider,
        text=_("%(outcome)s, %(status)s: %(response)s")
        % {
            "outcome": Outcome(attempt.outcome).label,
            "status": status,
            "response": attempt.response or _("nothing that is kept"),
        },
        data={"attempt": attempt.pk, "outcome": attempt.outcome},
    )


def _job(job: DeskJob) -> Iterator[Line]:
    """Nobody writes down when a job was taken, so that stands where it was put on the desk."""
    told = {"job": job.pk, "desk": job.desk.name, "worker": job.worker, "outcome": job.outcome}
    text = _("Put on %(desk)s as its job %(job)s")
    if job.worker:
        text = _("Put on %(desk)s as its job %(job)s, taken by %(worker)s")
    yield Line(at=job.created_at, kind=LineKind.DESK, who=PANEL, text=text % told, data={"job": job.pk})
    if job.ended_at is not None:
        text = _("Job %(job)s is %(outcome)s") % told
        yield Line(
            at=job.ended_at,
            kind=LineKind.DESK,
            who=job.ended_by or job.desk.name,
            text=_("%(text)s: %(reason)s") % {"text": text, "reason": job.reason} if job.reason else text,
            data={"job": job.pk, "outcome": job.outcome},
        )


def _evidence(evidence: HandoverEvidence) -> Line:
    return Line(at=evidence.at, kind=LineKind.EVIDENCE, who=PANEL, text=evidence.text)


def _cost(transfer: Transfer, *, currency: str) -> Line:
    match TransferKind(transfer.kind):
        case TransferKind.PROVIDER_COST:
            text = _("Booked a cost of %(amount)s %(currency)s")
        case TransferKind.PROVIDER_REFUND:
            text = _("Booked that %(amount)s %(currency)s of the cost was not incurred")
        case _:
            text = _("Booked %(amount)s %(currency)s more of cost")
    return Line(
        at=transfer.created_at,
        kind=LineKind.TRANSFER,
        who=PANEL,
        text=numbered(text % {"amount": shown(transfer.amount), "currency": currency}, transfer),
        data={"kind": transfer.kind, "amount": transfer.amount},
    )


def _forwarded(task: RefillTask | CancelTask) -> Line:
    is_refill = isinstance(task, RefillTask)
    text = (
        _("The wish for a refill goes to %(provider)s")
        if is_refill
        else _("The wish to cancel goes to %(provider)s")
    )
    told = {"provider": task.fulfilment.provider.name, "state": task.state, "tries": task.tries}
    text = (text + _(": %(state)s after %(tries)s tries")) % told
    if task.response:
        text = f"{text}: {task.response}"
    return Line(
        at=task.created_at, kind=LineKind.REFILL if is_refill else LineKind.CANCEL, who=PANEL, text=text
    )
