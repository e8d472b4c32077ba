from datetime import date
from typing import Any

import pytest

from inventory.domain.catalog import (
    Catalog,
    CatalogChange,
    ChangeCatalog,
    Intent,
    Location,
    Sku,
    change,
    reshapes,
)
from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.topology import LocationKind


def sku(code: str, **fields: Any) -> Sku:
    given = {
        "name": code,
        "category": "",
        "unit": "",
        "unit_digits": 0,
        "barcodes": (),
        "active": True,
        "attributes": (),
        **fields,
    }
    return Sku(code, **given)


def shop(code: str, *, active: bool = True) -> Location:
    return Location(code, code, LocationKind.SHOP, active)


APPLE = sku("apple", unit="kg", unit_digits=3, barcodes=("111",))
PEAR = sku("pear", unit="piece")
KRAKOW = shop("krakow")
PRESENT = Catalog({"apple": APPLE, "pear": PEAR}, {"krakow": KRAKOW}, {"111": "apple"})


def decided(intent: Intent, *rows: Sku | Location, skip: bool = False) -> CatalogChange:
    skus = tuple(row for row in rows if isinstance(row, Sku))
    locations = tuple(row for row in rows if isinstance(row, Location))
    return change(PRESENT, ChangeCatalog(1, intent, skus, locations, skip))


@pytest.mark.parametrize(
    ("intent", "row", "written"),
    [
        (Intent.CREATE, sku("plum"), sku("plum", unit="piece")),
        (Intent.CREATE, sku("plum", unit="l", unit_digits=2), sku("plum", unit="l", unit_digits=2)),
        (Intent.CREATE, APPLE, Reason.CODE_TAKEN),
        (Intent.UPDATE, sku("plum"), Reason.SKU_NOT_FOUND),
        (Intent.UPDATE, sku("apple", name="Apple"), sku("apple", name="Apple", unit="kg", unit_digits=3)),
        (Intent.UPDATE, sku("apple", unit="piece"), Reason.FIELD_CONFLICT),
        (Intent.UPDATE, sku("apple", unit="kg", unit_digits=2), Reason.FIELD_CONFLICT),
        (Intent.UPDATE, APPLE, None),
        (Intent.UPDATE, APPLE._replace(unit="", unit_digits=0), None),
        (Intent.UPSERT, sku("plum"), sku("plum", unit="piece")),
        (Intent.UPSERT, APPLE, None),
        (Intent.UPSERT, sku("pear", barcodes=("111",)), Reason.CODE_TAKEN),
        (Intent.CREATE, shop("gdynia"), shop("gdynia")),
        (Intent.CREATE, KRAKOW, Reason.CODE_TAKEN),
        (Intent.UPDATE, shop("gdynia"), Reason.LOCATION_NOT_FOUND),
        (Intent.UPDATE, shop("krakow", active=False), shop("krakow", active=False)),
        (Intent.UPSERT, KRAKOW, None),
    ],
)
def test_what_is_written(intent: Intent, row: Sku | Location, written: Sku | Location | Reason | None) -> None:
    if isinstance(written, Reason):
        with pytest.raises(Refusal) as refused:
            decided(intent, row)
        assert refused.value.reason == written
        return
    found = decided(intent, row)
    assert (*found.skus, *found.locations) == ((written,) if written else ())
    assert found.moved is bool(written)
    last = found.last_sku or found.last_location
    assert last is not None
    assert last == (written or PRESENT.skus.get(row.code) or PRESENT.locations.get(row.code)), "complete also unchanged"


def test_rows_are_counted_by_what_became_of_them() -> None:
    found = decided(
        Intent.UPSERT, sku("plum"), sku("pear", name="Pear"), APPLE, KRAKOW, shop("gdynia"), shop("krakow"), skip=True
    )
    assert (found.created, found.updated, found.unchanged) == (2, 1, 2)
    assert {row: refusal.reason for row, refusal in found.refused.items()} == {5: Reason.CODE_TAKEN}


