"""What a channel may sell, on random places and views: never more than the view allows, explained by steps that add up,
and exactly what a reservation gets."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from hypothesis import event, given
from hypothesis import strategies as st

from inventory.domain.availability import (
    Sellable,
    available_to_sell,
    backorder_room,
    bundle_available,
    bundles_at,
    raw_for,
    room,
    seen,
)
from inventory.domain.decide import decide
from inventory.domain.explain import Claim, Claims, LotShelf, Shelf, StepKind, explain, explain_bundle
from inventory.domain.goods import Goods, Leaf, SkuKind
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level
from inventory.domain.limits import QUANTITY_MAX
from inventory.domain.lot import LotLevel
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.reservation import Ask, Reservation, Reserve
from inventory.domain.sourcing import Sourcing
from inventory.domain.topology import OVERSELL_UNLIMITED, SHARE_WHOLE_BP, Channel, Site, Topology, View

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CHANNEL = 1

small = st.integers(0, 12)
limits = st.one_of(st.none(), st.integers(0, 12), st.just(OVERSELL_UNLIMITED))
shares = st.one_of(st.none(), st.sampled_from((0, 1, 3_333, 5_000, SHARE_WHOLE_BP)))
views = st.builds(View, st.none() | small, st.none() | small, shares, limits)


@st.composite
def levels(draw: st.DrawFn) -> Level:
    held, allocated, quality_control, damaged, quarantined, available = (draw(st.integers(0, 6)) for _ in range(6))
    return Level(
        held + allocated + quality_control + damaged + quarantined + available,
        held,
        allocated,
        quality_control,
        damaged,
        quarantined,
        draw(st.integers(0, 8)),
        draw(small),
        draw(small),
        backorder_limit=draw(st.none() | small),
    )


many_levels = st.lists(levels(), max_size=4)
claims = st.builds(
    Claims,
    st.lists(
        st.builds(
            Claim, st.integers(1, 4), st.just("place"), st.integers(0, 9).map(lambda n: UUID(int=n)), st.just("web")
        ),
        max_size=24,
    ),
    st.integers(0, 30),
)


@st.composite
def shelves(draw: st.DrawFn) -> Shelf:
    """Of lots that add up to the level, or of none, or of lots that don't add up."""
    level = draw(levels())
    if draw(st.booleans()):
        return Shelf("place", level)
    old_share = draw(st.integers(0, 100))
    old = LotLevel(*(quantity * old_share // 100 for quantity in level[:6]))
    new = LotLevel(*(whole - part for whole, part in zip(level[:6], old, strict=True)))
    lots = (LotShelf("old", old, draw(st.booleans())), LotShelf("new", new, draw(st.booleans())))
    return Shelf("place", level, lots[: draw(st.integers(0, 2))])


@given(views, many_levels, limits, small)
def test_no_channel_sees_more_than_its_view_allows(
    view: View, places: list[Level], oversell_limit: int | None, elsewhere: int
) -> None:
    found = available_to_sell(view, places, oversell_limit=oversell_limit, backordered_elsewhere=elsewhere)
    raw = sum(max(level.free, 0) for level in places)
    assert 0 <= found.stock <= max(raw - (view.buffer or 0), 0)
    assert found.backorder >= 0
    if view.share_bp is not None:
        assert found.stock * SHARE_WHOLE_BP <= raw * view.share_bp
    if view.cap is not None:
        assert found.total <= view.cap
    policy = oversell_limit if view.oversell_limit is None else view.oversell_limit
    if policy is not None and policy < OVERSELL_UNLIMITED and found.backorder:
        assert found.backorder + elsewhere + sum(level.backordered for level in places) <= policy


@given(views, many_levels, limits, st.integers(0, 3))
def test_a_setting_that_is_not_set_changes_nothing_and_a_stricter_one_never_shows_more(
    view: View, places: list[Level], oversell_limit: int | None, more: int
) -> None:
    def total(seen_by: View) -> int:
        return available_to_sell(seen_by, places, oversell_limit=oversell_limit).total

    if view.buffer is None:
        assert total(view) == total(view._replace(buffer=0))
    if view.share_bp is None:
        assert total(view) == total(view._replace(share_bp=SHARE_WHOLE_BP))
    assert total(view._replace(buffer=(view.buffer or 0) + more)) <= total(view)
    assert total(view._replace(cap=more)) <= more
    assert total(view._replace(cap=0)) == 0
    assert total(view._replace(oversell_limit=0)) <= total(view)


@given(views, st.integers(1, 40))
def test_so_much_is_needed_for_so_much_to_be_seen_and_not_one_less(view: View, wanted: int) -> None:
    raw = raw_for(view, wanted)
    if raw is None:
        assert seen(view, 10**9) < wanted
    else:
        assert seen(view, raw) >= wanted > seen(view, raw - 1)


@given(views, levels(), limits, small)
def test_the_room_at_one_place_is_the_room_of_a_channel_that_has_only_that(
    view: View, level: Level, oversell_limit: int | None, elsewhere: int
) -> None:
    alone = available_to_sell(
        view._replace(cap=None), [level], oversell_limit=oversell_limit, backordered_elsewhere=elsewhere
    )
    assert alone.backorder == room(view, oversell_limit, level, elsewhere)


@given(views, st.lists(levels(), min_size=1, max_size=4), limits, st.data())
def test_the_room_of_all_places_can_be_used_up_and_no_more(
    view: View, places: list[Level], oversell_limit: int | None, drawn: st.DataObject
) -> None:
    """Whatever place comes first, back-ordering as much as each has room for uses it up."""
    whole = backorder_room(view, places, oversell_limit=oversell_limit)
    if whole == OVERSELL_UNLIMITED:
        return
    used = 0
    for index in drawn.draw(st.permutations(range(len(places)))):
        elsewhere = sum(level.backordered for number, level in enumerate(places) if number != index)
        taken = room(view, oversell_limit, places[index], elsewhere)
        places[index] = places[index]._replace(backordered=places[index].backordered + taken)
        used += taken
    assert used == whole
    assert backorder_room(view, places, oversell_limit=oversell_limit) == 0


@given(
    views,
    st.lists(shelves(), max_size=4),
    limits,
    claims,
    claims,
    small,
    st.sampled_from((SkuKind.GOODS, SkuKind.GOODS, SkuKind.VIRTUAL, SkuKind.VIRTUAL_LIMITED)),
    st.sampled_from((True, True, True, False)),
)
def test_the_steps_add_up_to_what_may_be_sold(
    view: View,
    places: list[Shelf],
    oversell_limit: int | None,
    held: Claims,
    allocated: Claims,
    elsewhere: int,
    kind: SkuKind,
    active: bool,
) -> None:
    goods = Goods(1, "apple", active, "", kind, oversell_limit=oversell_limit)
    found = explain(goods, view, places, held=held, allocated=allocated, backordered_elsewhere=elsewhere)
    expected = available_to_sell(
        view,
        [shelf.level for shelf in places],
        oversell_limit=oversell_limit,
        backordered_elsewhere=elsewhere,
        short_lived=sum(shelf.short_lived for shelf in places),
        never_short=kind == SkuKind.VIRTUAL,
    )
    assert sum(step.quantity for step in found.steps) == (expected.total if active else 0)
    assert found.available_to_sell == found.sellable.total == (expected.total if active else 0)
    running = 0
    for step in found.steps:
        running += step.quantity
        assert step.running == running
    by_kind = dict.fromkeys(StepKind, 0)
    for step in found.steps:
        by_kind[step.kind] += step.quantity
    if kind != SkuKind.VIRTUAL:
        assert by_kind[StepKind.ON_HAND] == sum(shelf.level.on_hand for shelf in places)
        assert -by_kind[StepKind.UNSELLABLE] == sum(shelf.level.unsellable for shelf in places)
        assert -by_kind[StepKind.HELD] == sum(shelf.level.held for shelf in places)
        assert -by_kind[StepKind.ALLOCATED] == sum(shelf.level.allocated for shelf in places)


class Kit(NamedTuple):
    leaves: list[tuple[int, int]]
    free: dict[int, dict[int, int]]
    sellable: dict[int, int]


@st.composite
def kits(draw: st.DrawFn) -> Kit:
    sku_ids = range(1, draw(st.integers(1, 3)) + 1)
    location_ids = st.sampled_from((7, 8, 9))
    free = {sku_id: draw(st.dictionaries(location_ids, st.integers(-2, 9))) for sku_id in sku_ids}
    leaves = [(sku_id, draw(st.integers(1, 3))) for sku_id in sku_ids]
    return Kit(leaves, free, {sku_id: draw(st.integers(0, 30)) for sku_id in sku_ids})


@given(kits())
def test_that_many_bundles_can_be_made_and_not_one_more(kit: Kit) -> None:
    """By hand: a bundle at a time, from wherever there is one."""
    free = {sku_id: dict(places) for sku_id, places in kit.free.items()}
    left = dict(kit.sellable)
    made = 0
    while all(left[sku_id] >= quantity for sku_id, quantity in kit.leaves):
        place = next((place for place in (7, 8, 9) if bundles_at(kit.leaves, free, place)), None)
        if place is None:
            break
        for sku_id, quantity in kit.leaves:
            free[sku_id][place] -= quantity
            left[sku_id] -= quantity
        made += 1
    assert bundle_available(*kit, from_several_places=False) == made
    assert bundle_available(*kit, from_several_places=True) >= made


@given(kits(), views, st.booleans(), st.sampled_from((True, True, False)))
def test_the_steps_of_a_bundle_add_up(kit: Kit, view: View, from_several_places: bool, active: bool) -> None:
    goods = Goods(
        9,
        "kit",
        active,
        "",
        SkuKind.BUNDLE,
        from_several_places=from_several_places,
        leaves=tuple(Leaf(sku_id, f"part-{sku_id}", quantity) for sku_id, quantity in kit.leaves),
    )
    sellable = {sku_id: Sellable(stock, 5) for sku_id, stock in kit.sellable.items()}
    found = explain_bundle(goods, view, kit.free, sellable, {7: "shop", 8: "hall", 9: "yard"})
    whole = bundle_available(*kit, from_several_places=from_several_places)
    expected = seen(view, whole) if active else 0
    assert sum(step.quantity for step in found.steps) == found.available_to_sell == found.sellable.total == expected
    scarcest = [part.bundles for part in found.components if part.scarcest]
    assert scarcest
    assert set(scarcest) == {min(part.bundles for part in found.components)}
    assert whole <= scarcest[0]


def a_reserve(sku: str, quantity: int, *, stock_only: bool = True) -> Reserve:
    asks = (Ask(sku, "", quantity),)
    return Reserve(CHANNEL, UUID(int=5), asks, None, sourcing=Sourcing(split=True), stock_only=stock_only)


def a_ledger(view: View, stock: dict[int, list[Level]], goods: list[Goods]) -> Ledger:
    """A level of each SKU at each place; the channel sells from all of them, and has one view of all SKUs."""
    count = max(len(places) for places in stock.values())
    sites = {number: Site(number, f"place-{number}") for number in range(1, count + 1)}
    ledger = Ledger(NOW, Topology(1, sites, {CHANNEL: Channel(CHANNEL, view=view)}))
    for each in goods:
        ledger.put_goods(each)
    for sku_id, places in stock.items():
        for location_id, level in enumerate(places, 1):
            ledger.levels[sku_id, location_id] = level
    return ledger


def grants(ledger: Ledger, command: Reserve) -> bool:
    answer, _ = decide(ledger, command)
    if isinstance(answer, Refusal):
        assert answer.reason == Reason.INSUFFICIENT_STOCK
        return False
    assert isinstance(answer, Reservation)
    return True


@given(views, st.lists(levels(), min_size=1, max_size=4))
def test_a_reservation_gets_the_stock_that_the_channel_sees_and_not_one_more(view: View, places: list[Level]) -> None:
    stock = available_to_sell(view, places, oversell_limit=None).stock
    event(f"{min(stock, 3)} or more" if stock >= 3 else f"{stock}")
    ledger = a_ledger(view, {1: places}, [Goods(1, "apple", True, "")])
    assert not grants(ledger, a_reserve("apple", stock + 1))
    if stock:
        assert grants(ledger, a_reserve("apple", stock))


@given(views, levels(), st.none() | small)
def test_at_one_place_a_reservation_gets_the_back_orders_too_and_not_one_more(
    view: View, level: Level, oversell_limit: int | None
) -> None:
    total = available_to_sell(view, [level], oversell_limit=oversell_limit).total
    ledger = a_ledger(view, {1: [level]}, [Goods(1, "apple", True, "", oversell_limit=oversell_limit)])
    if total < OVERSELL_UNLIMITED:
        assert not grants(ledger, a_reserve("apple", total + 1, stock_only=False))
    if total:
        assert grants(ledger, a_reserve("apple", min(total, QUANTITY_MAX), stock_only=False))


@given(views, st.lists(st.tuples(levels(), levels()), min_size=1, max_size=3), st.integers(1, 3), st.booleans())
def test_a_reservation_gets_the_bundles_that_the_channel_sees_and_not_one_more(
    view: View, places: list[tuple[Level, Level]], quantity: int, from_several_places: bool
) -> None:
    leaves = [(1, quantity), (2, 1)]
    stock = {1: [first for first, _ in places], 2: [second for _, second in places]}
    free = {sku_id: {number: level.free for number, level in enumerate(found, 1)} for sku_id, found in stock.items()}
    sellable = {sku_id: available_to_sell(view, found, oversell_limit=None).stock for sku_id, found in stock.items()}
    whole = bundle_available(leaves, free, sellable, from_several_places=from_several_places)
    parts = (Leaf(1, "apple", quantity), Leaf(2, "bag", 1))
    goods = [
        Goods(1, "apple", True, ""),
        Goods(2, "bag", True, ""),
        Goods(3, "kit", True, "", SkuKind.BUNDLE, from_several_places=from_several_places, leaves=parts),
    ]
    ledger = a_ledger(view, stock, goods)
    assert not grants(ledger, a_reserve("kit", whole + 1))
    if whole:
        assert grants(ledger, a_reserve("kit", whole))
