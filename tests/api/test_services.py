"""The reply to `services` (protocol §4.1): byte for byte, at the caller's prices, compressed when asked."""

from decimal import Decimal

import requests

from purveyor.accounts.models import CustomerGroup
from purveyor.api.watching import POLL_SECONDS
from purveyor.catalog.models import Category, OwnRate, Service
from purveyor.catalog.order_types import OrderType
from purveyor.catalog.snapshot import FRESH_SECONDS
from purveyor.catalog.testing import make_service
from tests.api.panel import Caller, Panel, eventually, json_of


def test_services(panel: Panel, caller: Caller) -> None:
    Category.objects.update(position=5)  # behind the two of the example
    first = Category.objects.create(name="First Category", position=1)
    second = Category.objects.create(name="Second Category", position=2)
    one = Service.objects.create(
        category=first, name="Followers", rate="0.90", min=50, max=10000, refill=True, cancel=True
    )
    two = Service.objects.create(
        category=second,
        name="Comments &amp; “more” 🙂",
        type="Custom Comments",
        rate="8",
        min=10,
        max=1500,
        cancel=True,
    )
    expected = (
        f'[{{"service":{one.pk},"name":"Followers","type":"Default","category":"First Category",'
        '"rate":"0.90","min":"50","max":"10000","dripfeed":false,"refill":true,"cancel":true},'
        f'{{"service":{two.pk},"name":"Comments &amp; “more” 🙂","type":"Custom Comments",'
        '"category":"Second Category","rate":"8","min":"10","max":"1500","dripfeed":false,"refill":false,'
        '"cancel":true},'
    )
    eventually(lambda: panel.text(caller, "services").startswith(expected))


TYPES = (
    "Default",
    "SEO",
    "Custom Comments",
    "Mentions with Hashtags",
    "Mentions Custom List",
    "Mentions Hashtag",
    "Mentions User Followers",
    "Mentions Media Likers",
    "Mentions",
    "Package",
    "Custom Comments Package",
    "Comment Likes",
    "Poll",
    "Comment Replies",
    "Invites from Groups",
    "Subscriptions",
    "Web Traffic",
)


def test_every_type_is_spelled_as_the_protocol_has_it(panel: Panel, caller: Caller) -> None:
    types = {row["service"]: row["type"] for row in panel.post(caller, "services")}
    assert {types[service.pk] for service in panel.services.values()} == set(TYPES)


def rate_of(panel: Panel, caller: Caller, service: Service) -> str:
    return str(next(row["rate"] for row in panel.post(caller, "services") if row["service"] == service.pk))


def test_the_rate_is_the_callers_own(panel: Panel, caller: Caller) -> None:
    """Own rate before group discount before list price (§8)."""
    service = panel.services[OrderType.DEFAULT]  # 1.50
    group = CustomerGroup.objects.create(name="Wholesale", discount_percent=Decimal(10))
    of_group, with_own = panel.caller(group=group), panel.caller(group=group)
    OwnRate.objects.create(customer=with_own.customer, service=service, rate=Decimal("1.234"))
    expected = {"1.50": caller, "1.35": of_group, "1.234": with_own}
    for rate, who in expected.items():
        eventually(lambda who=who, rate=rate: rate_of(panel, who, service) == rate)  # type: ignore[misc]
    made = panel.post(with_own, "add", service=service.pk, link="https://example.com/own", quantity=1000)
    assert panel.post(with_own, "status", order=made["order"])["charge"] == "1.234"


def test_gzip_only_when_asked(panel: Panel, caller: Caller) -> None:
    form = {"key": caller.key, "action": "services"}
    plain = requests.post(panel.api, data=form, headers={"accept-encoding": "identity"}, timeout=30)
    packed = requests.post(panel.api, data=form, headers={"accept-encoding": "br, gzip;q=0.5"}, timeout=30)
    refused = requests.post(panel.api, data=form, headers={"accept-encoding": "gzip;q=0, *"}, timeout=30)
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in refused.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert json_of(plain) == json_of(packed) == json_of(refused)


def test_an_edit_shows_within_a_second(panel: Panel, caller: Caller) -> None:
    assert POLL_SECONDS + FRESH_SECONDS < 1  # what it takes beyond that is the machine's
    service = panel.services[OrderType.SEO]
    for name in ("Renamed", "Renamed again"):
        Service.objects.filter(pk=service.pk).update(name=name)
        eventually(lambda name=name: f'"{name}"' in panel.text(caller, "services"))  # type: ignore[misc]


def test_a_service_that_is_turned_off_is_gone(panel: Panel, caller: Caller) -> None:
    service = make_service(name="Soon gone")
    eventually(lambda: "Soon gone" in panel.text(caller, "services"))
    Service.objects.filter(pk=service.pk).update(enabled=False)
    eventually(lambda: "Soon gone" not in panel.text(caller, "services"))
    add = panel.post(caller, "add", service=service.pk, link="https://example.com/gone", quantity=1)
    assert add == {"error": "Incorrect service ID"}
