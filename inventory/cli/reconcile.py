"""`inventory reconcile`."""

import json as encoder
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter, validators

from inventory.cli.csv_file import Columns, Complaint, CsvFile, CsvRefused, Findings, integer
from inventory.cli.failure import Failed, printable
from inventory.cli.fitted import FittedTable, code, moment, number, whole, words
from inventory.cli.options import CHANNEL_DEFAULT, SERVER_DEFAULT, ChannelCode, Json, Server
from inventory.cli.terminal import out, progress
from inventory.domain.code import location_code, sku_code
from inventory.domain.limits import RECONCILED_QUANTITY_MAX
from inventory.domain.refusal import Reason, Refusal
from inventory.v1 import reconciliation_service_pb2 as pb2

if TYPE_CHECKING:
    from inventory_client import OwnNumber

COLUMNS = Columns(("sku", "quantity"), ("location", "revision"))
REVISION_MAX = 2**63 - 1
DIFFERS = 3
"""The exit code when a number is wrong, missing or unknown."""
ROWS_SHOWN_MAX = 50
MENDED_MAX = 10
"""Wrong numbers that are named with the ledger's."""
LISTED_MAX = 50

Kind = Literal["available_to_sell", "available", "on_hand"]
_WRONG = (
    pb2.RECONCILIATION_ANSWER_DRIFT,
    pb2.RECONCILIATION_ANSWER_UNKNOWN,
    pb2.RECONCILIATION_ANSWER_MISSING,
)


