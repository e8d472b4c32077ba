"""Files of SKUs and locations: what a cell may say, and that what is exported is read back as it was."""

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.cli import csv_file
from inventory.cli.csv_catalog import LOCATIONS, SKUS, location_row, sku_row
from inventory.cli.csv_rows import Judged, Table
from inventory.domain.catalog import Location, Sku
from inventory.domain.code import is_code
from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.limits import (
    COMPONENT_QUANTITY_MAX,
    HANDLING_MAX,
    PRIORITY_MAX,
    QUANTITY_MAX,
    TRANSIT_DAYS_MAX,
    UNIT_BYTES_MAX,
)
from inventory.domain.refusal import Refusal
from inventory.domain.topology import OVERSELL_UNLIMITED, LocationKind, Point, Use, Weekday
from inventory.rpc.catalog_messages import format_location, format_sku, parse_location, parse_sku

MANY = "{" + ", ".join(f'"{n}": 1' for n in range(51)) + "}"
BAD_SKUS = [
    ("kind", "Goods", "CSV_ROW"),
    ("tracking", "lot", "CSV_ROW"),
    ("tracking", "none", "CSV_ROW"),
    ("units", "box=12", "CSV_ROW"),
    ("units", "[1]", "CSV_ROW"),
    ("units", '{"box": 12, "box": 12}', "CSV_ROW"),
    ("units", '{"box": "12"}', "NOT_AN_INTEGER"),
    ("units", '{"box": 12.0}', "NOT_AN_INTEGER"),
    ("units", '{"box": true}', "NOT_AN_INTEGER"),
    ("units", '{"box": NaN}', "NOT_AN_INTEGER"),
    ("units", '{"box": 1e400}', "NOT_AN_INTEGER"),
    ("units", '{"box": ' + "9" * 5_000 + "}", "CSV_ROW"),
    ("units", '{"box": 0}', "QUANTITY_OUT_OF_RANGE"),
    ("units", '{"box": 1000000001}', "QUANTITY_OUT_OF_RANGE"),
    ("units", '{"box": ' + "9" * 40 + "}", "QUANTITY_OUT_OF_RANGE"),
    ("units", '{"": 1}', "UNIT_FORMAT"),
    ("units", '{"b\\u0000x": 1}', "UNIT_FORMAT"),
    ("units", '{"\\ud800": 1}', "CSV_ROW"),
    ("units", MANY, "TOO_MANY_LINES"),
    ("components", '{"A": 1}', "FIELD_CONFLICT"),
    ("from_several_places", "true", "FIELD_CONFLICT"),
    ("from_several_places", "2", "CSV_ROW"),
    ("oversell", "-1", "CSV_ROW"),
    ("oversell", "never", "CSV_ROW"),
    ("oversell", "0", "QUANTITY_OUT_OF_RANGE"),
    ("oversell", "٣", "CSV_ROW"),
    ("oversell", "1000000001", "QUANTITY_OUT_OF_RANGE"),
    ("preorder_until", "2026-12-01", "FIELD_REQUIRED"),
    ("preorder_limit", "5", "FIELD_REQUIRED"),
]
BAD_BUNDLES = [
    ("components", "", "FIELD_REQUIRED"),
    ("components", '{"A": 0}', "QUANTITY_OUT_OF_RANGE"),
    ("components", '{"A": 1000001}', "QUANTITY_OUT_OF_RANGE"),
    ("components", '{"A": 1.5}', "NOT_AN_INTEGER"),
    ("components", '{" A": 1}', "SKU_FORMAT"),
    ("components", MANY, "TOO_MANY_LINES"),
    ("tracking", "lots", "FIELD_CONFLICT"),
]
BAD_LOCATIONS = [
    ("country", "pl", "TEXT_FORMAT"),
    ("street", "x" * 257, "TEXT_FORMAT"),
    ("latitude", "50", "POINT_OUT_OF_RANGE"),
    ("longitude", "nan", "POINT_OUT_OF_RANGE"),
    ("priority", "-1", "QUANTITY_OUT_OF_RANGE"),
    ("priority", "1.0", "NOT_AN_INTEGER"),
    ("handling_s", "-1", "TTL_OUT_OF_RANGE"),
    ("handling_s", "1h", "TTL_OUT_OF_RANGE"),
    ("handling_s", "2592000.000001", "TTL_OUT_OF_RANGE"),
    ("handling_s", "0.0000001", "TTL_OUT_OF_RANGE"),
    ("cutoff", "24:00", "TIME_FORMAT"),
    ("cutoff", "7:00", "TIME_FORMAT"),
    ("cutoff", "１2:00", "TIME_FORMAT"),
    ("working_days", "0", "CSV_ROW"),
    ("working_days", "1 8", "CSV_ROW"),
    ("working_days", "mon", "CSV_ROW"),
    ("working_days", "5-1", "CSV_ROW"),
    ("working_days", "1-5 5", "FIELD_CONFLICT"),
    ("closed_on", "2026-02-30", "DATE_FORMAT"),
    ("closed_on", "2026-2-3", "DATE_FORMAT"),
    ("closed_on", "2026-12-24 2026-12-24", "FIELD_CONFLICT"),
    ("closed_on", " ".join(["2026-12-24"] * 367), "TOO_MANY_LINES"),
    ("time_zone", "Mars/Base", "TIME_ZONE_UNKNOWN"),
    ("time_zone", "../etc/passwd", "TIME_ZONE_UNKNOWN"),
    ("purposes", "online online", "FIELD_CONFLICT"),
    ("purposes", "walk-in", "CSV_ROW"),
    ("transit_days", "366", "QUANTITY_OUT_OF_RANGE"),
]
ROWS = [
    *((SKUS, {"sku": "S"}, *row) for row in BAD_SKUS),
    *((SKUS, {"sku": "S", "kind": "bundle", "components": '{"A": 1}'}, *row) for row in BAD_BUNDLES),
    *((SKUS, {"sku": "S", "preorder_limit": "1"}, "preorder_until", day, "DATE_FORMAT") for day in ("1.12.26", "soon")),
    *((LOCATIONS, {"location": "L"}, *row) for row in BAD_LOCATIONS),
    *(
        (LOCATIONS, {"location": "L", "longitude": "0"}, "latitude", text, "POINT_OUT_OF_RANGE")
        for text in ("90.1", "-91", "inf", "1e1", "+1", ".5", "5.", "５", "", "1 ", "9" * 30)
    ),
]


