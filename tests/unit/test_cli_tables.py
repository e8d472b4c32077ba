"""The tables of the command line in a terminal of 80 columns, with codes as long as they may be."""

import io
import re
from datetime import UTC, datetime

import pytest
from rich.console import Console, Group, RenderableType

from inventory.cli import channel, count_shown, fitted, lots, serial, stock, terminal, transfer
from inventory.cli.terminal import Out
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import stock_count_service_pb2 as count_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import transfer_service_pb2 as transfer_pb2

SKU = "SHIRT-" + "0123456789" * 5 + "-BLUE-XL"
PLACE = "warehouse-" + "abcdefghij" * 5 + "-hal"
LOT = "LOT-" + "9876543210" * 6
ID = "0198f000-0000-7000-8000-000000000000"
YESTERYEAR = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)
FEW = core_pb2.Quantities(on_hand=1_234_567, held=1_000, allocated=23_456, available=1_210_111)
ALL = core_pb2.Quantities(
    on_hand=1_234_567, held=1_001, allocated=23_456, available=1_210_111, quality_control=1_002, damaged=1_003,
    quarantined=1_004, backordered=1_005, in_transit=1_006, incoming=1_007,
)  # fmt: skip


def rendered(shown: RenderableType, width: int = 80) -> str:
    """Fails where a line is too long, or something is cut but the reservation."""
    console = Console(width=width, file=io.StringIO())
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text.replace("…1e0f2a01", "")
    return text


def columns_of(text: str) -> str:
    """What stands below each other read downwards, a column after the other."""
    lines = [line for line in text.splitlines() if line.strip(" ─━")]
    starts = sorted({found.start() for line in lines for found in re.finditer(r"(?<!\S)\S", line)})
    words: dict[int, str] = dict.fromkeys(starts, "")
    for line in lines:
        for found in re.finditer(r"\S+", line):
            words[found.start()] += found[0]
    return " ".join(words.values())


def level(quantities: core_pb2.Quantities) -> core_pb2.Level:
    return core_pb2.Level(location=PLACE, quantities=quantities, revision=12_345_678)


def movement() -> core_pb2.Movement:
    made = core_pb2.Movement(
        revision=12_345_678,
        sku=SKU,
        location=PLACE,
        kind=core_pb2.MOVEMENT_KIND_FULFILMENT,
        channel="web-shop",
        reservation_id="0b6f7f0e-3a52-4f5e-9d3e-6f6b1e0f2a01",
        reference="order-4711",
        delta=core_pb2.Quantities(on_hand=-2_000, allocated=-2_001),
        after=FEW,
    )
    made.recorded_at.FromDatetime(YESTERYEAR)
    return made


def test_the_last_movements_keep_every_number_and_the_day() -> None:
    sku = catalog_pb2.Sku(sku=SKU, name=SKU, unit="pcs", active=True)
    shown = Group(stock._levels(sku, [level(FEW)]), stock._ledger(sku, [movement()]))
    text = rendered(shown)
    for whole in ("1,234,567", "1,000", "23,456", "1,210,111", "2025-03-04", "fulfilment", "-2,000,", "-2,001"):
        assert whole in text
    assert columns_of(text).count(PLACE) == 2


@pytest.mark.parametrize("width", [80, 200])
def test_what_waits_and_what_comes_is_shown_where_there_is_some(width: int) -> None:
    sku = catalog_pb2.Sku(sku="A", name="A", unit="pcs", active=True)
    text = rendered(stock._levels(sku, [level(ALL), level(FEW)]), width)
    for whole in ("1,001", "1,002", "1,003", "1,004", "1,005", "1,006", "1,007", "1,234,567", "1,210,111", "2,469,134"):
        assert whole in text
    document = stock._document(sku, [level(ALL)], [])["levels"][0]
    assert (document["backordered"], document["in_transit"], document["incoming"]) == (1_005, 1_006, 1_007)
    assert "incoming" not in rendered(stock._levels(sku, [level(FEW)]), width)


def test_lots_are_shown_whole() -> None:
    found = stock_pb2.LotLevel(lot=LOT, expires_on="2026-12-24", location=PLACE, quantities=FEW)
    text = rendered(lots._table([found]))
    for whole in ("1,234,567", "1,000", "23,456", "1,210,111", "2026-12-24"):
        assert whole in text
    assert LOT in columns_of(text)
    assert PLACE in columns_of(text)
    found.quantities.CopyFrom(ALL)
    text = rendered(lots._table([found]))
    for whole in ("1,234,567", "1,001", "23,456", "1,210,111", "1,002", "1,003", "1,004", "2026-12-24"):
        assert whole in text


