"""A till's payments: one effect, whatever breaks at whichever step, and a way back that gives everything back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from inventory.v1 import core_pb2
from inventory.v1.catalog_service_pb2 import TRACKING_SERIALS, Sku
from inventory_client import InventoryClient
from inventory_till.journal import Intent, Journal, Step, open_journal
from inventory_till.payment import Declined, Payments
from tests.client.conftest import stocked
from tests.client.line import Line, line
from tests.rpc.client import PATIENCE_S, Server, eventually, unique
from tests.rpc.conftest import serving

HOLD, COMMIT, FULFILMENT, RELEASE, EXPIRY = (
    core_pb2.MOVEMENT_KIND_HOLD,
    core_pb2.MOVEMENT_KIND_COMMIT,
    core_pb2.MOVEMENT_KIND_FULFILMENT,
    core_pb2.MOVEMENT_KIND_RELEASE,
    core_pb2.MOVEMENT_KIND_EXPIRY,
)
SOLD = [HOLD, COMMIT, FULFILMENT]
DOING = {Step.RESERVE: "reserving", Step.COMMIT: "selling", Step.FULFIL: "sold, booking the goods out"}
STEPS = list(DOING)


class Desk:
    """Payments of ten pieces over a line that can break; `at` says what happens when a step begins."""

    def __init__(self, wire: Line, behind: InventoryClient, client: InventoryClient, journal: Journal) -> None:
        self.wire = wire
        self.behind = behind
        self.client = client
        self.journal = journal
        self.sku = self.place = ""
        self.at: dict[str, Callable[[], None]] = {}
        self.payments = self.open()

    def open(self, hold_ttl_s: float = 60) -> Payments:
        """A till that has just been started on the journal."""
        self.payments = Payments(self.client, self.journal, timedelta(seconds=hold_ttl_s), self._changed)
        return self.payments

    def _changed(self) -> None:
        self.at.pop(self.payments.progress, lambda: None)()

    def intent(self) -> Intent:
        return Intent.new("till", self.place, ((self.sku, 3),))

    def deafen(self) -> None:
        self.wire.deaf = True

    def repair(self) -> None:
        self.wire.cut()
        self.wire.deaf = self.wire.away = False

    def sever(self) -> None:
        self.wire.away = True
        self.wire.cut()

    async def moved(self) -> list[core_pb2.MovementKind]:
        """What happened since the delivery, in order."""
        return [row.kind async for row in self.behind.list_movements(sku=self.sku)][-2::-1]

    async def until_moved(self, *kinds: core_pb2.MovementKind) -> None:
        async def so() -> bool:
            return await self.moved() == list(kinds)

        await eventually(so, f"it moved so: {kinds}")

    async def left(self) -> int:
        return (await self.behind.get_stock(self.sku, self.place)).quantities.available

    async def break_at(self, step: Step, how: Callable[[], None]) -> tuple[Intent, asyncio.Task[object]]:
        """A payment whose line breaks when this step begins, and has broken."""
        broken = asyncio.Event()

        def now() -> None:
            how()
            broken.set()

        self.at[DOING[step]] = now
        intent = self.intent()
        paying: asyncio.Task[object] = asyncio.create_task(self.payments.see_through(intent))
        async with asyncio.timeout(PATIENCE_S):
            await broken.wait()
        return intent, paying

    async def crash(self, paying: asyncio.Task[object]) -> None:
        paying.cancel()
        with suppress(asyncio.CancelledError):
            await paying


@pytest.fixture(scope="module")
async def server(module_dsn: str) -> AsyncIterator[Server]:
    async with serving(module_dsn) as running:
        yield running


@pytest.fixture
async def desk(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr("inventory_till.payment.TRY_S", 0.5)
    monkeypatch.setattr("inventory_till.payment.TRY_AGAIN_S", 0.05)
    async with (
        line(server.address) as wire,
        InventoryClient(server.address, channel="till") as behind,
        InventoryClient(wire.address, channel="till") as client,
    ):
        with open_journal(tmp_path / "journal.json") as journal:
            opened = Desk(wire, behind, client, journal)
            opened.sku, opened.place = await stocked(behind, 10)
            await client.get_location(opened.place)  # connected: only calls get lost, no handshake
            yield opened


async def test_a_payment_is_reserved_committed_and_issued(desk: Desk) -> None:
    receipt = await desk.payments.see_through(desk.intent())
    assert receipt.reference.startswith("till-")
    assert await desk.moved() == SOLD
    assert await desk.left() == 7
    assert desk.journal.intents == ()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("how", [Desk.deafen, Desk.sever], ids=["answers lost", "nothing gets through"])
async def test_a_line_that_breaks_at_any_step_costs_no_second_effect(
    desk: Desk, step: Step, how: Callable[[Desk], None]
) -> None:
    _, paying = await desk.break_at(step, lambda: how(desk))
    if desk.wire.deaf:
        await asyncio.wait_for(desk.wire.lost.wait(), PATIENCE_S)
        await desk.until_moved(*SOLD[: STEPS.index(step) + 1])
    desk.repair()
    await paying
    assert await desk.moved() == SOLD
    assert await desk.left() == 7


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("how", [Desk.deafen, Desk.sever], ids=["answers lost", "nothing got through"])
async def test_a_till_that_crashes_at_any_step_finishes_what_it_began(
    desk: Desk, step: Step, how: Callable[[Desk], None]
) -> None:
    _, paying = await desk.break_at(step, lambda: how(desk))
    if desk.wire.deaf:
        await desk.until_moved(*SOLD[: STEPS.index(step) + 1])
    await desk.crash(paying)
    desk.repair()
    (left,) = desk.journal.intents
    assert left.step is step
    await desk.open().see_through(left)
    assert await desk.moved() == SOLD
    assert desk.journal.intents == ()


@pytest.mark.parametrize(
    ("how", "moved"),
    [(Desk.deafen, [HOLD, COMMIT, RELEASE]), (Desk.sever, [HOLD, RELEASE])],
    ids=["it was sold", "it was not"],
)
async def test_giving_up_a_sale_in_doubt_gives_the_goods_back(
    desk: Desk, how: Callable[[Desk], None], moved: list[core_pb2.MovementKind]
) -> None:
    intent, paying = await desk.break_at(Step.COMMIT, lambda: how(desk))
    if desk.wire.deaf:
        await desk.until_moved(HOLD, COMMIT)
    assert desk.payments.may_give_up(intent.reference)
    await desk.crash(paying)
    desk.payments.give_up(intent.reference)
    assert desk.journal.intents[0].step is Step.RELEASE, "it is remembered until it is settled"
    desk.repair()
    await desk.until_moved(*moved)
    assert await desk.left() == 10

    async def is_settled() -> bool:
        return not desk.journal.intents and not desk.payments.giving_up

    await eventually(is_settled, "it is settled")


async def test_a_sale_that_is_made_is_not_given_up(desk: Desk) -> None:
    intent, paying = await desk.break_at(Step.FULFIL, desk.sever)
    assert not desk.payments.may_give_up(intent.reference)
    desk.repair()
    await paying
    assert await desk.moved() == SOLD


async def test_a_hold_that_ran_out_meanwhile_is_not_sold(desk: Desk) -> None:
    desk.open(hold_ttl_s=1)
    _, paying = await desk.break_at(Step.COMMIT, desk.sever)
    await desk.until_moved(HOLD, EXPIRY)
    desk.repair()
    with pytest.raises(Declined, match="ran out"):
        await paying
    assert desk.journal.intents == ()
    assert await desk.left() == 10


async def test_a_shortage_declines_and_is_over(desk: Desk) -> None:
    intent = Intent.new("till", desk.place, ((desk.sku, 11),))
    with pytest.raises(Declined, match=f"{desk.sku}: 10 left of 11"):
        await desk.payments.see_through(intent)
    assert desk.journal.intents == ()
    assert await desk.moved() == []


async def numbered(desk: Desk, *serials: str) -> None:
    """The desk sells a SKU whose pieces have these serial numbers."""
    desk.sku = unique("phone")
    await desk.behind.create_sku(Sku(sku=desk.sku, tracking=TRACKING_SERIALS))
    await desk.behind.adjust_stock(desk.sku, desk.place, len(serials), "delivery", serials=serials)


async def test_pieces_named_by_serial_number_are_sold(desk: Desk) -> None:
    await numbered(desk, "S1", "S2", "S3")
    await desk.payments.see_through(
        Intent.new("till", desk.place, ((desk.sku, 2),), ((desk.sku, "S1"), (desk.sku, "S3")))
    )
    assert await desk.left() == 1
    present = [(await desk.behind.get_serial(desk.sku, serial)).present.location for serial in ("S1", "S2", "S3")]
    assert present == ["", desk.place, ""]


async def test_a_refused_last_step_gives_the_goods_back_and_says_so(desk: Desk) -> None:
    await numbered(desk, "S1", "S2", "S3")
    intent = desk.intent()
    with pytest.raises(Declined, match=r"not sold: .*; the goods are given back"):
        await desk.payments.see_through(intent)
    (made,) = [each async for each in desk.behind.list_reservations(owner=intent.reference)]
    assert made.state == core_pb2.RESERVATION_STATE_RELEASED
    assert await desk.left() == 3
    assert desk.journal.intents == ()


async def test_a_till_that_crashes_while_it_gives_back_does_so_when_it_is_started_again(desk: Desk) -> None:
    await numbered(desk, "S1", "S2", "S3")
    broken = asyncio.Event()

    def break_the_line() -> None:
        desk.sever()
        broken.set()

    desk.at["not sold, giving the goods back"] = break_the_line
    paying = asyncio.create_task(desk.payments.see_through(desk.intent()))
    async with asyncio.timeout(PATIENCE_S):
        await broken.wait()
    await desk.crash(paying)
    desk.repair()
    (left,) = desk.journal.intents
    assert left.step is Step.RELEASE
    assert await desk.left() == 0, "it is locked until then"
    desk.open().give_up(left.reference)

    async def is_settled() -> bool:
        return not desk.journal.intents and await desk.left() == 3

    await eventually(is_settled, "it is given back")
