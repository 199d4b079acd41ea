"""The load while processes die: orders, credits and status questions, and a book of what was acknowledged."""

import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

ORDERING_THREADS: Final = 8
PAUSE_SECONDS: Final = 0.01  # between two calls of a thread: load, not a benchmark
CREDIT_PAUSE_SECONDS: Final = 0.1
AFTER_TROUBLE_SECONDS: Final = 0.1
CALL_SECONDS: Final = 20.0
CREDIT: Final = Decimal("1.25")


@dataclass
class Book:
    """What the panel said, and what it left open: a call without an answer may have taken effect."""

    orders: dict[int, str] = field(default_factory=dict)
    """Acknowledged orders: id and link."""
    open_links: set[str] = field(default_factory=set)
    """Links of orders that were sent and not answered."""
    credits: set[str] = field(default_factory=set)
    """Reasons of acknowledged credits; each reason is used once."""
    open_credits: set[str] = field(default_factory=set)
    told_statuses: int = 0
    unanswered: int = 0
    complaints: list[str] = field(default_factory=list)
    """Answers that no death excuses."""
    longest_silence_seconds: float = 0.0
    """The longest time in which no order was acknowledged."""
    _last_at: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def acknowledge(self, order_id: int, link: str) -> None:
        """Enter an order."""
        with self._lock:
            now = time.monotonic()
            self.longest_silence_seconds = max(self.longest_silence_seconds, now - self._last_at)
            self._last_at = now
            if order_id in self.orders:
                self.complaints.append(f"order {order_id} was given to {self.orders[order_id]} and to {link}")
            self.orders[order_id] = link

    def complain(self, text: str) -> None:
        """Enter an answer that must not be."""
        with self._lock:
            self.complaints.append(text)

    def some_order(self) -> int | None:
        """Any acknowledged order, most often a late one."""
        with self._lock:
            ids = list(itertools.islice(reversed(self.orders), 200))
        return random.choice(ids) if ids else None


class Load:
    """Threads that order, credit and ask until told to stop."""

    def __init__(
        self, *, port: int, key: str, services: list[str], book: Book, credit: Callable[[str], None]
    ) -> None:
        self._port = port
        self._key = key
        self._services = services
        self._book = book
        self._credit = credit
        self._stopping = threading.Event()
        self._numbers = itertools.count(1)
        self._threads = [
            *(threading.Thread(target=self._order) for _ in range(ORDERING_THREADS)),
            threading.Thread(target=self._ask),
            threading.Thread(target=self._give),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop, once every call under way has ended."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _order(self) -> None:
        client = _Client(self._port)
        while not self._stopping.wait(PAUSE_SECONDS):
            number = next(self._numbers)
            link = f"https://example.com/kill/{number}"
            self._book.open_links.add(link)
            answer = client.call(
                {"key": self._key, "action": "add", "service": random.choice(self._services)}
                | {"link": link, "quantity": "1000"}
            )
            if answer is None:
                self._book.unanswered += 1
                self._stopping.wait(AFTER_TROUBLE_SECONDS)
            elif isinstance(answer, dict) and isinstance(answer.get("order"), int):
                self._book.acknowledge(answer["order"], link)
                self._book.open_links.discard(link)
            else:
                self._book.complain(f"add of {link} was answered {answer}")

    def _ask(self) -> None:
        client = _Client(self._port)
        while not self._stopping.wait(PAUSE_SECONDS):
            order_id = self._book.some_order()
            if order_id is None:
                continue
            answer = client.call({"key": self._key, "action": "status", "order": str(order_id)})
            if answer is None:
                self._stopping.wait(AFTER_TROUBLE_SECONDS)
            elif isinstance(answer, dict) and "status" in answer:
                self._book.told_statuses += 1
            else:
                self._book.complain(f"status of the acknowledged order {order_id} was answered {answer}")

    def _give(self) -> None:
        while not self._stopping.wait(CREDIT_PAUSE_SECONDS):
            reason = f"credit {next(self._numbers)}"
            self._book.open_credits.add(reason)
            try:
                self._credit(reason)
            except ConnectionError:
                self._stopping.wait(AFTER_TROUBLE_SECONDS)
            else:
                self._book.credits.add(reason)
                self._book.open_credits.discard(reason)


class _Client:
    """One keep-alive connection, opened again when it broke."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CALL_SECONDS)

    def call(self, form: dict[str, str]) -> Any:
        """The answer's JSON; None where there was no answer, or one of trouble (503, nothing in it)."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            self._connection.request("POST", "/api/v2", urlencode(form), headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return None
        if response.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            return None
        try:
            return json.loads(body)
        except ValueError:
            return f"{response.status} {body[:200]!r}"
