"""The audit of the whole panel, as an assertion."""

from purveyor.database import fetch_all
from purveyor.ops.audit import ROOMS


def violations() -> dict[str, list[object]]:
    """What contradicts the audit's checks now, by the check's name."""
    found = {check.name: fetch_all(check.sql) for _, checks in ROOMS for check in checks}
    return {name: rows for name, rows in found.items() if rows}
