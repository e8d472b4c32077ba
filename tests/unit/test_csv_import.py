"""Every bad file is refused whole, with its rows named, before a server is asked."""

import csv
import io
from pathlib import Path

import pytest

from inventory.cli import csv_file, importing
from inventory.cli.csv_catalog import LOCATIONS, SKUS, location_row, sku_row
from inventory.cli.csv_file import Columns, CsvFile, Findings, integer
from inventory.cli.csv_rows import STOCK, lot_rows, stock_rows
from inventory.cli.failure import Failed
from inventory.cli.options import Server
from inventory.domain.refusal import Reason, Refusal
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1.stock_service_pb2 import LotLevel, ReceiveStockRequest, StockAdjustment

NOBODY = importing.StockOptions(server=Server(address="127.0.0.1:1"))
COMMANDS = {"skus": importing.skus, "locations": importing.locations, "stock": importing.stock}
STOCK_HEADER = b"sku,location,quantity\n"
LOT_HEADER = b"sku,location,quantity,lot,expires_on\n"


def refusal(path: Path, noun: str, content: bytes) -> tuple[str, list[str]]:
    """What is said of a file: the headline, and the rows."""
    file = path / "file.csv"
    file.write_bytes(content)
    with pytest.raises(Failed) as caught:
        COMMANDS[noun](file, options=NOBODY)
    head, *rows = caught.value.lines
    return head, [row.strip() for row in rows]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "the header, column sku: CSV_HEADER the file is empty"),
        (b"sku,location\nA,B\n", "the header, column quantity: CSV_HEADER the column is missing"),
        (b"sku,location,quantity,sku\n", "the header, column sku: CSV_HEADER the column stands twice"),
        (b"sku,location,qty\n", "the header, column qty: CSV_HEADER no such column; there are sku, location"),
        (
            b"sku;location;quantity\n",
            "the header: CSV_HEADER the columns are separated by semicolons: save the file with commas",
        ),
        (STOCK_HEADER + b"A,B\n", "row 2: CSV_SYNTAX the row has 2 fields, the header 3"),
        (STOCK_HEADER + b"A,B,1,\n", "row 2: CSV_SYNTAX the row has 4 fields, the header 3"),
        (STOCK_HEADER + b"A,B,1\n\n", "row 3: CSV_SYNTAX the row has 0 fields, the header 3 (an empty line)"),
        (
            STOCK_HEADER + b"A,B,1\nA,\0,1\n",
            "row 3: CSV_SYNTAX the line has a NUL byte: save the file as text, in UTF-8 (line 3)",
        ),
        (STOCK_HEADER + b"A,\xff,1\n", "row 2: CSV_SYNTAX the line is not UTF-8: save the file as UTF-8 (line 2)"),
        ("sku,location,quantity\n".encode("utf-16"), "the header: CSV_SYNTAX the line has a NUL byte"),
        (STOCK_HEADER + b'A,B,1\n"A,B,1\nA,B,2\n', "row 3: CSV_SYNTAX unexpected end of data (it begins in line 3)"),
        (STOCK_HEADER + b'"A"x,B,1\n', "row 2: CSV_SYNTAX ',' expected after '\"'"),
        (STOCK_HEADER + b"A," + b"x" * 131_073 + b",1\n", "row 2: CSV_SYNTAX field larger than field limit"),
        (STOCK_HEADER + b"A," * 600_000 + b"\n", "row 2: CSV_SYNTAX a line has at most"),
        (STOCK_HEADER + (b'"' + b"x" * 100_000 + b'\n",') * 43, "row 2: CSV_SYNTAX a line has at most"),
        (STOCK_HEADER + b",B,1\n", "row 2, column sku: SKU_FORMAT"),
        (STOCK_HEADER + b"A, B,1\n", "row 2, column location: LOCATION_FORMAT"),
        (STOCK_HEADER + "A\u202e,B,1\n".encode(), "row 2, column sku: SKU_FORMAT"),
        (STOCK_HEADER + "e\u0301,B,1\n".encode(), "row 2, column sku: SKU_FORMAT"),
        (STOCK_HEADER + b"A" * 65 + b",B,1\n", "row 2, column sku: SKU_FORMAT"),
        (STOCK_HEADER + b"A,B,0\n", "row 2, column quantity: QUANTITY_OUT_OF_RANGE"),
        (LOT_HEADER + b"A,B,1, L,\n", "row 2, column lot: LOT_FORMAT"),
        (LOT_HEADER + b"A,B,1,L,2026-02-30\n", "row 2, column expires_on: DATE_FORMAT '2026-02-30': a date is"),
        (LOT_HEADER + b"A,B,1,L,20260203\n", "row 2, column expires_on: DATE_FORMAT"),
        (LOT_HEADER + b"A,B,1,,2026-02-03\n", "row 2, column expires_on: CSV_ROW"),
        (STOCK_HEADER + b"A,B,-5\n", "row 2, column quantity: QUANTITY_OUT_OF_RANGE"),
        (STOCK_HEADER + b"A,B,1000000001\n", "row 2, column quantity: QUANTITY_OUT_OF_RANGE"),
        (
            b"sku,location,quantity,disposition\nA,B,1,broken\n",
            "row 2, column disposition: CSV_ROW 'broken' is not one of sellable, quality_control, damaged",
        ),
    ],
)
def test_a_bad_stock_file_is_refused_whole(tmp_path: Path, content: bytes, complaint: str) -> None:
    head, rows = refusal(tmp_path, "stock", content)
    assert head.endswith("is refused for 1 bad row; nothing was sent")
    assert len(rows) == 1
    assert rows[0].startswith(complaint)


