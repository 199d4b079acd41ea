import json
import socket
import stat
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from purveyor.accounts import keys
from purveyor.accounts.models import ApiKey, Customer, User
from purveyor.accounts.testing import balance_of
from purveyor.catalog.models import Service
from purveyor.catalog.order_types import OrderType
from purveyor.money.models import Adjustment
from purveyor.ops import demo, serving, simulation
from purveyor.ops.simulation import Place
from purveyor.providers.models import Provider
from purveyor.simulator.testing import running_simulator
from tests.committed import committed

URL = "http://127.0.0.1:8000"


@pytest.fixture
def place() -> Iterator[Place]:
    with running_simulator(key="sesame") as simulator:
        yield Place(port=int(simulator.url.split(":")[2].split("/")[0]), key="sesame")


def read(home: Path) -> Any:
    return json.loads((home / "demo.json").read_text(encoding="utf-8"))


def signs_in(person: dict[str, str]) -> bool:
    return User.objects.get(email=person["email"]).check_password(person["password"])


@pytest.mark.django_db
def test_the_file_holds_what_works(tmp_path: Path) -> None:
    made, fresh = demo.make_people(tmp_path, url=URL)
    assert fresh
    found = read(tmp_path)
    assert list(found) == ["url", "api_key", "owner", "customer"]
    assert found["url"] == URL
    assert found["api_key"] == made.api_key
    assert signs_in(found["owner"])
    assert signs_in(found["customer"])
    assert User.objects.get(email=found["owner"]["email"]).is_superuser
    customer = Customer.objects.get(user__email=found["customer"]["email"])
    assert [holder.customer_id for holder in keys.holders([keys.digest(found["api_key"])]).values()] == [
        customer.pk
    ]
    assert balance_of(customer) == Decimal(100)
    assert Adjustment.objects.get().reason == "demo balance"
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["demo.json"]


@pytest.mark.django_db
def test_again_changes_nothing_but_the_url(tmp_path: Path) -> None:
    first, _ = demo.make_people(tmp_path, url=URL)
    again, fresh = demo.make_people(tmp_path, url="http://127.0.0.1:9000")
    assert not fresh
    assert (again.api_key, again.owner, again.customer) == (first.api_key, first.owner, first.customer)
    assert read(tmp_path)["url"] == "http://127.0.0.1:9000"
    assert (ApiKey.objects.count(), Customer.objects.count(), Adjustment.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
def test_a_revoked_key_is_replaced_and_passwords_stay(tmp_path: Path) -> None:
    first, _ = demo.make_people(tmp_path, url=URL)
    keys.revoke_key(prefix=first.api_key)
    again, fresh = demo.make_people(tmp_path, url=URL)
    assert fresh
    assert again.api_key != first.api_key
    assert (again.owner, again.customer) == (first.owner, first.customer)
    assert Adjustment.objects.count() == 1


@pytest.mark.django_db
def test_with_the_file_lost_the_customer_is_renewed_and_the_owner_left_alone(tmp_path: Path) -> None:
    first, _ = demo.make_people(tmp_path, url=URL)
    (tmp_path / "demo.json").unlink()
    demo.make_people(tmp_path, url=URL)
    found = read(tmp_path)
    assert found["owner"] == {"email": first.owner.email, "password": None}
    assert signs_in(found["customer"])
    assert first.owner.password is not None
    assert User.objects.get(email=first.owner.email).check_password(first.owner.password)


@pytest.mark.django_db
def test_a_death_before_the_file_has_its_name_loses_nothing(tmp_path: Path) -> None:
    first, _ = demo.make_people(tmp_path, url=URL)
    (tmp_path / "demo.json").rename(tmp_path / "demo.json.pending")
    again, fresh = demo.make_people(tmp_path, url=URL)
    assert (again, fresh) == (first, False)


@pytest.mark.django_db
def test_a_file_of_another_database_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text(
        json.dumps(
            {
                "url": URL,
                "api_key": "0" * 64,
                "owner": {"email": demo.OWNER_EMAIL, "password": "old"},
                "customer": {"email": demo.CUSTOMER_EMAIL, "password": "old"},
            }
        ),
        encoding="utf-8",
    )
    _, fresh = demo.make_people(tmp_path, url=URL)
    assert fresh
    assert signs_in(read(tmp_path)["owner"])
    assert signs_in(read(tmp_path)["customer"])


@pytest.mark.django_db
def test_an_empty_panel_gets_one_owner() -> None:
    owner = demo.make_owner()
    assert owner is not None
    assert owner.password is not None
    assert User.objects.get().check_password(owner.password)
    assert demo.make_owner() is None


@committed
def test_the_catalogue_has_every_order_type_above_the_provider_s_price(place: Place) -> None:
    count = demo.make_catalogue(place)
    services = list(Service.objects.prefetch_related("routes__provider_service"))
    assert len(services) == count > 0
    assert {service.type for service in services} == {kind.value for kind in OrderType}
    for service in services:
        [route] = service.routes.all()
        assert service.rate > route.provider_service.rate
    assert demo.make_catalogue(place) == 0
    assert Service.objects.count() == count


@pytest.mark.django_db
def test_a_provider_that_moved_is_followed() -> None:
    for place in (Place(port=4001, key="first"), Place(port=4002, key="second")):
        demo._provider(place)  # noqa: SLF001  without the import that needs a server there
        provider = Provider.objects.get()
        assert (provider.url, provider.key) == (place.url, place.key)


def test_the_simulator_s_place_is_kept_and_left_when_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "PORT_PATIENCE_SECONDS", 0.1)
    first = simulation.settle(tmp_path)
    assert simulation.settle(tmp_path) == first
    assert simulation.kept(tmp_path) == first
    with socket.create_server((simulation.HOST, first.port)):
        second = simulation.settle(tmp_path)
    assert second.port != first.port
    assert second.key == first.key
    assert stat.S_IMODE((tmp_path / "simulator.json").stat().st_mode) == 0o600
