"""The till on a pseudo-terminal, with a real server that comes and goes."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from inventory.v1 import core_pb2
from inventory.v1.catalog_service_pb2 import (
    SKU_KIND_BUNDLE,
    TRACKING_SERIALS,
    BundleComponent,
    Location,
    Sku,
)
from inventory_client import InventoryClient
from inventory_till.till import FIND_S
from tests.client.conftest import House, Replica
from tests.client.line import Line, line
from tests.client.till_process import CTRL_C, DELETE, DOWN, ENTER, ESCAPE, F10, UP, TillProcess, till
from tests.rpc.client import eventually

HOLD, COMMIT, FULFILMENT, RELEASE = (
    core_pb2.MOVEMENT_KIND_HOLD,
    core_pb2.MOVEMENT_KIND_COMMIT,
    core_pb2.MOVEMENT_KIND_FULFILMENT,
    core_pb2.MOVEMENT_KIND_RELEASE,
)
SOLD = [HOLD, COMMIT, FULFILMENT]
BARCODE = "5901234123457"
LOOK_UP_S = 600.0
LEFT = "\x1b[?25h\x1b[?1049l"
INTERRUPTED = 130


class Counter:
    """A shop with a till on a line that can be cut."""

    def __init__(self, client: InventoryClient, wire: Line, replica: Replica, directory: Path) -> None:
        self.client = client
        self.wire = wire
        self.replica = replica
        self.journal = directory / "journal.json"

    def till(
        self, *more: str, location: str = "shop-1", find_s: float = FIND_S
    ) -> AbstractAsyncContextManager[TillProcess]:
        arguments = ["--server", self.wire.address, "--location", location, "--channel", "till-7"]
        return till(self.journal.with_name("said"), *arguments, "--journal", str(self.journal), *more, find_s=find_s)

    @asynccontextmanager
    async def open_till(self, *more: str, find_s: float = FIND_S) -> AsyncIterator[TillProcess]:
        """One that is on the screen: what was typed before would be thrown away."""
        async with self.till(*more, find_s=find_s) as desk:
            await desk.until_shows("till-7 at shop-1")
            yield desk

    @asynccontextmanager
    async def open_slow_till(self) -> AsyncIterator[TillProcess]:
        """One without a catalogue; it is answered when the wire is `answering`, and waits for that."""
        self.wire.answering.clear()
        async with self.open_till(find_s=LOOK_UP_S) as desk:
            yield desk

    async def moved(self, sku: str = "PEAR") -> list[core_pb2.MovementKind]:
        """What happened to the SKU since its delivery, in order."""
        rows = [row.kind async for row in self.client.list_movements(sku=sku)]
        return rows[-2::-1]

    async def on_hand(self, sku: str = "PEAR") -> int:
        return (await self.client.get_stock(sku, "shop-1")).quantities.on_hand


@pytest.fixture
async def counter(house: House, tmp_path: Path) -> AsyncIterator[Counter]:
    replica = await house.replica()
    client = await house.client()
    await client.import_catalog(
        skus=[
            Sku(sku="PEAR", name="Pear", barcodes=[BARCODE]),
            Sku(sku="PLUM", name="Plum"),
            Sku(sku="HAM", name="Ham", unit="kg", unit_digits=3),
        ],
        locations=[Location(location="shop-1")],
    )
    await client.batch_adjust_stock([("PEAR", "shop-1", 10), ("PLUM", "shop-1", 1), ("HAM", "shop-1", 5000)], "test")
    async with line(replica.address) as wire:
        yield Counter(client, wire, replica, tmp_path)


async def test_a_sale_by_keys(counter: Counter) -> None:
    async with counter.open_till() as desk:
        await desk.until_shows("online")
        desk.type(BARCODE, ENTER)
        await desk.until_row("PEAR", "Pear", "1", "10")
        desk.type("PLUM", ENTER, "0.25*HAM", ENTER)
        await desk.until_shows("PLUM", "0.250 kg", "3 lines")
        desk.type(UP, DELETE, UP, "*3", ENTER)
        await desk.until(lambda screen: "PLUM" not in screen and "2 lines" in screen, "removed the plum")
        desk.type(DOWN, ENTER)
        screen = await desk.until_shows("SOLD", "receipt till-7-")
        reference = screen.partition("receipt ")[2].split()[0]
        assert await counter.moved() == await counter.moved("HAM") == SOLD
        assert await counter.moved("PLUM") == []
        assert await counter.on_hand() == 7
        assert await counter.on_hand("HAM") == 4750
        made = await anext(counter.client.list_movements(sku="PEAR"))
        assert (made.channel, made.reference) == ("till-7", reference)
        desk.type("PLUM", ENTER)
        await desk.until_shows("1 line", "PLUM")
        desk.type(CTRL_C)
        await desk.until_shows("Ctrl-C again")
        desk.type(CTRL_C)
        assert await desk.ended() == 0
        assert desk.output.endswith(LEFT), "the terminal is as it was"
    assert counter.journal.read_text() == "[]"


async def test_a_piece_with_a_serial_number_is_named_by_the_next_scan(counter: Counter) -> None:
    await counter.client.create_sku(Sku(sku="PHONE", name="Phone", tracking=TRACKING_SERIALS))
    await counter.client.adjust_stock("PHONE", "shop-1", 3, "delivery", serials=["S1", "S2", "S3"])
    async with counter.open_till() as desk:
        await desk.until_shows("online")
        desk.type("PHONE", ENTER)
        await desk.until_shows("serial number of PHONE >")
        desk.type("S2", ENTER)
        await desk.until_shows("Phone S2", "1 line")
        desk.type(F10)
        await desk.until_shows("SOLD")
        assert (await counter.client.get_serial("PHONE", "S2")).present.location == ""
        assert await counter.on_hand("PHONE") == 2
        desk.type("PHONE", ENTER, "S9", ENTER, F10)
        await desk.until_shows("not sold")
        assert await counter.on_hand("PHONE") == 2


async def test_goods_that_can_not_be_issued_are_given_back_and_the_cashier_hears_it(counter: Counter) -> None:
    kit = [BundleComponent(sku="PHONE", quantity=1)]
    await counter.client.import_catalog(
        skus=[Sku(sku="PHONE", tracking=TRACKING_SERIALS), Sku(sku="KIT", kind=SKU_KIND_BUNDLE, components=kit)]
    )
    await counter.client.adjust_stock("PHONE", "shop-1", 1, "delivery", serials=["S1"])
    async with counter.open_till() as desk:
        await desk.until_shows("online")
        desk.type("KIT", ENTER, F10)
        await desk.until_shows("not sold", "the goods are given back")
        level = await counter.client.get_stock("PHONE", "shop-1")
        assert (level.quantities.available, level.quantities.allocated) == (1, 0)
        assert counter.journal.read_text() == "[]"


async def test_a_shortage_is_told_and_nothing_is_sold(counter: Counter) -> None:
    async with counter.open_till() as desk:
        desk.type("PEAR", ENTER, "2*PLUM", ENTER)
        await desk.until_shows("2 lines")
        desk.type(F10)
        await desk.until_shows("not enough: PLUM: 1 left of 2")
        assert await counter.moved() == []
        desk.type("*1", ENTER, F10)
        await desk.until_shows("SOLD")
        assert await counter.moved("PLUM") == SOLD


async def test_quick_scans_never_change_places(counter: Counter) -> None:
    async with counter.open_slow_till() as desk:
        # A barcode is asked for twice, as a SKU before, so that its answer comes after that of a SKU scanned later.
        desk.type(BARCODE, ENTER, "2*PLUM", ENTER, "*1", ENTER)
        await desk.until_shows(f"looking up {BARCODE}")
        counter.wire.answering.set()
        await desk.until_row("PLUM", "1", "1")
        screen = await desk.until_shows("2 lines")
        assert screen.index("PEAR") < screen.index("PLUM")
        desk.type(F10)
        await desk.until_shows("SOLD")
        assert await counter.moved() == await counter.moved("PLUM") == SOLD


async def test_paying_waits_for_what_was_scanned_before(counter: Counter) -> None:
    async with counter.open_slow_till() as desk:
        desk.type("PEAR", ENTER, F10)
        await desk.until_shows("looking up PEAR, then: F10")
        counter.wire.answering.set()
        await desk.until_shows("SOLD", "1 line")
        assert await counter.moved() == SOLD


async def test_paying_is_pressed_again_when_a_code_scanned_before_is_unknown(counter: Counter) -> None:
    async with counter.open_slow_till() as desk:
        desk.type("nothing", ENTER, "PEAR", ENTER, F10)
        await desk.until_shows("looking up nothing, then: PEAR ↵  F10")
        counter.wire.answering.set()
        await desk.until_shows("no SKU or barcode nothing", "1 line", "PEAR")
        assert await counter.moved() == []
        desk.type(F10)
        await desk.until_shows("SOLD")
        assert await counter.moved() == SOLD


async def test_what_others_sell_is_seen(counter: Counter) -> None:
    async with counter.open_till() as desk:
        desk.type("PEAR", ENTER)
        await desk.until_row("PEAR", "1", "10")
        await counter.client.adjust_stock("PEAR", "shop-1", -4, "sold elsewhere")
        await desk.until_row("PEAR", "1", "6")


async def test_an_unknown_code_is_told(counter: Counter) -> None:
    async with counter.open_till() as desk:
        await desk.until_shows("online")
        desk.type("nothing", ENTER)
        await desk.until_shows("no SKU or barcode nothing")
        assert "0 lines" in desk.screen


async def test_the_screen_follows_the_terminals_size(counter: Counter) -> None:
    async with counter.open_till() as desk:
        await desk.until(lambda screen: "─" * 100 in screen, "filled 100 columns")
        desk.resize(60, 20)
        await desk.until(lambda screen: "─" * 60 in screen and "─" * 61 not in screen, "filled 60 columns")


async def test_without_a_server_the_till_opens_sells_nothing_and_sells_when_it_comes(counter: Counter) -> None:
    await counter.replica.stop()
    async with counter.open_till() as desk:
        await desk.until_shows("offline since")
        await counter.replica.start()
        await desk.until_shows("online")
        desk.type("PEAR", ENTER)
        await desk.until_shows("1 line")
        await counter.replica.stop()
        await desk.until_shows("offline since")
        desk.type("2*PEAR", ENTER, BARCODE, ENTER)
        await desk.until_row("PEAR", "4", "10")
        desk.type(ENTER)
        await desk.until_shows("paying", "no answer yet")
        await counter.replica.start()
        await desk.until_shows("SOLD")
    assert await counter.moved() == SOLD
    assert await counter.on_hand() == 6


async def test_a_payment_whose_answers_are_lost_has_one_effect(counter: Counter) -> None:
    async with counter.open_till() as desk:
        desk.type("PEAR", ENTER)
        await desk.until_shows("1 line")
        counter.wire.deaf = True
        desk.type(ENTER)

        async def has_reserved() -> bool:
            return await counter.moved() == [HOLD]

        await eventually(has_reserved, "the server has done what the till does not know of")
        await desk.until_shows("no answer yet")
        repair(counter.wire)
        await desk.until_shows("SOLD")
    assert await counter.moved() == SOLD
    assert await counter.on_hand() == 9


async def test_a_payment_given_up_sells_nothing_and_its_hold_runs_out(counter: Counter) -> None:
    async with counter.open_till("--hold-ttl-s", "1") as desk:
        desk.type("PEAR", ENTER)
        await desk.until_shows("1 line")
        counter.wire.deaf = True
        desk.type(ENTER)

        async def has_reserved() -> bool:
            return await counter.moved() == [HOLD]

        await eventually(has_reserved, "it is held")
        desk.type(ESCAPE)
        await desk.until_shows("given up: nothing was sold", "1 line")
        repair(counter.wire)

        async def has_run_out() -> bool:
            return await counter.moved() == [HOLD, core_pb2.MOVEMENT_KIND_EXPIRY]

        await eventually(has_run_out, "the hold runs out")
        desk.type(ENTER)
        await desk.until_shows("SOLD")
    assert (await counter.moved())[2:] == SOLD
    assert counter.journal.read_text() == "[]"


async def in_doubt(counter: Counter, desk: TillProcess) -> None:
    """The till does not know whether it has reserved."""
    desk.type("3*PEAR", ENTER)
    await desk.until_shows("1 line")
    counter.wire.deaf = True
    desk.type(ENTER)

    async def has_reserved() -> bool:
        return await counter.moved() == [HOLD]

    await eventually(has_reserved, "it is held")


def repair(wire: Line) -> None:
    wire.cut()
    wire.deaf = False


async def test_after_a_crash_the_till_finishes_the_payment_once(counter: Counter) -> None:
    async with counter.open_till() as desk:
        await in_doubt(counter, desk)
        desk.kill()
        await desk.ended()
    repair(counter.wire)
    async with counter.open_till() as desk:
        await desk.until_shows("unfinished payment")
        await desk.until_row("PEAR", "3", "7")
        desk.type(ENTER)
        await desk.until_shows("SOLD")
    assert await counter.moved() == SOLD
    assert await counter.on_hand() == 7


async def test_a_payment_that_the_cashier_left_can_be_given_up_later(counter: Counter) -> None:
    async with counter.open_till() as desk:
        await in_doubt(counter, desk)
        desk.type(CTRL_C)
        assert await desk.ended() == 1
        assert "unfinished" in desk.said
    repair(counter.wire)
    async with counter.open_till() as desk:
        await desk.until_shows("unfinished payment")
        desk.type(ESCAPE)
        await desk.until_shows("given up", "0 lines")
        desk.type(CTRL_C)
        assert await desk.ended() == 0
    assert await counter.moved() == [HOLD]


@pytest.mark.parametrize("away", [False, True], ids=["no answer", "no server"])
async def test_a_till_that_was_never_online_is_left_cleanly(counter: Counter, *, away: bool) -> None:
    if away:
        await counter.replica.stop()
    async with counter.open_slow_till() as desk:
        desk.type(CTRL_C)
        assert await desk.ended() == 0
        assert desk.said == ""
        assert desk.output.endswith(LEFT), "nothing is drawn on somebody else's screen"


async def test_ctrl_c_waits_for_no_look_up(counter: Counter) -> None:
    async with counter.open_slow_till() as desk:
        desk.type("PEAR", ENTER, "PLUM", ENTER)
        await desk.until_shows("looking up PEAR")
        desk.type(CTRL_C)
        await desk.until_shows("Ctrl-C again")
        desk.type(CTRL_C)
        assert await desk.ended() == 0
        assert desk.said == ""
        assert desk.output.endswith(LEFT)


async def test_a_signal_ends_the_till_as_it_should(counter: Counter) -> None:
    async with counter.open_slow_till() as desk:
        desk.type("PEAR", ENTER)
        await desk.until_shows("looking up PEAR")
        desk.signal(signal.SIGINT)
        assert await desk.ended() == INTERRUPTED
        assert desk.said == ""
        assert desk.output.endswith(LEFT)


async def test_a_wrong_location_is_told(counter: Counter) -> None:
    async with counter.till(location="nowhere") as desk:
        assert await desk.ended() == 1
        assert "LOCATION_NOT_FOUND" in desk.said