def parse(table: Table[Any], cells: dict[str, str]) -> Any:
    return table.parse([cells.get(column, "") for column in table.columns.all])


@pytest.mark.parametrize(("table", "good", "column", "text", "reason"), ROWS, ids=lambda each: ascii(each)[:40])
def test_a_bad_cell_is_named(table: Table[Any], good: dict[str, str], column: str, text: str, reason: str) -> None:
    parse(table, good | ({"latitude": "1"} if "longitude" in good else {}) | _both(column))
    with pytest.raises(Refusal) as refused:
        parse(table, {**good, column: text})
    other = {"preorder_until": "preorder_limit", "preorder_limit": "preorder_until", "latitude": "longitude"}
    expected = {column, other[column]} if reason == "FIELD_REQUIRED" and column in other else {column}
    if (column, text) == ("latitude", "50"):  # alone
        expected = {"longitude"}
    elif (column, text) == ("longitude", "nan"):
        expected = {"latitude"}
    assert refused.value.reason == reason
    assert refused.value.field in expected


def _both(column: str) -> dict[str, str]:
    return {"preorder_until": "2026-12-01", "preorder_limit": "1"} if column.startswith("preorder") else {}


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1-5", [1, 2, 3, 4, 5]),
        ("1,3,5", [1, 3, 5]),
        ("6 7 1", [6, 7, 1]),
        ("1-3, 7", [1, 2, 3, 7]),
        ("", []),
    ],
)
def test_working_days_are_numbers_and_ranges(text: str, days: list[int]) -> None:
    assert list(parse(LOCATIONS, {"location": "L", "working_days": text}).working_days) == days


CODES = st.text(min_size=1, max_size=16).filter(is_code)
UNITS = CODES.filter(lambda text: len(text.encode()) <= UNIT_BYTES_MAX and text != "piece")
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


