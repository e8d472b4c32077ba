"""Accesses and credentials: read by every server, changed one change at a time."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from inventory.domain.access import CREDENTIALS_MAX, FULL_ACCESS, NO_ACCESS, Access, last_admin, scopes_of
from inventory.domain.audit import SERVER
from inventory.domain.credential import TOKEN_RANDOM_BYTES, Credential, CredentialKind, digest, make_token
from inventory.domain.refusal import Reason, Refusal, location_not_found
from inventory.postgres import queries
from inventory.postgres.connection import Database
from inventory.postgres.errors import classified
from inventory.postgres.reads import Reader, Snapshot, make_channel
from inventory.postgres.trail import Change, noting

ADMIN_CHANNEL = "admin"
"""Of those who have no channel but the database."""

ADMIN_LASTS = timedelta(days=1)
"""An admin that ends sooner may be one that has just been replaced: it is no reason to let the last other one go."""


class Version(NamedTuple):
    """Of accesses and credentials; `in_force` counts the latter."""

    number: int
    in_force: int


class Admins(NamedTuple):
    """Of the credentials in force that may do everything: whether there is one, and one that `lasts` for a while."""

    is_there: bool
    lasts: bool


class InForce(NamedTuple):
    """A credential that opens the door now. `expires_in`: as of the look; None: never."""

    digest: bytes
    key_id: str
    kind: CredentialKind
    expires_in: timedelta | None
    channel_id: int
    channel: str
    access: Access


class ChannelAccess(NamedTuple):
    """What a channel may do, and the codes of its locations."""

    channel: str
    access: Access
    locations: tuple[str, ...]


class NewCredential(NamedTuple):
    """`ttl`: how long it lasts, None: for ever; `ends_at`: when it ends by itself, as a certificate does."""

    key_id: str
    kind: CredentialKind
    digest: bytes
    name: str
    ttl: timedelta | None = None
    ends_at: datetime | None = None


@asynccontextmanager
async def changing(database: Database) -> AsyncIterator[Change]:
    """A transaction that has everything of accesses and credentials to itself. Leaving it normally commits, with what
    was noted. Raises a `StorageError`."""
    connection = await database.connect()
    try:
        async with connection.transaction(), noting(Snapshot(connection, queries.load())) as change:
            await change.fetch("lock_access")
            yield change
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise classified(error) from error
    finally:
        connection.terminate()


async def version(reader: Reader) -> Version:
    return Version(*(await reader.fetch("read_access_version"))[0])


async def in_force(reader: Reader) -> list[InForce]:
    """Every credential that is."""
    return [
        InForce(
            row["digest"],
            row["key_id"],
            CredentialKind(row["kind"]),
            row["expires_in"],
            row["channel_id"],
            row["channel"],
            NO_ACCESS if row["scopes"] is None else _access(row),
        )
        for row in await reader.fetch("read_credentials_in_force")
    ]


async def accesses(reader: Reader, channel: str | None, after: str, limit: int) -> list[ChannelAccess]:
    """A page by channel."""
    rows = await reader.fetch("read_accesses", channel, after, limit)
    return [ChannelAccess(row["channel"], _access(row), tuple(row["locations"])) for row in rows]


async def credentials(reader: Reader, channel: str | None, after: str, limit: int) -> list[Credential]:
    """A page by channel and age. `after`: the last page's last key id; '' for the first page."""
    return [_credential(row) for row in await reader.fetch("read_credentials", channel, None, None, after, limit)]


async def note_used(reader: Reader, key_ids: Sequence[str]) -> None:
    await reader.fetch("note_used", key_ids)


async def find_channel(reader: Reader, code: str) -> int | None:
    """The number of a channel that exists."""
    rows = await reader.fetch("find_channel", code, None)
    return int(rows[0][0]) if rows else None


async def set_access(change: Change, channel: str, access: Access, locations: Sequence[str]) -> Access:
    """Replaces what a channel may do, and makes the channel when it is new; gives the access before. Raises
    LOCATION_NOT_FOUND, LAST_ADMIN."""
    numbers = dict(await change.fetch("read_location_numbers", locations)) if locations else {}
    for position, code in enumerate(locations):
        if code not in numbers:
            refusal = location_not_found(code)
            refusal.field = f"access.locations[{position}]"
            raise refusal
    channel_id, _ = await make_channel(change, channel)
    before = await change.fetch("read_accesses", channel, "", 1)
    location_ids = [numbers[code] for code in locations]
    had = await _admins(change)
    await change.fetch("write_access", channel_id, sorted(access.scopes), location_ids, access.categories, *access[3:])
    left = await _admins(change)
    if (had.is_there and not left.is_there) or (had.lasts and not left.lasts):
        raise last_admin(channel)
    return _access(before[0]) if before else NO_ACCESS


