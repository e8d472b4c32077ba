"""See who changed what, and prove that nobody has changed that.

Each change of stock, catalogue, channels and credentials has one entry, written with it: which channel and credential
asked, who there, from where, under which request_id, and what became of it; so have refused ones, and callers who were
turned away. Entries are chained by SHA-256: `inventory audit verify` computes every hash anew. The chain's end that it
prints, kept elsewhere, proves later that nothing before it was rewritten.

Example: inventory audit list --channel web --refused
"""

import asyncio
import json as encoder
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote

from cyclopts import App, Parameter

from inventory.cli.database import database
from inventory.cli.failure import Failed, printable
from inventory.cli.fitted import FittedTable, code, moment, number, whole, words
from inventory.cli.options import SERVER_DEFAULT, DataDir, DbSchema, Dsn, Json, OwnerDsn, Server
from inventory.cli.terminal import out, spinner
from inventory.v1 import audit_service_pb2 as pb2

if TYPE_CHECKING:
    from inventory.postgres.audit import Verified

app = App(name="audit", help=(__doc__ or ""))
ROWS = 50
CHANGES_MAX = 100
"""So many an entry tells of at most."""
_PEER = re.compile(r"(?:ipv4:|ipv6:)?\[?([^\[\]]*?)\]?(?::[0-9]+)?")
CODES = {
    0: "ok",
    3: "invalid",
    5: "not found",
    6: "exists",
    7: "denied",
    8: "limited",
    9: "refused",
    10: "aborted",
    16: "turned away",
}


@app.command
def verify(
    *,
    dsn: Dsn = None,
    owner_dsn: OwnerDsn = None,
    data_dir: DataDir = None,
    db_schema: DbSchema = None,
    expect: Annotated[str, Parameter(show_default=False)] = "",
    json: Json = False,
) -> int:
    """Compute every hash of the trail anew, and of the ledger that it covers, while the server runs or not.

    Exit code 1 when anything was changed, taken away or put in between; the first of it is named.

    Example: inventory audit verify --data-dir ./data

    Example: inventory audit verify --data-dir ./data --expect 1842:9f86d081884c7d65…

    Parameters
    ----------
    expect
        A chain's end that an earlier run has printed: it must still be there.
    """
    from inventory.postgres.audit import verify as work

    async def run() -> tuple["Verified | None", list[str]]:
        wrong: list[str] = []
        last = None
        kept = expect == ""
        with spinner() as progress:
            task = progress.add_task("batches of the audit trail", total=None)
            async for last in work(found):
                wrong += last.wrong
                kept = kept or _end(last) == expect or expect in last.ends_of
                progress.update(task, description=f"batch {last.batches:,} of the audit trail")
        return last, wrong + ([] if kept else [f"the chain never ended at {expect}"])

    if expect and not _is_end(expect):
        raise Failed("--expect is BATCH:HASH, as an earlier run has printed it")
    with database(dsn=dsn, owner_dsn=owner_dsn, data_dir=data_dir, db_schema=db_schema) as found:
        last, wrong = asyncio.run(run())
    assert last is not None
    if json:
        document = {"batches": last.batches, "end": _end(last), "wrong": wrong}
        print(encoder.dumps(document, ensure_ascii=False, indent=2))
    else:
        for line in wrong[:ROWS]:
            print(line)
        print(f"{'BROKEN' if wrong else 'ok'}: {last.batches:,} batches, the chain ends at {_end(last)}")
    return 1 if wrong else 0


