"""`inventory serial`."""

import json as encoder

from rich.console import Group
from rich.text import Text

from inventory.cli.failure import printable
from inventory.cli.fitted import FittedTable, code, moment, number, whole
from inventory.cli.options import SERVER_DEFAULT, Json, Server
from inventory.cli.terminal import out
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2

_STATE_PREFIX = len("SERIAL_STATE_")
_DISPOSITION_PREFIX = len("DISPOSITION_")


def serial(sku: str, number: str, /, *, server: Server = SERVER_DEFAULT, json: Json = False) -> int:
    """Show where a single piece is, and what happened to it.

    Example: inventory serial PHONE 356938035643809

    Parameters
    ----------
    sku
        The SKU's code.
    number
        The piece's serial number.
    """
    from inventory.cli.connection import run

    found = run(_read(sku, number, server))
    if json:
        print(encoder.dumps(_document(found), ensure_ascii=False, indent=2))
    else:
        out().print(Group(_title(sku, number, found.present), _table(found)))
    return 0


async def _read(sku: str, number: str, server: Server) -> stock_pb2.GetSerialResponse:
    from inventory.cli.connection import connect

    async with connect(server) as client:
        return await client.get_serial(sku, number)


def _title(sku: str, number: str, present: stock_pb2.SerialEvent) -> Text:
    where = f" at {present.location}, {_disposition(present)}" if present.location else ""
    return Text(printable(f"{sku} {number}: {_state(present)}{where}"))


def _table(found: stock_pb2.GetSerialResponse) -> FittedTable:
    table = FittedTable(
        [
            number("revision"), moment("time"), whole("state"), code("location"), whole("disposition"),
            whole("reservation", 1), code("reference", 2),
        ],
        title="What happened to it, newest first",
    )  # fmt: skip
    for event in found.history:
        table.add(
            f"{event.revision:,}",
            f"{event.recorded_at.ToDatetime():%Y-%m-%d %H:%M:%S}Z",
            _state(event),
            event.location or "–",
            _disposition(event),
            f"…{event.reservation_id[-8:]}" if event.reservation_id else "–",
            event.reference,
        )
    return table


def _document(found: stock_pb2.GetSerialResponse) -> dict[str, object]:
    return {"present": _event_json(found.present), "history": [_event_json(event) for event in found.history]}


def _event_json(event: stock_pb2.SerialEvent) -> dict[str, object]:
    return {
        "revision": event.revision,
        "state": _state(event),
        "location": event.location or None,
        "disposition": _disposition(event),
        "reservation_id": event.reservation_id or None,
        "reference": event.reference or None,
        "recorded_at": event.recorded_at.ToJsonString(),
    }


def _state(event: stock_pb2.SerialEvent) -> str:
    try:
        return stock_pb2.SerialState.Name(event.state)[_STATE_PREFIX:].lower()
    except ValueError:  # of a newer server
        return str(event.state)


def _disposition(event: stock_pb2.SerialEvent) -> str:
    try:
        return core_pb2.Disposition.Name(event.disposition)[_DISPOSITION_PREFIX:].lower()
    except ValueError:  # of a newer server
        return str(event.disposition)
