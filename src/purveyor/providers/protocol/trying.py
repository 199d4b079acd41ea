"""Trying a provider: its balance and services are asked for, and what was understood is said in words."""

import asyncio
from dataclasses import dataclass

from purveyor.providers.protocol.client import Access, Client, ProviderTrouble
from purveyor.providers.protocol.replies import (
    Answer,
    Balance,
    Catalogue,
    Refused,
    Unclear,
    read_balance,
    read_services,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one call."""

    well: bool
    words: str
    answer: Answer | None = None


def try_balance(access: Access) -> Trial:
    """Ask for the balance. Blocks for as long as the provider takes."""
    return asyncio.run(_try(access, "balance"))


def try_services(access: Access) -> Trial:
    """Ask for the list of services. Blocks for as long as the provider takes."""
    return asyncio.run(_try(access, "services"))


async def _try(access: Access, action: str) -> Trial:
    client = Client(access)
    try:
        answer = await client.call({"action": action})
    except ProviderTrouble as trouble:
        return Trial(well=False, words=f"there is no answer: {trouble}")
    finally:
        await client.close()
    understood = read_balance(answer) if action == "balance" else read_services(answer)
    well = isinstance(understood, Balance | Catalogue)
    return Trial(well=well, words=_words(understood, answer), answer=answer)


def _words(understood: Balance | Catalogue | Refused | Unclear, answer: Answer) -> str:
    match understood:
        case Balance(amount=amount, currency=currency):
            return f"the balance is {amount.normalize():f} {currency or '(no currency told)'}"
        case Catalogue(services=services, unreadable=unreadable):
            types = len({service.type for service in services})
            passed = f", and {unreadable} rows that nobody can read" if unreadable else ""
            return f"{len(services)} services of {types} types{passed}"
        case Refused(refusal=refusal, text=text):
            return f"it refuses ({refusal.value}): {text}"
        case Unclear(why=why):
            if answer.http_status in range(300, 400):
                why += ", a redirect, which is never followed: set the address that it leads to"
            return f"the answer cannot be used: {why}"
