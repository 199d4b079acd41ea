"""Every error text of protocol §6.2, and what it is about."""

import pytest

from purveyor.providers.protocol.refusals import RefusalClass, classify

TEXTS = [
    (RefusalClass.KEY, "Invalid API key"),
    (RefusalClass.KEY, "Incorrect API key"),
    (RefusalClass.KEY, "invalid API key"),
    (RefusalClass.KEY, "API key invalid"),
    (RefusalClass.KEY, "Invalid API Key."),
    (
        RefusalClass.KEY,
        "API is Disable for this user or User Not Found! Contact the Support",
    ),
    (RefusalClass.KEY, "unauthorized"),
    (RefusalClass.KEY, "The api key field is required"),
    (RefusalClass.KEY, "Your account is inactive"),
    (RefusalClass.KEY, "The account is inactive."),
    (RefusalClass.KEY, "Your account has been suspended."),
    (RefusalClass.KEY, "neworder.error.account_banned"),
    (RefusalClass.SERVICE, "Incorrect service ID"),
    (RefusalClass.SERVICE, "Service ID does not exists"),
    (RefusalClass.SERVICE, "Package or service not found."),
    (RefusalClass.SERVICE, "Service not found or inactive"),
    (RefusalClass.SERVICE, "Invalid service"),
    (RefusalClass.SERVICE, "error.incorrect_service_id"),
    (RefusalClass.SERVICE, "neworder.error.service_not_found"),
    (RefusalClass.SERVICE, "neworder.error.service_inactive"),
    (RefusalClass.LINK, "Bad link"),
    (RefusalClass.LINK, "Bad Link"),
    (RefusalClass.LINK, "Link field is required."),
    (RefusalClass.LINK, "Incorrect link"),
    (RefusalClass.LINK, "neworder.error.link"),
    (RefusalClass.LINK, "neworder.error.invalid_link"),
    (RefusalClass.QUANTITY, "Quantity less than minimal 100"),
    (RefusalClass.QUANTITY, "Quantity more than maximum 5000"),
    (RefusalClass.QUANTITY, "Enter a value above the minimum number."),
    (RefusalClass.QUANTITY, "Maximum number exceed."),
    (RefusalClass.QUANTITY, "neworder.error.min_quantity"),
    (RefusalClass.QUANTITY, "neworder.error.max_quantity"),
    (RefusalClass.FUNDS, "Not enough funds on balance"),
    (RefusalClass.FUNDS, "Insufficient balance"),
    (RefusalClass.FUNDS, "Your balance is insufficient."),
    (RefusalClass.FUNDS, "neworder.error.not_enough_funds"),
    (RefusalClass.FUNDS, "neworder.error.insufficient_balance"),
    (
        RefusalClass.DUPLICATE,
        "You have active order with this link. Please wait until order being completed.",
    ),
    (
        RefusalClass.DUPLICATE,
        "You cannot start a new order with the same link that is active processing order.",
    ),
    (RefusalClass.DUPLICATE, "Active order with this link exists"),
    (RefusalClass.DUPLICATE, "neworder.error.link_duplicate"),
    (RefusalClass.ORDER, "Incorrect order ID"),
    (RefusalClass.ORDER, "Order not found."),
    (RefusalClass.ORDER, "error.incorrect_order_id"),
    (RefusalClass.REFILL_OVER, "Refill days are over"),
    (
        RefusalClass.REPEATED,
        "The order was completed or refill was requested less than 24 hours ago",
    ),
    (RefusalClass.REPEATED, "Refill already requested"),
    (RefusalClass.REPEATED, "Cancel already requested"),
    (RefusalClass.RATE, "Too many requests"),
    (RefusalClass.RATE, "Rate limit exceeded"),
    (RefusalClass.DUPLICATE, "neworder.error.too_many_orders"),
    (RefusalClass.DUPLICATE, "Too many orders for this link"),
    (RefusalClass.OTHER, "This Instagram account is suspended"),
    (RefusalClass.OTHER, "The account is private or blocked"),
    (RefusalClass.OTHER, "Balance of followers is below zero"),
    (RefusalClass.FUNDS, "Your balance is too low"),
    (RefusalClass.OTHER, "Something went wrong."),
    (RefusalClass.OTHER, "The queue of this service is full. Please try again later."),
    (RefusalClass.OTHER, "Incorrect request"),
    (RefusalClass.OTHER, ""),
]


@pytest.mark.parametrize(("refusal", "text"), TEXTS)
def test_each_text_has_its_class(refusal: RefusalClass, text: str) -> None:
    assert classify(text) is refusal
    assert classify(text.upper()) is refusal


@pytest.mark.parametrize(
    ("http_status", "refusal"),
    [
        (401, RefusalClass.KEY),
        (402, RefusalClass.FUNDS),
        (429, RefusalClass.RATE),
        (403, RefusalClass.OTHER),
        (422, RefusalClass.OTHER),
    ],
)
def test_where_the_words_say_nothing_the_http_status_may(http_status: int, refusal: RefusalClass) -> None:
    assert classify("No.", http_status=http_status) is refusal


def test_words_go_before_the_http_status() -> None:
    assert classify("Bad link", http_status=401) is RefusalClass.LINK
