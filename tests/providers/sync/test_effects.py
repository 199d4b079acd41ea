"""What a change means for a service of ours: following every change is the same as importing anew."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from purveyor.catalog.models import Category, Service
from purveyor.catalog.order_types import OrderType
from purveyor.providers.costs.margin import Terms
from purveyor.providers.models import ImportedService, ProviderService, Rounding
from purveyor.providers.protocol.replies import ListedService
from purveyor.providers.sync.differences import Kept, differences, values_of
from purveyor.providers.sync.effects import Subject, effect_of, rule_of
from purveyor.providers.sync.importing import Choice, Proposal, propose

TERMS = Terms(fx_rate=Decimal("1.1"), fee_percent=Decimal(3))
CATEGORIES = st.sampled_from(["", "Surveys", "Polls"])
RATES = st.decimals(min_value="0.00000001", max_value=10**9, places=8)
TYPES = st.sampled_from([OrderType.DEFAULT.value, OrderType.PACKAGE.value, OrderType.POLL.value])


def lists(
    *,
    rates: st.SearchStrategy[Decimal],
    smallest: st.SearchStrategy[int | None],
    largest: st.SearchStrategy[int | None],
) -> st.SearchStrategy[ListedService]:
    return st.builds(
        ListedService,
        external_id=st.just("1"),
        name=st.text(min_size=1, max_size=300),
        type=TYPES,
        category=CATEGORIES,
        rate=rates,
        min=smallest,
        max=largest,
        refill=st.booleans(),
        cancel=st.booleans(),
        dripfeed=st.booleans(),
        description=st.text(max_size=20),
    )


SELLABLE = lists(rates=RATES, smallest=st.integers(1, 100), largest=st.integers(100, 2**40))
LISTED = st.one_of(
    SELLABLE,
    lists(
        rates=st.one_of(RATES, st.sampled_from([Decimal(0), Decimal(10**12)])),
        smallest=st.one_of(st.none(), st.integers(0, 2**40)),
        largest=st.one_of(st.none(), st.integers(0, 2**40)),
    ),
)
IMPORTED = st.builds(
    ImportedService,
    markup_percent=st.decimals(min_value=-50, max_value=500, places=4),
    fixed=st.decimals(min_value=0, max_value=1, places=5),
    step=st.sampled_from([Decimal("0.00001"), Decimal("0.05")]),
    rounding=st.sampled_from(Rounding.values),
)


def proposal(listed: ListedService, imported: ImportedService) -> Proposal:
    offer = ProviderService(pk=1, external_id="1", **values_of(listed))
    return propose(offer, terms=TERMS, choice=Choice(pricing=rule_of(imported)), exists=())


def follow(was: ListedService, now: ListedService, subject: Subject) -> list[str]:
    """Let a service follow every difference; returns what it could not follow."""
    offer = ProviderService(pk=1, external_id="1", **values_of(now))
    troubles = []
    for difference in differences({"1": Kept(was, gone=False)}, {"1": now}):
        effect = effect_of(difference.kind, difference.before, offer=offer, terms=TERMS, subject=subject)
        assert not effect.over_hand, "nothing here was set by a person"
        if effect.trouble:
            troubles.append(effect.trouble)
        for name, value in effect.edits.items():
            setattr(subject.service, name, Category(name=str(value)) if name == "category" else value)
        assert 1 <= subject.service.min <= subject.service.max, "after every single change"
    return troubles


def told(service: Service) -> dict[str, object]:
    names = ("name", "description", "rate", "min", "max", "refill", "cancel", "dripfeed", "enabled")
    return {name: getattr(service, name) for name in names}


@given(was=SELLABLE, now=LISTED, imported=IMPORTED)
def test_following_every_change_is_importing_anew(
    was: ListedService, now: ListedService, imported: ImportedService
) -> None:
    now = replace(now, type=was.type)
    old, new = proposal(was, imported), proposal(now, imported)
    service = old.service
    assert service is not None
    service.category = Category(name=old.category)
    imported.rate = service.rate
    troubles = follow(was, now, Subject(service=service, imported=imported))
    if new.service is None:
        assert troubles, "what cannot be imported cannot be followed"
    else:
        assert troubles == []
        assert told(service) == told(new.service)
        assert service.category.name == new.category


@given(was=SELLABLE, now=LISTED, imported=IMPORTED)
def test_a_service_never_follows_into_another_type(
    was: ListedService, now: ListedService, imported: ImportedService
) -> None:
    service = proposal(was, imported).service
    assume(now.type != was.type)
    assert service is not None
    service.category, imported.rate = Category(name="Surveys"), service.rate
    follow(was, now, Subject(service=service, imported=imported))
    assert (service.type, service.enabled) == (was.type, False)


@given(was=SELLABLE, now=LISTED, imported=IMPORTED, rate=st.decimals(min_value=1, max_value=9, places=2))
def test_what_a_person_set_is_a_persons_to_change(
    was: ListedService, now: ListedService, imported: ImportedService, rate: Decimal
) -> None:
    service = proposal(was, imported).service
    assert service is not None
    imported.rate = service.rate
    assume(rate != service.rate)
    service.rate, service.name, service.description = rate, "Our own name", "Our own words"
    service.category = Category(name="Our own category")
    offer = ProviderService(pk=1, external_id="1", **values_of(now))
    for difference in differences({"1": Kept(was, gone=False)}, {"1": now}):
        effect = effect_of(
            difference.kind,
            difference.before,
            offer=offer,
            terms=TERMS,
            subject=Subject(service=service, imported=imported),
        )
        assert not {"name", "description", "category"} & effect.edits.keys()
        assert effect.over_hand == ("rate" in effect.edits)
