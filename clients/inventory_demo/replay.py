"""The demo from beginning to end: server, set-up, replay, checks."""

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import grpc
import numpy as np

from inventory.v1 import core_pb2
from inventory_demo import books, opening
from inventory_demo.crew import Crew, DemoFailed, Ready, Worker
from inventory_demo.follower import Followed, Watch, WatchEnded, follow
from inventory_demo.journey import Baskets, Journey, load
from inventory_demo.mirror import Key
from inventory_demo.names import Names
from inventory_demo.sales import Sales
from inventory_demo.screen import Screen, Step
from inventory_demo.seller import Shift, ShiftEnded, Sold, sell
from inventory_demo.server import OwnServer
from inventory_demo.tills import Tills
from inventory_demo.verdict import Check, Evidence, judge
from inventory_demo.web import HOLD_TTL_S, WebShop

TILL_PROCESSES = 2
WEB_SHARE = 0.2
CONNECT_TIMEOUT_S = 10.0
SETTLE_TIMEOUT_S = HOLD_TTL_S + 60.0
POLL_S = 0.2
MESSAGE_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for. `baskets` None: all."""

    baskets: int | None
    seed: int
    dsn: str | None
    server: str | None
    keep: bool


@dataclass(frozen=True, slots=True)
class Result:
    journey: Journey
    evidence: Evidence
    checks: list[Check]
    seconds: dict[str, float]
    cpu_s: dict[str, float]
    names: Names
    where: str

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


def run(plan: Plan, screen: Screen) -> Result:
    """Raises `DemoFailed` when it can't go on. Leaves nothing behind unless the plan says so."""
    return _Demo(plan, screen).run()


