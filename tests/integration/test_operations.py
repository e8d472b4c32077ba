"""The statements and commands of docs/OPERATIONS.md, as they stand there, on a PostgreSQL with passwords."""

import asyncio
import os
import re
import shlex
import socket
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from inventory.cli.database import storage_failures
from inventory.cli.failure import Failed
from inventory.postgres.connection import Database
from inventory.postgres.embedded import EmbeddedPostgres
from inventory.postgres.grants import look
from inventory.server import start
from inventory.settings import Settings
from tests.race.processes import ROOT, Process
from tests.rpc.client import Client

DOCUMENT = (ROOT / "docs" / "OPERATIONS.md").read_text("utf-8")
ROLES, *_, EPOCH = re.findall(r"```sql\n(.+?)```", DOCUMENT, re.DOTALL)
COMMANDS = [line for block in re.findall(r"```sh\n(.+?)```", DOCUMENT, re.DOTALL) for line in block.splitlines()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def postgres(scratch: Path) -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="inventory-operations-", dir=scratch) as directory:
        Path(directory).chmod(0o711)
        with EmbeddedPostgres.start(Path(directory) / "home", shared_buffers_mb=16, tcp_port=free_port()) as server:
            yield server


def documented(name: str, postgres: EmbeddedPostgres) -> str:
    """The DSN of the document, here, with its password."""
    dsn = next(line.split("=", 1)[1] for line in COMMANDS if line.startswith(f"export {name}="))
    role = re.search(r"//(\w+)@", dsn)
    assert role is not None
    password = re.search(rf"CREATE ROLE {role[1]} LOGIN PASSWORD '(.+?)'", ROLES)
    assert password is not None
    assert postgres.tcp_dsn is not None
    place = postgres.tcp_dsn.rpartition("@")[2].partition("/")[0]
    return f"postgresql://{role[1]}:{password[1].replace(' ', '%20')}@{place}/shop"


async def test_the_two_roles_of_the_document_work_as_it_says(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    superuser = await asyncpg.connect(postgres.dsn.replace("//inventory@", "//postgres@"))
    for statement in filter(None, map(str.strip, ROLES.split(";\n"))):
        await superuser.execute(statement)
    await superuser.close()
    owner, server = (documented(name, postgres) for name in ("INVENTORY_OWNER_DSN", "INVENTORY_DSN"))
    commands = [shlex.split(line) for line in COMMANDS]
    role = next(line.split("=", 1)[1] for line in COMMANDS if line.startswith("export INVENTORY_SERVER_ROLE="))
    migrate = next(words[1:] for words in commands if words[:2] == ["inventory", "migrate"])
    process = await Process.run("-m", "inventory", *migrate, "--owner-dsn", owner, "--server-role", role)
    assert "applying 0001_spine.pre" in await process.output()

    async with AsyncExitStack() as stack:
        address = await start(Settings(listen="127.0.0.1:0", migrate=False, dsn=server), server, stack)
        client = Client(address)
        stack.push_async_callback(client.close)
        sku, place = await client.stocked(3)
        await client.reserve((sku, place, 1))
        session = await asyncpg.connect(server)
        stack.push_async_callback(session.close)
        assert await look(session, "inventory") == ([], [])
        for statement in ("UPDATE inventory.movement SET ordinal = 0", "CREATE TEMPORARY TABLE mine (n integer)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await session.execute(statement)

    # A back-up with a password that no list of processes shows.
    file = str(tmp_path / "kept")
    os.environ["INVENTORY_OWNER_DSN"] = owner
    try:
        from inventory.cli.backup import backup

        shown: set[str] = set()
        looking = asyncio.create_task(asyncio.to_thread(backup, Path(file)))
        while not looking.done():
            shown |= await asyncio.to_thread(command_lines)
        assert await looking == 0
    finally:
        del os.environ["INVENTORY_OWNER_DSN"]
    dumps = [line for line in shown if "pg_dump" in line and "shop_owner" in line]
    assert dumps
    assert not [line for line in shown if "long secret" in line or "long%20secret" in line]

    connection = await asyncpg.connect(owner)
    before = await connection.fetchval("SELECT epoch FROM inventory.feed_head")
    await connection.execute(EPOCH)
    assert await connection.fetchval("SELECT epoch FROM inventory.feed_head") != before
    revision = await connection.fetchval("SELECT revision FROM inventory.feed_head")
    await connection.close()
    process = await Process.run(
        "-m", "inventory", "restore", file, "--owner-dsn", owner, "--dsn", server, "--replace", str(revision)
    )
    assert "BROKEN" not in await process.output()


def command_lines() -> set[str]:
    """Of all processes of this machine."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "root certificate file .* does not exist"),
        ("&sslrootcert=/none/ca.pem", "a file or socket that its DSN names is not there"),
    ],
)
async def test_a_root_certificate_that_is_missing_is_what_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: str, said: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(Failed, match=said), storage_failures():
        await Database(f"postgresql://me:canary@localhost:1/none?sslmode=verify-full{options}").connect()


def test_every_command_of_the_document_exists() -> None:
    from inventory.__main__ import app

    names = {match for match in re.findall(r"`?inventory ([a-z]+)", DOCUMENT) if match not in {"which", "SCHEMA"}}
    assert {"serve", "migrate", "backup", "restore", "verify", "token"} <= names
    for name in names:
        assert name in app, name
