"""The demo from beginning to end: servers, set-up, replay with a fault in the middle, checks."""

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

from inventory_client import Unavailable, WatchMode
from inventory_client.sync import SyncInventoryClient
from inventory_demo import books, opening
from inventory_demo.bundles import Bundle, bought_together
from inventory_demo.channels import MARKETPLACE, MARKETPLACE_BUFFER, MARKETPLACE_SHARE_BP, TILL, WEB, channels
from inventory_demo.crew import Crew, DemoFailed, Ready, Worker
from inventory_demo.evidence import Evidence
from inventory_demo.fault import Kill
from inventory_demo.follower import Followed, Following, WatchEnded, follow
from inventory_demo.journey import Baskets, Journey, load, location_code
from inventory_demo.mirrors import MirrorEnded, Mirroring, UntilHead, keep_mirror
from inventory_demo.names import Names
from inventory_demo.places import CENTRAL
from inventory_demo.quantities import Key
from inventory_demo.sales import Sales
from inventory_demo.screen import Screen
from inventory_demo.seller import Shift, sell
from inventory_demo.selling import Selling, Staff
from inventory_demo.servers import OwnServers
from inventory_demo.verdict import Check, judge
from inventory_demo.views import ViewRule
from inventory_demo.web import HOLD_TTL_S

