"""`inventory backup`."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from inventory.cli.database import owned_database
from inventory.cli.options import DataDir, DbSchema, Dsn, OwnerDsn
from inventory.cli.terminal import bytes_moved
from inventory.postgres.backup import back_up


def backup(
    file: Annotated[Path, Parameter(negative="")],
    /,
    *,
    dsn: Dsn = None,
    owner_dsn: OwnerDsn = None,
    data_dir: DataDir = None,
    db_schema: DbSchema = None,
) -> int:
    """Write all of the schema into a file, as of one revision, while servers work.

    The file says what it is and proves that it is whole; only its owner can read it, and it appears under its name when
    it is complete. `inventory restore` puts it back.

    Example: inventory backup monday.inventory --data-dir ./data

    Example: INVENTORY_OWNER_DSN=postgresql://inventory_owner@db/inventory inventory backup monday.inventory

    Parameters
    ----------
    file
        A file that isn't there yet.
    """
    began = time.monotonic()
    with (
        owned_database(dsn=dsn, owner_dsn=owner_dsn, server_role=None, data_dir=data_dir, db_schema=db_schema) as (
            found,
            _,
        ),
        bytes_moved() as progress,
    ):
        task = progress.add_task("backing up", total=None)
        contents = asyncio.run(back_up(found, file, lambda done: progress.update(task, completed=done)))
    rows, size_bytes = sum(contents.rows.values()), file.stat().st_size
    print(
        f"backed up schema {contents.schema} at revision {contents.revision:,} of epoch {contents.epoch}:"
        f" {rows:,} rows, {size_bytes:,} bytes, {time.monotonic() - began:.1f} s"
    )
    return 0
