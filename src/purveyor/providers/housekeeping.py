"""What is due now and then: abandoned hand-overs, held orders, runs of drip-feeds, providers' catalogues."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction
from django.db.models.functions import Now

from purveyor.catalog.order_types import FORMS
from purveyor.database import fetch_all, load_sql
from purveyor.orders.created import NEW_ORDERS
from purveyor.orders.dripfeed import release_due
from purveyor.orders.feeding import MOST_AT_ONCE as MOST_POSTS_AT_ONCE
from purveyor.orders.feeding import expire_run_out, start_due
from purveyor.orders.queue import Round, requeue
from purveyor.orders.same_link import release_next
from purveyor.outbox import numbering, retention
from purveyor.providers import forgetting
from purveyor.providers.desks.desks import adopt_refills
from purveyor.providers.desks.reports import MOST_GRANTED_AT_ONCE, grant_cancels
from purveyor.providers.following import late_orders
from purveyor.providers.following.measuring import MOST_AT_ONCE, measure_routes, measure_services
from purveyor.providers.models import Provider
from purveyor.providers.outcomes.outcomes import MOST_EXPIRED_AT_ONCE, give_up_expired
from purveyor.providers.protocol.client import ProviderTrouble
from purveyor.providers.routes import route_quality
from purveyor.providers.standing import balances
from purveyor.providers.standing.holds import (
    LONGEST_SAME_LINK_WAIT_SECONDS,
    RELEASED_WHEN_USABLE,
    SAME_LINK_WAIT_SECONDS,
    Hold,
)
from purveyor.providers.standing.standing import Standing, standings
from purveyor.providers.sync.importing import ImportTrouble
from purveyor.providers.sync.syncing import GONE_AFTER_SECONDS, keep_balance, keep_services
from purveyor.providers.workplace import Workplace

_SQL: Final = load_sql(__file__, "housekeeping.sql")
_log = structlog.get_logger(__name__)

_PACKAGES: Final = [order_type.value for order_type, form in FORMS.items() if form.is_package]

MOST_RELEASED_AT_ONCE: Final = 500
FEW_RELEASED: Final = 5
"""While a provider has to prove itself, so that not the whole queue comes back to be held again."""
MOST_RUNS_AT_ONCE: Final = 100
SYNC_SECONDS: Final = 1800
SYNC_RETRY_SECONDS: Final = 120
"""After one that failed."""
SYNC_LEASE_MARGIN_SECONDS: Final = 60
"""Beyond the time-outs of its calls; of a worker that died in between, another one takes over then."""
RELEASE_IDLE_SECONDS: Final = 1.0
RUNS_IDLE_SECONDS: Final = 1.0
POSTS_IDLE_SECONDS: Final = 1.0
EXPIRY_IDLE_SECONDS: Final = 5.0
DESKS_IDLE_SECONDS: Final = 1.0
SYNC_IDLE_SECONDS: Final = 10.0


@transaction.atomic
def release_held(*, lines: Round | None = None, busy_links: Round | None = None) -> int:
    """Queue held orders again whose reason is over, oldest first; returns how many.

    Those whose time or turn has come are looked for in the next part of each round.
    """
    released = release_next(MOST_RELEASED_AT_ONCE, lines=lines)
    return released + _release_for_providers(busy_links or Round())


def _release_for_providers(busy_links: Round) -> int:
    usable = [item for item in standings().values() if item.sendable]
    if not usable:
        return 0
    proven = any(not item.one_by_one for item in usable)
    rows = fetch_all(
        _SQL["release"],
        {
            "reasons": list(RELEASED_WHEN_USABLE),
            "providers": [item.id for item in usable],
            "packages": _PACKAGES,
            "limit": MOST_RELEASED_AT_ONCE if proven else FEW_RELEASED,
            "fewest": FEW_RELEASED + 1,
        },
    )
    rows += fetch_all(
        _SQL["release_same_link"],
        busy_links.next_part(of="held")
        | {
            "reason": Hold.SAME_LINK.value,
            "wait": SAME_LINK_WAIT_SECONDS,
            "longest_wait": LONGEST_SAME_LINK_WAIT_SECONDS,
            "limit": MOST_RELEASED_AT_ONCE,
        },
    )
    if rows:
        requeue([row.id for row in rows])
    return len(rows)


def claim_sync() -> tuple[Standing, datetime] | None:
    """Take one provider whose catalogue is due to be read again, and tell until when it is ours."""
    providers = {item.id: item for item in standings().values() if item.callable}
    rows = fetch_all(_SQL["claim_sync"], {"providers": list(providers), "margin": SYNC_LEASE_MARGIN_SECONDS})
    return (providers[rows[0].id], rows[0].lease) if rows else None


def sync_done(provider_id: int, *, lease: datetime, lacks: bool = False) -> None:
    """Have a catalogue that was read now read again after the usual time, unless it is wanted sooner.

    Sooner also where it lacks something, because only a second look tells whether that is gone.
    """
    due = Now() + timedelta(seconds=GONE_AFTER_SECONDS if lacks else SYNC_SECONDS)
    Provider.objects.filter(pk=provider_id, next_sync_at=lease).update(next_sync_at=due)


def sync_again_soon(provider_id: int) -> None:
    """Read a catalogue again before its time: orders may wait for a price that could not be read."""
    soon = Now() + timedelta(seconds=SYNC_RETRY_SECONDS)
    Provider.objects.filter(pk=provider_id, next_sync_at__gt=soon).update(next_sync_at=soon)


class Housekeeper:
    """The small loops of a worker; each of its steps tells whether there was something to do."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._lines, self._busy_links, self._unpromised = Round(), Round(), Round()

    async def give_up_expired(self) -> bool:
        """Make hand-overs of workers that died unknown."""
        return await self._workplace.in_database(give_up_expired) == MOST_EXPIRED_AT_ONCE

    async def release_held(self) -> bool:
        """Queue held orders whose reason is over; more than a few at once may not have been all of them."""
        released = await self._workplace.in_database(
            release_held, lines=self._lines, busy_links=self._busy_links
        )
        return released > FEW_RELEASED

    async def tend_posts(self) -> bool:
        """Queue the orders for posts whose delay is over, and end subscriptions that have run out."""
        started = await self._workplace.in_database(start_due)
        ended = await self._workplace.in_database(expire_run_out)
        return max(started, ended) == MOST_POSTS_AT_ONCE

    async def release_runs(self) -> bool:
        """Place the runs of drip-feeds that are due."""
        return await self._workplace.in_database(release_due, MOST_RUNS_AT_ONCE) == MOST_RUNS_AT_ONCE

    async def number_events(self) -> bool:
        """Let events that were committed be read, and the orders that were placed be among them."""
        most = numbering.MOST_AT_ONCE
        return await self._workplace.in_database(numbering.number_events, most, derivation=NEW_ORDERS) >= most

    async def delete_old_events(self) -> bool:
        """Delete events that nobody needs any more."""
        return await self._workplace.in_background(retention.delete_old_events) == retention.MOST_AT_ONCE

    async def act_on_late_orders(self) -> bool:
        """Act upon orders that are not complete when they were promised to be."""
        acted = await self._workplace.in_database(late_orders.act_on_late_orders, waiting=self._unpromised)
        return acted == late_orders.MOST_AT_ONCE

    async def watch_balances(self) -> bool:
        """Forecast our balances with providers, and tell of those that become low."""
        return await self._workplace.in_background(balances.watch_balances) == balances.MOST_AT_ONCE

    async def measure(self) -> bool:
        """Measure how long services and routes take."""
        looked_at = await self._workplace.in_background(measure_services)
        return max(looked_at, await self._workplace.in_background(measure_routes)) == MOST_AT_ONCE

    async def serve_desks(self) -> bool:
        """Put refills on the desks that delivered, and cancel there what nobody has begun."""
        await self._workplace.in_database(adopt_refills)
        return await self._workplace.in_database(grant_cancels) == MOST_GRANTED_AT_ONCE

    async def forget_exchanges(self) -> bool:
        """Forget what was said to providers and by them so long ago that nobody will ask about it."""
        return await self._workplace.in_background(forgetting.forget_exchanges) == forgetting.MOST_AT_ONCE

    async def score_routes(self) -> bool:
        """Measure how well routes work."""
        return (
            await self._workplace.in_background(route_quality.measure_quality) == route_quality.MOST_AT_ONCE
        )

    async def sync_catalogues(self) -> bool:
        """Read the catalogue and the balance of one provider that is due, and do what the rules say."""
        claimed = await self._workplace.in_background(claim_sync)
        if claimed is None:
            return False
        provider, lease = claimed
        try:
            balance = await self._workplace.call(provider, {"action": "balance"})
            await self._workplace.in_background(keep_balance, provider_id=provider.id, answer=balance)
            services = await self._workplace.call(provider, {"action": "services"})
            synced = await self._workplace.in_background(
                keep_services, provider_id=provider.id, answer=services
            )
            await self._workplace.in_background(sync_done, provider.id, lease=lease, lacks=synced.missing > 0)
        except (ProviderTrouble, ImportTrouble) as trouble:
            _log.warning("provider_not_synced", provider=provider.name, trouble=str(trouble))
            await self._workplace.in_background(sync_again_soon, provider.id)
        return True