@app.command(name="list")
def list_(
    *,
    channel: str = "",
    key_id: str = "",
    request_id: str = "",
    revision: int = 0,
    refused: Annotated[bool, Parameter(negative="")] = False,
    limit: int = ROWS,
    server: Server = SERVER_DEFAULT,
) -> int:
    """List entries, newest first.

    Example: inventory audit list --channel web --refused

    Parameters
    ----------
    channel
        Only this channel's.
    key_id
        Only those of this credential.
    request_id
        Only those of this request.
    revision
        Only that of this revision.
    refused
        Only what was refused.
    limit
        How many at most.
    """
    wanted = pb2.ListAuditEntriesRequest(
        channel=channel, key_id=key_id, request_id=request_id, revision=revision, refused=refused,
        with_changes=True,
    )  # fmt: skip
    wanted.page_size = max(1, min(limit, 1_000))
    table = FittedTable(
        [
            moment("when"), number("revision"), code("channel"), words("operator", 3), whole("key id", 2),
            whole("host", 1), whole("action"), whole("outcome"), words("what", 4),
        ]
    )  # fmt: skip

    async def read() -> int:
        listed = 0
        async for entry in _entries(server, wanted):
            if listed >= limit:
                break
            listed += 1
            table.add(
                f"{entry.recorded_at.ToDatetime():%Y-%m-%d %H:%M:%S}Z",
                f"{entry.revision:,}" if entry.revision else "",
                entry.channel,
                printable(entry.operator),
                entry.key_id,
                printable(_host(entry.peer)),
                entry.action,
                CODES.get(entry.code, f"code {entry.code}"),
                printable(_what(entry)),
            )
        return listed

    from inventory.cli.connection import run

    if run(read()):
        out().print(table)
    else:
        print("no entries")
    return 0


@app.command
def export(*, channel: str = "", server: Server = SERVER_DEFAULT) -> int:
    """Print the trail as JSON lines, newest first, each with what was before and after.

    Example: inventory audit export > audit.jsonl

    Parameters
    ----------
    channel
        Only this channel's.
    """
    wanted = pb2.ListAuditEntriesRequest(channel=channel, with_changes=True, page_size=500)

    async def read() -> None:
        async for entry in _entries(server, wanted):
            print(encoder.dumps(_json(entry), ensure_ascii=False))

    from inventory.cli.connection import run

    run(read())
    return 0


async def _entries(server: Server, wanted: pb2.ListAuditEntriesRequest) -> AsyncIterator[pb2.AuditEntry]:
    from inventory.cli.connection import connect

    async with connect(server) as client:
        async for entry in client.list_audit_entries(wanted):
            yield entry


def _host(peer: str) -> str:
    """Of gRPC's `ipv6:%5B::1%5D:36574`: `::1`. What isn't like it stays as it is."""
    found = _PEER.fullmatch(unquote(peer))
    return found[1] if found else peer


def _what(entry: pb2.AuditEntry) -> str:
    """The first thing that changed, and how many more; and what the ledger doesn't tell."""
    more = len(entry.changes) - 1
    count = f" +{more} {'or more' if len(entry.changes) >= CHANGES_MAX else 'more'}" if more > 0 else ""
    return " ".join(filter(None, (f"{entry.changes[0].subject}{count}" if entry.changes else "", entry.detail)))


def _end(found: "Verified") -> str:
    return f"{found.batches}:{found.chain.hex()}"


def _is_end(text: str) -> bool:
    batch, _, chain = text.partition(":")
    return batch.isdecimal() and len(chain) == 64 and all(letter in "0123456789abcdef" for letter in chain)


def _json(entry: pb2.AuditEntry) -> dict[str, object]:
    return {
        "batch": entry.batch,
        "ordinal": entry.ordinal,
        "recorded_at": entry.recorded_at.ToJsonString(),
        "revision": entry.revision or None,
        "channel": entry.channel,
        "key_id": entry.key_id,
        "operator": entry.operator,
        "peer": entry.peer,
        "action": entry.action,
        "request_id": entry.request_id or None,
        "code": entry.code,
        "detail": encoder.loads(entry.detail) if entry.detail else None,
        "changes": [
            {
                "kind": change.kind,
                "subject": change.subject,
                "before": encoder.loads(change.before) if change.before else None,
                "after": encoder.loads(change.after),
            }
            for change in entry.changes
        ],
    }
