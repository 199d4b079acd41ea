"""A client for API v2. It needs Python 3.10 or newer and nothing else."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from typing import Any

TIMEOUT_SECONDS = 30
SERVICES_TIMEOUT_SECONDS = 60


class Refused(Exception):
    """The panel refused; the text says why. Nothing was done and nothing was charged."""


class NoAnswer(Exception):
    """No usable answer came. What was asked may or may not have been done."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would turn the POST into a GET."""

    def redirect_request(self, *_: object) -> None:
        return None


class Api:
    """The calls of API v2, each returning the panel's answer as Python has it."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        self._opener = urllib.request.build_opener(_NoRedirects)

    def services(self) -> list[dict[str, Any]]:
        """All services with their prices."""
        return self._call(SERVICES_TIMEOUT_SECONDS, action="services")

    def order(self, **fields: object) -> dict[str, Any]:
        """Places an order. Give it an idempotency_key of your own.

        After NoAnswer, the same call with the same key is safe: it returns the first order
        instead of placing another one.
        """
        return self._call(action="add", **fields)

    def status(self, order_id: int | str) -> dict[str, Any]:
        """Where one order stands."""
        return self._call(action="status", order=order_id)

    def multi_status(self, order_ids: Iterable[int | str]) -> dict[str, Any]:
        """Up to 100 order ids; the answer is keyed by id (as text), and each entry may be an error."""
        return self._call(action="status", orders=_joined(order_ids))

    def refill(self, order_id: int | str) -> dict[str, Any]:
        """Asks to refill one order."""
        return self._call(action="refill", order=order_id)

    def multi_refill(self, order_ids: Iterable[int | str]) -> list[dict[str, Any]]:
        """Up to 100 order ids; each row of the answer may hold an error."""
        return self._call(action="refill", orders=_joined(order_ids))

    def refill_status(self, refill_id: int | str) -> dict[str, Any]:
        """Where one refill stands."""
        return self._call(action="refill_status", refill=refill_id)

    def multi_refill_status(self, refill_ids: Iterable[int | str]) -> list[dict[str, Any]]:
        """Up to 100 refill ids; each row of the answer may hold an error."""
        return self._call(action="refill_status", refills=_joined(refill_ids))

    def cancel(self, order_ids: Iterable[int | str]) -> list[dict[str, Any]]:
        """Up to 100 order ids; each row of the answer may hold an error."""
        return self._call(action="cancel", orders=_joined(order_ids))

    def balance(self) -> dict[str, Any]:
        """What you can spend."""
        return self._call(action="balance")

    def _call(self, timeout_seconds: float = TIMEOUT_SECONDS, **fields: object) -> Any:
        body = urllib.parse.urlencode({"key": self.key, **fields}).encode()
        try:
            with self._opener.open(self.url, body, timeout_seconds) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            error.close()
            raise NoAnswer(f"HTTP code {error.code}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswer(str(error)) from error
        if not isinstance(answer, (dict, list)):
            raise NoAnswer("the answer is not one of API v2")
        if "error" in answer:
            raise Refused(answer["error"])
        return answer


def _joined(ids: Iterable[int | str]) -> str:
    return ",".join(map(str, ids))


def tour(api: Api, service: int, link: str, quantity: int, my_reference: str) -> None:
    """Every call once. It places two orders, which your balance pays for."""

    def show(what: str, answer: object) -> None:
        print(what, json.dumps(answer))

    order_ids = []
    for path in ("/first", "/second"):
        order = api.order(
            service=service,
            link=link + path,
            quantity=quantity,
            idempotency_key=my_reference + path,
        )
        show("order", order)
        order_ids.append(order["order"])
    show("status", api.status(order_ids[0]))
    show("multi_status", api.multi_status(order_ids))

    try:
        refill = api.refill(order_ids[0])
        show("refill", refill)
        show("refill_status", api.refill_status(refill["refill"]))
    except Refused as refusal:
        show("refused", {"error": str(refusal)})
    rows = api.multi_refill(order_ids)
    show("multi_refill", rows)
    # An entry that was refused is a dictionary with its error; only the others are refill ids.
    refill_ids = [row["refill"] for row in rows if not isinstance(row["refill"], dict)]
    if refill_ids:
        show("multi_refill_status", api.multi_refill_status(refill_ids))
    show("cancel", api.cancel(order_ids))


if __name__ == "__main__":
    api = Api("https://panel.example/api/v2", "YOUR_API_KEY")

    print("{balance} {currency}".format(**api.balance()))
    print(len(api.services()), "services")
    # tour(api, 1, "https://example.com", 100, "my-order-1001")
