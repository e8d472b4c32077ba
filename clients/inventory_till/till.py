"""The till: keys change the sale, the sale is drawn, and what has to be done outside is done beside it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from inventory_client import (
    ConnectionState,
    InventoryClient,
    InventoryError,
    NotFound,
    Overloaded,
    Refused,
    StockMirror,
)
from inventory_till import screen
from inventory_till.catalogue import Catalogue
from inventory_till.journal import Intent, Journal, Step
from inventory_till.keys import Press
from inventory_till.payment import Declined, Payments, Receipt
from inventory_till.pressed import Pressed
from inventory_till.sale import Do, Find, Item, Line, Phase, Sale, found, not_found
from inventory_till.terminal import Terminal

DRAW_PAUSE_S = 0.02
TICK_S = 1.0
FIND_S = 3.0
LOAD_AGAIN_S = 5.0


class Till:
    """`name` is the channel's: on receipts and in references."""

    def __init__(
        self,
        client: InventoryClient,
        mirror: StockMirror,
        journal: Journal,
        terminal: Terminal,
        name: str,
        location: str,
        hold_ttl: timedelta,
    ) -> None:
        self._client = client
        self._mirror = mirror
        self._journal = journal
        self._terminal = terminal
        self._name = name
        self._location = location
        self._payments = Payments(client, journal, hold_ttl, self._changed)
        self._catalogue = Catalogue()
        self._sale = Sale()
        self._pressed = Pressed()
        self._paying: asyncio.Task[Receipt] | None = None
        self._reference = ""
        self._finding: asyncio.Task[None] | None = None
        self._leaving = asyncio.Event()
        self._failed: OSError | None = None
        self._drawing: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Until the cashier leaves, or the terminal is gone. What is unfinished then stays in the journal. Raises
        `OSError` when the journal can't be written."""
        for intent in self._journal.intents:
            if intent.step is Step.RELEASE:
                self._payments.give_up(intent.reference)
        self._show_unfinished()
        beside = [asyncio.create_task(self._load()), asyncio.create_task(self._tick())]
        follow_no_more = self._mirror.on_change(lambda *_: self._changed())
        try:
            with self._terminal.watched(self._on_keys, self._on_resize, self._leaving.set):
                self._changed()
                await self._leaving.wait()
        finally:
            self._leaving.set()
            follow_no_more()
            if self._drawing is not None:  # the terminal is somebody else's then
                self._drawing.cancel()
            under_way = filter(None, [self._finding, self._paying])
            tasks = [*beside, *self._payments.giving_up.values(), *under_way]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._failed is not None:
            raise self._failed

    def _on_keys(self, keys: list[Press]) -> None:
        self._pressed.put(keys)
        self._work_off()

    def _work_off(self) -> None:
        """The keys that wait for nothing any more."""
        while not self._leaving.is_set():
            self._sale, effect = self._pressed.next(self._sale)
            match effect:
                case Find():
                    self._find(effect)
                case Do.PAY:
                    lines = tuple((line.item.sku, line.quantity) for line in self._sale.lines)
                    serials = tuple((line.item.sku, serial) for line in self._sale.lines for serial in line.serials)
                    self._pay(Intent.new(self._name, self._location, lines, serials))
                case Do.FINISH:
                    self._finish()
                case Do.GIVE_UP:
                    self._give_up()
                case Do.LEAVE:
                    self._leaving.set()
                case None:
                    break
        self._changed()

    def _pay(self, intent: Intent) -> None:
        self._reference = intent.reference
        self._paying = asyncio.create_task(self._payments.see_through(intent))
        self._paying.add_done_callback(self._paid)

    def _paid(self, paying: "asyncio.Task[Receipt]") -> None:
        self._paying = None
        if self._leaving.is_set():
            return
        if paying.cancelled():
            self._payments.give_up(self._reference)
            self._sale = replace(self._sale, phase=Phase.SELLING, message="given up: nothing was sold")
            self._changed()
            return
        try:
            receipt = paying.result()
        except Declined as declined:
            self._sale = replace(self._sale, phase=Phase.SELLING, message=str(declined))
        except OSError as failed:  # without the journal nothing may be sold; it says how far this one is
            self._failed = failed
            self._leaving.set()
        else:
            self._sale = replace(
                self._sale,
                phase=Phase.RECEIPT,
                message=screen.receipt(self._sale.lines, receipt.reference, receipt.revision),
            )
        self._changed()

    def _give_up(self) -> None:
        if not self._payments.may_give_up(self._reference):
            self._sale = replace(self._sale, message="it is sold: only the goods are still to be booked out")
        elif self._paying is not None:
            self._paying.cancel()
        else:
            self._payments.give_up(self._reference)
            self._sale = Sale(message="given up")
            self._show_unfinished()

    def _finish(self) -> None:
        intent = self._journal.intent(self._reference)
        assert intent is not None, "it is on the screen"
        self._sale = replace(self._sale, phase=Phase.PAYING)
        self._pay(intent)

    def _show_unfinished(self) -> None:
        """What an earlier run left in the middle of a payment comes first."""
        for intent in self._journal.intents:
            if intent.step is not Step.RELEASE:
                lines = tuple(
                    Line(self._catalogue.find(sku) or Item(sku, by_serial=bool(serials)), quantity, serials)
                    for sku, quantity in intent.lines
                    for serials in [intent.serials_of(sku)]
                )
                self._reference = intent.reference
                self._sale = Sale(lines, phase=Phase.UNFINISHED, message=intent.reference)
                return

    def _find(self, find: Find) -> None:
        if item := self._catalogue.find(find.code):
            self._sale = found(self._sale, find, item)
        else:
            self._finding = asyncio.create_task(self._ask(find))

    async def _ask(self, find: Find) -> None:
        try:
            item = await self._look_up(find.code)
        except NotFound:
            self._sale = not_found(self._sale, f"no SKU or barcode {find.code}")
        except InventoryError as failed:
            self._sale = not_found(self._sale, f"{find.code} is not known here, and: {failed.message}")
        else:
            self._sale = found(self._sale, find, item)
        self._finding = None
        self._work_off()

    async def _look_up(self, code: str) -> Item:
        try:
            return self._catalogue.put(await self._client.get_sku(code, timeout_s=FIND_S))
        except NotFound as unknown:
            try:
                return self._catalogue.put(await self._client.get_sku(barcode=code, timeout_s=FIND_S))
            except Overloaded:
                raise
            except Refused:  # it is no barcode at all
                raise unknown from None

    async def _load(self) -> None:
        """The whole catalogue, so that everything is found while the server is away."""
        while True:
            try:
                async for sku in self._client.list_skus(active=True):
                    self._catalogue.put(sku)
            except InventoryError:
                await asyncio.sleep(LOAD_AGAIN_S)
            else:
                return

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._changed()

    def _changed(self) -> None:
        if self._drawing is None and not self._leaving.is_set():
            self._drawing = asyncio.get_running_loop().call_later(DRAW_PAUSE_S, self._draw)

    def _draw(self) -> None:
        self._drawing = None
        self._terminal.draw(self._screen())

    def _on_resize(self) -> None:
        self._terminal.redraw(self._screen())

    def _screen(self) -> str:
        return screen.render(self._sale, self._view(), self._available, *self._terminal.size())

    def _view(self) -> screen.View:
        connection = self._mirror.connection
        online = self._mirror.live
        if online or connection is None:
            words = "online" if online else "connecting"
        elif connection.state is ConnectionState.LIVE:
            words = "catching up"
        else:
            words = f"offline since {connection.since.astimezone():%H:%M:%S}"
        return screen.View(
            till=self._name,
            location=self._location,
            connection=words,
            online=online,
            progress=self._payments.progress,
            open=len(self._payments.giving_up),
            ahead=str(self._pressed),
        )

    def _available(self, sku: str) -> int | None:
        """As the mirror knows it; nothing before its first snapshot."""
        return self._mirror.available(sku, self._location) if self._mirror.revision else None