TILL_PROCESSES = 2
WEB_SHARE = 0.2
MARKETPLACE_SHARE = 0.05
CONNECT_TIMEOUT_S = 10.0
SETTLE_TIMEOUT_S = HOLD_TTL_S + 60.0
POLL_S = 0.2


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
        self._own = None if plan.server else OwnServers(plan.dsn, keep=plan.keep)
        run = secrets.token_hex(3)
        self._names = Names(run) if self._own else Names(run, "demo-", f"demo-{run}-", f"demo-{run}-")
        self._crew = Crew()
        self._cpu_s: dict[str, float] = {}
        self._bundles: tuple[Bundle, ...] = ()
        self._addresses: tuple[str, ...] = (plan.server,) if plan.server else ()

    def run(self) -> Result:
        started = time.monotonic()
        with ExitStack() as stack:
            with self._timed("start"):
                if self._own:
                    stack.enter_context(self._own)  # entered first, so ended last
                else:
                    with self._client():  # before any work, if nobody answers there
                        pass
                stack.enter_context(self._crew)
                staff = self._hire()
                with self._screen.step("reading baskets") as step:
                    journey = load(self._plan.baskets, self._plan.seed)
                    self._bundles = bought_together(journey.baskets, journey.products, self._names)
                    step.advance(len(journey.baskets))
                if self._own:
                    self._addresses = self._own.wait_ready()
                client = stack.enter_context(self._client())
                # On the server that will die, if there are two: what doubts everything has to live through it.
                watching = Following(self._addresses[::-1], self._names.location_prefix)
                staff.watcher.orders.send(watching)
                self._await_ready([staff.watcher])
            with self._timed("set-up"):
                self._set_up(client, journey)
                self._brief(staff, journey)
            with self._timed("replay"):
                sales, kill = self._replay(staff, journey)
            with self._timed("checks"):
                evidence = self._collect(client, staff, journey, sales, kill)
                checks = judge(evidence)
            if self._own is None and not self._plan.keep:
                self._clear(client, evidence, journey)
            self._seconds["all"] = time.monotonic() - started
        return Result(journey, evidence, checks, self._seconds, self._cpu_s, self._names, self._what_is_left())

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._seconds[stage] = time.monotonic() - started

    @contextmanager
    def _client(self) -> Iterator[SyncInventoryClient]:
        """Of the first server, which lives to the end. Raises `DemoFailed` when nobody answers there."""
        address = self._addresses[0]
        with SyncInventoryClient(address, opening.CHANNEL, timeout_s=opening.TIMEOUT_S) as client:
            try:
                books.head(client, CONNECT_TIMEOUT_S)
            except Unavailable:
                raise DemoFailed(f"no server answers on {address}") from None
            yield client

    def _hire(self) -> Staff:
        watcher = self._crew.hire("watcher", follow)
        mirrors = [self._crew.hire(f"mirror of {name}", keep_mirror) for name in ("till", "web shop", "marketplace")]
        sellers = [self._crew.hire(f"till {n + 1}", sell) for n in range(TILL_PROCESSES)]
        sellers += [self._crew.hire(name, sell) for name in ("web shop", "marketplace")]
        return Staff(watcher, mirrors, sellers)

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

    def _set_up(self, client: SyncInventoryClient, journey: Journey) -> None:
        products, names = journey.products, self._names
        if not self._own:  # somebody's catalogue: only what is needed there
            needed = set(journey.baskets.products.tolist())
            products = tuple(product for product in products if int(product.code) in needed)
        with self._screen.step("products", len(products)) as step:
            client.run(opening.import_products(client.asynchronous, products, names, step.advance))
        with self._screen.step("bundles", len(self._bundles)) as step:
            client.run(opening.import_bundles(client.asynchronous, self._bundles, step.advance))
        places = [*journey.locations, CENTRAL]
        with self._screen.step("places", len(places)) as step:
            client.run(opening.import_places(client.asynchronous, places, names, step.advance))
        shops = [names.location(shop.code) for shop in journey.locations]
        client.run(opening.set_channels(client.asynchronous, channels(names, shops, self._online(journey))))
        with self._screen.step("opening stock", len(journey.opening_stock)) as step:
            perishable = {product.code for product in products if product.perishable}
            for put in (opening.stock_shops, opening.receive_lots):
                client.run(put(client.asynchronous, journey.opening_stock, perishable, names, step.advance))

    def _brief(self, staff: Staff, journey: Journey) -> None:
        """Gives each mirror its locations and each seller its baskets; no seller starts yet."""
        for mirror, order in zip(staff.mirrors, self._mirrorings(journey), strict=True):
            mirror.orders.send(order)
        parts = shares(journey, self._plan.seed)
        fuel = frozenset(self._names.sku(product.code) for product in journey.products if product.unit_digits)
        largest = max(range(len(parts)), key=lambda part: len(parts[part][1]))
        for number, (channel, baskets) in enumerate(parts):
            staff.sellers[number].orders.send(
                Shift(
                    channel,
                    self._addresses,
                    self._names,
                    self._plan.seed,
                    baskets,
                    self._bundles,
                    fuel,
                    stops_halfway=self._own is not None and number == largest,
                )
            )
        with self._screen.step("mirrors"):
            self._await_ready([*staff.mirrors, *staff.sellers])

    def _mirrorings(self, journey: Journey) -> list[Mirroring]:
        """A till needs its own shops only; a marketplace is slow, and wants the latest."""
        everywhere = tuple(self._names.location(place.code) for place in (*journey.locations, CENTRAL))
        online = frozenset(self._online(journey))
        shops = np.unique(journey.partition(TILL_PROCESSES)[0].shops).tolist()
        here = tuple(self._names.location(location_code(shop)) for shop in shops)
        first, second = self._addresses, self._addresses[::-1]
        return [
            Mirroring("till", self._names.channel(TILL), second, here, WatchMode.EVERY_CHANGE),
            Mirroring(
                "web shop",
                self._names.channel(WEB),
                first,
                everywhere,
                WatchMode.EVERY_CHANGE,
                ViewRule(online, bundles=self._bundles),
            ),
            Mirroring(
                "marketplace",
                self._names.channel(MARKETPLACE),
                second,
                everywhere,
                WatchMode.LATEST,
                ViewRule(online, MARKETPLACE_BUFFER, MARKETPLACE_SHARE_BP, self._bundles),
            ),
        ]

    def _online(self, journey: Journey) -> list[str]:
        """The warehouse, then the shops that have anything."""
        shops = np.unique(journey.baskets.shops).tolist()
        return [self._names.location(code) for code in (CENTRAL.code, *map(location_code, shops))]

    def _replay(self, staff: Staff, journey: Journey) -> tuple[Sales, Kill | None]:
        selling = Selling(self._crew, staff, self._own)
        with self._screen.step("baskets", len(journey.baskets)) as step:
            sales = selling.run(self._screen, step, len(journey.baskets))
        self._cpu_s |= selling.cpu_s
        return sales, selling.kill

    def _collect(
        self, client: SyncInventoryClient, staff: Staff, journey: Journey, sales: Sales, kill: Kill | None
    ) -> Evidence:
        head = self._settle(client, staff.watcher)
        staff.watcher.orders.send("stop")
        for mirror in staff.mirrors:
            mirror.orders.send(UntilHead(head))
        watched, mirrors = self._last_words(staff)
        names = self._names
        locations = [names.location(place.code) for place in (*journey.locations, CENTRAL)]
        with self._screen.step("reading levels") as step:
            levels = books.levels(client, locations, step.advance)
        with self._screen.step("reading the ledger") as step:
            ledger = books.ledger(client, watched.start, names.location_prefix, step.advance)
        verified = audited = None
        if self._own:
            with self._screen.step("inventory verify"):
                verified = self._own.verify()
            with self._screen.step("inventory audit verify"):
                audited = self._own.verify_audit()
        put: dict[Key, int] = {
            (names.sku(sku), names.location(location)): quantity for sku, location, quantity in journey.opening_stock
        }
        survivor = self._addresses[0]
        return Evidence(
            baskets=len(journey.baskets),
            lines=len(journey.baskets.products),
            opening=put,
            sales=sales,
            watched=watched,
            mirrors=mirrors,
            views={mirror.order.name: mirror.view for mirror in mirrors if mirror.view is not None},
            head=head,
            levels=levels,
            ledger=ledger,
            live=books.live_reservations(
                survivor, [names.channel(one) for one in (TILL, WEB, MARKETPLACE)], sales.reservations
            ),
            expired=books.expired_reservations(survivor, names.channel(WEB)),
            kill=kill,
            verified=verified,
            audited=audited,
        )

    def _settle(self, client: SyncInventoryClient, watcher: Worker) -> int:
        """Waits until the last hold has run out and the watcher has seen it. The head then.

        A hold that never ends isn't waited for: the checks will say so.
        """
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        with self._screen.step("holds running out") as step:
            head = books.head(client)
            while time.monotonic() < deadline:
                self._check()
                for _, message in self._crew.messages(POLL_S):
                    if isinstance(message, Followed):
                        step.show(0, f"{message.held + message.allocated:,} pieces left")
                        if message.held == message.allocated == 0 and message.revision >= head:
                            if message.revision == (newest := books.head(client)):
                                return head
                            head = newest
            return head

    def _last_words(self, staff: Staff) -> tuple[WatchEnded, list[MirrorEnded]]:
        watched: WatchEnded | None = None
        mirrors: dict[Worker, MirrorEnded] = {}
        with self._screen.step("mirrors at the head"):
            while watched is None or len(mirrors) < len(staff.mirrors):
                for worker, message in self._crew.messages(POLL_S):
                    match message:
                        case WatchEnded():
                            watched = message
                        case MirrorEnded():
                            mirrors[worker] = message
                        case _:
                            continue
                    self._cpu_s[worker.name] = message.cpu_s
                    self._crew.dismiss(worker)
        return watched, [mirrors[worker] for worker in staff.mirrors]

    def _clear(self, client: SyncInventoryClient, evidence: Evidence, journey: Journey) -> None:
        by_lot = evidence.watched.doubter.lots.levels
        left = [
            (key, lot, of) for key, level in evidence.levels.items() for lot, of in by_lot.get(key, {"": level}).items()
        ]
        with self._screen.step("clearing the shops") as step:
            client.run(opening.clear_shops(client.asynchronous, left, self._names))
            places = [*journey.locations, CENTRAL]
            client.run(opening.import_places(client.asynchronous, places, self._names, step.advance, active=False))

    def _what_is_left(self) -> str:
        if self._own:
            return self._own.kept if self._plan.keep else ""
        prefix = self._names.location_prefix
        stock = "with their stock" if self._plan.keep else "emptied and inactive"
        skus = self._names.sku_prefix
        return f"left on {self._plan.server}: the places and channels {prefix}… ({stock}), the SKUs {skus}…, the ledger"


def shares(journey: Journey, seed: int) -> list[tuple[str, Baskets]]:
    """Which channel's process sells what: the tills by shop, the web shop and the marketplace a seeded share of every
    shop's."""
    chance = np.random.default_rng([seed, 1]).random(len(journey.baskets))
    web = journey.baskets.where(chance < WEB_SHARE)
    marketplace = journey.baskets.where((chance >= WEB_SHARE) & (chance < WEB_SHARE + MARKETPLACE_SHARE))
    elsewhere = np.concatenate([web.basket_ids, marketplace.basket_ids])
    tills = [part.where(~np.isin(part.basket_ids, elsewhere)) for part in journey.partition(TILL_PROCESSES)]
    return [*((TILL, part) for part in tills), (WEB, web), (MARKETPLACE, marketplace)]