def test_counts_are_listed_with_ids_to_copy() -> None:
    count = count_pb2.StockCount(
        count_id=ID, location=PLACE, category="FOOD/" + "CHEESE" * 10, state=count_pb2.STOCK_COUNT_STATE_OPEN,
        version=17, lines=123_456, reference="INV " + "x" * 124,
    )  # fmt: skip
    count.opened_at.FromDatetime(YESTERYEAR)
    text = rendered(count_shown.listed([count]))
    for whole in (ID, "open", "2025-03-04", "123,456"):
        assert whole in text
    assert PLACE in columns_of(text)


def test_the_hour_is_shown_of_what_was_today() -> None:
    now = datetime.now(UTC)
    count = count_pb2.StockCount(count_id=ID, location=PLACE, reference="x" * 128)
    count.opened_at.FromDatetime(now)
    assert f"{now:%H:%M}Z" in rendered(count_shown.listed([count]))


def test_the_differences_of_a_count_are_whole() -> None:
    line = count_pb2.StockCountLine(
        sku=SKU, lot=LOT, counted=1_234_567, on_hand=2_345_678, at_revision=98_765_432, difference=-1_111_111
    )
    text = rendered(count_shown.differences(count_pb2.GetStockCountResponse(lines=[line])))
    for whole in ("1,234,567", "2,345,678", "-1,111,111"):
        assert whole in text
    assert SKU in columns_of(text)


def test_transfers_are_listed_with_ids_to_copy_and_shown_line_by_line() -> None:
    line = transfer_pb2.TransferLine(
        sku=SKU, lot=LOT, requested=1_234_567, shipped=1_234_566, received=1_000_000, missing=1, difference_reason="wet"
    )
    found = transfer_pb2.Transfer(
        transfer_id=ID, state=transfer_pb2.TRANSFER_STATE_SHIPPED, from_location=PLACE, to_location=PLACE[::-1],
        lines=[line], reason="refill", reference="x" * 128, expected_on="2026-12-24",
    )  # fmt: skip
    text = rendered(transfer._listed([found]))
    for whole in (ID, "shipped", "234,565"):
        assert whole in text
    assert PLACE in columns_of(text)
    assert PLACE[::-1] in columns_of(text)
    text = rendered(transfer._shown(found))
    for whole in ("1,234,567", "1,234,566", "1,000,000"):
        assert whole in text


def test_channels_and_their_skus_are_shown_whole() -> None:
    view = channel_pb2.ChannelView(
        buffer=999_999_999, cap=1_000_000_000, share_bp=2_500, oversell=core_pb2.OversellPolicy(limit=987_654_321)
    )
    found = channel_pb2.Channel(
        channel="marketplace-of-the-whole-country"[:32], name="For people " * 9, locations=[PLACE],
        kind=channel_pb2.CHANNEL_KIND_MARKETPLACE, view=view, min_life_days=3_650,
    )  # fmt: skip
    for text in (
        rendered(channel._table([found])),
        rendered(channel._sku_table("amazon", [channel_pb2.ChannelSku(sku=SKU, view=view)])),
    ):
        for whole in ("999999999", "1000000000", "2500", "987654321"):
            assert whole in text


def test_the_history_of_a_piece_is_whole() -> None:
    event = stock_pb2.SerialEvent(
        revision=12_345_678, state=stock_pb2.SERIAL_STATE_IN_STOCK, location=PLACE, reference="x" * 128,
        disposition=core_pb2.DISPOSITION_QUALITY_CONTROL, reservation_id="0b6f7f0e-3a52-4f5e-9d3e-6f6b1e0f2a01",
    )  # fmt: skip
    event.recorded_at.FromDatetime(YESTERYEAR)
    text = rendered(serial._table(stock_pb2.GetSerialResponse(present=event, history=[event])))
    for whole in ("12,345,678", "2025-03-04", "in_stock", "quality_control"):
        assert whole in text
    assert PLACE in columns_of(text)


def test_a_pipe_has_whole_lines_unless_its_width_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert terminal.out().width == terminal.PIPE_COLUMNS
    monkeypatch.setenv("COLUMNS", "80")
    assert terminal.out().width == 80


@pytest.mark.parametrize(("width", "terminal", "told"), [(20, True, True), (80, True, False), (20, False, False)])
def test_a_terminal_is_told_that_columns_are_left_out(
    width: int, terminal: bool, told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    table = fitted.FittedTable([fitted.whole("key"), fitted.number("count"), fitted.words("note", leave_out=1)])
    table.add("a" * 8, "1,234,567", "n" * 20)
    Out(width=width, file=io.StringIO(), force_terminal=terminal).print(table)
    assert capsys.readouterr().err == ("some columns are left out: widen the terminal, or --json\n" if told else "")
