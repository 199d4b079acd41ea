"""What happens with providers, told to the outbox for staff: one place for a kind of event."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from purveyor.database import fetch_all, id_array, load_sql
from purveyor.outbox.announcing import Event, announce

_SQL = load_sql(__file__, "announcing.sql")


class HandOverUnknown(msgspec.Struct, frozen=True, kw_only=True):
    """A hand-over of which nobody knows whether the provider took it, and why nobody does."""

    order_id: int
    fulfilment_id: int
    provider_id: int
    why: str


def announce_unknown(hand_overs: Iterable[HandOverUnknown]) -> None:
    """Tell of hand-overs that have become unknown."""
    announce(
        [
            Event(
                kind="handover.unknown",
                about=f"order:{item.order_id}",
                data={"fulfilment": item.fulfilment_id, "provider": item.provider_id, "why": item.why},
            )
            for item in hand_overs
        ]
    )


class HandOverSettled(msgspec.Struct, frozen=True, kw_only=True):
    """A hand-over of which it is now known whether the provider took it."""

    order_id: int
    fulfilment_id: int
    provider_id: int
    placed_as: str | None
    """The provider's order; None: it did not take it."""
    by: str
    """Who settled it; empty where the provider's own late answer did."""


def announce_settled(hand_overs: Iterable[HandOverSettled]) -> None:
    """Tell of hand-overs that are unknown no more."""
    announce(
        [
            Event(
                kind="handover.settled",
                about=f"order:{item.order_id}",
                data={
                    "fulfilment": item.fulfilment_id,
                    "provider": item.provider_id,
                    "placed_as": item.placed_as,
                    "by": item.by,
                },
            )
            for item in hand_overs
        ]
    )


def announce_doubled(hand_over: HandOverSettled) -> None:
    """Tell of a hand-over that the provider took after all, though somebody settled it otherwise."""
    announce(
        [
            Event(
                kind="handover.doubled",
                about=f"order:{hand_over.order_id}",
                data={
                    "fulfilment": hand_over.fulfilment_id,
                    "provider": hand_over.provider_id,
                    "placed_as": hand_over.placed_as,
                    "by": hand_over.by,
                },
            )
        ]
    )


def announce_paused(*, provider_id: int, name: str, reason: str, text: str) -> None:
    """Tell that nothing is sent to a provider for now; `text` is what it answered."""
    announce(
        [
            Event(
                kind="provider.paused",
                about=f"provider:{provider_id}",
                data={"name": name, "reason": reason, "text": text},
            )
        ]
    )


def announce_recovered(providers: Iterable[tuple[int, str]]) -> None:
    """Tell that providers that were paused are used again: id and name each."""
    announce(
        [
            Event(kind="provider.recovered", about=f"provider:{provider_id}", data={"name": name})
            for provider_id, name in providers
        ]
    )


def announce_closed(route_ids: Sequence[int], *, reason: str) -> None:
    """Tell that routes have closed by themselves, which are named with what they lead from and to."""
    announce(
        [
            Event(
                kind="route.closed",
                about=f"route:{row.id}",
                data={
                    "service": row.service_id,
                    "provider": row.provider_id,
                    "provider_service": row.external_id,
                    "reason": reason,
                },
            )
            for row in fetch_all(_SQL["routes"], {"ids": id_array(route_ids)})
        ]
    )


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """A hand-over that may have delivered what another one did."""

    order_id: int
    fulfilment_id: int
    delivered: int | None
    surplus: int
    """Of the order: what was delivered beyond it in all."""


def announce_overlaps(overlaps: Iterable[Overlap]) -> None:
    """Tell staff of what may have been delivered twice."""
    announce(
        [
            Event(
                kind="order.overlap",
                about=f"order:{item.order_id}",
                data={
                    "fulfilment": item.fulfilment_id,
                    "delivered": item.delivered,
                    "surplus": item.surplus,
                },
            )
            for item in overlaps
        ]
    )


class ChargeDrifted(msgspec.Struct, frozen=True, kw_only=True):
    """Orders that a provider charged otherwise than expected."""

    provider_id: int
    provider_service: str
    orders: int
    """How many, of those that were told of together."""
    order_id: int
    """The worst of them."""
    drift: Decimal
    """How much more that one cost, less if negative, in panel currency."""
    consequence: str


def announce_drifts(drifts: Iterable[ChargeDrifted]) -> None:
    """Tell of charges that were not the expected ones."""
    announce(
        [
            Event(
                kind="charge.drifted",
                about=f"provider:{item.provider_id}",
                data={
                    "provider_service": item.provider_service,
                    "orders": item.orders,
                    "order": item.order_id,
                    "drift": item.drift,
                    "consequence": item.consequence,
                },
            )
            for item in drifts
        ]
    )
