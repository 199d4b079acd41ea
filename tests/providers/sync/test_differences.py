"""Differences between what is kept and what is listed: complete, none too many, in the order of effect."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from purveyor.providers.models import ChangeKind
from purveyor.providers.protocol.replies import ListedService
from purveyor.providers.sync.differences import Difference, Kept, aspect_of, differences

RATES = st.decimals(min_value=0, max_value=100, places=8)
TEXTS = st.sampled_from(["", "a", "b"])
LIMITS = st.one_of(st.none(), st.integers(min_value=0, max_value=3))
IDS = st.sampled_from([str(number) for number in range(6)])


@st.composite
def lists(draw: st.DrawFn) -> dict[str, ListedService]:
    rows = st.builds(
        ListedService,
        external_id=IDS,
        name=TEXTS,
        type=TEXTS,
        category=TEXTS,
        rate=RATES,
        min=LIMITS,
        max=LIMITS,
        refill=st.booleans(),
        cancel=st.booleans(),
        dripfeed=st.booleans(),
        description=TEXTS,
    )
    return {row.external_id: row for row in draw(st.lists(rows, max_size=6))}


@st.composite
def kept_lists(draw: st.DrawFn) -> dict[str, Kept]:
    return {key: Kept(row, draw(st.booleans()), draw(st.booleans())) for key, row in draw(lists()).items()}


def applied(kept: dict[str, Kept], found: Iterable[Difference]) -> dict[str, ListedService]:
    """What is listed after the differences, by nothing but them and what was kept."""
    now = {key: one for key, one in kept.items() if not one.gone}
    for item in found:
        if item.kind is ChangeKind.NEW:
            service = ListedService(external_id=item.external_id, **item.after)  # type: ignore[arg-type]
            now[item.external_id] = Kept(service, gone=False)
        elif item.kind is ChangeKind.BACK:
            now[item.external_id] = kept[item.external_id]
        elif item.kind is ChangeKind.GONE:
            del now[item.external_id]
        else:
            was = now[item.external_id].listed
            assert item.before == {name: getattr(was, name) for name in item.before}
            now[item.external_id] = Kept(replace(was, **item.after), gone=False)  # type: ignore[arg-type]
    return {key: one.listed for key, one in now.items()}


@given(kept=kept_lists(), listed=lists())
def test_the_kept_list_with_its_differences_is_the_new_list_and_what_is_missed_only_since_now(
    kept: dict[str, Kept], listed: dict[str, ListedService]
) -> None:
    missed = {key: one.listed for key, one in kept.items() if not (one.gone or one.missed_long)}
    assert applied(kept, differences(kept, listed)) == missed | listed


@given(listed=lists())
def test_equal_lists_have_no_differences(listed: dict[str, ListedService]) -> None:
    assert list(differences({key: Kept(row, gone=False) for key, row in listed.items()}, listed)) == []


@given(kept=kept_lists(), listed=lists())
def test_each_aspect_of_a_service_differs_once_and_really(
    kept: dict[str, Kept], listed: dict[str, ListedService]
) -> None:
    found = list(differences(kept, listed))
    aspects = [(item.external_id, aspect_of(item.kind)) for item in found]
    assert len(set(aspects)) == len(aspects)
    assert all(item.before != item.after for item in found)


def test_each_field_has_a_kind_of_its_own_in_the_order_of_effect() -> None:
    was = ListedService(
        external_id="1",
        name="Surveys",
        type="Default",
        category="A",
        rate=Decimal(1),
        min=1,
        max=2,
        refill=False,
        cancel=False,
        dripfeed=False,
        description="",
    )
    now = ListedService(
        external_id="1",
        name="Polls",
        type="Poll",
        category="B",
        rate=Decimal("1.3"),
        min=2,
        max=None,
        refill=True,
        cancel=True,
        dripfeed=True,
        description="new",
    )
    found = list(differences({"1": Kept(was, gone=True)}, {"1": now}))
    every = set(ChangeKind) - {ChangeKind.NEW, ChangeKind.GONE, ChangeKind.CHEAPER}
    assert [item.kind for item in found] == [kind for kind in ChangeKind if kind in every]
    assert found[1].before == {"rate": Decimal(1)}
    assert found[1].after == {"rate": Decimal("1.3")}
