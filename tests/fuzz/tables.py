"""What a database holds, as a checksum of each table: without exactly what servers write there on their own account."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

OWN = ("alarm_cursor", "alarm_delivery", "alarm_notice", "audit_batch", "channel_heard")
"""Tables that no call writes a change into."""
OWN_COLUMNS = {
    "alarm": ("last_seen_at", "closed_at"),
    "credential": ("last_used_at",),
    "feed_head": ("audited", "chain", "revision"),
    "reconciliation": ("state", "heard_at", "ended_at"),  # a stream that was cut is ended a moment later
    "replica": ("seen_at",),
}
OF_CALLS = {
    "alarm": "acknowledged_at IS NOT NULL",
    "alarm_version": "event = 2",  # acknowledged; servers open and close
    # A change; who is turned away is noted too, what servers do, and, a moment later, that a stream was cut.
    "audit_entry": "code = 0 AND operator <> 'server' AND coalesce(detail, '') NOT LIKE '%\"UNFINISHED\"%'",
}
"""Which rows of a table a call has made."""
REVISIONS = "SELECT revision - (SELECT count(DISTINCT revision) FROM alarm_version WHERE event <> 2) FROM feed_head"
"""How many there are, without those that alarms took."""


async def checksums(sql: asyncpg.Connection, without: Collection[str] = ()) -> dict[str, str]:
    """Of every table's rows, and the number of revisions. `without`: tables that are left out."""
    found = await sql.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    tables = {str(row["tablename"]) for row in found}
    assert tables >= {*OWN, *OWN_COLUMNS, *OF_CALLS}
    sums = {"revisions": str(await sql.fetchval(REVISIONS))}
    for name in sorted(tables.difference(OWN, without)):
        query = (
            "SELECT md5(string_agg(found, ',' ORDER BY found)) FROM"
            f" (SELECT (to_jsonb(row) - $1::text[])::text AS found FROM {name} AS row"
            f" WHERE {OF_CALLS.get(name, 'true')}) AS a"
        )
        sums[name] = str(await sql.fetchval(query, list(OWN_COLUMNS.get(name, ()))))
    return sums
