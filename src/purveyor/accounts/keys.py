"""Keys of customers and of staff: made, looked up by their SHA-256, revoked."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from django.utils import timezone

from purveyor.accounts.models import ApiKey, Customer, CustomerStatus, HashedKey, StaffKey
from purveyor.accounts.people import AccountError
from purveyor.database import fetch_all

KEY_BYTES: Final = 32
PREFIX_CHARACTERS: Final = 8
LAST_USED_STEP: Final = timedelta(minutes=1)
"""`last_used_at` is no more exact than this, so that polling does not write a row per call."""


_AnyKey = TypeVar("_AnyKey", bound=HashedKey)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHolder:
    """Who calls when a key is shown."""

    key_id: int
    prefix: str
    customer_id: int
    group_id: int | None
    active: bool
    """False for a suspended customer."""


def create_key(*, customer: Customer, name: str = "") -> tuple[ApiKey, str]:
    """Make a key for a customer; the text is returned this once and kept nowhere."""
    text = secrets.token_hex(KEY_BYTES)
    key = ApiKey.objects.create(
        customer=customer, name=name, prefix=text[:PREFIX_CHARACTERS], digest=digest(text)
    )
    return key, text


def create_staff_key(*, name: str, scopes: Iterable[str]) -> tuple[StaffKey, str]:
    """Make a key for people or tools of ours; the text is returned this once and kept nowhere."""
    text = secrets.token_hex(KEY_BYTES)
    key = StaffKey.objects.create(
        name=name, scopes=sorted(set(scopes)), prefix=text[:PREFIX_CHARACTERS], digest=digest(text)
    )
    return key, text


def find_staff_key(text: str) -> StaffKey | None:
    """The live key with this text, its use noted; None where it is nobody's, or revoked."""
    key = StaffKey.objects.filter(digest=digest(text), revoked_at=None).first()
    if key is not None and (key.last_used_at is None or key.last_used_at < timezone.now() - LAST_USED_STEP):
        _note_use(StaffKey, [key.pk])
    return key


def revoke_key(*, prefix: str) -> ApiKey:
    """Make the customer's key with this prefix worthless, everywhere within a second.

    The whole key serves as well. Raises `AccountError` when that does not name one live key; the text says
    why and shows no more of the key than its prefix.
    """
    return _revoke(ApiKey, prefix)


def revoke_staff_key(*, prefix: str) -> StaffKey:
    """Make the staff key with this prefix worthless at once; as `revoke_key`."""
    return _revoke(StaffKey, prefix)


def _revoke(kind: type[_AnyKey], prefix: str) -> _AnyKey:
    key = _find_live(kind, prefix.strip().removesuffix("…"))  # as it is listed
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    return key


def _find_live(kind: type[_AnyKey], text: str) -> _AnyKey:
    prefix = text[:PREFIX_CHARACTERS]
    if len(text) < PREFIX_CHARACTERS:
        raise AccountError(
            f"{text!r} is too short: give the whole key, or its first {PREFIX_CHARACTERS} characters"
        )
    alike = list(kind._default_manager.filter(prefix=prefix))
    if len(text) > PREFIX_CHARACTERS:  # the whole key, which tells apart what a prefix cannot
        found = [key for key in alike if bytes(key.digest) == digest(text)]
        if alike and not found:
            raise AccountError(
                f"a key begins with {prefix}, but goes on otherwise than the one given (with {len(text)} "
                f"of {2 * KEY_BYTES} characters): correct it, or give its first {PREFIX_CHARACTERS} only"
            )
        alike = found
    live = [key for key in alike if key.revoked_at is None]
    if len(live) > 1:
        raise AccountError(f"more than one live key begins with {prefix}: give the whole key")
    if not live:
        revoked = ": the one that does is revoked already" if alike else ""
        raise AccountError(f"no live key begins with {prefix}{revoked}")
    return live[0]


def digest(text: str) -> bytes:
    """The form in which a key is kept."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def holders(digests: Sequence[bytes]) -> dict[bytes, KeyHolder]:
    """Who holds these keys. Revoked and unknown keys are absent."""
    rows = fetch_all(
        """
        SELECT key.digest, key.id, key.prefix, customer.id AS customer_id, customer.group_id, customer.status
        FROM accounts_apikey key JOIN accounts_customer customer ON customer.id = key.customer_id
        WHERE key.digest = ANY(%s::bytea[]) AND key.revoked_at IS NULL
        """,
        [list(digests)],
    )
    return {
        bytes(row.digest): KeyHolder(
            key_id=row.id,
            prefix=row.prefix,
            customer_id=row.customer_id,
            group_id=row.group_id,
            active=row.status == CustomerStatus.ACTIVE,
        )
        for row in rows
    }


def note_use(key_ids: Iterable[int]) -> None:
    """Remember that these keys of customers were used just now, to the minute."""
    _note_use(ApiKey, key_ids)


def _note_use(kind: type[_AnyKey], key_ids: Iterable[int]) -> None:
    now = timezone.now()
    used = kind._default_manager.filter(pk__in=list(key_ids))
    used.exclude(last_used_at__gt=now - LAST_USED_STEP).update(last_used_at=now)


def version() -> int:
    """A number that grows with every change of keys, of customers' status or of their groups."""
    row = fetch_all("SELECT version FROM accounts_accountsversion WHERE id = 1")[0]
    return int(row.version)
