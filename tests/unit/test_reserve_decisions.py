"""What an order is promised, from where, and what it is refused: on what is locked, as tables."""

import time
from datetime import date, timedelta

import pytest

from inventory.domain.decide import decide, sources, spreads
from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.level import Level
from inventory.domain.limits import SEEN_MAX, SOURCES_MAX
from inventory.domain.lot import LotLevel
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.reservation import ReservationState
from inventory.domain.reserve import reserve
from inventory.domain.selling import Seller, StillSeller
from inventory.domain.sourcing import Sourcing, Strategy
from inventory.domain.topology import OVERSELL_UNLIMITED, Channel, ChannelKind, Point, Site, Use, View
from tests.unit.market import NORTH, SOUTH, WEST, Stock, given, market, order, reserved, short
from tests.unit.shelf import NOW, TILL, WEB

TODAY = NOW.date()
SPLIT = Sourcing(split=True)


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


HAMBURG, MUNICH = Point(53.55, 9.99), Point(48.14, 11.58)
AT_POINTS = (NORTH._replace(point=HAMBURG), SOUTH._replace(point=MUNICH), WEST)


@pytest.mark.parametrize(
    ("sourcing", "apples", "bread"),
    [
        (Sourcing(Strategy.PRIORITY), {"north": 4}, {"south": 2}),
        (Sourcing(Strategy.MOST_STOCK), {"west": 4}, {"west": 2}),
        (Sourcing(Strategy.NEAREST, MUNICH), {"south": 4}, {"south": 2}),
        (Sourcing(Strategy.NEAREST, HAMBURG), {"north": 4}, {"south": 2}),
        (Sourcing(Strategy.FEWEST_PARCELS), {"south": 4}, {"south": 2}),
    ],
    ids=lambda value: value.strategy.name if isinstance(value, Sourcing) else None,
)
def test_an_order_that_names_no_place_is_given_one_by_its_strategy(
    sourcing: Sourcing, apples: dict[str, int], bread: dict[str, int]
) -> None:
    ledger = market({"apple": {"north": 5, "south": 5, "west": 9}, "bread": {"south": 2, "west": 8}}, sites=AT_POINTS)
    assert given(ledger, order(("apple", 4), ("bread", 2), sourcing=sourcing)) == [apples, bread]


def test_what_expires_first_goes_first() -> None:
    lots = {"milk": {"a": (day(9), {"north": 5}), "b": (day(3), {"south": 5}), "c": (None, {"west": 5})}}
    ledger = market(
        {"milk": {"north": 5, "south": 5, "west": 5}}, of_sku={"milk": {"tracking": Tracking.LOTS}}, lots=lots
    )
    assert given(ledger, order(("milk", 4), sourcing=Sourcing(Strategy.EARLIEST_EXPIRY))) == [{"south": 4}]


@pytest.mark.parametrize(
    ("stock", "asked", "sourcing", "places"),
    [
        ((3, 4, 2), 4, Sourcing(), {"south": 4}),
        ((3, 4, 2), 5, SPLIT, {"north": 3, "south": 2}),
        ((3, 4, 2), 9, SPLIT, {"north": 3, "south": 4, "west": 2}),
        ((3, 4, 2), 5, Sourcing(Strategy.MOST_STOCK, split=True), {"south": 4, "north": 1}),
        ((3, 4, 2), 6, Sourcing(Strategy.FEWEST_PARCELS, split=True), {"south": 4, "north": 2}),
        ((3, 4, 2), 5, Sourcing(), None),
        ((3, 4, 2), 10, SPLIT, None),
    ],
)
def test_a_line_comes_from_several_places_only_when_it_may(
    stock: tuple[int, ...], asked: int, sourcing: Sourcing, places: dict[str, int] | None
) -> None:
    ledger = market({"apple": dict(zip(("north", "south", "west"), stock, strict=True))})
    command = order(("apple", asked), sourcing=sourcing)
    if places is None:
        assert [line[:3] for line in short(ledger, command)] == [("apple", "", asked)]
    else:
        assert given(ledger, command) == [places]


def test_lines_that_name_a_place_are_given_first() -> None:
    ledger = market({"apple": {"north": 5, "south": 5}})
    assert given(ledger, order(("apple", 3), ("apple", "north", 4))) == [{"south": 3}, {"north": 4}]


