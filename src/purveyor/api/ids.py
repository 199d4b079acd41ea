"""Order and refill ids as clients write them."""

from typing import Final

IDS_MAX: Final = 100
"""Unique ids of one request; those beyond are ignored (protocol §2)."""
ENTRIES_MAX: Final = 10_000
"""Entries of a list that are looked at for unique ones."""
LARGEST_ID: Final = 2**63 - 1
_LARGEST_ID_DIGITS: Final = 19


def number(text: str) -> int | None:
    """The id that a text names; None where it can name none: `abc`, `-5`, `1.5`, digits of other scripts."""
    # isdigit() alone would take the digits of every script.
    if not (text.isascii() and text.isdigit()) or len(text) > _LARGEST_ID_DIGITS:
        return None
    found = int(text)
    return found if 0 < found <= LARGEST_ID else None


def listed(text: str) -> list[str]:
    """The first 100 unique entries of a comma list, trimmed, in the order asked, junk included (§2, §4.4)."""
    unique: dict[str, None] = {}
    for entry in text.split(",", ENTRIES_MAX)[:ENTRIES_MAX]:
        asked = entry.strip()
        if asked:
            unique[_printable(asked)] = None
            if len(unique) == IDS_MAX:
                break
    return list(unique)


def echo(text: str) -> int | str:
    """An id as a row repeats it: a number, or the text that was none."""
    found = number(text)
    return text if found is None else found


def _printable(text: str) -> str:
    """The text without the damage that JSON cannot carry: rows repeat what was asked."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
