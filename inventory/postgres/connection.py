"""Connections: how each is set up, and the one that owns a write."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from time import monotonic
from types import TracebackType
from typing import Any, Self

import asyncpg

from inventory.postgres import hosts, queries
from inventory.postgres.errors import Contention, Interfered, OutcomeUnknown, TooSlow, Unavailable, classified
from inventory.tracing import Tracing

LOCK_TIMEOUT_MS = 500
STATEMENT_TIMEOUT_MS = 8_000
BATCH_STATEMENT_TIMEOUT_MS = 2_000  # in the lane, where everybody waits for it; a large batch says that it takes longer
IDLE_IN_TRANSACTION_TIMEOUT_MS = 2_000
TRANSACTION_TIMEOUT_MS = 20_000
COMMAND_TIMEOUT_S = 9.0  # below a call's default deadline, so that its caller is told
CONNECT_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 2.0
SERVER_MAJOR_MIN = 15
TRANSACTION_TIMEOUT_SINCE = 17  # before it nothing but each statement's own limit ends a transaction that goes on

_PATIENT = {"statement_timeout": "0", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"}


class Planning(Enum):
    """How a session's statements are planned."""

    # Once, and every row found by its key in the order the query is written: the planner must not be talked into scans
    # or another order by missing statistics (seen: 27 ms instead of 0.5 for a look-up in tables that had been empty).
    BY_KEY = {  # noqa: RUF012 - never changed
        "plan_cache_mode": "force_generic_plan",
        "join_collapse_limit": "1",
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
        "enable_material": "off",
    }
    # Anew for each call: with filters that may be null a plan for all of them is good for none (seen: the sixth page
    # of a list took more than 10 s, where the five before it took 0.1).
    BY_VALUES = {"plan_cache_mode": "force_custom_plan"}  # noqa: RUF012 - never changed


@dataclass(frozen=True)
class Database:
    """Where the truth is: a DSN, and the schema that holds everything of one retailer."""

    dsn: str = field(repr=False)
    schema: str = "inventory"

    @property
    def notify_channel(self) -> str:
        """NOTIFY is per database: the schema keeps two retailers in one database apart."""
        return f"{self.schema}_feed"

    @property
    def application_name(self) -> str:
        """What the database calls our sessions: a restore of one retailer's schema must know whose they are."""
        return "inventory" if self.schema == "inventory" else f"inventory {self.schema}"

    async def connect(
        self,
        *,
        planning: Planning = Planning.BY_VALUES,
        patient: bool = False,
        statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    ) -> asyncpg.Connection:
        """A connection whose search_path is the schema; a `patient` one lets statements take as long as they need,
        for migrations and checks of whole tables. Raises `Unavailable`."""
        options = self._options(planning)
        options["server_settings"]["statement_timeout"] = str(statement_timeout_ms)
        if patient:
            options["command_timeout"] = None
            options["server_settings"] |= _PATIENT
        try:
            connection = await hosts.connect(self.dsn, **options)
        except Exception as error:
            raise Unavailable(str(classified(error))) from error
        if patient:
            return connection
        try:
            await _prepare_session(connection)
        except BaseException as error:
            connection.terminate()  # also when cancelled: nobody else knows of it
            if isinstance(error, Exception):
                raise Unavailable(str(classified(error))) from error
            raise
        return connection

    async def pool(self, size_max: int, planning: Planning) -> asyncpg.Pool:
        """Connections for reading. Raises `Unavailable`."""
        try:
            options = {**self._options(planning), "connect": hosts.connect}
            return await asyncpg.create_pool(self.dsn, min_size=1, max_size=size_max, init=_prepare_session, **options)
        except Exception as error:
            raise classified(error) from error

    def _options(self, planning: Planning) -> dict[str, Any]:
        return {
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": COMMAND_TIMEOUT_S,
            "server_settings": {
                "search_path": f'"{self.schema}"',
                "application_name": self.application_name,
                "synchronous_commit": "on",
                "timezone": "UTC",
                "jit": "off",
                "lock_timeout": str(LOCK_TIMEOUT_MS),
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
                **planning.value,
            },
        }


async def _prepare_session(connection: asyncpg.Connection) -> None:
    if has_transaction_timeout(connection.get_server_version().major):
        await connection.execute(f"SET transaction_timeout = {TRANSACTION_TIMEOUT_MS:d}")


def has_transaction_timeout(major: int) -> bool:
    """Whether PostgreSQL of this major version knows the setting; one that doesn't refuses the statement."""
    return major >= TRANSACTION_TIMEOUT_SINCE


def why_too_old(version: asyncpg.ServerVersion) -> str | None:
    """What to say of a PostgreSQL that lacks what our tables and statements need; None when it has all."""
    if version.major >= SERVER_MAJOR_MIN:
        return None
    return f"PostgreSQL {SERVER_MAJOR_MIN} or newer is needed, and this is {version.major}"