@pytest.mark.parametrize(
    ("channel", "sites", "fields", "place"),
    [
        (Channel(WEB), (NORTH, SOUTH), {}, "north"),
        (Channel(WEB), (NORTH._replace(priority=200), SOUTH), {}, "south"),
        (Channel(WEB), (NORTH._replace(active=False), SOUTH), {}, "south"),
        (Channel(WEB, location_ids=(2, 1)), (NORTH, SOUTH), {}, "south"),
        (Channel(WEB, location_ids=(2,)), (NORTH, SOUTH), {}, "south"),
        (Channel(WEB), (NORTH._replace(uses=Use.WALK_IN), SOUTH), {}, "south"),
        (Channel(WEB), (NORTH._replace(uses=Use.WALK_IN), SOUTH), {"purpose": Use.WALK_IN}, "north"),
        (Channel(WEB, ChannelKind.POS), (NORTH._replace(uses=Use.ONLINE), SOUTH), {}, "south"),
        (Channel(WEB), (NORTH._replace(uses=Use.ONLINE), SOUTH), {"purpose": Use.PICKUP}, "south"),
        (Channel(WEB, location_ids=(2,)), (NORTH, SOUTH._replace(uses=Use.WALK_IN)), {}, None),
    ],
)
def test_where_a_channel_sells_from(
    channel: Channel, sites: tuple[Site, ...], fields: dict[str, object], place: str | None
) -> None:
    ledger = market({"apple": {"north": 5, "south": 5}}, sites=sites, channels=(channel,))
    if place is None:
        assert short(ledger, order(("apple", 1), **fields)) == [("apple", "", 1, 0)]
    else:
        assert given(ledger, order(("apple", 1), **fields)) == [{place: 1}]


@pytest.mark.parametrize(
    ("channel", "uses", "reason"),
    [
        (Channel(WEB), Use.ALL, None),
        (Channel(WEB), Use.WALK_IN, Reason.LOCATION_NOT_SELLING),
        (Channel(WEB, ChannelKind.POS), Use.ONLINE, Reason.LOCATION_NOT_SELLING),
        (Channel(WEB, location_ids=(1, 2)), Use.ALL, None),
        (Channel(WEB, location_ids=(2,)), Use.ALL, Reason.LOCATION_NOT_SELLING),
    ],
)
def test_a_place_that_is_named_must_be_one_the_channel_sells_from(
    channel: Channel, uses: Use, reason: Reason | None
) -> None:
    ledger = market({"apple": {"north": 5}}, sites=(NORTH._replace(uses=uses), SOUTH), channels=(channel,))
    found, _ = decide(ledger, order(("apple", "north", 1)))
    assert (found.reason if isinstance(found, Refusal) else None) == reason


BREAKFAST = {"breakfast": {"apple": 2, "bread": 1}}


@pytest.mark.parametrize(
    ("stock", "several", "asked", "places"),
    [
        ({"apple": {"north": 4}, "bread": {"north": 2}}, False, 2, {"north apple": 4, "north bread": 2}),
        ({"apple": {"north": 5}, "bread": {"north": 9}}, False, 3, None),
        ({"apple": {"north": 4}, "bread": {"south": 2}}, False, 1, None),
        ({"apple": {"north": 4}, "bread": {"south": 2}}, True, 2, {"north apple": 4, "south bread": 2}),
        ({"apple": {"north": 1, "south": 1}, "bread": {"west": 1}}, True, 1,
         {"north apple": 1, "south apple": 1, "west bread": 1}),
        ({"apple": {"north": 1, "south": 2}, "bread": {"north": 9, "south": 1}}, False, 1,
         {"south apple": 2, "south bread": 1}),
        ({"apple": {"north": Level(9, held=6)}, "bread": {"north": 9}}, False, 2, None),
    ],
)  # fmt: skip
def test_a_bundle_is_taken_apart_before_anything_is_checked(
    stock: Stock, several: bool, asked: int, places: dict[str, int] | None
) -> None:
    ledger = market(stock, bundles=BREAKFAST, from_several_places=several)
    command = order(("breakfast", asked))
    if places is None:
        assert short(ledger, command)
    else:
        assert given(ledger, command) == [places]
        for line in ledger.reservations[command.reservation_id].lines:
            assert (line.bundle_sku_id, line.bundle_quantity) == (3, 2 if line.sku_id == 1 else 1)


