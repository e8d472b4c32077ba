"""A reconciliation whose stream breaks begins anew by itself, or ends with an error that says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from inventory.rpc import streams
from inventory.v1 import reconciliation_service_pb2 as pb2
from inventory_client import Answer, InventoryClient, TokenFile, Unauthenticated, Unavailable
from inventory_client.reconciliations import ROWS_A_MESSAGE
from tests.client.conftest import Guarded, House, stocked
from tests.client.test_credentials import rotated
from tests.rpc.client import eventually

ALL = ("stock:read", "stock:write", "catalog:write", "watch", "report")
Row = tuple[str, str, int]


class Breaking:
    """Rows of which the first ones are told, then something happens, once; then the last one."""

    def __init__(self, first: Row, last: Row, happens: Callable[[], Awaitable[object]]) -> None:
        self.read = 0
        self._first = first
        self._last = last
        self._happens = happens

    async def __call__(self) -> AsyncIterator[Row]:
        self.read += 1
        for _ in range(ROWS_A_MESSAGE + 1):  # the first message goes out before what is last in the second
            yield self._first
        if self.read == 1:
            await self._happens()
        yield self._last


async def states(client: InventoryClient, channel: str = "") -> list[pb2.ReconciliationState]:
    """The oldest first."""
    return [each.state async for each in client.list_reconciliations(channel=channel)][::-1]


async def ended_here(client: InventoryClient, channel: str = "") -> None:
    """Until the stream that is open has ended at the server."""

    async def unfinished() -> bool:
        return await states(client, channel) == [pb2.RECONCILIATION_STATE_UNFINISHED]

    await eventually(unfinished, "the stream has ended")


async def test_it_begins_anew_when_the_server_was_away_and_gives_no_answer_twice(house: House) -> None:
    replica = await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 10)
    other, _ = await stocked(client, 4, place)
    unnamed, _ = await stocked(client, 1, place)

    async def away() -> None:
        await replica.stop()
        await replica.start()

    rows = Breaking((sku, place, 9), (other, place, 4), away)
    run = client.reconcile(rows, "on_hand", list_missing=True)
    found = [(row.sku, Answer(row.answer)) async for row in run]
    assert found == [(sku, Answer.DRIFT)] * ROWS_A_MESSAGE + [(unnamed, Answer.MISSING)]
    assert rows.read == 2
    assert run.result is not None
    assert (run.compared, run.result.counts.drift, run.result.counts.equal) == (
        ROWS_A_MESSAGE + 2,
        ROWS_A_MESSAGE + 1,
        1,
    )
    assert await states(client) == [pb2.RECONCILIATION_STATE_UNFINISHED, pb2.RECONCILIATION_STATE_FINISHED]


async def test_an_iterator_can_t_be_read_again_and_the_error_says_so(house: House) -> None:
    replica = await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 10)

    async def away() -> None:
        await replica.stop()
        await replica.start()

    run = client.reconcile(Breaking((sku, place, 10), (sku, place, 10), away)(), "on_hand")
    with pytest.raises(Unavailable, match=f"1,000 rows were compared, reconciliation {'.' * 36}; an iterator"):
        await run.finished()
    assert await states(client) == [pb2.RECONCILIATION_STATE_UNFINISHED]


async def test_one_that_takes_longer_than_a_stream_may_be_open_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 10)
    monkeypatch.setattr(streams, "STREAM_AGE_MAX_S", 1.0)
    rows = Breaking((sku, place, 10), (sku, place, 10), lambda: ended_here(client))
    with pytest.raises(Unavailable, match="compare fewer rows at a time") as caught:
        await client.reconcile(rows, "on_hand").finished()
    assert caught.value.reason == "STREAM_OLD"
    assert rows.read <= 1, "it does not begin anew"


@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "not replaced"])
async def test_a_token_revoked_half_way_ends_it_unless_there_is_another(
    replaced: bool,
    guarded: Guarded,
    tmp_path: Path,
) -> None:
    token, key_id = await guarded.token("web", *ALL)
    path = tmp_path / "web.token"
    path.write_text(token)
    async with InventoryClient(guarded.address, token=TokenFile(path)) as client:
        sku, place = await stocked(client, 3)

        async def revoked() -> None:
            if replaced:
                await rotated(guarded, path, key_id)
            else:
                await guarded.admin.revoke_credential(key_id)
            await ended_here(guarded.admin, "web")

        run = client.reconcile(Breaking((sku, place, 3), (sku, place, 2), revoked), "on_hand")
        if replaced:
            assert (await run.finished()).counts.drift == 1
        else:
            with pytest.raises(Unauthenticated, match="1,000 rows were compared"):
                await run.finished()
