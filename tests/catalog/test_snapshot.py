"""The snapshot follows every edit, by whatever hand."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection
from structlog.testing import capture_logs

from purveyor.accounts.models import CustomerGroup
from purveyor.accounts.testing import make_customer
from purveyor.catalog import snapshot
from purveyor.catalog.models import OwnRate, Service
from purveyor.catalog.testing import make_service

pytestmark = pytest.mark.django_db


def later(monkeypatch: pytest.MonkeyPatch) -> snapshot.Snapshot:
    """The snapshot once its half second of trust is over."""
    monkeypatch.setattr(snapshot, "FRESH_SECONDS", timedelta(0).total_seconds())
    return snapshot.current()


def rename(service: Service) -> None:
    Service.objects.filter(pk=service.pk).update(name="Renamed")


def reprice_by_hand(service: Service) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_service SET rate = 77 WHERE id = %s", [service.pk])


def switch_off(service: Service) -> None:
    Service.objects.filter(pk=service.pk).update(enabled=False)


def rename_category(service: Service) -> None:
    service.category.name = "Another"
    service.category.save()


def agree_rate(service: Service) -> None:
    OwnRate.objects.create(customer=make_customer(), service=service, rate=Decimal("0.5"))


def make_group(service: Service) -> None:
    CustomerGroup.objects.create(name="Gold", discount_percent=5)


@pytest.mark.parametrize(
    "edit", [rename, reprice_by_hand, switch_off, rename_category, agree_rate, make_group]
)
def test_an_edit_makes_a_new_version(
    edit: Callable[[Service], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make_service()
    before = snapshot.current()
    edit(service)
    after = later(monkeypatch)
    assert after.version > before.version
    assert after != before


def test_a_snapshot_is_kept_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    make_service()
    before = snapshot.current()
    assert later(monkeypatch) is before


def test_the_database_takes_no_unknown_type() -> None:
    service = make_service()
    with pytest.raises(IntegrityError, match="type_is_one_of_the_protocols"):
        Service.objects.filter(pk=service.pk).update(type="Default2")


def test_a_service_of_unknown_type_is_left_out_of_the_snapshot() -> None:
    with connection.cursor() as cursor:  # as an older database, or a hand at it, may have it
        cursor.execute("ALTER TABLE catalog_service DROP CONSTRAINT type_is_one_of_the_protocols")
    sound, odd = make_service(), make_service()
    Service.objects.filter(pk=odd.pk).update(type="Default2")
    snapshot.forget()
    with capture_logs() as lines:
        assert list(snapshot.current().services) == [sound.pk]
    (line,) = lines
    assert (line["log_level"], line["service"], line["type"]) == ("error", odd.pk, "Default2")


def test_each_edit_of_a_service_grows_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    service = make_service()
    assert snapshot.current().services[service.pk].version == 1
    rename(service)
    assert later(monkeypatch).services[service.pk].version == 2


def test_customers_with_the_same_prices_share_a_price_list() -> None:
    gold = CustomerGroup.objects.create(name="Gold", discount_percent=5)
    plain = CustomerGroup.objects.create(name="Plain", discount_percent=0)
    service = make_service(rate="10")
    special = make_customer()
    OwnRate.objects.create(customer=special, service=service, rate=Decimal(3))
    snapshot.forget()
    catalog = snapshot.current()
    entry = catalog.services[service.pk]
    keys = [
        catalog.price_list_key(customer_id=customer_id, group_id=group_id)
        for customer_id, group_id in [(-1, None), (-2, plain.pk), (-3, gold.pk), (special.pk, gold.pk)]
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    prices = [
        catalog.unit_price(entry, customer_id=customer_id, group_id=group_id).rate
        for customer_id, group_id in [(-1, None), (-2, plain.pk), (-3, gold.pk), (special.pk, gold.pk)]
    ]
    assert prices == [10, 10, Decimal("9.5"), 3]