@pytest.mark.parametrize(
    ("asks", "places"),
    [
        ([("breakfast", "north", 2), ("apple", "north", 1)], [{"north apple": 4, "north bread": 2}, {"north": 1}]),
        ([("breakfast", "north", 2), ("apple", "north", 2)], None),
        ([("apple", "north", 2), ("breakfast", "north", 2)], None),
        ([("breakfast", 1), ("apple", 3)], [{"north apple": 2, "north bread": 1}, {"north": 3}]),
        ([("breakfast", 2), ("apple", 2)], None),
        ([("breakfast", 1), ("brunch", 1)], [{"north apple": 2, "north bread": 1}, {"north apple": 3}]),
        ([("breakfast", 2), ("brunch", 1)], None),
    ],
)
def test_a_bundle_and_another_line_compete_for_the_same_component(
    asks: list[tuple[str, int]], places: list[dict[str, int]] | None
) -> None:
    ledger = market({"apple": {"north": 5}, "bread": {"north": 5}}, bundles=BREAKFAST | {"brunch": {"apple": 3}})
    command = order(*asks)
    if places is None:
        assert len(short(ledger, command)) == 1
    else:
        assert given(ledger, command) == places


def test_a_virtual_sku_is_never_short_and_leaves_nothing_behind() -> None:
    ledger = market({"voucher": {"north": 0}}, of_sku={"voucher": {"kind": SkuKind.VIRTUAL}})
    assert given(ledger, order(("voucher", "north", 1_000_000))) == [{"north": 1_000_000}]
    assert ledger.levels[1, 1] == Level(1_000_000, held=1_000_000)


def test_a_bundle_with_something_virtual_is_as_many_as_its_goods() -> None:
    ledger = market(
        {"camera": {"north": 3}, "warranty": {}},
        of_sku={"warranty": {"kind": SkuKind.VIRTUAL}},
        bundles={"set": {"camera": 1, "warranty": 1}},
    )
    assert given(ledger, order(("set", 3))) == [{"north camera": 3, "north warranty": 3}]
    assert ledger.levels[2, 1] == Level(3, held=3)


@pytest.mark.parametrize(("asked", "enough"), [(5, True), (6, False)])
def test_a_virtual_sku_with_a_count_is_short_like_goods(asked: int, enough: bool) -> None:
    ledger = market({"seat": {"north": 5}}, of_sku={"seat": {"kind": SkuKind.VIRTUAL_LIMITED}})
    if enough:
        assert given(ledger, order(("seat", asked))) == [{"north": 5}]
        assert ledger.levels[1, 1] == Level(5, held=5)
    else:
        assert short(ledger, order(("seat", asked))) == [("seat", "", 6, 5)]


@pytest.mark.parametrize("place", ["", "north"])
@pytest.mark.parametrize(
    ("view", "most"),
    [
        (View(), 10),
        (View(buffer=0), 10),
        (View(buffer=3), 10),
        (View(buffer=8), 6),
        (View(buffer=20), 0),
        (View(share_bp=5_000), 7),
        (View(share_bp=0), 0),
        (View(cap=4), 4),
        (View(cap=0), 0),
        (View(buffer=4, share_bp=5_000, cap=9), 5),
        (View(buffer=4, share_bp=5_000, cap=3), 3),
    ],
)
def test_a_channel_promises_no_more_than_it_sees(view: View, most: int, place: str) -> None:
    """Of ten and four: all its places count, whatever the one has that gives."""
    for asked, good in ((most, True), (most + 1, False)):
        ledger = market({"apple": {"north": 10, "south": 4}}, channels=(Channel(WEB, view=view),))
        command = order(("apple", place, asked) if place else ("apple", asked))
        if not good:
            assert [line[2:] for line in short(ledger, command)] == [(asked, most)]
        elif asked:
            assert given(ledger, command) == [{"north": asked}]


