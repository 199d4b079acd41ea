"""The customers' updates: what is new, dearer, cheaper, on or off, as the price list told it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from purveyor import configuration
from purveyor.catalog.models import ServiceUpdate, UpdateKind
from purveyor.catalog.order_types import FORMS, OrderType
from purveyor.catalog.updates import LARGEST_ID, newest

ROWS_PER_PAGE: Final = 50
LONGEST_SEARCH_CHARACTERS: Final = 100
_LEAST_PLACES: Final = 2
_NAMES: Final = {
    None: _("All"),
    UpdateKind.NEW: _("New"),
    UpdateKind.INCREASED: _("Increased"),
    UpdateKind.DECREASED: _("Decreased"),
    UpdateKind.ENABLED: _("Enabled"),
    UpdateKind.DISABLED: _("Disabled"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A kind of update to choose."""

    name: Promise | str
    address: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An update as its reader sees it."""

    update: ServiceUpdate
    kind: Promise | str
    old_rate: str
    """Empty where the rate is no news."""
    new_rate: str
    is_package: bool


# Exempt and compressed as the manual is.
@csrf_exempt
@require_safe
@gzip_page
def updates_page(request: HttpRequest) -> HttpResponse:
    """The newest updates, of one kind or all, found by a part of the service's name or by its id."""
    kind = _kind(request.GET.get("kind", ""))
    search = request.GET.get("search", "").replace("\0", "").strip()[:LONGEST_SEARCH_CHARACTERS]
    before_id = _id(request.GET.get("before", ""))
    rows = newest(number=ROWS_PER_PAGE + 1, kind=kind, search=search, before_id=before_id or LARGEST_ID)
    shown = rows[:ROWS_PER_PAGE]
    older = _address(kind, search, before=shown[-1].pk) if len(rows) > ROWS_PER_PAGE else ""
    return render(
        request,
        "site/updates.html",
        {
            "tabs": [
                Tab(name=name, address=_address(each, search), chosen=each is kind)
                for each, name in _NAMES.items()
            ],
            "kind": kind,
            "search": search,
            "longest_search": LONGEST_SEARCH_CHARACTERS,
            "lines": [_line(update) for update in shown],
            "older": older,
            "newest": _address(kind, search) if before_id else "",
            "currency": configuration.current().currency,
        },
    )


def _kind(text: str) -> UpdateKind | None:
    if not text:
        return None
    try:
        return UpdateKind(text)
    except ValueError as unknown:
        raise Http404 from unknown


def _id(text: str) -> int | None:
    if not text:
        return None
    # The length first: beyond some thousand digits Python itself refuses to read a number.
    if len(text) > len(str(LARGEST_ID)) or not (text.isascii() and text.isdecimal()):
        raise Http404
    if int(text) > LARGEST_ID:
        raise Http404
    return int(text)


def _address(kind: UpdateKind | None, search: str, *, before: int | None = None) -> str:
    asked = {"kind": kind.value if kind else "", "search": search, "before": before or ""}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{reverse('updates')}?{query}" if query else reverse("updates")


def _line(update: ServiceUpdate) -> Line:
    kind = UpdateKind(update.kind)
    changed = kind in {UpdateKind.INCREASED, UpdateKind.DECREASED} and update.old_rate is not None
    return Line(
        update=update,
        kind=_NAMES[kind],
        old_rate=_rate(update.old_rate) if changed and update.old_rate is not None else "",
        new_rate=_rate(update.new_rate),
        is_package=FORMS[OrderType(update.service.type)].is_package,
    )


def _rate(rate: Decimal) -> str:
    """A rate without needless zeros, but as a price: 1.20, 0.00045."""
    exponent = rate.normalize().as_tuple().exponent
    places = max(_LEAST_PLACES, -exponent if isinstance(exponent, int) else 0)
    return f"{rate:.{places}f}"
