"""Which servers serve, which channels were heard of at any of them, and whose credentials expire; all by the database's
clock."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from inventory.domain.alarm import (
    CREDENTIAL_FORGOTTEN_AFTER,
    CREDENTIAL_WARNING,
    CREDENTIAL_WARNING_SHARE,
    REPLICA_FORGOTTEN_AFTER,
    REPLICA_LOST_AFTER,
    Expiring,
    Lost,
    Silence,
)
from inventory.domain.audit import SERVER
from inventory.domain.credential import CredentialKind
from inventory.postgres.connection import Writer
from inventory.postgres.reads import Reader
from inventory.postgres.stock import Source
from inventory.postgres.trail import noting

KEPT = timedelta(days=7)


async def beat(source: Source, replica_id: UUID, address: str, version: str) -> None:
    """Says that it serves."""
    await source.fetch("beat", replica_id, address, version)


async def leave(source: Source, replica_id: UUID) -> None:
    """Says that it stops in order."""
    await source.fetch("leave", replica_id)


async def forget(reader: Reader) -> None:
    """Drops those that were last heard of long ago."""
    async with reader.change() as change:
        forgotten = len(await change.fetch("forget_replicas", KEPT))
        if forgotten:
            change.note("ForgetReplicas", 0, SERVER, {"replicas": forgotten})


async def read_lost(source: Source) -> list[Lost]:
    """Those that neither speak nor have left, and have no successor."""
    rows = await source.fetch("read_lost_replicas", REPLICA_LOST_AFTER, REPLICA_FORGOTTEN_AFTER)
    return [Lost(*row) for row in rows]


async def dismiss(source: Source, replica_ids: Collection[UUID]) -> None:
    """Somebody knows that they are lost: they count as having left."""
    await source.fetch("dismiss_replicas", list(replica_ids))


async def read_expiring(source: Source) -> list[Expiring]:
    """Credentials of channels that will soon have none of the kind."""
    rows = await source.fetch(
        "read_expiring_credentials", CREDENTIAL_WARNING, CREDENTIAL_WARNING_SHARE, CREDENTIAL_FORGOTTEN_AFTER
    )
    return [
        Expiring(
            {"channel": row["channel"], "key_id": row["key_id"]},
            f"{CredentialKind(row['kind']).name.lower()} {row['key_id']} of channel {row['channel']}",
            row["created_at"],
            row["expires_at"],
        )
        for row in rows
    ]


async def hear(source: Source, channels: Collection[str]) -> None:
    """Writes down that channels were heard of."""
    if channels:
        await source.fetch("put_heard", sorted(channels))


async def read_silences(source: Source) -> list[Silence]:
    """The channels that may be silent for so long and no longer."""
    await source.fetch("begin_hearing")
    rows = await source.fetch("read_silences", REPLICA_LOST_AFTER)
    return [Silence(*row) for row in rows]


async def move_selling(writer: Writer, channel_id: int, *, stops: bool) -> bool:
    """Has a channel stop selling, or go on, with its entry of the audit trail. False: it does already."""
    async with writer.transaction(), noting(writer) as change:
        rows = await change.fetch("move_selling", channel_id, stops, writer.database.notify_channel)
        if rows:
            action = "StopSelling" if stops else "ResumeSelling"
            change.note(action, channel_id, SERVER, revision=rows[0]["revision"])
    return bool(rows)
