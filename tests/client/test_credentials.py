"""What a client shows to a server that asks for it, what it says when that isn't enough, and what it never says."""

import asyncio
import traceback
from pathlib import Path

import grpc
import pytest

from inventory_client import (
    Changes,
    Connection,
    ConnectionState,
    Failure,
    InventoryClient,
    PermissionDenied,
    Refused,
    TokenFile,
    Unauthenticated,
    Watch,
)
from inventory_client.credentials import introduction
from inventory_client.sync import SyncInventoryClient
from tests.client.conftest import Guarded, stocked
from tests.rpc.client import PATIENCE_S, eventually

CANARY = "inv_0123456789ab_canary"
ALL = ("stock:read", "stock:write", "catalog:write", "watch")


async def rotated(guarded: Guarded, path: Path, key_id: str) -> str:
    """The key's id of the next token, which is moved over the file before the present one is revoked."""
    made = await guarded.admin.rotate_token(key_id)
    following = path.with_suffix(".next")
    following.write_text(made.token)
    following.replace(path)
    await guarded.admin.revoke_credential(key_id)
    return made.credential.key_id


async def to_its_end(watch: Watch) -> None:
    async for _ in watch:
        pass


async def test_a_call_without_a_credential_is_refused_at_once(guarded: Guarded) -> None:
    again: list[Failure] = []
    async with InventoryClient(guarded.address, on_retry=lambda failure, _: again.append(failure)) as client:
        with pytest.raises(Unauthenticated) as caught:
            await client.get_sku("A-1")
    assert (caught.value.reason, again) == ("CREDENTIALS_MISSING", [])
    async with InventoryClient(guarded.address, token=CANARY) as client:
        with pytest.raises(Unauthenticated) as caught:
            await client.get_sku("A-1")
    assert caught.value.reason == "CREDENTIALS_INVALID"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_no_proxy_of_the_environment_gets_what_goes_to_this_machine(
    host: str, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = await guarded.token("web", "stock:read")
    asked: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    proxy = await asyncio.start_server(hear, "127.0.0.1", 0)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
    monkeypatch.delenv("no_proxy", raising=False)
    async with proxy, InventoryClient(f"{host}:{guarded.address.rpartition(':')[2]}", token=token) as client:
        assert [level async for level in client.list_stock()] == []
    assert asked == []


async def test_what_the_channel_may_not_do_says_which_scope_it_takes(guarded: Guarded) -> None:
    token, _ = await guarded.token("web", "stock:read", "watch")
    async with InventoryClient(guarded.address, token=token, operator="anna") as client:
        assert [level async for level in client.list_stock()] == []
        with pytest.raises(PermissionDenied) as caught:
            await client.adjust_stock("A-1", "shop-1", 1, "found")
    assert (caught.value.scope, isinstance(caught.value, Refused)) == ("stock:write", True)


async def test_a_token_that_is_asked_for_may_change_while_the_client_goes_on(guarded: Guarded) -> None:
    present = [CANARY]
    async with InventoryClient(guarded.address, token=lambda: present[0]) as client:
        with pytest.raises(Unauthenticated):
            await client.get_sku("A-1")
        present[0], _ = await guarded.token("web", *ALL)
        await stocked(client, 1)


async def test_a_watch_with_a_wrong_token_ends_at_once(guarded: Guarded) -> None:
    async with InventoryClient(guarded.address, token=CANARY) as client, asyncio.timeout(PATIENCE_S):
        with pytest.raises(Unauthenticated):
            await anext(client.watch("now"))


async def test_a_watch_whose_token_is_revoked_ends_with_that(guarded: Guarded) -> None:
    token, key_id = await guarded.token("web", *ALL)
    async with (
        asyncio.timeout(PATIENCE_S),
        InventoryClient(guarded.address, token=token) as client,
        client.watch("now") as watch,
    ):
        await anext(watch)
        await guarded.admin.revoke_credential(key_id)
        with pytest.raises(Unauthenticated):
            await to_its_end(watch)


async def test_a_watch_whose_channel_may_do_something_else_goes_on_by_itself(guarded: Guarded) -> None:
    token, _ = await guarded.token("web", *ALL)
    lost = asyncio.Event()
    why: list[str] = []

    def note(connection: Connection) -> None:
        if connection.state is ConnectionState.LOST:
            why.append(connection.why)
            lost.set()

    async with (
        asyncio.timeout(PATIENCE_S),
        InventoryClient(guarded.address, token=token) as client,
        client.watch("now", on_connection=note) as watch,
    ):
        await anext(watch)
        reading = asyncio.ensure_future(anext(watch))
        await guarded.let_in("web", *ALL, "report")
        await lost.wait()
        await reading
        await stocked(guarded.admin, 3)
        while not isinstance(await anext(watch), Changes):
            pass
    assert [said.partition(":")[0] for said in why] == ["ACCESS_CHANGED"]


async def test_what_reads_its_token_from_a_file_goes_on_when_that_is_replaced_and_revoked(
    guarded: Guarded, tmp_path: Path
) -> None:
    token, key_id = await guarded.token("web", *ALL, "report")
    path = tmp_path / "web.token"
    path.write_text(token)
    async with (
        asyncio.timeout(PATIENCE_S),
        InventoryClient(guarded.address, token=TokenFile(path)) as client,
        client.watch("now") as watch,
    ):
        await anext(watch)
        reading = asyncio.ensure_future(anext(watch))
        for _ in range(2):
            key_id = await rotated(guarded, path, key_id)
            sku, place = await stocked(client, 3)
            assert (await client.reconcile([(sku, place, 3)], "on_hand").finished()).reconciliation_id
            while not isinstance(event := await reading, Changes):
                reading = asyncio.ensure_future(anext(watch))
            assert [(each.sku, each.delta.on_hand) for each in event.changes[0].movements] == [(sku, 3)]
            reading = asyncio.ensure_future(anext(watch))
        await guarded.admin.revoke_credential(key_id)
        while not isinstance(ended := (await asyncio.gather(reading, return_exceptions=True))[0], BaseException):
            reading = asyncio.ensure_future(anext(watch))
        assert isinstance(ended, Unauthenticated)
        with pytest.raises(Unauthenticated):
            await client.get_sku("A-1")


async def test_what_comes_too_often_is_sent_again_when_the_server_says(guarded: Guarded) -> None:
    token, _ = await guarded.token("web", *ALL)
    again: list[str] = []
    async with InventoryClient(
        guarded.address, token=token, timeout_s=PATIENCE_S, on_retry=lambda failure, _: again.append(failure.reason)
    ) as client:
        await guarded.let_in("web", *ALL, requests_per_second=1)

        async def limited() -> bool:
            _ = [level async for level in client.list_stock()]
            return "RATE_LIMITED" in again

        await eventually(limited, "its calls come too often")


async def test_calls_that_come_too_often_together_come_back_one_after_another(guarded: Guarded) -> None:
    sku, place = await stocked(guarded.admin, 1)
    token, _ = await guarded.token("web", *ALL)
    await guarded.let_in("web", *ALL, requests_per_second=10)
    hints: list[float] = []
    pauses: list[float] = []

    def note(failure: Failure, pause_s: float) -> None:
        assert (failure.reason, failure.retry_after_s is None) == ("RATE_LIMITED", False)
        hints.append(failure.retry_after_s or 0.0)
        pauses.append(pause_s)

    async with InventoryClient(guarded.address, token=token, timeout_s=PATIENCE_S, on_retry=note) as client:
        await asyncio.gather(*(client.get_stock(sku, place) for _ in range(60)))
    assert 40 <= len(pauses) <= 2 * 60, "besides the first, two more tries of each call at most"
    assert all(pause_s >= hint_s for pause_s, hint_s in zip(pauses, hints, strict=True))


async def test_code_without_a_loop_shows_a_token_too(guarded: Guarded) -> None:
    token, _ = await guarded.token("web", *ALL)

    def work() -> None:
        with SyncInventoryClient(guarded.address, token=lambda: token) as client:
            assert list(client.list_stock()) == []
        with SyncInventoryClient(guarded.address, token=CANARY) as client, pytest.raises(Unauthenticated):
            client.get_sku("A-1")

    await asyncio.to_thread(work)


async def test_a_token_is_never_said(guarded: Guarded) -> None:
    said: list[str] = []
    async with InventoryClient(guarded.address, "web", token=CANARY) as client:
        said.append(repr(client))
        with pytest.raises(Unauthenticated) as caught:
            await client.get_sku("A-1")
        said += [str(caught.value), repr(caught.value), *traceback.format_exception(caught.value)]
    for wrong in (f"{CANARY} x", f"{CANARY}\n", f"{CANARY}ł"):
        with pytest.raises(ValueError, match="not a token") as invalid:
            InventoryClient(guarded.address, token=wrong)
        said.append(str(invalid.value))
    with pytest.raises(ValueError, match="in the clear") as invalid:
        InventoryClient("stock.example:50051", token=CANARY)
    said.append(str(invalid.value))
    assert "canary" not in "".join(said)


def test_a_token_goes_in_the_clear_only_to_this_machine_or_when_that_is_said() -> None:
    for address in ("127.0.0.1:50051", "localhost:50051", "[::1]:50051"):
        InventoryClient(address, token=CANARY)
    for address in ("stock.example:50051", "127.example.com:50051", "10.0.0.7:50051"):
        with pytest.raises(ValueError, match=f"a token would go to {address} in the clear"):
            InventoryClient(["127.0.0.1:1", address], token=CANARY)
        InventoryClient(address, token=CANARY, token_in_clear=True)
        InventoryClient(address, token=CANARY, tls=True)
        InventoryClient(address)


def test_credentials_of_ones_own_leave_no_room_for_others() -> None:
    with pytest.raises(ValueError, match="not both"):
        InventoryClient("127.0.0.1:1", tls=True, credentials=grpc.ssl_channel_credentials())


def test_a_call_says_channel_operator_and_token() -> None:
    assert introduction("web", "", "")() == (("inventory-channel", "web"),)
    assert introduction("", CANARY, "anna")() == (("inventory-operator", "anna"), ("authorization", f"Bearer {CANARY}"))
    for operator in ("x" * 65, "Łucja", "a\nb"):
        with pytest.raises(ValueError, match="an operator is up to 64 printable characters"):
            introduction("", "", operator)


def test_a_token_file_is_read_again_and_keeps_the_last_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory_client.credentials.LOOK_S", 0.0)
    path = tmp_path / "token"
    with pytest.raises(OSError, match="token"):
        TokenFile(path)
    path.write_text("\n")
    with pytest.raises(ValueError, match="no token is in"):
        TokenFile(path)
    path.write_text(f"{CANARY}\n")
    token = TokenFile(path)
    assert (token(), "canary" in repr(token)) == (CANARY, False)
    path.write_text("")
    assert token() == CANARY
    path.write_text("next")
    assert token() == "next"
    path.unlink()
    assert token() == "next"