async def add_credential(
    change: Change, channel_id: int, channel: str, new: NewCredential, request_id: UUID | None
) -> Credential:
    """Raises CREDENTIAL_LIMIT, CODE_TAKEN."""
    counted = await change.fetch("count_credentials", channel_id, new.kind)
    if counted[0][0] >= CREDENTIALS_MAX:
        raise Refusal(
            Reason.CREDENTIAL_LIMIT,
            f"channel {channel!r} has {CREDENTIALS_MAX} of them in force: revoke one first",
            metadata={"channel": channel, "max": str(CREDENTIALS_MAX)},
        )
    row = (new.key_id, channel_id, new.kind, new.digest, new.name, new.ttl, new.ends_at, request_id)
    if not await change.fetch("write_credential", *row):
        raise Refusal(Reason.CODE_TAKEN, "this certificate is bound, or was revoked", field="certificate")
    found = await find_credential(change, new.key_id)
    assert found is not None
    return found[1]


async def find_credential(change: Change, key_id: str) -> tuple[int, Credential] | None:
    """Its channel's number, and what is known of it."""
    rows = await change.fetch("read_credentials", None, key_id, None, "", 1)
    return (rows[0]["channel_id"], _credential(rows[0])) if rows else None


async def made_by(change: Change, request_id: UUID) -> Credential | None:
    """The credential that an earlier call with this request_id has made."""
    rows = await change.fetch("read_credentials", None, None, request_id, "", 1)
    return _credential(rows[0]) if rows else None


async def revoke(change: Change, key_id: str, after: timedelta = timedelta(0)) -> int:
    """Its channel's number. Raises CREDENTIAL_NOT_FOUND when none of this id is in force, LAST_ADMIN."""
    had = await _admins(change)
    channel_id, channel = await _revoke(change, key_id, after)
    left = await _admins(change)
    is_replaced = bool(after)  # by one that comes next
    if (had.is_there and not left.is_there) or (had.lasts and not left.lasts and not is_replaced):
        raise last_admin(channel)
    return channel_id


async def _admins(change: Change) -> Admins:
    return Admins(*(await change.fetch("has_admin", ADMIN_LASTS))[0])


async def _revoke(change: Change, key_id: str, after: timedelta = timedelta(0)) -> tuple[int, str]:
    """Its channel's number and code; also of the last admin."""
    rows = await change.fetch("revoke_credential", key_id, after)
    if not rows:
        raise Refusal(
            Reason.CREDENTIAL_NOT_FOUND,
            f"no credential {key_id!r} is in force",
            metadata={"key_id": key_id},
            resource=("credential", key_id),
        )
    return int(rows[0]["channel_id"]), rows[0]["channel"]


async def first_admin(database: Database) -> str | None:
    """When nobody may do everything: a token that may, whose channel is `admin`. Raises a `StorageError`."""
    async with changing(database) as change:
        if (await _admins(change)).is_there:
            return None
        return await new_admin(change, "the first")


async def new_admin(change: Change, name: str) -> str:
    """A token that may do everything, for whoever has the database. It comes in the oldest one's place when its channel
    has as many as it may: nobody may have them any more."""
    before = await set_access(change, ADMIN_CHANNEL, FULL_ACCESS, ())
    channel_id = await channel_id_of(change, ADMIN_CHANNEL)
    assert channel_id is not None
    await _make_room(change, channel_id, before)
    token = make_token(secrets.token_bytes(TOKEN_RANDOM_BYTES))
    new = NewCredential(token.key_id, CredentialKind.TOKEN, digest(token.text), name)
    made = await add_credential(change, channel_id, ADMIN_CHANNEL, new, None)
    change.note("CreateToken", channel_id, SERVER, {"channel": ADMIN_CHANNEL, "key_id": made.key_id})
    return token.text


async def _make_room(change: Change, channel_id: int, before: Access) -> None:
    """Revokes the tokens for which there is no place beside a new one. Whoever came as the admins' channel when it
    might do less must not come to more by its becoming theirs: then all credentials go."""
    rows = await change.fetch("read_credentials", ADMIN_CHANNEL, None, None, "", None)
    gone = [row for row in rows if row["in_force"]]
    if before.is_admin:
        tokens = [row for row in gone if row["kind"] == CredentialKind.TOKEN]
        gone = tokens[: max(0, len(tokens) - CREDENTIALS_MAX + 1)]
    else:
        detail = {"channel": ADMIN_CHANNEL, "before": sorted(scope.text for scope in before.scopes), "after": ["admin"]}
        change.note("SetAccess", channel_id, SERVER, detail)
    for row in gone:
        await _revoke(change, row["key_id"])
        change.note("RevokeCredential", channel_id, SERVER, {"channel": ADMIN_CHANNEL, "key_id": row["key_id"]})


async def channel_id_of(change: Change, code: str) -> int | None:
    """The number of a channel that has an access."""
    rows = await change.fetch("read_accesses", code, "", 1)
    return int(rows[0]["channel_id"]) if rows else None


def _access(row: Any) -> Access:
    return Access(
        scopes_of(row["scopes"]),
        frozenset(row["location_ids"]),
        tuple(row["categories"]),
        row["requests_per_s"],
        row["requests_burst"],
        row["calls_max"],
        row["streams_max"],
        row["held_per_sku_max"],
        row["certificate_required"],
    )


def _credential(row: Any) -> Credential:
    return Credential(
        row["key_id"],
        row["channel"],
        CredentialKind(row["kind"]),
        row["name"],
        row["created_at"],
        row["expires_at"],
        row["revoked_at"],
        row["last_used_at"],
        row["in_force"],
    )