def test_what_one_line_takes_of_the_view_is_gone_for_the_next() -> None:
    for asks, good in (((2, 3), True), ((3, 3), False)):
        ledger = market({"apple": {"north": 9, "south": 9}}, channels=(Channel(WEB, view=View(cap=5)),))
        found, _ = decide(ledger, order(("apple", "north", asks[0]), ("apple", "south", asks[1])))
        assert isinstance(found, Refusal) is not good


def test_a_view_of_one_sku_goes_before_the_channel_s() -> None:
    ledger = market(
        {"apple": {"north": 9}, "pear": {"north": 9}},
        channels=(Channel(WEB, view=View(cap=2, buffer=1), has_overrides=True),),
        views={(WEB, "apple"): View(cap=5)},
    )
    assert short(ledger, order(("apple", 6), ("pear", 3))) == [("apple", "", 6, 5), ("pear", "", 3, 2)]


def test_another_channel_s_view_is_not_one_s_own() -> None:
    ledger = market({"apple": {"north": 9}}, channels=(Channel(TILL, view=View(cap=2)), Channel(WEB)))
    assert given(ledger, order(("apple", "north", 9))) == [{"north": 9}]


def test_a_bundle_is_bounded_by_what_the_channel_sees_of_its_components() -> None:
    stock = {"apple": {"north": 9}, "bread": {"north": 9}}
    for asked, good in ((2, True), (3, False)):
        ledger = market(stock, bundles=BREAKFAST, channels=(Channel(WEB, view=View(cap=5)),))
        found, _ = decide(ledger, order(("breakfast", asked)))
        assert isinstance(found, Refusal) is not good


@pytest.mark.parametrize("place", ["", "north"])
@pytest.mark.parametrize(
    ("of_sku", "of_channel", "level", "asked", "later"),
    [
        (None, None, Level(3), 4, None),
        (0, None, Level(3), 4, None),
        (2, None, Level(3), 5, 2),
        (2, None, Level(3), 6, None),
        (2, None, Level(3, backordered=1), 3, 1),
        (2, None, Level(3, backordered=1), 4, None),
        (OVERSELL_UNLIMITED, None, Level(3), 1_000, 997),
        (OVERSELL_UNLIMITED, 0, Level(3), 4, None),
        (0, 2, Level(3), 5, 2),
        (None, 2, Level(3), 5, 2),
        (5, 2, Level(3), 6, None),
        (2, OVERSELL_UNLIMITED, Level(3), 1_000, 997),
        (None, None, Level(3, backorder_limit=2), 5, 2),
        (5, None, Level(3, backorder_limit=2), 5, 2),
        (5, None, Level(3, backorder_limit=2), 6, None),
        (OVERSELL_UNLIMITED, None, Level(3, backorder_limit=0), 4, None),
        (0, None, Level(3, backorder_limit=9), 4, None),
    ],
)
def test_what_may_be_promised_beyond_the_shelf(
    of_sku: int | None, of_channel: int | None, level: Level, asked: int, later: int | None, place: str
) -> None:
    """The channel's policy goes before the SKU's; the level's limit bounds both, and is the policy where none is."""
    ledger = market(
        {"apple": {"north": level}},
        sites=(NORTH,),
        channels=(Channel(WEB, view=View(oversell_limit=of_channel)),),
        of_sku={"apple": {"oversell_limit": of_sku}},
    )
    command = order(("apple", place, asked) if place else ("apple", asked))
    if later is None:
        assert [line[:3] for line in short(ledger, command)] == [("apple", place, asked)]
    else:
        shelf = {"north": asked - later} if asked > later else {}
        assert given(ledger, command) == [shelf | {"north later": later}]


def test_a_limit_counts_what_waits_at_all_places() -> None:
    stock: Stock = {"apple": {"north": 0, "south": Level(0, backordered=3)}}
    for asked, good in ((2, True), (3, False)):
        ledger = market(stock, of_sku={"apple": {"oversell_limit": 5}})
        found, _ = decide(ledger, order(("apple", "north", asked)))
        assert isinstance(found, Refusal) is not good


@pytest.mark.parametrize("fields", [{"stock_only": True}, {}])
def test_stock_only_promises_nothing_beyond_the_shelf(fields: dict[str, bool]) -> None:
    ledger = market({"apple": {"north": 3}}, of_sku={"apple": {"oversell_limit": 5}})
    command = order(("apple", "north", 4), **fields)
    if fields:
        assert short(ledger, command) == [("apple", "north", 4, 3)]
    else:
        assert given(ledger, command) == [{"north": 3, "north later": 1}]


