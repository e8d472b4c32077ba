"""The servers that are fuzzed: one in the clear and one with TLS, as processes on a PostgreSQL of their own, with
canaries in their secrets, and what can be seen of them from outside."""

from __future__ import annotations

import asyncio
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import asyncpg

from inventory.domain.access import FULL_ACCESS
from inventory.domain.credential import CredentialKind, digest, make_token
from inventory.postgres.access import NewCredential, add_credential, changing, channel_id_of, set_access
from inventory.postgres.connection import Database
from tests.guarded import certificate_files
from tests.race.processes import Postgres, Server

CHANNEL = "fuzz"
SCHEMA = "inventory"
DOORS_LOOK_S = 1.5
FIRST_TOKEN = "This token may do everything"


@dataclass
class House:
    """`guarded`: the server with TLS; `certificate`: whom to trust, PEM; `canaries`: what must not be heard from the
    servers; `token`: '' in development."""

    postgres: Postgres
    server: Server
    guarded: Server
    certificate: bytes
    metrics: Sequence[str]
    sql: asyncpg.Connection
    token: str = ""
    canaries: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.server.address

    @property
    def servers(self) -> tuple[Server, Server]:
        return self.server, self.guarded

    @property
    def has_ended(self) -> bool:
        return any(server.has_ended for server in self.servers)

    @property
    def metadata(self) -> list[tuple[str, str | bytes]]:
        """Of a caller who may everything."""
        return [("authorization", f"Bearer {self.token}")] if self.token else []

    def memory_bytes(self) -> int:
        """Of the server that has the most."""
        return max(server.memory_bytes() for server in self.servers)

    def said(self) -> list[str]:
        """All log lines, without the token that a server shows once."""
        lines = [line for server in self.servers for line in server.said]
        for number, line in enumerate(lines):
            if FIRST_TOKEN in line:
                return lines[:number] + lines[number + 3 :]
        return lines

    async def scraped(self) -> str:
        def get() -> str:
            texts = []
            for place in self.metrics:
                with urlopen(f"http://{place}/metrics", timeout=10) as answer:
                    texts.append(str(answer.read(), "utf-8"))
            return "\n".join(texts)

        return await asyncio.to_thread(get)

    def leaked(self, text: str) -> list[str]:
        return [canary for canary in self.canaries if canary in text]


@asynccontextmanager
async def opened(*, credentials: bool) -> AsyncIterator[House]:
    """With `credentials` they ask for tokens, and `House.token` is one that may do everything."""
    password, hook, signing = (f"canary-{secrets.token_hex(8)}" for _ in range(3))
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inventory-fuzz-")))
        directory.chmod(0o755)  # noqa: ASYNC240 - a moment; as root PostgreSQL runs as nobody
        postgres = await Postgres.start(directory / "home")
        stack.push_async_callback(postgres.stop)
        cert, key = certificate_files(directory)
        metrics = [f"127.0.0.1:{_free_port()}" for _ in range(2)]
        environment = {
            "INVENTORY_ALARMS": "1",
            "INVENTORY_WEBHOOK_URL": f"http://127.0.0.1:{_free_port()}/{hook}",  # where nobody listens
            "INVENTORY_WEBHOOK_SECRET": signing,
        }
        guards = ("--tls-cert", str(cert), "--tls-key", str(key))
        servers = []
        for place, options in zip(metrics, ((), guards), strict=True):
            server = await Server.start(
                _with_password(postgres.dsn, password),
                "--metrics",
                place,
                *options,
                development=not credentials,
                environment=environment,
            )
            stack.push_async_callback(server.stop)
            servers.append(server)
        sql = await asyncpg.connect(postgres.dsn, server_settings={"search_path": SCHEMA})
        stack.push_async_callback(sql.close)
        house = House(postgres, servers[0], servers[1], (directory / "ca.pem").read_bytes(), metrics, sql)
        house.canaries = [password, postgres.dsn, hook, signing, *_lines_of(key)]
        if credentials:
            house.token = await _token(postgres.dsn)
            for token in (house.token, _shown(servers[0])):
                house.canaries += [token, token.rpartition("_")[2]]
        yield house


def _shown(server: Server) -> str:
    """The token that may do everything, which a server shows when nobody has one."""
    at = next(number for number, line in enumerate(server.said) if FIRST_TOKEN in line)
    return next(line.strip() for line in server.said[at + 1 :] if line)


def _lines_of(key: Path) -> list[str]:
    """What is secret of a private key, as its file says it."""
    return [line for line in key.read_text("ascii").splitlines() if not line.startswith("-----")]


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