@pytest.mark.parametrize(
    ("intent", "rows", "field"),
    [
        (Intent.UPSERT, (sku("plum"), sku("apple", unit="g")), "skus[1]"),
        (Intent.UPSERT, (sku("plum"), KRAKOW, KRAKOW), "locations[1]"),
        (Intent.UPDATE, (sku("apple", unit="g"),), "sku"),
        (Intent.CREATE, (KRAKOW,), "location"),
    ],
)
def test_the_refused_row_is_named(intent: Intent, rows: tuple[Sku | Location, ...], field: str) -> None:
    with pytest.raises(Refusal) as refused:
        decided(intent, *rows)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("rows", "refused"),
    [
        ((sku("apple"), sku("pear", barcodes=("111",))), {}),
        ((sku("pear", barcodes=("111",)), sku("apple")), {0}),
        ((sku("plum", barcodes=("222",)), sku("pear", barcodes=("222",))), {1}),
        ((sku("apple", barcodes=("111", "222")), sku("pear", barcodes=("222",))), {1}),
        ((sku("pear", barcodes=("333", "333")),), {}),
    ],
)
def test_a_barcode_belongs_to_one_sku_at_every_row(rows: tuple[Sku, ...], refused: set[int]) -> None:
    assert set(decided(Intent.UPSERT, *rows, skip=True).refused) == set(refused)


BOXED = sku("tea", unit="piece", units=(("box", 12),), tracking=Tracking.LOTS)


@pytest.mark.parametrize(
    ("asked", "units", "field"),
    [
        ((), (("box", 12),), ""),  # nothing said of them: unchanged
        ((("box", 12),), (("box", 12),), ""),
        ((("pallet", 480), ("box", 12)), (("pallet", 480), ("box", 12)), ""),
        ((("box", 24),), Reason.FIELD_CONFLICT, "sku.units"),
        ((("pallet", 480),), Reason.FIELD_CONFLICT, "sku.units"),
        ((("box", 12), ("piece", 1)), Reason.UNIT_FORMAT, "sku.units[1].unit"),
    ],
)
def test_units_are_only_ever_added(
    asked: tuple[tuple[str, int], ...], units: tuple[tuple[str, int], ...] | Reason, field: str
) -> None:
    catalog = Catalog({"tea": BOXED}, {}, {})
    command = ChangeCatalog(1, Intent.UPDATE, (BOXED._replace(unit="", units=asked),))
    if isinstance(units, Reason):
        with pytest.raises(Refusal) as refused:
            change(catalog, command)
        assert (refused.value.reason, refused.value.field) == (units, field)
    else:
        found = change(catalog, command)
        assert found.last_sku is not None
        assert found.last_sku.units == units


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize(
    ("after", "other_kind"),
    [
        (BOXED._replace(tracking=Tracking.NONE), True),
        (BOXED._replace(tracking=Tracking.SERIALS), True),
        (BOXED._replace(tracking=Tracking.NONE, kind=SkuKind.VIRTUAL), True),
        (BOXED._replace(name="Tea", active=False, oversell_limit=0), False),
    ],
)
def test_what_has_moved_stays_the_kind_of_thing_it_is(after: Sku, other_kind: bool, moved: bool) -> None:
    catalog = Catalog({"tea": BOXED}, {}, {}, moved=frozenset({"tea"} if moved else ()))
    command = ChangeCatalog(1, Intent.UPDATE, (after,))
    if moved and other_kind:
        with pytest.raises(Refusal) as refused:
            change(catalog, command)
        assert refused.value.reason == Reason.SKU_IN_USE
    else:
        assert change(catalog, command).skus == (after,)


@pytest.mark.parametrize(
    ("after", "otherwise"),
    [
        (
            BOXED._replace(name="x", category="y", barcodes=("1",), attributes=(("a", "b"),), units=(("box", 12),)),
            False,
        ),
        (BOXED._replace(active=False), True),
        (BOXED._replace(kind=SkuKind.VIRTUAL), True),
        (BOXED._replace(tracking=Tracking.NONE), True),
        (BOXED._replace(oversell_limit=0), True),
        (BOXED._replace(preorder_until=date(2026, 12, 1), preorder_limit=1), True),
        (BOXED._replace(from_several_places=True), True),
        (BOXED._replace(components=(("a", 1),)), True),
    ],
)
def test_what_decisions_on_stock_see_of_a_sku(after: Sku, otherwise: bool) -> None:
    assert reshapes(BOXED, after) is otherwise
