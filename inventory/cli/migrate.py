"""`inventory migrate`."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from inventory.cli.database import owned_database
from inventory.cli.options import DataDir, DbSchema, Dsn, OwnerDsn, ServerRole
from inventory.postgres.connection import Database
from inventory.postgres.migrate import Phase, pending
from inventory.postgres.migrate import migrate as apply


def migrate(
    *,
    dsn: Dsn = None,
    owner_dsn: OwnerDsn = None,
    server_role: ServerRole = None,
    data_dir: DataDir = None,
    db_schema: DbSchema = None,
    phase: Phase | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Bring the database's schema up to date, list what was applied, and grant the servers' role what it needs.

    `inventory serve` does the same at start unless told not to, but leaves the files of phase post to this command
    while older servers may run. Several may run at once.

    Example: inventory migrate --owner-dsn postgresql://inventory_owner@db/inventory --server-role inventory_server

    Example: inventory migrate --dsn postgresql://inventory@db/inventory --dry-run

    Parameters
    ----------
    phase
        pre: before newer servers start, beside older ones. post: once no older server runs. Default: both.
    dry_run
        Only list what is pending.
    """
    with owned_database(
        dsn=dsn, owner_dsn=owner_dsn, server_role=server_role, data_dir=data_dir, db_schema=db_schema, make=not dry_run
    ) as (found, role):
        applied, left = asyncio.run(_migrate(found, role, phase, dry_run))
    for step in left:
        print(f"pending {step}")
    if not applied and not left:
        print("the schema is up to date")
    return 0


async def _migrate(
    found: Database, server_role: str | None, phase: Phase | None, dry_run: bool
) -> tuple[list[str], list[str]]:
    """What was applied, and what is left."""
    connection = await found.connect(patient=True)
    try:
        applied: list[str] = []
        if not dry_run:
            applied = await apply(
                connection,
                found.schema,
                phase=phase,
                server_role=server_role,
                on_step=lambda step: print(f"applying {step}", flush=True),
            )
        return applied, await pending(connection, found.schema)
    finally:
        await connection.close()