async def assert_durable(connection: asyncpg.Connection) -> None:
    """Raises `RuntimeError` when the server would acknowledge what a crash can lose, or is too old."""
    row = await connection.fetchrow(
        "SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,"
        " current_setting('synchronous_commit') AS synchronous_commit"
    )
    assert row is not None
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        if row[setting] in ("off", "local"):
            raise RuntimeError(f"PostgreSQL has {setting} = {row[setting]}: an acknowledged reservation could be lost")
    if (too_old := why_too_old(connection.get_server_version())) is not None:
        raise RuntimeError(too_old)


class Writer:
    """The one connection of a lane, with its statements prepared; made again when it broke.

    Used as `async with writer.transaction():`. Leaving it normally commits. The lane's own task drives it, so no
    caller's cancellation can reach a COMMIT.
    """

    def __init__(self, database: Database, tracing: Tracing | None = None) -> None:
        self.database = database
        self._tracing = tracing
        self._sql: Mapping[str, str] = queries.load()
        self._connection: asyncpg.Connection | None = None
        self._prepared: dict[str, Any] = {}
        self._began_at = 0.0

    @property
    def pid(self) -> int | None:
        """Of the process that serves it; None while there is none."""
        connection = self._connection
        return None if connection is None or connection.is_closed() else connection.get_server_pid()

    async def fetch(self, name: str, *arguments: object) -> Sequence[Any]:
        """Runs a named query on the open transaction. Raises a `StorageError`."""
        if self._tracing is None:
            return await self._fetch(name, arguments)
        with self._tracing.statement(name):
            return await self._fetch(name, arguments)

    async def _fetch(self, name: str, arguments: Sequence[object]) -> Sequence[Any]:
        assert self._connection is not None
        try:
            statement = self._prepared.get(name)
            if statement is None:
                statement = self._prepared[name] = await self._connection.prepare(self._sql[name])
            return await statement.fetch(*arguments)
        except Exception as error:
            found = classified(error)
            if isinstance(found, Unavailable) and self._is_over():
                raise TooSlow("the transaction's time is over") from error
            raise found from error

    def _is_over(self) -> bool:
        """PostgreSQL ends the session of a transaction that takes too long, which the driver takes for a lost one."""
        return monotonic() - self._began_at >= TRANSACTION_TIMEOUT_MS / 1000

    def transaction(self, *, keep: bool = True) -> "_Transaction":
        """A transaction; with `keep` false it is rolled back at its end whatever happens."""
        return _Transaction(self, keep)

    async def close(self) -> None:
        connection, self._connection, self._prepared = self._connection, None, {}
        if connection is not None:
            try:
                await connection.close(timeout=CLOSE_TIMEOUT_S)
            except Exception:  # noqa: BLE001 - it is broken or slow; either way it is given up
                connection.terminate()

    async def begin(self) -> None:
        if self._connection is None or self._connection.is_closed():
            self._prepared = {}
            self._connection = await self.database.connect(
                planning=Planning.BY_KEY, statement_timeout_ms=BATCH_STATEMENT_TIMEOUT_MS
            )
        self._began_at = monotonic()
        try:
            await self._run(self._connection, "BEGIN")
        except BaseException as error:
            self.drop()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise classified(error) from error

    async def commit(self) -> None:
        assert self._connection is not None
        try:
            tag = await self._run(self._connection, "COMMIT")
        except BaseException as error:
            self.drop()
            if isinstance(error, asyncpg.PostgresError) and not isinstance(classified(error), Unavailable):
                raise classified(error) from error
            raise OutcomeUnknown(type(error).__name__) from error
        if tag != "COMMIT":  # an aborted transaction answers ROLLBACK
            raise Unavailable(tag)

    async def rollback(self) -> None:
        if self._connection is None or self._connection.is_closed():
            self.drop()
            return
        try:
            await self._run(self._connection, "ROLLBACK")
        except BaseException:  # noqa: BLE001 - whatever happened, the server rolls back when the connection goes
            self.drop()

    async def _run(self, connection: asyncpg.Connection, statement: str) -> str:
        if self._tracing is None:
            return await connection.execute(statement)
        with self._tracing.statement(statement):
            return await connection.execute(statement)

    def drop(self) -> None:
        """Gives the connection up at once."""
        connection, self._connection, self._prepared = self._connection, None, {}
        if connection is not None:
            connection.terminate()


class _Transaction:
    def __init__(self, writer: Writer, keep: bool) -> None:
        self._writer = writer
        self._keep = keep

    async def __aenter__(self) -> Self:
        await self._writer.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._keep:
            await self._writer.commit()
        elif error is None or isinstance(error, (Contention, Interfered)):
            await self._writer.rollback()
        elif isinstance(error, (Unavailable, asyncio.CancelledError)):
            self._writer.drop()
        else:
            await self._writer.rollback()
