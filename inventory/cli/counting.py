"""`inventory count`: stock-taking while selling goes on."""

import json as encoder
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter, validators

from inventory.cli.count_shown import count_document, differences, document, listed
from inventory.cli.csv_file import Columns, Complaint, CsvFile, CsvRefused, Findings, integer, shown
from inventory.cli.failure import Failed
from inventory.cli.options import CHANNEL_DEFAULT, SERVER_DEFAULT, ChannelCode, Json, Server
from inventory.cli.terminal import out
from inventory.domain.code import lot_code, sku_code
from inventory.domain.limits import COUNT_RECORD_LINES_MAX, ON_HAND_MAX
from inventory.domain.refusal import Reason, Refusal
from inventory.v1 import stock_count_service_pb2 as pb2

if TYPE_CHECKING:
    from inventory_client import InventoryClient

COLUMNS = Columns(("sku", "counted"), ("lot",))
REVISION_MAX = 2**63 - 1

app = App(
    name="count",
    help="Take stock while selling goes on: open a count, record what is on the shelves, look at the differences, post "
    "them. Numbers are in the SKU's smallest unit.",
)

CountId = Annotated[str, Parameter(help="The count, as `inventory count open` printed it.")]
State = Literal["open", "posted", "cancelled"]
_STATES = {
    None: pb2.STOCK_COUNT_STATE_UNSPECIFIED,
    "open": pb2.STOCK_COUNT_STATE_OPEN,
    "posted": pb2.STOCK_COUNT_STATE_POSTED,
    "cancelled": pb2.STOCK_COUNT_STATE_CANCELLED,
}


@app.command(name="open")
def open_(
    location: str,
    /,
    *,
    category: str = "",
    reason: str = "",
    reference: str = "",
    channel: ChannelCode = CHANNEL_DEFAULT,
    server: Server = SERVER_DEFAULT,
) -> int:
    """Open a count and print its id. Nothing is locked.

    Example: inventory count open shop-07 --category GROCERY --reference "INV 1/2026"

    Parameters
    ----------
    location
        Where to count.
    category
        Only this category and those below it. Default: everything there.
    reason
        Why, as the ledger shall say it.
    reference
        The document, as the ledger shall name it. Default: the count's id.
    """
    from inventory.cli.connection import connect, run

    async def send() -> pb2.StockCount:
        async with connect(server, channel) as client:
            if category:
                await _assert_category(client, category)
            answer = await client.open_stock_count(location, category=category, reason=reason, reference=reference)
            return answer.count

    print(run(send()).count_id)
    return 0


@app.command
def record(
    count_id: CountId,
    /,
    *counted: str,
    csv: Path | None = None,
    lot: str = "",
    at_revision: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=REVISION_MAX))] = 0,
    channel: ChannelCode = CHANNEL_DEFAULT,
    server: Server = SERVER_DEFAULT,
) -> int:
    """Record what is on the shelves, sellable or not. A SKU (and lot) that is recorded again is replaced.

    Example: inventory count record 0198f000-0000-7000-8000-000000000000 MILK-1L=17 BREAD=0

    Example: inventory count record 0198f000-0000-7000-8000-000000000000 --csv shelf-3.csv

    Parameters
    ----------
    counted
        SKU=NUMBER, as many as you like.
    csv
        A CSV file instead: UTF-8, commas, a header. Columns: sku, counted, and if you like lot.
    lot
        The lot of the SKUs on the command line, for those that are tracked by lots.
    at_revision
        When it was counted: later movements are not part of it. Default: now.
    """
    from inventory.cli.connection import run

    if bool(counted) == (csv is not None):
        raise Failed("say SKU=NUMBER, or --csv FILE")
    rows = _arguments(counted, lot) if csv is None else _file(csv)
    for line in run(_record(server, channel, count_id, rows, at_revision)):
        print(line)
    return 0


