"""`inventory migrate`."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from inventory.cli.database import database
from inventory.cli.options import DataDir, DbSchema, Dsn
from inventory.postgres.connection import Database
from inventory.postgres.migrate import migrate as apply
from inventory.postgres.migrate import pending


def migrate(
    *,
    dsn: Dsn = None,
    data_dir: DataDir = None,
    db_schema: DbSchema = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Bring the database's schema up to date, and list what was applied.

    `inventory serve` does the same at start unless told not to. Several may run at once.

    Example: inventory migrate --dsn postgresql://inventory@db/inventory --dry-run

    Parameters
    ----------
    dry_run
        Only list what is pending.
    """
    with database(dsn=dsn, data_dir=data_dir, db_schema=db_schema, make=not dry_run) as found:
        applied = asyncio.run(_migrate(found, dry_run))
    if not applied:
        print("the schema is up to date")
    return 0


async def _migrate(found: Database, dry_run: bool) -> list[str]:
    connection = await found.connect(patient=True)
    try:
        if dry_run:
            steps = await pending(connection, found.schema)
            for step in steps:
                print(f"pending {step}")
            return steps
        return await apply(connection, found.schema, on_step=lambda step: print(f"applying {step}", flush=True))
    finally:
        await connection.close()
