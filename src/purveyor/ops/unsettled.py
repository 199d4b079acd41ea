"""Hand-overs of unknown outcome, as an operator sees them on the command line."""

from collections.abc import Iterator

from purveyor.ops.terminal import in_one_line
from purveyor.ops.trouble import Trouble
from purveyor.providers.models import Attempt, Fulfilment, Handover, HandoverEvidence

SHOWN_RESPONSE_CHARACTERS = 300


def lines() -> Iterator[str]:
    """Describe the hand-overs that wait for a person, oldest first: what, answer, evidence."""
    waiting = Fulfilment.objects.filter(handover=Handover.UNKNOWN).select_related("order", "provider")
    nothing = True
    for fulfilment in waiting.order_by("created_at", "pk").iterator():
        nothing = False
        last = Attempt.objects.filter(fulfilment=fulfilment).order_by("-pk").first()
        yield (
            f"{fulfilment.pk}  order {fulfilment.order_id}  {fulfilment.provider}  "
            f"{fulfilment.created_at:%Y-%m-%d %H:%M:%S} UTC  {_target(fulfilment, last)}"
        )
        yield f"    {_answer(last)}"
        for evidence in HandoverEvidence.objects.filter(fulfilment=fulfilment).order_by("at", "pk"):
            yield f"    {evidence.at:%Y-%m-%d %H:%M:%S} UTC  {in_one_line(evidence.text)}"
    if nothing:
        yield "No hand-over has an unknown outcome."


def find(fulfilment_id: int) -> Fulfilment:
    """Return a hand-over by its id. Raises `Trouble` where there is none."""
    found = Fulfilment.objects.select_related("order", "provider").filter(pk=fulfilment_id).first()
    if found is None:
        raise Trouble(f"there is no hand-over {fulfilment_id}: `purveyor unknown list` shows their ids")
    return found


def _target(fulfilment: Fulfilment, last: Attempt | None) -> str:
    """The link, or what a subscription has in place of one."""
    sent = (last.request if last is not None else None) or {}
    return in_one_line(fulfilment.order.link or str(sent.get("username", "")))


def _answer(last: Attempt | None) -> str:
    if last is None or (last.http_status is None and not last.response):
        return "no answer"
    status = "no HTTP status" if last.http_status is None else f"HTTP {last.http_status}"
    return f"{status}  {in_one_line(last.response)[:SHOWN_RESPONSE_CHARACTERS]}".rstrip()