@pytest.mark.parametrize(
    "text",
    [
        "", "1.5", "1.0", "true", "1e3", "NaN", "1e400", "9" * 5_000, "９", "1_000", " 5 ", "+5", "²", "1,000", "0x10",
        "--1", "-", "٣", "1\n", "𝟏",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_whole_number_is_not_one(tmp_path: Path, text: str) -> None:
    cell = '"' + text + '"'
    _, rows = refusal(tmp_path, "stock", STOCK_HEADER + f"A,B,{cell}\n".encode())
    assert rows[0].startswith("row 2, column quantity: NOT_AN_INTEGER")
    assert len(rows[0]) < 120


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("7", 7), ("007", 7), ("-12", -12), ("9" * 18, int("9" * 18))])
def test_ascii_digits_are_a_whole_number(text: str, value: int) -> None:
    assert integer(text, "n") == value


@pytest.mark.parametrize(
    ("header", "row", "complaint"),
    [
        ("sku,unit_digits", "A,7", "column unit_digits: UNIT_DIGITS_OUT_OF_RANGE"),
        ("sku,unit_digits", "A,1.0", "column unit_digits: NOT_AN_INTEGER"),
        ("sku,barcodes", "A,4006381333931 4006381333932", "column barcodes: BARCODE_FORMAT"),
        ("sku,barcodes", "A,４００６３８１３３３９３１", "column barcodes: BARCODE_FORMAT"),
        ("sku,name", "A," + "x" * 513, "column name: TEXT_FORMAT"),
        ("sku,active", "A,WAHR", "column active: CSV_ROW 'WAHR' is not one of true, false, yes, no, 1, 0, or empty"),
        ("sku,preorder_until,preorder_limit", "A,1.12.26,5", "column preorder_until: DATE_FORMAT '1.12.26': a date is"),
        ("sku,oversell", "A,lots", "CSV_ROW 'lots' is not deny, allow, a whole number, or empty"),
        ("sku,attributes", 'A,"{""a"": 1}"', "column attributes: CSV_ROW"),
        ("sku,attributes", 'A,"{""a"": ""1"", ""a"": ""2""}"', "column attributes: CSV_ROW"),
        ("sku,attributes", "A," + "[" * 100_000, "column attributes: CSV_ROW"),
        ("sku,attributes", 'A,"{""a"": ""1""} x"', "column attributes: CSV_ROW"),
        ("sku,attributes", 'A,"{""a"": ""\\ud800""}"', "column attributes: CSV_ROW"),
        ("sku,attributes", 'A,"{""a"": ""\\u0000""}"', "column attributes: TEXT_FORMAT"),
        ("sku", "A\nA", "CODE_TAKEN 'A' stands twice"),
    ],
)
def test_a_bad_sku_file_is_refused_whole(tmp_path: Path, header: str, row: str, complaint: str) -> None:
    _, rows = refusal(tmp_path, "skus", f"{header}\n{row}\n".encode())
    assert complaint in rows[0]
    assert len(rows) == 1


def test_an_unknown_kind_of_location_is_refused(tmp_path: Path) -> None:
    _, rows = refusal(tmp_path, "locations", b"location,kind\nL,kiosk\n")
    assert rows[0].startswith("row 2, column kind: CSV_ROW 'kiosk' is not one of warehouse, shop")


def test_the_first_twenty_bad_rows_are_named_and_the_others_counted(tmp_path: Path) -> None:
    head, rows = refusal(tmp_path, "stock", STOCK_HEADER + b"A,B,1\n" + b"A,B,x\n" * 1_234)
    assert "1,234 bad rows" in head
    assert [row.split(",")[0] for row in rows[:-1]] == [f"row {number}" for number in range(3, 23)]
    assert rows[-1] == "… and 1,214 more"


def test_a_complaint_shows_no_control_character(tmp_path: Path) -> None:
    _, rows = refusal(tmp_path, "stock", STOCK_HEADER + b"A,B,\x1b[2J\n")
    assert rows == ["row 2, column quantity: NOT_AN_INTEGER '\\x1b[2J' is not a whole number"]


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"nowhere.csv can't be read: No such file or directory$"):
        importing.stock(tmp_path / "nowhere.csv", options=NOBODY)


