"""`inventory restore`."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from inventory.cli.database import owned_database, settings, storage_failures
from inventory.cli.failure import printable
from inventory.cli.options import DataDir, DbSchema, Dsn, OwnerDsn, ServerRole
from inventory.cli.terminal import bytes_moved
from inventory.cli.verify import prove
from inventory.postgres.backup import Checked, Contents, check
from inventory.postgres.backup import restore as put_back


def restore(
    file: Path,
    /,
    *,
    dsn: Dsn = None,
    owner_dsn: OwnerDsn = None,
    server_role: ServerRole = None,
    data_dir: DataDir = None,
    db_schema: DbSchema = None,
    replace: Annotated[int | None, Parameter(validator=validators.Number(gte=0))] = None,
    verify: bool = True,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Put back what `inventory backup` has written, into a new home or an empty schema, while no server runs on it.

    The file is checked first, and all is done in one transaction: whatever goes wrong leaves everything as it was. A
    new epoch begins, so that whoever follows the feed takes a new snapshot by itself; what was accepted after the
    back-up is lost. Then the schema is migrated to this version and the books are proved, as by `inventory verify`.
    Exit code 1 when it isn't restored, or the books are broken.

    Example: inventory restore monday.inventory --data-dir ./other

    Example: inventory restore monday.inventory --data-dir ./data --replace 48213

    Parameters
    ----------
    replace
        Drop the stock that is there. The number is the revision it is at, as the refusal without --replace says it.
    verify
        Prove the books at the end.
    dry_run
        Only check the file and say what it holds.
    """
    chosen = settings(dsn=dsn, owner_dsn=owner_dsn, data_dir=data_dir, db_schema=db_schema)
    with storage_failures():
        checked = _check(file)
    print(_told(checked.contents), flush=True)
    if dry_run:
        return 0
    with owned_database(
        dsn=dsn,
        owner_dsn=owner_dsn,
        server_role=server_role,
        data_dir=data_dir,
        db_schema=db_schema or chosen.db_schema,
        make=True,
    ) as (found, role):
        with bytes_moved() as progress:
            task = progress.add_task("restoring", total=checked.size_bytes)
            restored = asyncio.run(
                put_back(
                    found,
                    checked,
                    replace=replace,
                    server_role=role,
                    on_bytes=lambda done: progress.update(task, completed=done),
                )
            )
        for step in restored.migrations:
            print(f"applied {step}")
        print(f"restored; the new epoch is {restored.epoch}", flush=True)
        if restored.credentials:
            print(
                f"{restored.credentials} credentials are in force as they were then: revoke what was revoked since;"
                " tokens made or rotated since are gone"
            )
        if role is None and chosen.owner_dsn is not None:
            print("no role was granted anything: run `inventory migrate --server-role ROLE` before servers start")
        return prove(found) if verify else 0


def _check(file: Path) -> Checked:
    with bytes_moved() as progress:
        task = progress.add_task("checking", total=file.stat().st_size if file.is_file() else None)
        return check(file, lambda done: progress.update(task, completed=done))


def _told(contents: Contents) -> str:
    return printable(
        f"schema {contents.schema} at revision {contents.revision:,} of epoch {contents.epoch}:"
        f" {sum(contents.rows.values()):,} rows, made {contents.made_at} by inventory {contents.inventory} from"
        f" PostgreSQL {contents.postgres}"
    )