def reconcile(
    file: Path | None = None,
    /,
    *,
    kind: Kind = "available_to_sell",
    revision: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=REVISION_MAX))] = None,
    missing: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    reference: str = "",
    list: Annotated[bool, Parameter(negative="", show_default=False)] = False,  # noqa: A002 - the option's name
    show: str = "",
    channel: ChannelCode = CHANNEL_DEFAULT,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Compare a channel's own numbers, from a CSV file, with the ledger: which are right, behind, or wrong.

    Columns: sku, quantity, and if you like location (of levels), revision (up to which the channel knows the changes of
    this row). Numbers are in the SKU's smallest unit. The file is checked whole before anything is sent. The exit code
    is 0 when all is equal or behind, 3 when a number is wrong, missing or unknown.

    Example: inventory reconcile shop.csv --channel web --missing

    Example: inventory reconcile shelf.csv --kind on_hand --revision 1500

    Example: inventory reconcile --list --channel web

    Parameters
    ----------
    file
        The CSV file: UTF-8, commas, a header.
    kind
        What the numbers are: what the channel may sell of a SKU, or what is available or on hand at a location.
    revision
        Up to where the channel knows the changes, of rows that don't say so themselves. Default: not known.
    missing
        Tell also what the file doesn't name and is not 0: of levels at the locations that it names.
    reference
        What to call it.
    list
        List the channel's reconciliations instead, newest first.
    show
        Show the answers that are kept of this reconciliation instead.
    """
    from inventory.cli.connection import run

    if (file is not None) + list + bool(show) != 1:
        raise Failed("say a FILE, or --list, or --show ID")
    if list:
        return _list(run(_read_list(server, channel)), json=json)
    if show:
        found, rows = run(_read_one(server, channel, show))
    else:
        assert file is not None
        found, rows = run(_compare(server, channel, file, kind, revision, reference, missing=missing))
    if json:
        print(encoder.dumps({**_document(found), "rows": [_row_document(row) for row in rows]}, ensure_ascii=False))
    else:
        _tell(found, rows)
    counts = found.counts
    return DIFFERS if counts.drift or counts.missing or counts.unknown else 0


async def _compare(
    server: Server, channel: str, path: Path, kind: Kind, revision: int | None, reference: str, *, missing: bool
) -> tuple[pb2.Reconciliation, list[pb2.ReconciledRow]]:
    """Raises `Failed`, also for what is wrong with the file."""
    from inventory.cli.connection import connect
    from inventory_client import Cursor

    rows: list[pb2.ReconciledRow] = []
    with CsvFile(path, COLUMNS) as file, progress() as bars:
        total = _judge(file, kind)
        async with connect(server, channel) as client:
            run = client.reconcile(
                lambda: _numbers(file, kind),
                kind,
                cursor=None if revision is None else Cursor("", revision),
                list_missing=missing,
                reference=reference,
            )
            bar = bars.add_task("compared", total=total)
            async for row in run:
                rows.append(row)
                bars.update(bar, completed=run.compared)
            bars.update(bar, completed=run.compared)
        file.assert_unchanged()
    assert run.result is not None
    return run.result, rows


def _judge(file: CsvFile, kind: Kind) -> int:
    """How many rows there are. Raises `Failed` with what is wrong with the file."""
    findings = Findings()
    count = 0
    try:
        if kind != "available_to_sell" and "location" not in file.header():
            raise Failed(f"{file.path}: this kind needs a column location, and the file has none; nothing was compared")
        for row, fields in file.fields(findings.add):
            count += 1
            try:
                _number(fields, kind)
            except Refusal as refusal:
                findings.add_refusal(row, refusal)
    except CsvRefused as refused:
        findings.add(refused.complaint)
    if not count and not findings.count:
        findings.add(Complaint(1, "", Reason.LINES_EMPTY, "there is no row after the header"))
    if findings.count:
        raise Failed(f"{file.path}: nothing was compared", *findings.lines())
    return count


def _numbers(file: CsvFile, kind: Kind) -> "Iterator[OwnNumber]":
    from inventory_client import Cursor, OwnNumber

    for _, fields in file.fields(lambda complaint: None):
        sku, location, quantity, revision = _number(fields, kind)
        if revision is None or location:
            yield OwnNumber(sku, quantity, location, None, revision or 0)
        else:
            yield OwnNumber(sku, quantity, location, Cursor("", revision))


def _number(fields: Sequence[str], kind: Kind) -> tuple[str, str, int, int | None]:
    """SKU, location, quantity, revision. Raises `Refusal`."""
    sku, quantity, location, revision = fields
    is_level = kind != "available_to_sell"
    if location and not is_level:
        raise Refusal(Reason.CSV_ROW, "what a channel may sell is of all its locations", field="location")
    amount, seen = integer(quantity, "quantity"), integer(revision, "revision") if revision else None
    if abs(amount) > RECONCILED_QUANTITY_MAX:
        raise Refusal(Reason.QUANTITY_OUT_OF_RANGE, f"quantity is at most {RECONCILED_QUANTITY_MAX}", field="quantity")
    if seen is not None and not 0 <= seen <= REVISION_MAX:
        raise Refusal(Reason.REVISION_FORMAT, f"a revision is 0 to {REVISION_MAX}", field="revision")
    return sku_code(sku, "sku"), location_code(location, "location") if is_level else "", amount, seen


async def _read_list(server: Server, channel: str) -> list[pb2.Reconciliation]:
    from inventory.cli.connection import connect

    found: list[pb2.Reconciliation] = []
    async with connect(server, channel) as client:
        async for each in client.list_reconciliations():
            found.append(each)
            if len(found) == LISTED_MAX:
                break
    return found


async def _read_one(
    server: Server, channel: str, reconciliation_id: str
) -> tuple[pb2.Reconciliation, list[pb2.ReconciledRow]]:
    from inventory.cli.connection import connect

    async with connect(server, channel) as client:
        found = await client.get_reconciliation(reconciliation_id)
        return found, [row async for row in client.list_reconciled(reconciliation_id)]


def _list(found: Sequence[pb2.Reconciliation], *, json: bool) -> int:
    if json:
        print(encoder.dumps([_document(each) for each in found], ensure_ascii=False, indent=2))
        return 0
    if not found:
        print("no reconciliations")
        return 0
    table = FittedTable(
        [
            whole("reconciliation"),
            moment("begun"),
            words("kind"),
            words("state"),
            number("equal"),
            number("behind"),
            number("drift"),
            number("missing"),
            number("unknown"),
            code("reference", leave_out=1),
        ]
    )
    for each in found:
        counts = each.counts
        table.add(
            each.reconciliation_id,
            f"{each.begun_at.ToDatetime():%Y-%m-%d %H:%M:%SZ}",
            _kind(each),
            _state(each),
            *(f"{n:,}" for n in (counts.equal, counts.behind, counts.drift, counts.missing, counts.unknown)),
            each.reference,
        )
    out().print(table)
    return 0


def _tell(found: pb2.Reconciliation, rows: Sequence[pb2.ReconciledRow]) -> None:
    """What isn't equal, the wrong ones first, and what mends it."""
    counts = found.counts
    ordered = sorted(rows, key=lambda row: row.answer not in _WRONG)
    if ordered:
        columns = [code("sku"), code("location"), words("answer"), number("yours"), number("ledger"), number("add")]
        table = FittedTable([*columns, number("since", leave_out=2), words("note", leave_out=1)])
        for row in ordered[:ROWS_SHOWN_MAX]:
            known = row.answer != pb2.RECONCILIATION_ANSWER_UNKNOWN
            table.add(
                row.sku,
                row.location,
                _answer(row),
                f"{row.given:,}",
                f"{row.current:,}" if known else "",
                f"{row.delta:+,}" if known else "",
                f"{row.differs_since:,}" if row.differs_since else "",
                "settings have changed since" if row.settings_changed_since else "",
            )
        out().print(table)
    if len(ordered) > ROWS_SHOWN_MAX:
        print(f"… and {len(ordered) - ROWS_SHOWN_MAX:,} more; with --json they are all told")
    print(
        f"{counts.equal:,} equal, {counts.behind:,} behind, {counts.drift:,} drift, {counts.missing:,} missing, "
        f"{counts.unknown:,} unknown: reconciliation {found.reconciliation_id} ({_state(found)})"
    )
    wrong = [row for row in ordered if row.answer in _WRONG and row.answer != pb2.RECONCILIATION_ANSWER_UNKNOWN]
    if wrong:
        for line in _mends(found, wrong):
            print(line)