def test_a_bundle_is_never_back_ordered() -> None:
    ledger = market(
        {"apple": {"north": 3}, "bread": {"north": 9}},
        bundles=BREAKFAST,
        of_sku={"apple": {"oversell_limit": OVERSELL_UNLIMITED}},
    )
    assert short(ledger, order(("breakfast", 2))) == [("breakfast", "", 2, 1)]


def test_a_hold_of_nothing_but_a_back_order_is_a_hold() -> None:
    made = reserved(market({"apple": {}}, of_sku={"apple": {"oversell_limit": 5}}), order(("apple", 5)))
    assert made.state == ReservationState.HELD
    made = reserved(market({"apple": {}}, of_sku={"apple": {"oversell_limit": 5}}), order(("apple", 5), ttl=None))
    assert made.state == ReservationState.ALLOCATED


@pytest.mark.parametrize(
    ("asks", "places"),
    [
        ([("apple", "north", 9), ("bread", "north", 2)], [{"north": 5}, {"north": 2}]),
        ([("apple", 9), ("bread", 2)], [{"north": 5}, {"north": 2}]),
        ([("apple", 2), ("bread", 9)], [{"north": 2}, {"north": 3}]),
        ([("pear", 2), ("bread", 1)], [{}, {"north": 1}]),
        ([("breakfast", 9)], [{"north apple": 4, "north bread": 2}]),
        ([("breakfast", "north", 9)], [{"north apple": 4, "north bread": 2}]),
        ([("plum", 9)], [{"north": 1, "north later": 2}]),
    ],
)
def test_as_much_as_possible_keeps_what_was_asked_for(
    asks: list[tuple[str, int]], places: list[dict[str, int]]
) -> None:
    ledger = market(
        {"apple": {"north": 5}, "bread": {"north": 3}, "pear": {}, "plum": {"north": 1}},
        sites=(NORTH,),
        bundles=BREAKFAST,
        of_sku={"plum": {"oversell_limit": 2}},
    )
    assert given(ledger, order(*asks, partial=True)) == places


def test_as_much_as_possible_of_nothing_is_refused() -> None:
    ledger = market({"apple": {}, "pear": {}})
    assert short(ledger, order(("apple", 1), ("pear", "north", 2), partial=True)) == [
        ("pear", "north", 2, 0),
        ("apple", "", 1, 0),
    ]


def test_a_refusal_names_the_lines_that_are_short() -> None:
    ledger = market({"apple": {"north": 5, "south": 9}, "bread": {"north": 3}, "pear": {"north": 1}})
    command = order(("apple", "north", 6), ("bread", "north", 3), ("pear", "north", 2))
    assert short(ledger, command) == [("apple", "north", 6, 5), ("pear", "north", 2, 1)]


@pytest.mark.parametrize(
    ("min_life_days", "asked", "lots"),
    [
        (0, 2, {"today": 2}),
        (0, 5, {"today": 3, "soon": 2}),
        (0, 12, {"today": 3, "soon": 4, "late": 5}),
        (0, 13, {"today": 3, "soon": 4, "late": 5, "lasts": 1}),
        (1, 5, {"soon": 4, "late": 1}),
        (2, 5, {"soon": 4, "late": 1}),
        (3, 5, {"late": 5}),
        (9, 5, {"late": 5}),
        (10, 2, {"lasts": 2}),
        (10, 3, None),
        (0, 15, None),
    ],
)
@pytest.mark.parametrize("place", ["", "north"])
def test_lots_go_first_expiring_first_and_only_as_long_as_they_last(
    min_life_days: int, asked: int, lots: dict[str, int] | None, place: str
) -> None:
    stock = {"today": (day(0), 3), "over": (day(-1), 7), "late": (day(9), 5), "lasts": (None, 2), "soon": (day(2), 4)}
    ledger = market(
        {"milk": {"north": 21}},
        channels=(Channel(WEB, min_life_days=min_life_days),),
        of_sku={"milk": {"tracking": Tracking.LOTS}},
        lots={"milk": {code: (last, {"north": there}) for code, (last, there) in stock.items()}},
    )
    command = order(("milk", place, asked) if place else ("milk", asked))
    if lots is None:
        assert short(ledger, command)
    else:
        made = reserved(ledger, command)
        assert {ledger.lot_codes[line.lot_id]: line.held for line in made.lines} == lots
        assert [ledger.lot_codes[line.lot_id] for line in made.lines] == list(lots)


