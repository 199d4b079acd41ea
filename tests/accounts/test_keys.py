"""API keys are shown once, kept hashed, and revoked for good."""

import pytest

from purveyor.accounts import keys
from purveyor.accounts.models import ApiKey, Customer, CustomerGroup, StaffKey
from purveyor.accounts.people import AccountError, activate, create_customer, suspend
from purveyor.accounts.testing import make_customer

pytestmark = pytest.mark.django_db


def test_a_key_has_32_random_bytes_and_is_kept_hashed() -> None:
    key, text = keys.create_key(customer=make_customer(), name="shop")
    assert len(bytes.fromhex(text)) == 32
    assert key.prefix == text[:8]
    assert text not in str(ApiKey.objects.filter(pk=key.pk).values_list())


def test_a_key_names_its_holder() -> None:
    customer = make_customer()
    key, text = keys.create_key(customer=customer)
    (holder,) = keys.holders([keys.digest(text), keys.digest("another")]).values()
    assert (holder.key_id, holder.customer_id, holder.group_id, holder.active) == (
        key.pk,
        customer.pk,
        None,
        True,
    )


def test_a_revoked_key_is_unknown_and_the_version_grows() -> None:
    _, text = keys.create_key(customer=make_customer())
    before = keys.version()
    keys.revoke_key(prefix=text[:8])
    assert keys.holders([keys.digest(text)]) == {}
    assert keys.version() > before
    with pytest.raises(AccountError, match="no live key"):
        keys.revoke_key(prefix=text[:8])


def test_a_key_that_cannot_be_revoked_is_told_why_without_showing_it() -> None:
    customer = make_customer()
    _, text = keys.create_key(customer=customer)
    twin, other = keys.create_key(customer=customer)
    mistyped = text[:-1] + ("0" if text[-1] != "0" else "1")
    for wrong, why in {
        mistyped: f"a key begins with {text[:8]}, but goes on otherwise than the one given",
        text[:20]: "with 20 of 64 characters",
        "zzzzzzzz": "no live key begins with zzzzzzzz$",
        "zzzzzzzz" + text[8:]: "no live key begins with zzzzzzzz$",
        text[:5]: "is too short: give the whole key, or its first 8 characters",
    }.items():
        with pytest.raises(AccountError, match=why) as refused:
            keys.revoke_key(prefix=wrong)
        assert text[8:16] not in str(refused.value)
    ApiKey.objects.filter(pk=twin.pk).update(prefix=text[:8])
    with pytest.raises(AccountError, match="more than one live key begins with"):
        keys.revoke_key(prefix=text[:8])
    ApiKey.objects.filter(pk=twin.pk).update(prefix=other[:8])
    keys.revoke_key(prefix=f" {text[:8]}… ")  # as it is listed
    with pytest.raises(AccountError, match="the one that does is revoked already"):
        keys.revoke_key(prefix=text)


def test_a_customer_has_several_keys() -> None:
    customer = make_customer()
    texts = [keys.create_key(customer=customer)[1] for _ in range(3)]
    keys.revoke_key(prefix=texts[1])
    assert set(keys.holders([keys.digest(text) for text in texts])) == {
        keys.digest(texts[0]),
        keys.digest(texts[2]),
    }


def test_suspension_and_group_grow_the_version() -> None:
    customer = make_customer()
    _, text = keys.create_key(customer=customer)
    before = keys.version()
    suspend(customer=customer)
    assert keys.version() > before
    assert not keys.holders([keys.digest(text)])[keys.digest(text)].active
    before = keys.version()
    activate(customer=customer)
    assert keys.version() > before
    assert keys.holders([keys.digest(text)])[keys.digest(text)].active
    before = keys.version()
    group = CustomerGroup.objects.create(name="Gold", discount_percent=5)
    Customer.objects.filter(pk=customer.pk).update(group=group)
    assert keys.version() > before


def test_use_is_noted_once_a_minute(django_assert_num_queries: pytest.FixtureRequest) -> None:
    key, _ = keys.create_key(customer=make_customer())
    before = keys.version()
    keys.note_use([key.pk])
    first = ApiKey.objects.get(pk=key.pk).last_used_at
    keys.note_use([key.pk])
    assert first is not None
    assert ApiKey.objects.get(pk=key.pk).last_used_at == first
    assert keys.version() == before


@pytest.mark.parametrize("email", ["", "x", "a b@example.com", "a@b"])
def test_an_account_needs_an_email_address(email: str) -> None:
    with pytest.raises(AccountError, match="e-mail"):
        create_customer(email=email)


def test_one_account_per_address_whatever_its_case() -> None:
    create_customer(email="Someone@Example.com")
    with pytest.raises(AccountError, match="already"):
        create_customer(email="someone@example.COM")


def test_a_staff_key_has_scopes_and_is_no_customers() -> None:
    key, text = keys.create_staff_key(name="bot", scopes=["posts", "desk:1", "posts"])
    assert key.scopes == ["desk:1", "posts"]
    assert text not in str(StaffKey.objects.values_list())
    assert keys.find_staff_key(text) == key
    assert keys.find_staff_key("another") is None
    assert keys.holders([keys.digest(text)]) == {}
    key.refresh_from_db()
    assert key.last_used_at is not None


def test_a_revoked_staff_key_is_unknown() -> None:
    _, text = keys.create_staff_key(name="bot", scopes=["posts"])
    with pytest.raises(AccountError, match="no live key"):
        keys.revoke_key(prefix=text[:8])  # which is for customers' keys
    assert keys.revoke_staff_key(prefix=f"{text[:8]}…").name == "bot"
    assert keys.find_staff_key(text) is None
