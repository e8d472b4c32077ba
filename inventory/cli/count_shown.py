"""How stock counts look: as tables, as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from inventory.cli.fitted import FittedTable, code, moment, number, whole
from inventory.cli.movements import signed
from inventory.v1 import stock_count_service_pb2 as pb2

_STATE_PREFIX = len("STOCK_COUNT_STATE_")


def listed(counts: Sequence[pb2.StockCount]) -> FittedTable:
    table = FittedTable(
        [
            whole("count"), code("location"), code("category", 3), whole("state"), moment("opened", 1),
            code("reference", 4), number("lines"), number("version", 2),
        ]
    )  # fmt: skip
    for count in counts:
        table.add(
            count.count_id,
            count.location,
            count.category or "–",
            _state(count),
            _time(count.opened_at),
            count.reference or "–",
            f"{count.lines:,}",
            str(count.version),
        )
    return table


def differences(found: pb2.GetStockCountResponse) -> FittedTable:
    count = found.count
    category = f", {count.category}" if count.category else ""
    lots = any(line.lot for line in found.lines)
    more, less = _sums(line.difference for line in found.lines)
    footers = (f"{len(found.lines):,} lines", *([""] if lots else []), "", "", f"{signed(more)} {signed(less)}", "")
    table = FittedTable(
        [
            code("SKU"), *([code("lot")] if lots else []), number("counted"), number("in the books then"),
            number("difference"), number("as of revision", 1),
        ],
        title=f"Stock count of {count.location}{category}: {_state(count)}, version {count.version}",
        caption=f"{count.lines:,} lines are counted" + ("" if found.lines else ", and none differs"),
        footers=footers if found.lines else (),
    )  # fmt: skip
    for line in found.lines:
        style = "red" if line.difference < 0 else "yellow" if line.difference else ""
        table.add(
            line.sku,
            *([line.lot] if lots else []),
            f"{line.counted:,}",
            f"{line.on_hand:,}",
            Text(signed(line.difference), style),
            f"{line.at_revision:,}",
        )
    return table


def _sums(differences: Iterator[int]) -> tuple[int, int]:
    """What is too much, and what is missing."""
    more = less = 0
    for difference in differences:
        more, less = more + max(difference, 0), less + min(difference, 0)
    return more, less


def _state(count: pb2.StockCount) -> str:
    try:
        return pb2.StockCountState.Name(count.state)[_STATE_PREFIX:].lower()
    except ValueError:  # of a newer server
        return str(count.state)


def _time(time: Any) -> str:
    return f"{time.ToDatetime():%Y-%m-%d %H:%M:%S}Z"


def count_document(count: pb2.StockCount) -> dict[str, Any]:
    return {
        "count_id": count.count_id,
        "location": count.location,
        "category": count.category,
        "state": _state(count).upper(),
        "version": count.version,
        "lines": count.lines,
        "reference": count.reference,
        "reason": count.reason,
        "channel": count.channel,
        "opened_at": count.opened_at.ToJsonString(),
        "ended_at": count.ended_at.ToJsonString() if count.HasField("ended_at") else None,
    }


def document(found: pb2.GetStockCountResponse) -> dict[str, Any]:
    names = ("sku", "lot", "counted", "on_hand", "at_revision", "difference")
    return {
        **count_document(found.count),
        "counted": [{name: getattr(line, name) for name in names} for line in found.lines],
    }
