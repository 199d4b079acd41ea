"""The audit of the whole panel, as an assertion."""

from purveyor.database import fetch_all
from purveyor.ops.audit import ROOMS

FULFILMENT = "Fulfilment"


def violations(*, but: str = "") -> dict[str, list[object]]:
    """What contradicts the audit's checks now, by the check's name.

    `but` names a room that is left out: a test that plays the provider itself writes no hand-overs.
    """
    found = {check.name: fetch_all(check.sql) for room, checks in ROOMS if room != but for check in checks}
    return {name: rows for name, rows in found.items() if rows}
