"""Lengths of time in words that people read."""

from datetime import timedelta
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


def in_words(length: timedelta) -> str:
    """A length of time as a person says it: "2 hours 14 minutes", "3 days 1 hour", "less than a minute".

    Rounded to whole minutes, from a day on to whole hours; in the language that is active. What is negative
    counts as nothing.
    """
    if length < _MINUTE:
        return _("less than a minute")
    step = _MINUTE if length < _DAY - _MINUTE / 2 else _HOUR
    rounded = ((length + step / 2) // step) * step
    days, rest = divmod(rounded, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes = rest // _MINUTE
    parts = (
        (days, ngettext("%(number)d day", "%(number)d days", days)),
        (hours, ngettext("%(number)d hour", "%(number)d hours", hours)),
        (minutes, ngettext("%(number)d minute", "%(number)d minutes", minutes)),
    )
    return " ".join(text % {"number": number} for number, text in parts if number)
