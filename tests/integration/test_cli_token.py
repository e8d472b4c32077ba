"""`inventory token` and `inventory audit`, against a server that asks for credentials."""

import json
import os
import re
from asyncio import wait_for
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from inventory.postgres.access import first_admin
from inventory.postgres.connection import Database
from inventory.server import start
from inventory.settings import Settings
from tests.integration.command import Command
from tests.rpc.client import eventually

TIMEOUT_S = 120.0
TOKEN = re.compile(r"inv_[0-9a-z]{12}_[0-9a-z]{59}")


@dataclass
class Cli:
    """Runs commands; `token` is what they show."""

    address: str
    dsn: str
    token: str

    async def run(self, *arguments: str, token: str | None = None, **environment: str) -> tuple[int, str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("INVENTORY_")}
        shown = self.token if token is None else token
        ours = {"INVENTORY_SERVER": self.address, "INVENTORY_TOKEN": shown, "INVENTORY_OPERATOR": "Ewa"}
        process = await Command.start(*arguments, environment={**clean, **ours, "COLUMNS": "200", **environment})
        out, err = await wait_for(process.communicate(), TIMEOUT_S)
        assert process.returncode is not None
        assert "Traceback" not in err.decode()
        return process.returncode, out.decode(), err.decode()

    async def ok(self, *arguments: str, **options: Any) -> str:
        code, out, err = await self.run(*arguments, **options)
        assert code == 0, err
        return out

    async def refused(self, *arguments: str, **options: Any) -> str:
        code, out, err = await self.run(*arguments, **options)
        assert code == 1, out
        return err


@pytest.fixture
async def cli(dsn: str) -> AsyncIterator[Cli]:
    async with AsyncExitStack() as stack:
        admin = await first_admin(Database(dsn, "inventory"))
        assert admin is not None
        yield Cli(await start(Settings(listen="127.0.0.1:0", development=False), dsn, stack), dsn, admin)


async def test_a_channel_is_let_in_does_what_it_may_and_is_turned_away(cli: Cli) -> None:
    made = await cli.ok("token", "create", "web", "--scope", "stock:read", "--scope", "watch", "--name", "shop's")
    token = made.strip()
    assert TOKEN.fullmatch(token)
    assert "SKU_NOT_FOUND" in await cli.refused("stock", "PEAR", token=token)
    assert "SCOPE_REQUIRED" in await cli.refused("token", "list", token=token, INVENTORY_TLS_CA="")
    (row,) = json.loads(await cli.ok("token", "list", "--channel", "web", "--json"))
    assert (row["name"], row["kind"], row["in_force"], row["revoked_at"]) == ("shop's", "token", True, None)
    assert TOKEN.search(await cli.ok("token", "list")) is None
    assert row["key_id"] in await cli.ok("token", "revoke", row["key_id"])
    assert "CREDENTIALS_INVALID" in await cli.refused("stock", "PEAR", token=token)
    assert "CREDENTIAL_NOT_FOUND" in await cli.refused("token", "revoke", "nobody")


async def test_who_gets_everything_by_the_database_shares_it_with_nobody(cli: Cli) -> None:
    await cli.ok("token", "access", "root", "--scope", "admin")
    root = (await cli.ok("token", "create", "root")).strip()
    await cli.ok("token", "access", "admin", "--scope", "stock:read", token=root)
    assert "SCOPE_REQUIRED" in await cli.refused("token", "list"), "the first token reads stock, and no more"
    new = (await cli.ok("token", "admin", "--dsn", cli.dsn)).strip()

    async def is_out() -> bool:  # the server looks once a second
        return "CREDENTIALS_INVALID" in await cli.refused("token", "list")

    await eventually(is_out, "the token that was there is out of force")
    assert json.loads(await cli.ok("token", "list", "--json", token=new))
    lines = (await cli.ok("audit", "export", token=new)).splitlines()
    newest = [entry for line in lines if (entry := json.loads(line))["code"] == 0][:3]  # the refused are told late
    assert sorted(entry["action"] for entry in newest) == ["CreateToken", "RevokeCredential", "SetAccess"]
    assert {entry["operator"] for entry in newest} == {"server"}