@app.command
def show(
    count_id: CountId,
    /,
    *,
    all: Annotated[bool, Parameter(negative="", show_default=False)] = False,  # noqa: A002 - the option's name
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Show what differs, which is what posting adds or has added.

    Example: inventory count show 0198f000-0000-7000-8000-000000000000

    Parameters
    ----------
    all
        Show also what is as it should be.
    """
    from inventory.cli.connection import connect, run

    async def read() -> pb2.GetStockCountResponse:
        async with connect(server) as client:
            return await client.get_stock_count(count_id, only_differences=not all)

    found = run(read())
    if json:
        print(encoder.dumps(document(found), ensure_ascii=False, indent=2))
        return 0
    out().print(differences(found))
    if found.count.state == pb2.STOCK_COUNT_STATE_OPEN:
        print(f"To post it: inventory count post {found.count.count_id} {found.count.version}")
    return 0


@app.command
def post(
    count_id: CountId,
    version: int,
    /,
    *,
    channel: ChannelCode = CHANNEL_DEFAULT,
    server: Server = SERVER_DEFAULT,
) -> int:
    """Add the differences to what is there now. What moved since it was counted stays.

    Example: inventory count post 0198f000-0000-7000-8000-000000000000 3

    Parameters
    ----------
    version
        The version whose differences you have looked at, as `inventory count show` says.
    """
    from inventory.cli.connection import WRITE_PATIENCE_S, connect, run

    async def send() -> pb2.PostStockCountResponse:
        async with connect(server, channel, patience_s=WRITE_PATIENCE_S) as client:
            return await client.post_stock_count(count_id, version)

    answer = run(send())
    print(f"posted as revision {answer.revision:,}" if answer.revision else "posted: nothing differed")
    return 0


@app.command
def cancel(count_id: CountId, /, *, channel: ChannelCode = CHANNEL_DEFAULT, server: Server = SERVER_DEFAULT) -> int:
    """Give a count up. Nothing moves.

    Example: inventory count cancel 0198f000-0000-7000-8000-000000000000
    """
    from inventory.cli.connection import connect, run

    async def send() -> None:
        async with connect(server, channel) as client:
            await client.cancel_stock_count(count_id)

    run(send())
    print("cancelled: nothing has moved")
    return 0


@app.command(name="list")
def list_(
    *,
    location: str = "",
    state: State | None = None,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """List counts, newest first.

    Example: inventory count list --state open --location shop-07

    Parameters
    ----------
    location
        Only at this location. Default: all.
    state
        Only in this state. Default: any.
    """
    from inventory.cli.connection import connect, run

    async def read() -> list[pb2.StockCount]:
        async with connect(server) as client:
            if location:  # else an unknown one would look like one that was never counted
                await client.get_location(location)
            return [count async for count in client.list_stock_counts(state=_STATES[state], location=location)]

    counts = run(read())
    if json:
        print(encoder.dumps([count_document(count) for count in counts], ensure_ascii=False, indent=2))
        return 0
    if not counts:
        print("no stock counts")
        return 0
    out().print(listed(counts))
    return 0


def _arguments(texts: Sequence[str], lot: str) -> list[pb2.CountedQuantity]:
    """Raises `Failed`."""
    rows = []
    for text in texts:
        sku, _, number = text.rpartition("=")
        try:
            rows.append(_counted(sku, number, lot))
        except Refusal as refusal:
            raise Failed(f"{shown(text)}: {refusal.reason} {refusal.message}; say SKU=NUMBER") from None
    return rows


def _file(path: Path) -> list[pb2.CountedQuantity]:
    """Raises `Failed` with what is wrong with the file."""
    findings = Findings()
    rows: dict[tuple[str, str], pb2.CountedQuantity] = {}
    with CsvFile(path, COLUMNS) as file:
        try:
            for number, fields in file.fields(findings.add):
                try:
                    row = _counted(*fields)
                    if (row.sku, row.lot) in rows:
                        raise Refusal(Reason.CSV_ROW, f"{shown(row.sku)} stands twice: say one number", field="sku")
                    rows[(row.sku, row.lot)] = row
                except Refusal as refusal:
                    findings.add_refusal(number, refusal)
        except CsvRefused as refused:
            findings.add(refused.complaint)
    if not rows and not findings.count:
        findings.add(Complaint(1, "", Reason.LINES_EMPTY, "there is no row after the header"))
    if findings.count:
        raise Failed(f"{path}: nothing was recorded", *findings.lines())
    return list(rows.values())


def _counted(sku: str, number: str, lot: str) -> pb2.CountedQuantity:
    """Raises `Refusal`."""
    counted = integer(number, "counted")
    if not 0 <= counted <= ON_HAND_MAX:
        raise Refusal(Reason.QUANTITY_OUT_OF_RANGE, f"counted is 0 to {ON_HAND_MAX}", field="counted")
    return pb2.CountedQuantity(sku=sku_code(sku, "sku"), counted=counted, lot=lot_code(lot, "lot") if lot else "")


async def _assert_category(client: "InventoryClient", category: str) -> None:
    """Raises `Failed` when no SKU is of it: such a count would be of nothing."""
    async for _ in client.list_skus(category=category):
        return
    raise Failed(f"no SKU is of the category {shown(category)}")


async def _record(
    server: Server, channel: str, count_id: str, rows: Sequence[pb2.CountedQuantity], at_revision: int
) -> list[str]:
    """Many rows go in several commands, all of the moment of the first."""
    from inventory.cli.connection import WRITE_PATIENCE_S, connect, failed
    from inventory_client import InventoryError

    done = differing = version = 0
    moment = at_revision
    async with connect(server, channel, patience_s=WRITE_PATIENCE_S) as client:
        for start in range(0, len(rows), COUNT_RECORD_LINES_MAX):
            some = rows[start : start + COUNT_RECORD_LINES_MAX]
            for row in some:
                row.at_revision = moment
            try:
                answer = await client.record_stock_count(count_id, some)
            except InventoryError as error:
                if not done:
                    raise
                rest = f"{done:,} lines before these are recorded; for the rest say --at-revision {moment}"
                raise Failed(*failed(error, server).lines, rest) from error
            moment = moment or answer.lines[0].at_revision
            done += len(answer.lines)
            differing += sum(line.difference != 0 for line in answer.lines)
            version = answer.count.version
    return [
        f"{done:,} lines recorded as of revision {moment:,}, {differing:,} of them differ",
        f"To see what differs in all: inventory count show {count_id} (version {version})",
    ]