def test_what_of_a_lot_is_promised_or_unsellable_is_not_free() -> None:
    of_lots = {
        "a": (day(1), {"north": LotLevel(5, held=2, damaged=1)}),
        "b": (day(2), {"north": LotLevel(4, allocated=1)}),
    }
    milk: Stock = {"milk": {"north": Level(9, held=2, allocated=1, damaged=1)}}
    ledger = market(
        milk,
        of_sku={"milk": {"tracking": Tracking.LOTS}},
        lots={"milk": of_lots},
    )
    made = reserved(ledger, order(("milk", 4)))
    assert [(line.lot_id, line.held) for line in made.lines] == [(1, 2), (2, 2)]


def test_a_line_that_is_short_everywhere_looks_at_each_place_and_not_at_each_for_each() -> None:
    many = tuple(Site(number, f"place-{number}") for number in range(1, 3_001))
    shelves = {site.code: Level(1, backorder_limit=0) for site in many}
    ledger = market({"apple": shelves}, sites=many, of_sku={"apple": {"oversell_limit": 5}})
    began = time.process_time()
    assert short(ledger, order(("apple", 9)))
    assert time.process_time() - began < 1


def test_lines_that_could_come_from_too_many_levels_are_refused_unseen() -> None:
    many = tuple(Site(number, f"place-{number}") for number in range(1, 1_001))
    skus = [f"sku-{number}" for number in range(51)]
    empty: Stock = {sku: {} for sku in skus}
    ledger = market(empty, sites=many)
    with pytest.raises(Refusal) as refused:
        reserve(ledger, order(*((sku, 1) for sku in skus)))
    assert (refused.value.reason, refused.value.metadata) == (Reason.TOO_MANY_LINES, {"max": str(SOURCES_MAX)})
    assert spreads(order(*((sku, 1) for sku in skus)), ledger.topology) == {}
    assert sources(order(*((sku, 1) for sku in skus[:50])), ledger.topology) == SOURCES_MAX


def test_bundles_that_could_come_from_too_many_levels_are_refused_before_places_are_compared() -> None:
    many = tuple(Site(number, f"place-{number}") for number in range(1, 101))
    parts = {f"part-{number}": 1 for number in range(200)}
    bundles = {f"set-{number}": parts for number in range(11)}
    ledger = market({part: {} for part in parts}, sites=many, bundles=bundles)
    with pytest.raises(Refusal) as refused:
        reserve(ledger, order(*((bundle, 1) for bundle in bundles)))
    assert (refused.value.reason, refused.value.metadata) == (Reason.TOO_MANY_LINES, {"max": str(SEEN_MAX)})
    assert len(short(ledger, order(*((bundle, 1) for bundle in list(bundles)[:10])))) == 10


@pytest.mark.parametrize("apart", [False, True])
def test_what_many_bundles_have_in_common_is_worked_out_once_and_alike(apart: bool) -> None:
    stock: Stock = {"cup": {"north": 7, "south": 3}, "saucer": {"south": 5, "west": 2}, "card": {}}
    ledger = market(
        stock,
        channels=(Channel(WEB, view=View(buffer=1, share_bp=8_000), has_overrides=True),),
        bundles={"pair": {"cup": 1, "saucer": 1}, "set": {"cup": 2, "saucer": 1, "card": 1}, "cups": {"cup": 3}},
        from_several_places=apart,
        of_sku={"card": {"kind": SkuKind.VIRTUAL}},
        views={(WEB, "pair"): View(cap=1)},
    )
    once, again = StillSeller(ledger, WEB, None), Seller(ledger, WEB, None)
    for goods in ledger.goods.values():
        assert once.sellable(goods) == again.sellable(goods)
        assert once.sellable(goods) is once.sellable(goods)
