"""Refills that wait for staff, settled from the command line."""

from purveyor.catalog.models import RefillBy
from purveyor.orders.models import Refill, RefillStatus
from purveyor.providers.models import RefillElsewhere
from tests.committed import committed
from tests.ops.test_cli import line_of, run
from tests.providers.elsewhere.test_refilling import completed

pytestmark = committed


def test_a_refill_is_listed_and_completed_by_hand() -> None:
    refill = completed("4.00", refill_by=RefillBy.HAND)
    listed = run("refill", "list").output
    assert listed.startswith(f"{refill.pk}  order {refill.order_id} of 1000  ")
    assert "  for staff  https://example.com/a  " in listed
    assert run("refill", "complete", str(refill.pk)).output == f"Refill {refill.pk} is Completed\n"
    assert Refill.objects.get().status == RefillStatus.COMPLETED
    assert run("refill", "list").output == "No refill is open.\n"
    assert line_of(run("refill", "complete", str(refill.pk))) == f"refill {refill.pk} has ended"


def test_a_refill_is_rejected_with_a_reason() -> None:
    refill = completed("4.00", refill_by=RefillBy.HAND)
    assert run("refill", "reject", str(refill.pk), "--reason", "Nothing dropped").exit_code == 0
    refill.refresh_from_db()
    assert (refill.status, refill.reason) == (RefillStatus.REJECTED, "Nothing dropped")


def test_a_refill_is_given_to_another_provider() -> None:
    refill = completed("4.00", "5.00", refill_by=RefillBy.HAND)
    done = run("refill", "elsewhere", str(refill.pk), "--quantity", "300")
    assert done.output == f"Refill {refill.pk}: 300 go to P1, at our cost\n"
    assert RefillElsewhere.objects.get().quantity == 300
    assert "  with the queue  " in run("refill", "list").output
