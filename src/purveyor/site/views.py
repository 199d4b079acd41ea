"""The public pages."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from purveyor import configuration
from purveyor.catalog.order_types import SUBSCRIPTION_DELAYS_MINUTES
from purveyor.site.answers import HTTP_CODES, LIMITS, STATUSES, error_tables
from purveyor.site.example_code import EXAMPLES
from purveyor.site.ordering import ORDER_TYPES, WEB_TRAFFIC_CHOICES
from purveyor.site.reference import (
    ACTIONS,
    ADD_ORDER,
    DRIP_FEED_REPLY,
    SUBSCRIPTION_REPLY,
    USER_BALANCE,
)

API_PATH = "/api/v2"


def _api_url(request: HttpRequest) -> str:
    """The address of API v2 on the host that the reader came to."""
    return request.build_absolute_uri(API_PATH)


# Exempt, because a client set to this address by mistake should hear "405", not a talk about forgery.
# Compressed, because nothing on these pages is secret.
@csrf_exempt
@require_safe
@gzip_page
def api_page(request: HttpRequest) -> HttpResponse:
    """The API's manual: every action, parameter, error and limit, and example code."""
    url = _api_url(request)
    return render(
        request,
        "site/api.html",
        {
            "api_url": url,
            "actions": ACTIONS,
            "add_order": ADD_ORDER,
            "order_types": ORDER_TYPES,
            "balance": USER_BALANCE,
            "delays": sorted(SUBSCRIPTION_DELAYS_MINUTES),
            "drip_feed_reply": DRIP_FEED_REPLY,
            "subscription_reply": SUBSCRIPTION_REPLY,
            "web_traffic_choices": WEB_TRAFFIC_CHOICES,
            "statuses": STATUSES,
            "errors": error_tables(as_keys=configuration.current().error_form == "key"),
            "http_codes": HTTP_CODES,
            "limits": LIMITS,
            "examples": [(example, example.with_url(url)) for example in EXAMPLES],
        },
    )


@csrf_exempt
@require_safe
def example_file(request: HttpRequest, file_name: str) -> HttpResponse:
    """One example program as a file."""
    example = next((example for example in EXAMPLES if example.file_name == file_name), None)
    if example is None:
        raise Http404
    code = example.with_url(_api_url(request))
    disposition = {"Content-Disposition": f'attachment; filename="{example.file_name}"'}
    return HttpResponse(code, content_type=f"{example.media_type}; charset=utf-8", headers=disposition)
