"""What a server asks of a database before it serves from it."""

from collections.abc import Sequence

import asyncpg
import structlog

from inventory.postgres.connection import Database, assert_durable
from inventory.postgres.grants import look
from inventory.postgres.migrate import applied, migrate, pending

NAMED_MAX = 5

log = structlog.get_logger(__name__)


async def prepare(
    database: Database,
    *,
    apply: bool,
    owner_dsn: str | None = None,
    server_role: str | None = None,
    alone: bool = False,
) -> None:
    """Proves that it is durable, that its schema is up to date, and that our role may what it must.

    With `apply` brings it up to date first, as the role of `owner_dsn` (the default: our own), which grants what is
    needed to `server_role` (the default: ours, if that is another one). An older server may still run, unless we are
    `alone` or the schema is new: so `post` migrations are left to `inventory migrate`. Logs one warning when our role
    can rewrite what is append-only. Raises `RuntimeError` when something isn't so, a `MigrationError` or a
    `StorageError`.
    """
    if apply:
        if server_role is None and owner_dsn is not None:
            server_role = await server_role_of(database)
        owner = database if owner_dsn is None else Database(owner_dsn, database.schema)
        await _migrate(owner, server_role, alone)
    connection = await database.connect(patient=True)
    try:
        await assert_durable(connection)
        missing = await pending(connection, database.schema)
        if any(step.endswith(".pre") for step in missing):
            raise RuntimeError(f"migrations are pending: {', '.join(missing)}; run `inventory migrate`")
        if missing:
            log.info("run `inventory migrate --phase post` once no older server runs", pending=missing)
        await _assert_rights(connection, database.schema)
    finally:
        await connection.close()


async def server_role_of(database: Database) -> str:
    """The role that its DSN stands for. Raises `Unavailable`."""
    connection = await database.connect()
    try:
        return str(await connection.fetchval("SELECT current_user"))
    finally:
        await connection.close()


async def _migrate(owner: Database, server_role: str | None, alone: bool) -> None:
    connection = await owner.connect(patient=True)
    try:
        await assert_durable(connection)
        everything = alone or not await applied(connection, owner.schema)
        await migrate(
            connection,
            owner.schema,
            phase=None if everything else "pre",
            server_role=server_role,
            on_step=lambda step: log.info("migrated", step=step),
        )
    finally:
        await connection.close()


async def _assert_rights(connection: asyncpg.Connection, schema: str) -> None:
    role = await connection.fetchval("SELECT current_user")
    rights = await look(connection, schema)
    if rights.lacking:
        raise RuntimeError(
            f"role {role} may not {_some(rights.lacking)}: run `inventory migrate` as the owner of schema {schema},"
            f" with --owner-dsn (INVENTORY_OWNER_DSN) and --server-role {role}"
        )
    if rights.beyond:
        log.warning(
            "the ledger and the audit trail are not protected from this server: its role can rewrite them;"
            " let it work as one that owns nothing, and migrate with --owner-dsn (docs/OPERATIONS.md)",
            role=role,
        )


def _some(rights: Sequence[str]) -> str:
    named = ", ".join(rights[:NAMED_MAX])
    return f"{named} and {len(rights) - NAMED_MAX} more" if len(rights) > NAMED_MAX else named
