"""The first people of a panel: its owner, and in the demo a customer with balance, key and catalogue."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from purveyor import configuration
from purveyor.accounts import keys, people
from purveyor.accounts.models import Customer, User
from purveyor.catalog.models import Service
from purveyor.ops import folder, serving, simulation
from purveyor.ops.simulation import Place
from purveyor.providers.models import Provider
from purveyor.providers.standing.provider_settings import change_provider, create_provider
from purveyor.providers.sync import importing, syncing
from purveyor.providers.sync.pricing import PricingRule

OWNER_EMAIL = "owner@example.com"
CUSTOMER_EMAIL = "customer@example.com"
PROVIDER_NAME = "Simulated provider"
BALANCE = Decimal("100.00")  # panel currency
MARKUP_PERCENT = Decimal(20)
PROVIDER_CURRENCY = "USD"
MADE_UP_FX_RATE = Decimal("1.25")  # panel currency per USD: a demo in another currency needs some price
_PASSWORD_BYTES = 12


@dataclass(frozen=True, slots=True)
class Person:
    """How somebody signs in. The password is None where it was set before and is not known here."""

    email: str
    password: str | None


@dataclass(frozen=True, slots=True)
class Demo:
    """What `demo.json` holds."""

    url: str
    api_key: str
    owner: Person
    customer: Person


def file_of(home: Path) -> Path:
    """Return where the demo's credentials are kept."""
    return home / "demo.json"


def make_owner() -> Person | None:
    """Make the panel's first owner; None where there is one."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    people.create_owner(email=OWNER_EMAIL, password=password)
    return Person(email=OWNER_EMAIL, password=password)


def make_people(home: Path, *, url: str) -> tuple[Demo, bool]:
    """Return owner and demo customer with a key and a balance, and whether they were made just now.

    Their credentials are on the disk before the database has them, so that a crash in between never leaves a
    customer whose key nobody knows.
    """
    found = [demo for path in (file_of(home), _pending(home)) if (demo := _read(path)) is not None]
    kept = next((demo for demo in found if keys.holders([keys.digest(demo.api_key)])), None)
    if kept is not None:
        demo = replace(kept, url=url)
        _write(file_of(home), demo)
        return demo, False
    with transaction.atomic():
        owner = make_owner() or _known(OWNER_EMAIL, found) or Person(email=_first_owner(), password=None)
        customer, sign_in = _customer(_known(CUSTOMER_EMAIL, found))
        _, text = keys.create_key(customer=customer, name="demo")
        demo = Demo(url=url, api_key=text, owner=owner, customer=sign_in)
        _write(_pending(home), demo)
    _write(file_of(home), demo)
    _pending(home).unlink()
    return demo, True


def make_demo(*, say: Callable[[str], None]) -> None:
    """Make people and catalogue of the demo in the database at hand, and say where the credentials are."""
    settings = configuration.current()
    _, fresh = make_people(settings.home, url=serving.url(settings))
    with simulation.at_hand(settings.home) as place:
        imported = make_catalogue(place)
    say(f"Imported {imported} services from the simulated provider" if imported else "The catalogue is there")
    say(f"Owner, demo customer and API key are {'new' if fresh else 'as before'}: {file_of(settings.home)}")
    say("`purveyor up` runs the simulated provider; without it, run `purveyor simulate`")


def make_catalogue(place: Place) -> int:
    """Point the demo's provider at `place` and import its services where none are sold; returns how many."""
    provider = _provider(place)
    if Service.objects.filter(routes__provider_service__provider=provider).exists():
        return 0
    syncing.sync_provider(provider)
    pricing = PricingRule(markup_percent=MARKUP_PERCENT)
    return len(importing.import_services(provider=provider, choice=importing.Choice(pricing=pricing)))


def _customer(known: Person | None) -> tuple[Customer, Person]:
    """The demo's customer: a new one with a balance, or the one from before; a lost password is renewed."""
    customer = Customer.objects.select_related("user").filter(user__email=CUSTOMER_EMAIL).first()
    if customer is not None and known is not None:
        return customer, known
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    if customer is None:
        customer = people.create_customer(email=CUSTOMER_EMAIL, password=password, name="Demo customer")
        people.credit(customer=customer, amount=BALANCE, reason="demo balance", actor="purveyor demo")
    else:
        customer.user.set_password(password)
        customer.user.save(update_fields=["password"])
    return customer, Person(email=CUSTOMER_EMAIL, password=password)


def _known(email: str, found: Sequence[Demo]) -> Person | None:
    """How this person signs in according to a file, if that still works."""
    user = User.objects.filter(email=email).first()
    written = (person for demo in found for person in (demo.owner, demo.customer) if person.email == email)
    return next(
        (person for person in written if user is not None and user.check_password(person.password)), None
    )


def _first_owner() -> str:
    return User.objects.filter(is_superuser=True).order_by("pk").values_list("email", flat=True)[0]


def _provider(place: Place) -> Provider:
    provider = Provider.objects.filter(name=PROVIDER_NAME).first()
    if provider is None:
        same = configuration.current().currency == PROVIDER_CURRENCY
        return create_provider(
            name=PROVIDER_NAME,
            url=place.url,
            key=place.key,
            currency=PROVIDER_CURRENCY,
            fx_rate=Decimal(1) if same else MADE_UP_FX_RATE,
            allow_private_address=True,
        )
    if (provider.url, provider.key) != (place.url, place.key):
        return change_provider(provider, {"url": place.url, "key": place.key})
    return provider


def _read(path: Path) -> Demo | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Demo(
            url=found["url"],
            api_key=found["api_key"],
            owner=Person(**found["owner"]),
            customer=Person(**found["customer"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _pending(home: Path) -> Path:
    return home / "demo.json.pending"


def _write(path: Path, demo: Demo) -> None:
    folder.write_private(path, json.dumps(asdict(demo), indent=2) + "\n")