def sku(kind: SkuKind, components: dict[str, int], several: bool, tracking: Tracking, **fields: Any) -> Sku:
    bundle = kind is SkuKind.BUNDLE
    preorder = fields.pop("preorder")
    return Sku(
        kind=kind,
        tracking=tracking if kind is SkuKind.GOODS else Tracking.NONE,
        components=tuple(components.items()) if bundle else (),
        from_several_places=several and bundle,
        preorder_until=preorder[0] if preorder else None,
        preorder_limit=preorder[1] if preorder else None,
        unit="piece",
        unit_digits=0,
        barcodes=(),
        category="",
        units=tuple(fields.pop("units").items()),
        attributes=tuple(sorted(fields.pop("attributes").items())),
        **fields,
    )


SKU_VALUES = st.builds(
    sku,
    code=CODES,
    name=TEXTS.filter(bool),
    active=st.booleans(),
    attributes=st.dictionaries(TEXTS, TEXTS, max_size=3),
    kind=st.sampled_from(SkuKind),
    tracking=st.sampled_from(Tracking),
    components=st.dictionaries(CODES, st.integers(1, COMPONENT_QUANTITY_MAX), min_size=1, max_size=5),
    several=st.booleans(),
    units=st.dictionaries(UNITS, st.integers(1, QUANTITY_MAX), max_size=5),
    oversell_limit=st.none() | st.just(0) | st.just(OVERSELL_UNLIMITED) | st.integers(1, QUANTITY_MAX),
    preorder=st.none() | st.tuples(DAYS, st.integers(1, QUANTITY_MAX)),
)
LOCATION_VALUES = st.builds(
    Location,
    code=CODES,
    name=TEXTS.filter(bool),
    kind=st.sampled_from(LocationKind),
    active=st.booleans(),
    address=st.fixed_dictionaries(
        {}, optional={"city": TEXTS.filter(bool), "country": st.just("PL"), "street": TEXTS.filter(bool)}
    ).map(lambda found: tuple(sorted(found.items()))),
    point=st.none() | st.builds(Point, st.floats(-90, 90), st.floats(-180, 180)),
    priority=st.integers(0, PRIORITY_MAX),
    handling=st.timedeltas(timedelta(0), HANDLING_MAX),
    cutoff_minute=st.none() | st.integers(0, 1439),
    working_days=st.integers(1, 127).map(Weekday),
    closed_on=st.sets(DAYS, max_size=7).map(lambda days: tuple(sorted(days))),
    time_zone=st.sampled_from(["UTC", "Europe/Warsaw", "America/Argentina/Buenos_Aires", "Etc/GMT+12"]),
    uses=st.integers(1, 7).map(Use),
    transit_days=st.integers(0, TRANSIT_DAYS_MAX),
)


def through_a_file(table: Table[Any], row: Callable[[Any], list[str]], message: Any) -> Any:
    text = csv_file.line(row(message))
    return table.parse(next(csv.reader(io.StringIO(text, newline=""), strict=True)))


@given(SKU_VALUES)
def test_an_exported_sku_is_imported_as_it_was(value: Sku) -> None:
    message = format_sku(value)
    assert through_a_file(SKUS, sku_row, message) == message
    assert parse_sku(message, "sku") == value


@given(LOCATION_VALUES)
def test_an_exported_location_is_imported_as_it_was(value: Location) -> None:
    message = format_location(value)
    assert through_a_file(LOCATIONS, location_row, message) == message
    assert parse_location(message, "location") == value


def test_bundles_are_sent_after_what_they_are_made_of() -> None:
    """What is not in the file is there, or will be refused."""
    rows = {
        "A": parse(SKUS, {"sku": "A", "kind": "bundle", "components": '{"B": 1, "c": 1}'}),
        "B": parse(SKUS, {"sku": "B", "kind": "bundle", "components": '{"c": 1, "elsewhere": 1}'}),
        "c": parse(SKUS, {"sku": "c"}),
    }
    judged = Judged()
    for message in rows.values():
        judged.add(SKUS, message)
    assert {code: judged.turn(SKUS, message) for code, message in rows.items()} == {"A": 2, "B": 1, "c": 0}


@pytest.mark.parametrize(
    ("text", "active"),
    [(text, True) for text in ("TRUE", "True", "true", "YES", "yes", "1")]
    + [(text, False) for text in ("FALSE", "False", "false", "NO", "no", "0")],
)
def test_a_spreadsheet_may_write_yes_and_no_its_way(text: str, active: bool) -> None:
    fields = {"sku": "A", "location": "B", "active": text}
    for table in (SKUS, LOCATIONS):
        assert table.parse([fields.get(column, "") for column in table.columns.all]).active is active
