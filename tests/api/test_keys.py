"""Keys: revoked and made within a second, guesses throttled per address, addresses behind proxies."""

import asyncio
import time
from collections.abc import Iterator

import pytest
import requests

from purveyor.accounts.keys import KeyHolder, create_key, digest, revoke_key
from purveyor.accounts.models import ApiKey, CustomerStatus
from purveyor.accounts.people import suspend
from purveyor.accounts.throttling import GUESSES_AT_ONCE, GUESSES_PER_SECOND, Throttle
from purveyor.api.addresses import client_address, is_local
from purveyor.api.authentication import SUSPECT_LOOKUPS_MAX, KeyCache, TooManyGuesses
from tests.api.panel import Caller, Panel, eventually, json_of, serving

INVALID = {"error": "Invalid API key"}
NOTICE_SECONDS = 1.0
"""A call that is sent this long after a revocation is refused everywhere, however busy the machine is."""


def test_a_key_works_as_soon_as_it_is_made(panel: Panel, caller: Caller) -> None:
    """Unknown keys are not remembered as unknown."""
    _, text = create_key(customer=caller.customer)
    assert panel.post(text, "balance")["balance"] == "1000"


def test_a_revoked_key_is_worthless_within_a_second(panel: Panel, caller: Caller) -> None:
    key, text = create_key(customer=caller.customer)
    assert panel.post(text, "balance")["balance"] == "1000"
    revoke_key(prefix=key.prefix)
    revoked = time.monotonic()
    sent = revoked
    while panel.post(text, "balance") != INVALID:
        assert sent - revoked < NOTICE_SECONDS
        sent = time.monotonic()
    assert panel.post(caller, "balance")["balance"] == "1000"  # the customer's other key


def test_a_suspension_holds_within_a_second_and_ends_so(panel: Panel, caller: Caller) -> None:
    panel.post(caller, "balance")
    suspend(customer=caller.customer)
    panel.until(caller, {"error": "Your account is inactive"}, "balance")
    caller.customer.status = CustomerStatus.ACTIVE
    caller.customer.save()
    panel.until(caller, {"balance": "1000", "currency": "USD"}, "balance")


@pytest.fixture(scope="module")
def proxied(running_panel: Panel, panel_database: str) -> Iterator[Panel]:
    """A panel behind one proxy, so that a test can come from any address."""
    with serving(panel_database, PURVEYOR_TRUSTED_PROXIES="1") as panel:
        panel.services = running_panel.services
        yield panel


def guess(panel: Panel, address: str, key: str = "nobody's") -> requests.Response:
    headers = {"x-forwarded-for": f"6.6.6.6, {address}"}  # the left one is the client's own invention
    return requests.post(panel.api, data={"key": key, "action": "balance"}, headers=headers, timeout=30)


def guess_until_refused(panel: Panel, address: str) -> list[requests.Response]:
    """The answers to guesses of an address, of which the last is the first that is refused.

    The address earns another guess every two seconds: it stays throttled for a moment only.
    """
    answers = [guess(panel, address)]
    while answers[-1].status_code == 200:
        assert len(answers) < 3 * GUESSES_AT_ONCE
        answers.append(guess(panel, address, f"guess {len(answers)}"))
    return answers


def guesses_earned(*, since: float) -> float:
    """How many guesses one address has at most from a time of the steady clock until now."""
    return GUESSES_AT_ONCE + (time.monotonic() - since) * GUESSES_PER_SECOND


def test_guessing_is_throttled_per_address(proxied: Panel, at_the_panel: None) -> None:
    caller = proxied.caller()
    assert guess(proxied, "192.0.2.1", caller.key).json()["balance"] == "1000"
    begun = time.monotonic()
    *served, refused = guess_until_refused(proxied, "192.0.2.1")
    assert GUESSES_AT_ONCE <= len(served) <= guesses_earned(since=begun)
    assert refused.status_code == 429
    assert refused.content == b""
    assert "retry-after" in refused.headers
    # A good key still works from there, other addresses can still mistype, and the throttle eases.
    assert guess(proxied, "192.0.2.1", caller.key).json()["balance"] == "1000"
    assert json_of(guess(proxied, "192.0.2.2")) == INVALID
    eventually(lambda: guess(proxied, "192.0.2.1").status_code == 200)


def test_a_good_key_is_served_the_first_time_at_a_throttled_address(
    proxied: Panel, at_the_panel: None
) -> None:
    """Customers behind one address must not lose their orders to a neighbour that guesses."""
    callers = (proxied.caller(), proxied.caller())
    begun, served = time.monotonic(), 0
    for caller in callers:
        served += len(guess_until_refused(proxied, "192.0.2.9")) - 1
        assert json_of(guess(proxied, "192.0.2.9", caller.key))["balance"] == "1000"
    served += len(guess_until_refused(proxied, "192.0.2.9")) - 1
    assert served <= guesses_earned(since=begun)  # a good key lets the neighbour guess no more