async def test_a_token_is_rotated_with_an_overlap(cli: Cli) -> None:
    old = (await cli.ok("token", "create", "till", "--scope", "stock:read")).strip()
    new = (await cli.ok("token", "rotate", old.split("_")[1], "--overlap-hours", "1", "--ttl-hours", "24")).strip()
    for token in (old, new):
        assert "SKU_NOT_FOUND" in await cli.refused("stock", "PEAR", token=token)
    rows = json.loads(await cli.ok("token", "list", "--channel", "till", "--json"))
    assert [bool(row["expires_at"]) for row in rows] == [True, True]
    assert "CREDENTIAL_LIMIT" in await cli.refused("token", "create", "till")


async def test_a_file_gets_a_token_only_when_there_is_one(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "web.token"
    out = ("--out", str(file))
    code, said, told = await cli.run("token", "create", "web", "--scope", "stock:read", *out)
    token = file.read_text().strip()
    assert (code, said) == (0, "")
    assert told == f"the token with the key id {token.split('_')[1]} is in {file}\n"
    assert TOKEN.fullmatch(token)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "CHANNEL_NOT_FOUND" in await cli.refused("token", "create", "new", *out)
    assert file.read_text().strip() == token
    assert "token" not in json.loads(await cli.ok("token", "rotate", token.split("_")[1], "--json", *out))
    assert TOKEN.fullmatch(file.read_text().strip())
    assert file.read_text().strip() != token
    assert os.listdir(tmp_path) == ["web.token"]
    before = await cli.ok("token", "list", "--json")
    for place in (tmp_path, tmp_path / "missing" / "web.token"):
        assert "--out" in await cli.refused("token", "create", "web", "--out", str(place))
    assert len(json.loads(await cli.ok("token", "list", "--json"))) == len(json.loads(before))


async def test_the_last_admin_stays(cli: Cli) -> None:
    first = cli.token.split("_")[1]
    error = await cli.refused("token", "revoke", first)
    assert "LAST_ADMIN" in error
    assert "inventory token admin" in error
    assert "LAST_ADMIN" in await cli.refused("token", "access", "admin", "--scope", "stock:read")
    second = (await cli.ok("token", "create", "boss", "--scope", "admin")).strip()
    await cli.ok("token", "revoke", first)
    cli.token = second
    assert "LAST_ADMIN" in await cli.refused("token", "revoke", second.split("_")[1])
    assert await cli.ok("token", "list")


async def test_what_a_channel_may_is_shown_and_set(cli: Cli) -> None:
    assert "scope" in await cli.refused("token", "access", "web", "--scope", "everything")
    assert "CHANNEL_NOT_FOUND" in await cli.refused("token", "create", "new")
    assert "--scope" in await cli.refused("token", "create", "web", "--category", "FOOD")
    await cli.ok(
        "token", "access", "web", "--scope", "reservation", "--category", "FOOD", "--requests-per-second", "50",
        "--held-per-sku-max", "20", "--certificate-required",
    )  # fmt: skip
    (row,) = json.loads(await cli.ok("token", "access", "web", "--json"))
    assert row["scopes"] == ["reservation"]
    assert row["categories"] == ["FOOD"]
    assert (row["requests_per_second"], row["held_per_sku_max"], row["calls_max"]) == (50, 20, None)
    assert row["certificate_required"] is True
    shown = await cli.ok("token", "access")
    assert "held per sku max 20" in shown
    assert "certificate required" in shown


async def test_whoever_has_the_database_can_make_an_admin(cli: Cli) -> None:
    first = cli.token.split("_")[1]
    made = [(await cli.ok("token", "admin", "--dsn", cli.dsn, token="")).strip() for _ in range(3)]
    assert all(TOKEN.fullmatch(token) for token in made)
    cli.token = made[-1]

    async def is_let_in() -> bool:  # the server looks once a second
        code, _, _ = await cli.run("token", "list")
        return code == 0

    await eventually(is_let_in, "the new admin is let in")
    rows = json.loads(await cli.ok("token", "list", "--channel", "admin", "--json"))
    in_force = [row["key_id"] for row in rows if row["in_force"]]
    assert in_force == [token.split("_")[1] for token in made[1:]], "the oldest ones have made room"
    assert first not in in_force


async def test_commands_on_the_database_work_as_its_owner(cli: Cli) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    for command in (("verify",), ("audit", "verify"), ("compact", "--dry-run"), ("token", "admin")):
        await cli.ok(*command, INVENTORY_DSN=nowhere, INVENTORY_OWNER_DSN=cli.dsn)
    await cli.ok("verify", "--owner-dsn", cli.dsn, INVENTORY_OWNER_DSN=nowhere)
    await cli.ok("verify", "--dsn", cli.dsn, INVENTORY_OWNER_DSN=nowhere)
    assert "can't be reached" in await cli.refused("verify", INVENTORY_DSN=cli.dsn, INVENTORY_OWNER_DSN=nowhere)


async def test_what_a_scope_hides_is_said(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "skus.csv").write_text("sku\nPEAR\n")
    await cli.ok("import", "skus", str(tmp_path / "skus.csv"))
    token = (await cli.ok("token", "create", "web", "--scope", "stock:read")).strip()
    shown = await cli.ok("stock", "PEAR", token=token)
    assert "the movements take the scope report" in shown
    assert "Last movements" not in shown
    assert json.loads(await cli.ok("stock", "PEAR", "--json", token=token))["movements"] is None
    assert "Last movements" in await cli.ok("stock", "PEAR")


async def test_a_certificate_is_bound(cli: Cli, tmp_path: Path) -> None:
    await cli.ok("certificate", "create", "--host", "localhost", "--out", str(tmp_path))
    await cli.ok("certificate", "issue", "web", "--ca", str(tmp_path), "--out", str(tmp_path))
    found = json.loads(
        await cli.ok("token", "bind", "web", str(tmp_path / "web.pem"), "--scope", "stock:read", "--json")
    )
    assert found[0]["kind"] == "certificate"
    assert found[0]["expires_at"]
    again = await cli.refused("token", "bind", "web", str(tmp_path / "web.pem"))
    assert "CODE_TAKEN" in again
    key = tmp_path / "web-key.pem"
    assert "CERTIFICATE_FORMAT" in await cli.refused("token", "bind", "web", str(key))
    assert "can't be read" in await cli.refused("token", "bind", "web", str(tmp_path / "missing.pem"))


async def test_the_trail_is_listed_exported_and_verified(cli: Cli) -> None:
    skus = "sku,name\nPEAR,Pear\n"
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"skus-{os.getpid()}.csv"
    path.write_text(skus)
    try:
        await cli.ok("import", "skus", str(path))
    finally:
        path.unlink()
    await cli.ok("token", "create", "web", "--scope", "stock:read")
    listed = await cli.ok("audit", "list")
    assert "ImportCatalog" in listed
    assert "Ewa" in listed
    assert re.search(r"127\.0\.0\.1 +ImportCatalog +ok +PEAR", listed)
    assert await cli.ok("audit", "list", "--channel", "nobody") == "no entries\n"
    rows = [json.loads(line) for line in (await cli.ok("audit", "export")).splitlines()]
    (imported,) = [row for row in rows if row["action"] == "ImportCatalog"]
    assert imported["operator"] == "Ewa"
    assert imported["changes"][0]["before"] is None
    assert imported["changes"][0]["after"]["name"] == "Pear"
    assert {row["action"] for row in rows} == {"Migrate", "ImportCatalog", "SetAccess", "CreateToken"}
    assert TOKEN.search(json.dumps(rows)) is None
    found = json.loads(await cli.ok("audit", "verify", "--dsn", cli.dsn, "--json"))
    assert found["wrong"] == []
    await cli.ok("token", "create", "web")
    assert "ok:" in await cli.ok("audit", "verify", "--dsn", cli.dsn, "--expect", found["end"])
    forged = f"{found['batches']}:{'0' * 64}"
    code, out, _ = await cli.run("audit", "verify", "--dsn", cli.dsn, "--expect", forged)
    assert code == 1
    assert f"never ended at {forged}" in out
    assert "BATCH:HASH" in await cli.refused("audit", "verify", "--dsn", cli.dsn, "--expect", "x")


async def test_a_trail_that_was_changed_is_said_to_be_broken(cli: Cli) -> None:
    await cli.ok("token", "create", "web", "--scope", "stock:read")
    connection = await asyncpg.connect(cli.dsn, server_settings={"search_path": "inventory"})
    await connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
    await connection.execute("UPDATE audit_entry SET operator = 'nobody' WHERE batch = 1")
    await connection.close()
    code, out, _ = await cli.run("audit", "verify", "--dsn", cli.dsn)
    assert code == 1
    assert "batch 1 of" in out
    assert "BROKEN" in out
