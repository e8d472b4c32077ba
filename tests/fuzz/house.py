"""The server that is fuzzed: a process of its own on a PostgreSQL of its own, with canaries in its secrets, and what
can be seen of it from outside."""

from __future__ import annotations

import asyncio
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import asyncpg

from inventory.domain.access import FULL_ACCESS
from inventory.domain.credential import CredentialKind, digest, make_token
from inventory.postgres.access import NewCredential, add_credential, changing, channel_id_of, set_access
from inventory.postgres.connection import Database
from tests.race.processes import Postgres, Server

CHANNEL = "fuzz"
SCHEMA = "inventory"
DOORS_LOOK_S = 3.0
# What the server notes of callers, refused ones too, and moments that pass by themselves.
APPENDED = ("audit_batch", "audit_entry")
NOTED = ("audited", "chain", "last_used_at", "version")


@dataclass
class House:
    """`canaries`: what must not be heard from the server; `token`: '' in development."""

    postgres: Postgres
    server: Server
    metrics: str
    sql: asyncpg.Connection
    token: str = ""
    canaries: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.server.address

    @property
    def metadata(self) -> list[tuple[str, str | bytes]]:
        """Of a caller who may everything."""
        return [("authorization", f"Bearer {self.token}")] if self.token else []

    async def checksums(self) -> dict[str, str]:
        """Of every table's rows, without what is noted of callers."""
        rows = await self.sql.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        tables = sorted(str(row["tablename"]) for row in rows if row["tablename"] not in APPENDED)
        query = (
            "SELECT md5(string_agg(found, ',' ORDER BY found))"
            " FROM (SELECT (to_jsonb(row) - $1::text[])::text AS found FROM {} AS row) AS a"
        )
        return {name: str(await self.sql.fetchval(query.format(name), list(NOTED))) for name in tables}

    async def scraped(self) -> str:
        def get() -> str:
            with urlopen(f"http://{self.metrics}/metrics", timeout=10) as answer:
                return str(answer.read(), "utf-8")

        return await asyncio.to_thread(get)

    def leaked(self, text: str) -> list[str]:
        return [canary for canary in self.canaries if canary in text]


@asynccontextmanager
async def opened(*, credentials: bool) -> AsyncIterator[House]:
    """With `credentials` it asks for tokens, and `House.token` is one that may do everything."""
    password = f"canary-{secrets.token_hex(8)}"
    with tempfile.TemporaryDirectory(prefix="inventory-fuzz-") as directory:
        Path(directory).chmod(0o755)  # noqa: ASYNC240 - a moment; as root PostgreSQL runs as nobody
        postgres = await Postgres.start(Path(directory) / "home")
        try:
            port = _free_port()
            metrics = f"127.0.0.1:{port}"
            server = await Server.start(
                _with_password(postgres.dsn, password),
                "--metrics",
                metrics,
                development=not credentials,
            )
            try:
                sql = await asyncpg.connect(postgres.dsn, server_settings={"search_path": SCHEMA})
                house = House(postgres, server, metrics, sql, canaries=[password, postgres.dsn])
                if credentials:
                    house.token = await _token(postgres.dsn)
                    house.canaries += [house.token, house.token.rpartition("_")[2]]
                try:
                    yield house
                finally:
                    await sql.close()
            finally:
                await server.stop()
        finally:
            await postgres.stop()


async def _token(dsn: str) -> str:
    made = make_token(secrets.token_bytes(40))
    async with changing(Database(dsn, SCHEMA)) as change:
        await set_access(change, CHANNEL, FULL_ACCESS, ())
        channel_id = await channel_id_of(change, CHANNEL)
        assert channel_id is not None
        new = NewCredential(made.key_id, CredentialKind.TOKEN, digest(made.text), "fuzz")
        await add_credential(change, channel_id, CHANNEL, new, None)
    return made.text


def _with_password(dsn: str, password: str) -> str:
    parts = urlsplit(dsn)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.username or 'inventory'}:{password}@{parts.path}{query}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