def test_guesses_of_throttled_addresses_take_turns() -> None:
    """However many arrive at once, few ask the database at once, and a good key among them is served."""
    holder = KeyHolder(key_id=1, customer_id=2, group_id=None, active=True, prefix="goodgood")
    together: list[int] = []

    class Lookups:
        running = 0

        async def submit(self, wanted: list[bytes]) -> list[KeyHolder | None]:
            self.running += 1
            together.append(self.running)
            await asyncio.sleep(0.001)
            self.running -= 1
            return [holder if each == digest("good") else None for each in wanted]

    async def scene() -> None:
        keys = KeyCache(lookups=Lookups())  # type: ignore[arg-type]  # answers as a batcher does
        for number in range(GUESSES_AT_ONCE):
            assert await keys.find(f"guess {number}", address="192.0.2.1") is None
        flood = [keys.find(f"more {number}", address="192.0.2.1") for number in range(200)]
        *refused, served = await asyncio.gather(
            *flood, keys.find("good", address="192.0.2.1"), return_exceptions=True
        )
        assert all(isinstance(each, TooManyGuesses) for each in refused)
        assert served is holder

    asyncio.run(scene())
    assert 1 < max(together) <= SUSPECT_LOOKUPS_MAX


def test_a_customers_key_survives_an_emptied_cache_at_a_throttled_address(
    proxied: Panel, at_the_panel: None
) -> None:
    """A colleague's forgotten cron job must not stop a customer whenever any key is revoked."""
    caller, other = proxied.caller(), proxied.caller()
    guess(proxied, "192.0.2.7", caller.key)
    guess_until_refused(proxied, "192.0.2.7")
    revoke_key(prefix=other.key[:8])
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        assert json_of(guess(proxied, "192.0.2.7", caller.key))["balance"] == "1000"
        guess(proxied, "192.0.2.7")


def test_the_use_of_a_key_is_noted(running_panel: Panel, panel_database: str, at_the_panel: None) -> None:
    caller = running_panel.caller()
    with serving(panel_database) as panel:
        panel.post(caller, "balance")
    # Written when the server stops, if not before.
    assert ApiKey.objects.get(customer=caller.customer).last_used_at is not None


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, None, "10.0.0.1"),
        (0, "1.1.1.1", "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "1.1.1.1", "1.1.1.1"),
        (1, "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        (2, "6.6.6.6, 1.1.1.1, 2.2.2.2", "1.1.1.1"),
        (2, "1.1.1.1", "1.1.1.1"),
        (1, " , ", "10.0.0.1"),
    ],
)
def test_the_address_of_a_client(proxies: int, forwarded: str | None, expected: str) -> None:
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    scope = {"client": ("10.0.0.1", 1), "headers": headers}
    assert client_address(scope, trusted_proxies=proxies) == expected


@pytest.mark.parametrize(
    ("address", "forwarded", "proxies", "expected"),
    [
        ("127.0.0.1", None, 0, True),
        ("::1", None, 0, True),
        ("10.0.0.1", None, 0, False),
        ("127.0.0.1", "127.0.0.1", 0, False),  # a proxy on this machine that we were not told of
        ("127.0.0.1", "1.1.1.1", 1, False),
        ("127.0.0.1", "127.0.0.1", 1, True),
        ("", None, 0, False),
    ],
)
def test_who_is_on_this_machine(address: str, forwarded: str | None, proxies: int, *, expected: bool) -> None:
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    scope = {"client": (address, 1), "headers": headers}
    assert is_local(scope, trusted_proxies=proxies) is expected


def test_a_bucket_empties_and_fills() -> None:
    throttle = Throttle()
    for _ in range(GUESSES_AT_ONCE):
        assert not throttle.is_spent("192.0.2.1", now=100)
        throttle.count("192.0.2.1", now=100)
    assert throttle.is_spent("192.0.2.1", now=100)
    assert not throttle.is_spent("192.0.2.2", now=100)
    assert not throttle.is_spent("192.0.2.1", now=100 + 1 / GUESSES_PER_SECOND)


def test_a_whole_ipv6_network_is_one_address() -> None:
    throttle = Throttle()
    for number in range(GUESSES_AT_ONCE):
        throttle.count(f"2001:db8::{number:x}", now=0)
    assert throttle.is_spent("2001:db8::ffff", now=0)
    assert not throttle.is_spent("2001:db8:0:1::1", now=0)
