"""What a channel is shown of a SKU, as tables."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from inventory.domain.availability import NOTHING, Sellable
from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.level import Level
from inventory.domain.showing import Bundles, Facts, Seller, Stock, midnights
from inventory.domain.topology import NO_VIEW, OVERSELL_UNLIMITED, Channel, ChannelKind, Site, Topology, Use, View

ENDLESS = OVERSELL_UNLIMITED
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
TODAY = NOON.date()
SITES = {
    1: Site(1, "shop", uses=Use.ONLINE | Use.WALK_IN),
    2: Site(2, "house"),
    3: Site(3, "till", uses=Use.WALK_IN),
    4: Site(4, "closed", active=False),
}


def seller(**settings: Any) -> Seller:
    return Seller(Channel(7, **settings), Topology(0, SITES, {}), NOON)


def stock(levels: Mapping[int, Level], own: View = NO_VIEW, **facts: Any) -> Stock:
    made = Stock(Facts(**{"sku_id": 1, "sku": "A", "category": "", "active": True, **facts}))
    made.levels.update(levels)
    made.own[7] = own
    return made


EVERYWHERE = {place: Level(10) for place in SITES}


@pytest.mark.parametrize(
    ("settings", "found", "expected"),
    [
        ({}, stock(EVERYWHERE), Sellable(20, 0)),
        ({"kind": ChannelKind.POS}, stock(EVERYWHERE), Sellable(30, 0)),
        ({"location_ids": (1,)}, stock(EVERYWHERE), Sellable(10, 0)),
        ({"location_ids": (3, 4)}, stock(EVERYWHERE), NOTHING),
        ({}, stock({}), NOTHING),
        ({}, stock(EVERYWHERE, active=False), NOTHING),
        ({"view": View(buffer=5)}, stock(EVERYWHERE), Sellable(15, 0)),
        ({"view": View(buffer=5)}, stock(EVERYWHERE, View(buffer=0)), Sellable(20, 0)),
        ({"view": View(buffer=5)}, stock(EVERYWHERE, View(cap=3)), Sellable(3, 0)),
        ({}, stock({1: Level(10, held=2, allocated=3, damaged=1)}), Sellable(4, 0)),
        ({}, stock({1: Level(10, backordered=4), 2: Level(1, held=1, backordered=5)}), Sellable(6, 0)),
        ({}, stock({}, kind=SkuKind.VIRTUAL), Sellable(ENDLESS, 0)),
        ({"location_ids": (4,)}, stock({}, kind=SkuKind.VIRTUAL), NOTHING),
        ({}, stock({1: Level(3)}, kind=SkuKind.VIRTUAL_LIMITED), Sellable(3, 0)),
        # room for back-orders: where it never was, too; what waits anywhere counts
        ({}, stock({}, oversell_limit=5), Sellable(0, 5)),
        ({}, stock({1: Level(2, backorder_limit=1)}, oversell_limit=5), Sellable(2, 5)),
        (
            {"location_ids": (1,)},
            stock({1: Level(2, backorder_limit=1)}, oversell_limit=5),
            Sellable(2, 1),
        ),
        ({}, stock({3: Level(backordered=4)}, oversell_limit=5), Sellable(0, 1)),
        ({"view": View(oversell_limit=2)}, stock({3: Level(backordered=1)}), Sellable(0, 1)),
        ({"location_ids": (4,)}, stock({}, oversell_limit=5), NOTHING),
        # a pre-order's limit counts until its day
        ({}, stock({}, preorder_until=TODAY + timedelta(1), preorder_limit=9, oversell_limit=2), Sellable(0, 9)),
        ({}, stock({}, preorder_until=TODAY, preorder_limit=9, oversell_limit=2), Sellable(0, 2)),
    ],
)
def test_what_may_be_sold(settings: dict[str, Any], found: Stock, expected: Sellable) -> None:
    assert seller(**settings).sellable(found, {}, ()) == expected


@pytest.mark.parametrize(("days", "expected"), [(0, 10), (1, 10), (2, 8), (5, 8), (6, 3), (99, 3)])
def test_only_lots_that_last_long_enough_count(days: int, expected: int) -> None:
    found = stock({1: Level(7), 2: Level(4, backordered=1)}, tracking=Tracking.LOTS)
    found.lots = {1: {"soon": 2, "later": 5, "gone": 0}, 2: {"lasts": 4}}
    found.expiries = {
        "soon": TODAY + timedelta(1),
        "later": TODAY + timedelta(5),
        "gone": TODAY - timedelta(9),
        "lasts": None,
    }
    assert seller(min_life_days=days).sellable(found, {}, ()) == Sellable(expected, 0)


LEAVES = (("A", 2), ("B", 1))


@pytest.mark.parametrize(
    ("settings", "own", "facts", "expected"),
    [
        ({}, NO_VIEW, {}, 3),
        ({}, NO_VIEW, {"from_several_places": True}, 5),
        ({"location_ids": (1,)}, NO_VIEW, {}, 1),
        ({}, View(cap=2), {}, 2),
        ({"view": View(buffer=4)}, NO_VIEW, {"from_several_places": True}, 3),
        ({}, NO_VIEW, {"active": False}, 0),
    ],
)
def test_a_bundle_is_as_scarce_as_its_parts(
    settings: dict[str, Any], own: View, facts: dict[str, Any], expected: int
) -> None:
    parts = {"A": stock({1: Level(3), 2: Level(8)}), "B": stock({1: Level(9), 2: Level(2)}, sku_id=2, sku="B")}
    bundle = stock({}, own, sku_id=3, sku="K", kind=SkuKind.BUNDLE, **facts)
    assert seller(**settings).sellable(bundle, parts, LEAVES) == Sellable(expected, 0)
    parts["B"] = stock({1: Level(9)}, sku_id=2, sku="B", active=False)
    assert seller().sellable(bundle, parts, LEAVES) == NOTHING
    del parts["B"]
    assert seller().sellable(bundle, parts, LEAVES) == NOTHING


def test_bundles_in_bundles_are_taken_apart_and_found_from_inside() -> None:
    bundles = Bundles([("inner", (("A", 2), ("B", 1))), ("outer", (("inner", 3), ("A", 1)))])
    assert dict(bundles.leaves("outer")) == {"A": 7, "B": 3}
    assert bundles.leaves("A") == ()
    assert bundles.containing(["B"]) == {"inner", "outer"}
    bundles.put("inner", (("C", 1),))
    assert bundles.containing(["B"]) == set()
    assert bundles.containing(["C"]) == {"inner", "outer"}
    bundles.put("inner", ())
    assert dict(bundles.leaves("outer")) == {"inner": 3, "A": 1}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"location_ids": (2, 1)}, True),
        ({"location_ids": (1,)}, False),
        ({"view": View(cap=1)}, False),
        ({"min_life_days": 1}, False),
        ({"has_overrides": True}, True),
    ],
)
def test_who_sells_otherwise(other: dict[str, Any], same: bool) -> None:
    assert seller().sells_as(seller(**other)) == same


def test_the_date_changes_at_every_places_own_midnight() -> None:
    east = Site(1, "east", time_zone="Asia/Tokyo")
    assert midnights([], NOON) == (datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC))
    assert midnights([east], NOON) == (datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 25, 15, tzinfo=UTC))
    evening = datetime(2026, 11, 25, 15, tzinfo=UTC)
    assert midnights([east], evening) == (evening, datetime(2026, 11, 26, tzinfo=UTC))
    assert date(2026, 11, 26) == Seller(Channel(1), Topology(0, {1: east}, {}), evening).today + timedelta(1)