def rows_of(path: Path, content: bytes, columns: Columns) -> list[tuple[int, tuple[str, ...]]]:
    file = path / "file.csv"
    file.write_bytes(content)
    findings = Findings()
    with CsvFile(file, columns) as opened:
        rows = [(number, tuple(fields)) for number, fields in opened.fields(findings.add)]
    assert not findings.count
    return rows


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfsku,location,quantity\r\nA,B,1\r\n",  # BOM and CRLF, as spreadsheets write
        b"quantity,location,sku\n1,B,A",  # another order, no newline at the end
        b'"sku","location","quantity"\n"A","B","1"\n',
    ],
)
def test_what_people_s_programs_write_is_read(tmp_path: Path, content: bytes) -> None:
    assert rows_of(tmp_path, content, STOCK.columns) == [(2, ("A", "B", "1", "", "", ""))]


def test_a_line_break_in_a_cell_is_kept_and_rows_are_counted_as_a_spreadsheet_does(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, b'sku,name\nA,"one\r\ntwo"\nB,three\n', Columns(("sku",), ("name",)))
    assert rows == [(2, ("A", "one\r\ntwo")), (3, ("B", "three"))]


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(STOCK_HEADER)
    with CsvFile(path, STOCK.columns) as file:
        file.assert_unchanged()
        path.write_bytes(STOCK_HEADER + b"A,B,1\n")
        with pytest.raises(Failed, match="was changed while it was being read"):
            file.assert_unchanged()


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", 'say "hi"', "a,b", "two\r\nlines", " padded ", "\ttab", "", "'=x", "plain"]
)
def test_a_written_cell_is_read_back_as_it_was(cell: str) -> None:
    text = csv_file.line(["first", cell, "last"])
    assert next(csv.reader(io.StringIO(text, newline=""), strict=True)) == ["first", cell, "last"]
    assert cell[:1] not in ("=", "+", "-", "@") or f',"{cell}"' in text


def test_a_sku_is_read_back_as_it_was() -> None:
    sku = catalog_pb2.Sku(
        sku="=A", name="-x", category="A/B", unit="kg", unit_digits=3, barcodes=["4006381333931"], active=False,
        attributes={"brand": 'A "B"', "größe": "1\n2"},
    )  # fmt: skip
    assert SKUS.parse(sku_row(sku)) == sku


def test_a_location_is_read_back_as_it_was() -> None:
    location = catalog_pb2.Location(location="L", name="n", kind=catalog_pb2.LOCATION_KIND_SHOP, active=True)
    assert LOCATIONS.parse(location_row(location)) == location


def test_a_level_becomes_a_row_for_each_disposition_that_is_not_empty() -> None:
    level = core_pb2.Level(
        sku="A", location="L", quantities=core_pb2.Quantities(on_hand=2_500_000_010, damaged=3, held=5)
    )
    rows = list(stock_rows(level))
    assert rows == [
        ["A", "L", "1000000000", "sellable", "", ""],
        ["A", "L", "1000000000", "sellable", "", ""],
        ["A", "L", "500000007", "sellable", "", ""],
        ["A", "L", "3", "damaged", "", ""],
    ]
    parsed = [STOCK.parse(row) for row in rows]
    assert sum(row.delta for row in parsed if isinstance(row, StockAdjustment)) == level.quantities.on_hand
    lot = LotLevel(lot="L", expires_on="2031-01-01", location="P", quantities=core_pb2.Quantities(on_hand=5))
    assert list(lot_rows("A", lot)) == [["A", "P", "5", "sellable", "L", "2031-01-01"]]
    received = STOCK.parse(["A", "P", "5", "sellable", "L", "2031-01-01"])
    assert isinstance(received, ReceiveStockRequest)
    assert (received.location, received.lines[0].quantity, received.lines[0].lot) == ("P", 5, "L")


def test_a_refusal_of_the_reader_names_the_row() -> None:
    with pytest.raises(Refusal) as caught:
        integer("1.5", "quantity")
    assert (caught.value.reason, caught.value.field) == (Reason.NOT_AN_INTEGER, "quantity")


def test_a_batch_with_bundles_waits_for_those_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_ROWS", 2)
    path = tmp_path / "skus.csv"
    rows = ['A,bundle,"{""B"": 1}"', 'B,bundle,"{""Z1"": 1}"', *(f"Z{number},," for number in range(1, 6))]
    path.write_text("sku,kind,components\n" + "\n".join(rows))
    with CsvFile(path, SKUS.columns) as file:
        judged = importing._judge(SKUS, file)
        batches = list(importing._batches(SKUS, file, judged, importing.DEFAULTS))
    assert [([row.sku for row in batch.rows], batch.numbers, batch.alone) for batch in batches] == [
        (["Z1", "Z2"], [4, 5], False),
        (["Z3", "Z4"], [6, 7], False),
        (["Z5", "B"], [8, 3], True),
        (["A"], [2], True),
    ]
