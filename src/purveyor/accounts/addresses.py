"""Whose request it is, on the network: what guesses of keys are counted by."""

from collections.abc import Iterable


def outermost_address(*, direct: str, forwarded_for: Iterable[str], trusted_proxies: int) -> str:
    """The address that the outermost of our own proxies saw; without proxies, `direct`, the connection's.

    `forwarded_for` holds the values of `X-Forwarded-For`. They are read from the right: each trusted proxy
    added one entry there, and whatever stands further left was written by the client. With fewer entries
    than proxies the leftmost is taken.
    """
    entries = forwarded_entries(forwarded_for) if trusted_proxies else []
    return entries[-trusted_proxies:][0] if entries else direct


def forwarded_entries(forwarded_for: Iterable[str]) -> list[str]:
    """The addresses that stand in values of `X-Forwarded-For`, the client's end first."""
    return [entry.strip() for value in forwarded_for for entry in value.split(",") if entry.strip()]
