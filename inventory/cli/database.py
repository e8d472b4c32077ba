"""The database that a command works on without a server: by DSN, or the embedded one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from inventory.cli.failure import Failed
from inventory.postgres.backup import BackupError
from inventory.postgres.connection import Database
from inventory.postgres.embedded import SERVER_ROLE, EmbeddedPostgresError, default_home, running
from inventory.postgres.errors import StorageError, Unavailable
from inventory.postgres.migrate import MigrationError
from inventory.postgres.preparation import server_role_of
from inventory.settings import Settings

ADDRESSES = ("listen", "metrics", "tls_client_listen")
_DSNS = ("dsn", "owner_dsn")


def settings(**given: object) -> Settings:
    """The environment, and over it what was given on the command line. Raises `Failed`."""
    if given.get("dsn") is not None and given.get("data_dir") is not None:
        raise Failed("say --dsn or --data-dir, not both")
    if given.get("data_dir") is not None:
        given |= dict.fromkeys(_DSNS)  # what is said on the command line is stronger than INVENTORY_DSN
    else:
        given = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None or name in _DSNS})  # type: ignore[arg-type]  # pydantic checks each
    except ValidationError as error:
        raise Failed(*(_setting(found) for found in error.errors(include_url=False))) from None


@contextmanager
def database(
    *,
    dsn: str | None,
    data_dir: Path | None,
    db_schema: str | None,
    owner_dsn: str | None = None,
    make: bool = False,
) -> Iterator[Database]:
    """The database, running for the length of the block: as its owner, where that one's DSN is known, unless only `dsn`
    was said. With `make` an embedded one is made when there is none.

    What goes wrong with it leaves the block as `Failed`.
    """
    chosen = settings(dsn=dsn, owner_dsn=owner_dsn, data_dir=data_dir, db_schema=db_schema)
    said = owner_dsn or dsn  # stronger than INVENTORY_OWNER_DSN, which may be of another database
    address = said or chosen.owner_dsn or chosen.dsn if data_dir is None else None
    with storage_failures():
        if address is not None:
            yield Database(address, chosen.db_schema)
            return
        home = (chosen.data_dir or default_home()).expanduser()
        if not make and not (home / "data").is_dir():
            raise Failed(f"there is no database in {home}; name another with --data-dir or --dsn")
        with running(home) as address:
            yield Database(address, chosen.db_schema)


@contextmanager
def owned_database(
    *,
    dsn: str | None,
    owner_dsn: str | None,
    server_role: str | None,
    data_dir: Path | None,
    db_schema: str | None,
    make: bool = False,
) -> Iterator[tuple[Database, str | None]]:
    """As `database`, as the role that owns the tables; and the role that servers work as, if that is known."""
    chosen = settings(dsn=dsn, owner_dsn=owner_dsn, server_role=server_role, data_dir=data_dir, db_schema=db_schema)
    with storage_failures():
        if chosen.owner_dsn is not None or chosen.dsn is not None:
            role = chosen.server_role
            if role is None and chosen.owner_dsn is not None and chosen.dsn is not None:
                role = asyncio.run(server_role_of(Database(chosen.dsn, chosen.db_schema)))
            yield Database(chosen.owner_dsn or chosen.dsn or "", chosen.db_schema), role
            return
        with database(dsn=None, data_dir=data_dir, db_schema=db_schema, make=make) as found:
            yield found, SERVER_ROLE


@contextmanager
def storage_failures() -> Iterator[None]:
    """Turns what goes wrong with a database into `Failed`."""
    try:
        yield
    except (EmbeddedPostgresError, MigrationError, BackupError) as error:
        raise Failed(*str(error).splitlines()) from error
    except Unavailable as error:
        raise Failed(f"the database can't be reached ({_cause(error)})") from error
    except StorageError as error:
        raise Failed(f"the database refuses: {_cause(error)}") from error


def _cause(error: StorageError) -> str:
    # The driver's own words name the host, never the password; unless it has taken that for a host or a port.
    cause = error.__cause__
    said = str(cause or error).splitlines()[:1]
    if isinstance(cause, ValueError) and not (said and said[0].startswith("root certificate file ")):
        return "its DSN can't be read: what is special in a password is written %XX"
    if isinstance(cause, FileNotFoundError) and cause.filename is None:
        return "a file or socket that its DSN names is not there"
    return said[0] if said else str(error)


def _setting(found: object) -> str:
    assert isinstance(found, dict)
    name = "_".join(str(part) for part in found["loc"])
    option = name.replace("_", "-")
    message = (
        "HOST:PORT, such as 127.0.0.1:50051" if name in ("listen", "metrics", "tls_client_listen") else found["msg"]
    )
    return f"--{option} (INVENTORY_{name.upper()}): {message}"
