"""Every error text of protocol §6.2, and what it is about."""

import pytest

from purveyor.providers.protocol.refusals import MOST_READ_CHARACTERS, RefusalClass, classify

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
        RefusalClass.TOO_EARLY,
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

WORDINGS = {
    # It stops the provider.
    RefusalClass.KEY: [
        "Invalid or missing API key",
        "invalid_api_key",
        "Invalid key",
        "Missing api_key",
        "Bad API token",
        "Your account is blocked",
        "Unauthorized access",
        "Account suspended",
        "API is disabled for this user",
        "Key is invalid",
        "Invalid or expired API key",
        "Invalid or inactive API key",
        "Invalid user API key",
        "Invalid API-key",
        "Wrong API-Key",
        "Invalid user key",
        "Missing parameter: key",
        "Missing required parameter key",
        "error_invalid_api_key",
    ],
    # It pauses the provider.
    RefusalClass.FUNDS: [
        "You do not have enough balance",
        "You don't have enough funds",
        "Not enough balance",
        "insufficient_funds",
        "Your balance is below the minimum",
    ],
    # It silences the provider.
    RefusalClass.RATE: [
        "Too many requests",
        "too_many_requests",
        "Too many API calls, slow down",
        "Too many connections",
        "Too many failed attempts",
        "API rate limit reached",
        "api_rate_limit",
        "Too many requests. See our Telegram channel",
    ],
    # It closes a route for everybody.
    RefusalClass.SERVICE: [
        "Service is inactive",
        "This service is not active",
        "Service 12 not found",
        "Service #12 is disabled",
        "Invalid service ID: 12",
        "Invalid service ID.",
        "The selected service is invalid.",
        "Selected service ID is invalid.",
        "neworder.error.invalid_service",
        "Service does not exist",
        "Error: service not found",
        "Incorrect service",
        "Unknown service",
        "Service ID 12 does not exist",
        "Incorrect service id: 7. Contact support",
        "Service  not\nfound",
        "Service was not found",
        "The requested service was not found",
        "Service with ID 5 not found",
        "Service with this ID does not exist",
        "Service not found in our database",
        "Service not found. Please check the service ID and try again",
        "Incorrect service id provided",
        "Invalid service selected",
        "Product/service not found",
    ],
    # The order waits.
    RefusalClass.DUPLICATE: [
        "link_duplicate",
        "neworder.error.link_duplicate",
        "Order with the same link in progress, service 12",
        "You already have an order in progress for this link",
        "An order with this link already exists",
        "This link is already in progress",
        "Duplicate order",
        "Too many requests for this link",
        "Too many active orders",
        "Maximum number of active orders reached",
        "This link has an order in progress",
        "You already ordered for this link",
        "Link already in queue",
    ],
    RefusalClass.TOO_EARLY: [
        "You can cancel an order only within 24 hours",
    ],
    # About the order alone: it goes elsewhere, or ends with its money back.
    RefusalClass.LINK: [
        "Invalid link for this service",
        "The link is invalid for this service",
        "The link for this service is invalid",
        "Link not found for this service",
        "This service is temporarily not available for this link",
        "Incorrect link for service 12",
        "Service 12: invalid link",
        "Invalid service link",
        "Wrong link type for this service",
        "Invalid service ID or link",
        "Invalid URL",
        "This service is inactive for this link",
        "neworder.error.link_not_found",
        "Incorrect link. Service accepts only profile links",
        "Link is invalid. Service not found",
        "Invalid service,\nlink not found",
    ],
    RefusalClass.QUANTITY: [
        "Invalid quantity for this service",
        "Quantity less than minimal 100",
        "min quantity is 10 for service 5",
        "Incorrect quantity for service 5",
        "Quantity must be between 10 and 1000",
        "Minimum order is 100",
        "Service minimum is 50",
        "neworder.error.invalid_quantity",
        "Invalid service quantity",
        "Too many comments, the maximum is 100",
    ],
    # Whatever is doubtful waits for staff, and stops nothing.
    RefusalClass.OTHER: [
        "This service is temporarily disabled",
        "Service is inactive at the moment, try again later",
        "Interval for this service is invalid",
        "Comments for this service are invalid",
        "The username is invalid for this service",
        "Service is not available for this country",
        "Service is disabled for your account",
        "This services does not support Dripfeed feature!",
        "Refill is disabled for this service",
        "Invalid service type",
        "Service does not support refill",
        "Service does not support cancel",
        "No active order found",
        "The order is inactive",
        "Duplicate comments are not allowed",
        "Too many comments",
        "Too many usernames",
        "Too many hashtags",
        "Too many posts of this profile",
        "The corporate limit is reached",
        "The rate limit of this profile is reached",
        "Invalid keywords",
        "This account is suspended",
        "Your Instagram account is suspended",
        "The account you ordered for is banned",
        "API is disabled for this service",
        "Your account is private",
        "Unauthorized: this profile is private",
        "Minimum balance is 5",
        "Not enough posts on the profile",
        "Maximum number of orders reached",
        "Maximum execution time of 30 seconds exceeded",
        "Wrong stream key",
        "Unknown order for this API key",
        "Missing parameter: keywords",
        "Too many requests to Instagram",
        "Too many requests for this profile",
        "Invalid service selected for your country",
        "Service not found in your country",
        "Service is disabled, please wait and try again",
        "Service is disabled, try again",
        "Service with this name is invalid",
        "Service temporarily unavailable",
    ],
}
"""Natural variants, each with the class that harms least: what other orders feel, too, must be certain."""

ALL = [*TEXTS, *((refusal, text) for refusal, texts in WORDINGS.items() for text in texts)]


@pytest.mark.parametrize(("refusal", "text"), ALL)
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


def test_a_text_of_any_length_is_classified_at_once() -> None:
    assert classify("Bad link " + "not enough " * 1_000_000) is RefusalClass.LINK


@pytest.mark.parametrize(
    "text",
    [
        "x" * MOST_READ_CHARACTERS + " Invalid API key",
        "not enough " * 10 + "x" * 100 + " balance",
        "insufficient " + "x" * 1000 + " balance",
    ],
)
def test_words_far_apart_or_far_behind_are_not_searched_for(text: str) -> None:
    assert classify(text) is RefusalClass.OTHER


def test_words_go_before_the_http_status() -> None:
    assert classify("Bad link", http_status=401) is RefusalClass.LINK