class _Demo:
    def __init__(self, plan: Plan, screen: Screen) -> None:
        self._plan = plan
        self._screen = screen
        self._seconds: dict[str, float] = {}
        self._own = None if plan.server else OwnServer(plan.dsn, keep=plan.keep)
        run = secrets.token_hex(3)
        self._names = Names(run) if self._own else Names(run, "demo-", f"demo-{run}-")
        self._crew = Crew()
        self._cpu_s: dict[str, float] = {}

    def run(self) -> Result:
        started = time.monotonic()
        with ExitStack() as stack:
            with self._timed("start"):
                address = self._plan.server
                if self._own:
                    stack.enter_context(self._own)  # entered first, so ended last
                elif address:
                    _connect(address).close()  # before any work, if nobody answers there
                stack.enter_context(self._crew)
                watcher = self._crew.hire("watcher", follow)
                sellers = [self._crew.hire(f"till {n + 1}", sell) for n in range(TILL_PROCESSES)]
                sellers.append(self._crew.hire("web shop", sell))
                with self._screen.step("reading baskets") as step:
                    journey = load(self._plan.baskets, self._plan.seed)
                    step.advance(len(journey.baskets))
                if self._own:
                    address = self._own.wait_ready()
                assert address is not None
                connection = stack.enter_context(_connect(address))
                watcher.orders.send(Watch(address, self._names.location_prefix))
                self._await_ready([watcher])
            with self._timed("set-up"):
                self._set_up(connection, journey)
                self._brief(sellers, address, journey)
            with self._timed("replay"):
                sales = self._replay(sellers, watcher, journey)
            with self._timed("checks"):
                evidence = self._collect(connection, watcher, journey, sales)
                checks = judge(evidence)
            if self._own is None and not self._plan.keep:
                self._clear(connection, evidence, journey)
            self._seconds["all"] = time.monotonic() - started
        return Result(journey, evidence, checks, self._seconds, self._cpu_s, self._names, self._what_is_left(address))

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._seconds[stage] = time.monotonic() - started

    def _await_ready(self, workers: list[Worker]) -> None:
        waiting = set(workers)
        while waiting:
            self._check()
            for worker, message in self._crew.messages(POLL_S):
                if isinstance(message, Ready):
                    waiting.discard(worker)

    def _check(self) -> None:
        if self._own:
            self._own.check()

    def _set_up(self, connection: grpc.Channel, journey: Journey) -> None:
        products, names = journey.products, self._names
        if not self._own:  # somebody's catalogue: only what is needed there
            needed = set(journey.baskets.products.tolist())
            products = tuple(product for product in products if int(product.code) in needed)
        with self._screen.step("products", len(products)) as step:
            opening.import_products(connection, products, names, step.advance)
        with self._screen.step("shops", len(journey.locations)) as step:
            opening.import_shops(connection, journey.locations, names, step.advance)
        with self._screen.step("opening stock", len(journey.opening_stock)) as step:
            opening.stock_shops(connection, journey.opening_stock, names, step.advance)

    def _brief(self, sellers: list[Worker], address: str, journey: Journey) -> None:
        """Gives each process its baskets; none starts yet."""
        for seller, (channel, baskets) in zip(sellers, shares(journey, self._plan.seed), strict=True):
            seller.orders.send(Shift(channel, address, self._names, self._plan.seed, baskets, journey.neighbours))
        self._await_ready(sellers)

    def _replay(self, sellers: list[Worker], watcher: Worker, journey: Journey) -> Sales:
        for seller in sellers:
            seller.orders.send("start")
        sales = Sales()
        far: dict[Worker, Sold] = {}
        followed = Followed(0, 0, 0, 0)
        working = set(sellers)
        started = time.monotonic()
        with self._screen.step("baskets", len(journey.baskets)) as step:
            while working:
                self._check()
                for worker, message in self._crew.messages(POLL_S):
                    match message:
                        case Sold():
                            far[worker] = message
                        case Followed():
                            followed = message
                        case ShiftEnded():
                            sales.merge(message.sales)
                            self._cpu_s[worker.name] = message.cpu_s
                            done = message.sales
                            far[worker] = Sold(done.baskets, done.lines_asked, done.refusals.total(), done.revision)
                            working.remove(worker)
                            self._crew.dismiss(worker)
                        case _:
                            raise TypeError(message)
                _show(step, list(far.values()), followed, time.monotonic() - started)
        return sales

    def _collect(self, connection: grpc.Channel, watcher: Worker, journey: Journey, sales: Sales) -> Evidence:
        head = self._settle(connection, watcher)
        watcher.orders.send("stop")
        ended = self._last_words(watcher)
        self._cpu_s[watcher.name] = ended.cpu_s
        names = self._names
        locations = [names.location(shop.code) for shop in journey.locations]
        with self._screen.step("reading levels") as step:
            levels = books.levels(connection, locations, step.advance)
        with self._screen.step("reading the ledger") as step:
            ledger = books.ledger(connection, ended.start, names.location_prefix, step.advance)
        live = (core_pb2.RESERVATION_STATE_HELD, core_pb2.RESERVATION_STATE_ALLOCATED)
        channels = (Tills.channel, WebShop.channel)
        known = sales.reservations
        still_live = sum(
            found in known
            for channel in channels
            for state in live
            for found in books.reservation_ids(connection, channel, state)
        )
        expired = books.reservation_ids(connection, WebShop.channel, core_pb2.RESERVATION_STATE_EXPIRED)
        verified = None
        if self._own:
            with self._screen.step("inventory verify"):
                verified = self._own.verify()
        put: dict[Key, int] = {
            (names.sku(sku), names.location(location)): quantity for sku, location, quantity in journey.opening_stock
        }
        return Evidence(
            baskets=len(journey.baskets),
            lines=len(journey.baskets.products),
            opening=put,
            sales=sales,
            mirror=ended.mirror,
            start=ended.start,
            head=head,
            levels=levels,
            ledger=ledger,
            live=still_live,
            expired=frozenset(expired),
            verified=verified,
        )

    def _settle(self, connection: grpc.Channel, watcher: Worker) -> int:
        """Waits until the last hold has run out and the watcher has seen it. The head then.

        A hold that never ends isn't waited for: the checks will say so.
        """
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        with self._screen.step("holds running out") as step:
            head = books.head(connection)
            while time.monotonic() < deadline:
                self._check()
                for _, message in self._crew.messages(POLL_S):
                    if isinstance(message, Followed):
                        step.show(0, f"{message.held + message.allocated:,} pieces left")
                        if message.held == message.allocated == 0 and message.revision >= head:
                            if message.revision == (newest := books.head(connection)):
                                return head
                            head = newest
            return head

    def _last_words(self, watcher: Worker) -> WatchEnded:
        while True:
            for _, message in self._crew.messages(POLL_S):
                if isinstance(message, WatchEnded):
                    self._crew.dismiss(watcher)
                    return message

    def _clear(self, connection: grpc.Channel, evidence: Evidence, journey: Journey) -> None:
        left = [(*key, of[0]) for key, of in evidence.levels.items() if of[0]]
        with self._screen.step("clearing the shops") as step:
            opening.clear_shops(connection, left, self._names)
            opening.import_shops(connection, journey.locations, self._names, step.advance, active=False)

    def _what_is_left(self, address: str) -> str:
        if self._own:
            return self._own.kept if self._plan.keep else ""
        prefix = self._names.location_prefix
        stock = "with their stock" if self._plan.keep else "emptied and inactive"
        return f"left on {address}: the shops {prefix}… ({stock}), the SKUs {self._names.sku_prefix}…, the ledger"


def shares(journey: Journey, seed: int) -> list[tuple[str, Baskets]]:
    """Which channel's process sells what: the tills by shop, the web shop a seeded share of every shop's."""
    chosen = np.random.default_rng([seed, 1]).random(len(journey.baskets)) < WEB_SHARE
    web = journey.baskets.where(chosen)
    tills = [part.where(~np.isin(part.basket_ids, web.basket_ids)) for part in journey.partition(TILL_PROCESSES)]
    return [*((Tills.channel, part) for part in tills), (WebShop.channel, web)]


def _connect(address: str) -> grpc.Channel:
    options = [("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)]
    connection = grpc.insecure_channel(address, options=options)
    try:
        grpc.channel_ready_future(connection).result(CONNECT_TIMEOUT_S)
    except grpc.FutureTimeoutError:
        connection.close()
        raise DemoFailed(f"no server answers on {address}") from None
    return connection


def _show(step: Step, far: list[Sold], followed: Followed, seconds: float) -> None:
    total: Counter[str] = Counter()
    for one in far:
        total.update(baskets=one.baskets, lines=one.lines, refusals=one.refusals)
    behind = max((one.revision for one in far), default=0) - followed.revision
    per_s = 1 / max(seconds, 0.1)
    step.show(
        total["baskets"],
        f"{total['baskets'] * per_s:,.0f} baskets/s · {total['lines'] * per_s:,.0f} lines/s · "
        f"{total['refusals']:,} refused · watcher {max(behind, 0):,} behind",
    )