def _mends(found: pb2.Reconciliation, wrong: Sequence[pb2.ReconciledRow]) -> Iterator[str]:
    first = wrong[0]
    sku = printable(first.sku)
    named = ", ".join(f"{printable(row.sku)}{_where(row)} to {row.current:,}" for row in wrong[:MENDED_MAX])
    more = f", … and {len(wrong) - MENDED_MAX:,} more" if len(wrong) > MENDED_MAX else ""
    yield f"To correct the channel, set each to the ledger's number: {named}{more}"
    if found.kind == pb2.RECONCILIATION_KIND_AVAILABLE_TO_SELL:
        yield f"To see why: inventory explain {sku} --channel {found.channel}"
    else:
        yield f"To see why: inventory stock {sku}"
    if found.kind == pb2.RECONCILIATION_KIND_ON_HAND:
        yield f"If the shelf is right and the ledger is not: inventory count open {printable(first.location)}"


def _where(row: pb2.ReconciledRow) -> str:
    return f" at {printable(row.location)}" if row.location else ""


def _document(found: pb2.Reconciliation) -> dict[str, Any]:
    counts = found.counts
    return {
        "reconciliation_id": found.reconciliation_id,
        "channel": found.channel,
        "kind": _kind(found),
        "state": _state(found),
        "reference": found.reference,
        "begun_at": found.begun_at.ToJsonString(),
        "ended_at": found.ended_at.ToJsonString() if found.HasField("ended_at") else None,
        "revision": found.revision,
        "dropped": found.dropped,
        "counts": {field.name: getattr(counts, field.name) for field in counts.DESCRIPTOR.fields},
    }


def _row_document(row: pb2.ReconciledRow) -> dict[str, Any]:
    return {
        "position": row.position if row.HasField("position") else None,
        "sku": row.sku,
        "location": row.location,
        "answer": _answer(row),
        "given": row.given,
        "current": row.current,
        "delta": row.delta,
        "then": row.then if row.HasField("then") else None,
        "differs_since": row.differs_since or None,
        "settings_changed_since": row.settings_changed_since,
    }


def _kind(found: pb2.Reconciliation) -> str:
    return pb2.ReconciliationKind.Name(found.kind).removeprefix("RECONCILIATION_KIND_").lower()


def _state(found: pb2.Reconciliation) -> str:
    return pb2.ReconciliationState.Name(found.state).removeprefix("RECONCILIATION_STATE_").lower()


def _answer(row: pb2.ReconciledRow) -> str:
    return pb2.ReconciliationAnswer.Name(row.answer).removeprefix("RECONCILIATION_ANSWER_").lower()
