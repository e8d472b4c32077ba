"""Why a channel sees so much: the steps, as tables."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from inventory.domain.adjustment import Disposition
from inventory.domain.availability import NOTHING, Sellable
from inventory.domain.explain import (
    CLAIMS_NAMED_MAX,
    Claim,
    Claims,
    Component,
    DueIn,
    Explanation,
    LotShelf,
    Shelf,
    Step,
    StepKind,
    Unused,
    WhyUnused,
    explain,
    explain_bundle,
    unused_places,
)
from inventory.domain.goods import Goods, Leaf, SkuKind
from inventory.domain.level import EMPTY, Level
from inventory.domain.lot import LotLevel
from inventory.domain.topology import NO_VIEW, OVERSELL_UNLIMITED, Channel, Site, Topology, Use, View

APPLE = Goods(1, "apple", True, "")
KIT = Goods(9, "kit", True, "", SkuKind.BUNDLE, leaves=(Leaf(1, "apple", 2), Leaf(2, "bag", 1)))
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def told(found: Explanation) -> list[tuple[str, int, int]]:
    return [(step.kind.name, step.quantity, step.running) for step in found.steps]


def shop(level: Level) -> list[Shelf]:
    return [Shelf("shop", level)]


@pytest.mark.parametrize(
    ("view", "oversell_limit", "level", "steps"),
    [
        (View(), None, EMPTY, [("ON_HAND", 0, 0)]),
        (View(buffer=2, share_bp=5_000, cap=1), None, EMPTY, [("ON_HAND", 0, 0)]),
        (View(), None, Level(10), [("ON_HAND", 10, 10)]),
        (View(), None, Level(10, held=4), [("ON_HAND", 10, 10), ("HELD", -4, 6)]),
        (
            View(buffer=2, share_bp=5_000, cap=1),
            None,
            Level(12, held=3, allocated=2, quality_control=1, backordered=1),
            [
                ("ON_HAND", 12, 12),
                ("UNSELLABLE", -1, 11),
                ("HELD", -3, 8),
                ("ALLOCATED", -2, 6),
                ("WAITING", -1, 5),
                ("BUFFER", -2, 3),
                ("SHARE", -2, 1),
            ],
        ),
        (View(buffer=0, share_bp=10_000, cap=10), None, Level(10), [("ON_HAND", 10, 10)]),
        (View(buffer=99), None, Level(10), [("ON_HAND", 10, 10), ("BUFFER", -10, 0)]),
        (View(share_bp=0), None, Level(10), [("ON_HAND", 10, 10), ("SHARE", -10, 0)]),
        (View(cap=0), None, Level(10), [("ON_HAND", 10, 10), ("CAP", -10, 0)]),
        (View(cap=3), None, Level(10), [("ON_HAND", 10, 10), ("CAP", -7, 3)]),
        # more wait than is there: they take all of it, and no more
        (View(), None, Level(3, backordered=8), [("ON_HAND", 3, 3), ("WAITING", -3, 0)]),
        (View(), 5, Level(3), [("ON_HAND", 3, 3), ("BACKORDER", 5, 8)]),
        (View(oversell_limit=0), 5, Level(3), [("ON_HAND", 3, 3)]),
        (View(cap=5), 5, Level(3), [("ON_HAND", 3, 3), ("BACKORDER", 5, 8), ("CAP", -3, 5)]),
        (View(cap=2), 5, Level(3), [("ON_HAND", 3, 3), ("CAP", -1, 2), ("BACKORDER", 5, 7), ("CAP", -5, 2)]),
        (
            View(),
            OVERSELL_UNLIMITED,
            Level(3),
            [("ON_HAND", 3, 3), ("BACKORDER", OVERSELL_UNLIMITED - 3, OVERSELL_UNLIMITED)],
        ),
    ],
)
def test_steps_from_the_shelf_to_the_channel(
    view: View, oversell_limit: int | None, level: Level, steps: list[tuple[str, int, int]]
) -> None:
    found = explain(APPLE._replace(oversell_limit=oversell_limit), view, shop(level))
    assert told(found) == steps
    assert found.available_to_sell == found.sellable.total


@pytest.mark.parametrize("view", [NO_VIEW, View(cap=3, buffer=1), View(cap=0)])
def test_a_silent_channel_is_told_that_it_is_silent_and_of_none_of_its_settings(view: View) -> None:
    found = explain(APPLE._replace(oversell_limit=5), view, shop(Level(12, held=3)), silent=True)
    assert told(found) == [("ON_HAND", 12, 12), ("HELD", -3, 9), ("SILENT", -9, 0)]
    assert found.sellable == NOTHING
    free = {1: {7: 7, 8: 2}, 2: {7: 3, 8: 1}}
    bundle = explain_bundle(KIT, view, free, {1: NOTHING, 2: NOTHING}, LOCATIONS, silent=True)
    assert told(bundle) == [("COMPONENTS", 3, 3), ("COMPONENTS", 1, 4), ("SILENT", -4, 0)]
    assert bundle.sellable == NOTHING


def test_every_place_and_disposition_has_its_step() -> None:
    shelves = [
        Shelf("shop", Level(5, quality_control=1, damaged=2)),
        Shelf("hall", Level(4, quarantined=1)),
        Shelf("yard", EMPTY),
    ]
    assert explain(APPLE, NO_VIEW, shelves).steps == (
        Step(StepKind.ON_HAND, 5, 5, "shop"),
        Step(StepKind.ON_HAND, 4, 9, "hall"),
        Step(StepKind.UNSELLABLE, -1, 8, "shop", disposition=Disposition.QUALITY_CONTROL),
        Step(StepKind.UNSELLABLE, -2, 6, "shop", disposition=Disposition.DAMAGED),
        Step(StepKind.UNSELLABLE, -1, 5, "hall", disposition=Disposition.QUARANTINED),
    )


def test_lots_are_told_apart_and_what_does_not_last_is_left_out() -> None:
    lots = (
        LotShelf("old", LotLevel(4, held=1), lasts=False),
        LotShelf("new", LotLevel(6, damaged=1)),
    )
    found = explain(APPLE, NO_VIEW, [Shelf("shop", Level(10, held=1, damaged=1), lots)])
    assert found.steps == (
        Step(StepKind.ON_HAND, 4, 4, "shop", "old"),
        Step(StepKind.ON_HAND, 6, 10, "shop", "new"),
        Step(StepKind.UNSELLABLE, -1, 9, "shop", "new", Disposition.DAMAGED),
        Step(StepKind.HELD, -1, 8),
        Step(StepKind.SHORT_LIVED, -3, 5, "shop", "old"),
    )
    assert found.sellable == Sellable(5, 0)


def test_what_the_lots_leave_of_a_level_is_a_step_without_a_lot() -> None:
    found = explain(APPLE, NO_VIEW, [Shelf("shop", Level(10), (LotShelf("new", LotLevel(6)),))])
    assert found.steps == (
        Step(StepKind.ON_HAND, 6, 6, "shop", "new"),
        Step(StepKind.ON_HAND, 4, 10, "shop"),
        Step(StepKind.SHORT_LIVED, -4, 6, "shop"),
    )


def test_a_hold_says_whose_it_is_and_until_when() -> None:
    anna = Claim(3, "shop", UUID(int=1), "web", "anna", NOON, "cart 7", "lot 1")
    ben = Claim(2, "shop", UUID(int=2), "till")
    found = explain(
        APPLE, NO_VIEW, shop(Level(10, held=3, allocated=2)), held=Claims([anna], 1), allocated=Claims([ben], 1)
    )
    assert found.steps[1:] == (
        Step(StepKind.HELD, -3, 7, "shop", "lot 1", None, UUID(int=1), "web", "anna", NOON, 0, "cart 7"),
        Step(StepKind.ALLOCATED, -2, 5, "shop", reservation_id=UUID(int=2), channel="till"),
    )


@pytest.mark.parametrize(
    ("sizes", "reservations", "named", "others"),
    [
        ([2, 3], 2, [3, 2], None),
        ([2, 3], 5, [3, 2], (5, 3)),
        ([], 5, [], (10, 5)),
        ([1] * CLAIMS_NAMED_MAX, CLAIMS_NAMED_MAX, [1] * CLAIMS_NAMED_MAX, None),
        ([1] * CLAIMS_NAMED_MAX + [4], CLAIMS_NAMED_MAX + 1, [4] + [1] * (CLAIMS_NAMED_MAX - 1), (1, 1)),
    ],
)
def test_the_largest_holds_are_named_and_the_others_counted(
    sizes: list[int], reservations: int, named: list[int], others: tuple[int, int] | None
) -> None:
    held = sum(sizes) if others is None else sum(named) + others[0]
    largest = [Claim(size, "shop", UUID(int=number), "web") for number, size in enumerate(sizes)]
    found = explain(APPLE, NO_VIEW, shop(Level(100, held=held)), held=Claims(largest, reservations))
    steps = [step for step in found.steps if step.kind == StepKind.HELD]
    assert [-step.quantity for step in steps if step.reservation_id] == named
    last = [(-step.quantity, step.reservations) for step in steps if not step.reservation_id]
    assert last == ([] if others is None else [others])
    assert found.available_to_sell == 100 - held


@pytest.mark.parametrize(
    ("view", "steps"),
    [
        (View(), [("VIRTUAL", OVERSELL_UNLIMITED, OVERSELL_UNLIMITED)]),
        (View(buffer=5, share_bp=1), [("VIRTUAL", OVERSELL_UNLIMITED, OVERSELL_UNLIMITED)]),
        (View(cap=5), [("VIRTUAL", OVERSELL_UNLIMITED, OVERSELL_UNLIMITED), ("CAP", 5 - OVERSELL_UNLIMITED, 5)]),
        (View(share_bp=0), [("VIRTUAL", OVERSELL_UNLIMITED, OVERSELL_UNLIMITED), ("SHARE", -OVERSELL_UNLIMITED, 0)]),
    ],
)
def test_a_virtual_sku_is_never_short(view: View, steps: list[tuple[str, int, int]]) -> None:
    found = explain(APPLE._replace(kind=SkuKind.VIRTUAL), view, shop(Level(2, held=2)))
    assert told(found) == steps
    assert found.available_to_sell == found.sellable.total


def test_a_retired_sku_is_not_sold_whatever_is_there() -> None:
    found = explain(APPLE._replace(active=False, oversell_limit=5), NO_VIEW, shop(Level(3)))
    assert told(found) == [("ON_HAND", 3, 3), ("BACKORDER", 5, 8), ("INACTIVE", -8, 0)]
    assert found.sellable == NOTHING


def test_what_is_on_its_way_is_told_soonest_first_and_not_counted() -> None:
    late, soon = DueIn("hall", date(2026, 12, 2), 5, "PO 2"), DueIn("shop", date(2026, 12, 1), 3, "PO 1")
    some_day = DueIn("shop", None, 4, "PO 3")
    shelves = [Shelf("shop", Level(1, in_transit=2, incoming=7)), Shelf("hall", Level(incoming=5))]
    found = explain(APPLE, NO_VIEW, shelves, due=[some_day, late, soon])
    assert found.due == (soon, late, some_day)
    assert (found.in_transit, found.incoming, found.available_to_sell) == (2, 12, 1)


def test_a_place_says_why_it_is_not_sold_from() -> None:
    sites = [
        Site(1, "shop"),
        Site(2, "closed", active=False, uses=Use.WALK_IN),
        Site(3, "counter", uses=Use.WALK_IN),
        Site(4, "hall"),
        Site(5, "barn"),
        Site(6, "nothing there"),
    ]
    channel = Channel(1, location_ids=(1, 2, 3))
    topology = Topology(1, {site.location_id: site for site in sites}, {1: channel})
    levels = {1: Level(9), 2: Level(4), 3: Level(3), 4: Level(5, held=1), 5: Level(9)}
    assert unused_places(topology, 1, Use.ONLINE, levels) == (
        Unused("barn", 9, WhyUnused.NOT_THE_CHANNELS),
        Unused("closed", 4, WhyUnused.INACTIVE),
        Unused("hall", 4, WhyUnused.NOT_THE_CHANNELS),
        Unused("counter", 3, WhyUnused.NOT_FOR_THIS_PURPOSE),
    )
    everywhere = unused_places(topology, 2, Use.ONLINE, levels)
    assert [place.location for place in everywhere] == ["closed", "counter"]


LOCATIONS = {7: "shop", 8: "hall"}


def test_a_bundle_names_what_each_place_can_make_and_its_scarcest_component() -> None:
    free = {1: {7: 6, 8: 3}, 2: {7: 2, 8: 9}}
    found = explain_bundle(KIT, View(buffer=1), free, {1: Sellable(9, 4), 2: Sellable(11, 0)}, LOCATIONS)
    assert found.steps == (
        Step(StepKind.COMPONENTS, 2, 2, "shop"),
        Step(StepKind.COMPONENTS, 1, 3, "hall"),
        Step(StepKind.BUFFER, -1, 2),
    )
    assert found.components == (
        Component("apple", 2, Sellable(9, 4), 4, True),
        Component("bag", 1, Sellable(11, 0), 11, False),
    )
    assert found.sellable == Sellable(2, 0)


@pytest.mark.parametrize(
    ("goods", "view", "apples", "steps"),
    [
        (KIT, View(), Sellable(4, 99), [("COMPONENTS", 3, 3), ("COMPONENTS", 1, 4), ("COMPONENTS", -2, 2)]),
        (KIT, View(), NOTHING, [("COMPONENTS", 3, 3), ("COMPONENTS", 1, 4), ("COMPONENTS", -4, 0)]),
        (KIT, View(cap=0), Sellable(9, 0), [("COMPONENTS", 3, 3), ("COMPONENTS", 1, 4), ("CAP", -4, 0)]),
        (KIT, View(oversell_limit=9), Sellable(9, 0), [("COMPONENTS", 3, 3), ("COMPONENTS", 1, 4)]),
        (KIT._replace(active=False), View(), Sellable(4, 0), None),
        (KIT._replace(from_several_places=True), View(), Sellable(99, 0), [("COMPONENTS", 4, 4)]),
        (KIT._replace(leaves=()), View(), NOTHING, [("ON_HAND", 0, 0)]),
    ],
)
def test_a_bundle_keeps_to_its_components_views_and_to_its_own(
    goods: Goods, view: View, apples: Sellable, steps: list[tuple[str, int, int]] | None
) -> None:
    found = explain_bundle(goods, view, {1: {7: 7, 8: 2}, 2: {7: 3, 8: 1}}, {1: apples, 2: Sellable(99, 0)}, LOCATIONS)
    if steps is None:
        assert (found.steps[-1].kind, found.available_to_sell, found.sellable) == (StepKind.INACTIVE, 0, NOTHING)
    else:
        assert told(found) == steps
        assert found.available_to_sell == found.sellable.total


def test_components_that_stand_apart_make_no_bundle_though_neither_is_short() -> None:
    apart = {1: {7: 10}, 2: {8: 5}}
    found = explain_bundle(KIT, NO_VIEW, apart, {1: Sellable(10, 0), 2: Sellable(5, 0)}, LOCATIONS)
    assert (found.available_to_sell, [part.bundles for part in found.components]) == (0, [5, 5])
    assert all(part.scarcest for part in found.components)
    assert found.apart == 5, "what they would make together"
    together = KIT._replace(from_several_places=True)
    allowed = explain_bundle(together, NO_VIEW, apart, {1: Sellable(10, 0), 2: Sellable(5, 0)}, LOCATIONS)
    assert (allowed.sellable.stock, allowed.apart) == (5, 0)
