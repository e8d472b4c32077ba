"""What a server asks of a database before it serves from it."""

import structlog

from inventory.postgres.connection import Database, assert_durable
from inventory.postgres.migrate import migrate, pending

log = structlog.get_logger(__name__)


async def prepare(database: Database, *, apply: bool) -> None:
    """Proves that it is durable and that its schema is up to date; with `apply`, brings it up to date.

    Raises `RuntimeError` when it isn't, a `MigrationError` or a `StorageError`.
    """
    connection = await database.connect(patient=True)
    try:
        await assert_durable(connection)
        if apply:
            await migrate(connection, database.schema, on_step=lambda step: log.info("migrated", step=step))
        elif missing := await pending(connection, database.schema):
            raise RuntimeError(f"migrations are pending: {', '.join(missing)}; run `inventory migrate`")
    finally:
        await connection.close()
