"""The engine on a real PostgreSQL with several places, channels that see less, bundles, virtual SKUs and back-orders,
in random histories: after every step the promises hold, and what was asked for is found in the lines.

`INVENTORY_PROPERTY_EXAMPLES=2000` looks further, with other examples each time.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from inventory.domain.adjustment import Adjust, Row, SetThresholds
from inventory.domain.reservation import (
    Ask,
    Commit,
    FillBackorders,
    Fulfil,
    Line,
    Release,
    Reservation,
    Reserve,
)
from inventory.domain.sourcing import Sourcing, Strategy
from inventory.domain.topology import OVERSELL_UNLIMITED, Point, Use
from inventory.engine.submission import Command, Outcome, Submission
from inventory.postgres.connection import Database
from inventory.postgres.verify import CHECKS, snapshot
from tests.property.test_engine import REFUSED, STEPS_S, TTLS_S, Bench
from tests.race.invariants import broken

EXAMPLES = int(os.environ.get("INVENTORY_PROPERTY_EXAMPLES", "0"))
STEPS = 25
LOCATIONS = ("north", "south", "west", "shop")
GOODS = ("A", "B", "C")
VIRTUAL = "V"
LEAVES: dict[str, dict[str, int]] = {
    "AA+B": {"A": 2, "B": 1},
    "C+V": {"C": 1, "V": 1},
    "AA+B and more": {"A": 3, "B": 1, "C": 1},
}
"""The last one is a bundle of the first, one A more and C."""
SKUS = (*GOODS, VIRTUAL, *LEAVES)
BERLIN = Point(52.5, 13.4)
CHANNELS = (1, 2)
LEVEL_LIMIT_MAX = 4

limits = st.sampled_from((None, None, 0, 2, 5, OVERSELL_UNLIMITED))
views = st.one_of(
    st.just((None, None, None, None)),
    st.tuples(
        st.sampled_from((None, 0, 2)), st.sampled_from((None, 0, 3, 8)), st.sampled_from((None, 5_000, 10_000)), limits
    ),
)
sites = st.tuples(st.integers(0, 3), st.sampled_from((7, 7, 7, 1, 4)), st.booleans())
selling = st.lists(st.integers(1, len(LOCATIONS)), unique=True, max_size=3)
asks = st.dictionaries(
    st.tuples(st.sampled_from(SKUS), st.sampled_from(("", "", "", *LOCATIONS))),
    st.integers(1, 5),
    min_size=1,
    max_size=4,
)
sourcings = st.builds(Sourcing, st.sampled_from(Strategy), st.just(BERLIN), st.booleans())
send = st.integers(0, 2).map(bool)
which = st.integers(0, 99)


class Market(Bench):
    """A catalogue that stays, and settings that each example chooses."""

    async def _open(self) -> None:
        await super()._open()
        await self.sql.execute(
            """
            INSERT INTO channel (code) VALUES ('other');
            DELETE FROM location;
            ALTER SEQUENCE location_location_id_seq RESTART;
            INSERT INTO location (code, name, kind, active, revision)
            SELECT code, code, 1, true, 0 FROM unnest(ARRAY['north', 'south', 'west', 'shop']) AS code;
            INSERT INTO sku (code, name, category, unit, unit_digits, barcodes, active, attributes, revision, kind)
            SELECT code, code, '', 'piece', 0, '{}', true, '{}', 0, kind FROM (VALUES
                ('V', 3), ('AA+B', 2), ('C+V', 2), ('AA+B and more', 2)
            ) AS new (code, kind);
            INSERT INTO bundle_component (bundle_sku_id, sku_id, quantity)
            SELECT bundle.sku_id, part.sku_id, new.quantity
            FROM (VALUES ('AA+B', 'A', 2), ('AA+B', 'B', 1), ('C+V', 'C', 1), ('C+V', 'V', 1),
                ('AA+B and more', 'AA+B', 1), ('AA+B and more', 'A', 1), ('AA+B and more', 'C', 1)
            ) AS new (bundle, sku, quantity)
            JOIN sku AS bundle ON bundle.code = new.bundle JOIN sku AS part ON part.code = new.sku;
            """
        )

    async def settle(self, places: list[Any], channels: list[Any], policies: list[int | None], several: bool) -> None:
        for number, (priority, uses, far) in enumerate(places, 1):
            await self.sql.execute(
                "UPDATE location SET priority = $2, uses = $3, latitude = $4, longitude = $5 WHERE location_id = $1",
                number, priority, uses, *((48.1, 11.6) if far else (52.5, 13.4)),
            )  # fmt: skip
        for number, (location_ids, view) in enumerate(channels, 1):
            await self.sql.execute(
                "UPDATE channel SET location_ids = $2, buffer = $3, cap = $4, share_bp = $5, oversell_limit = $6,"
                " revision = 1 WHERE channel_id = $1",
                number, location_ids, *view,
            )  # fmt: skip
        for sku, limit in zip(GOODS, policies, strict=True):
            await self.sql.execute("UPDATE sku SET oversell_limit = $2 WHERE code = $1", sku, limit)
        await self.sql.execute("UPDATE sku SET from_several_places = $1 WHERE kind = 2", several)
        await self.sql.execute("UPDATE feed_head SET topology = topology + 1")

    async def backordered(self) -> dict[str, int]:
        """By SKU, over all places."""
        query = "SELECT code, sum(backordered)::bigint FROM level JOIN sku USING (sku_id) GROUP BY 1"
        return {row[0]: row[1] for row in await self.sql.fetch(query)}

    async def free(self, sku: str) -> dict[str, int]:
        """What a newcomer may have where the shelf has any, as of now."""
        rows = await self.sql.fetch(
            """
            SELECT location.code, on_hand - quality_control - damaged - quarantined - level.held - level.allocated
                - level.backordered + coalesce(due.promised, 0)::bigint AS free
            FROM level JOIN sku USING (sku_id) JOIN location USING (location_id)
            LEFT JOIN LATERAL (
                SELECT sum(line.held + line.backordered) AS promised
                FROM reservation_line AS line JOIN reservation USING (reservation_id)
                WHERE line.sku_id = level.sku_id AND line.location_id = level.location_id AND state = 1
                    AND reservation.expires_at <= now()
            ) AS due ON true
            WHERE sku.code = $1
            """,
            sku,
        )
        return {row[0]: row[1] for row in rows if row[1] > 0}


class Machine(RuleBasedStateMachine):
    """Commands are queued until one is told to be sent: then all go to the lane at once."""

    def __init__(self, market: Market) -> None:
        super().__init__()
        self.market = market
        self.names: list[str] = []
        self.queue: list[Submission] = []
        self.made: dict[UUID, Reservation] = {}
        self.codes: dict[int, str] = {}

    @initialize(
        places=st.lists(sites, min_size=len(LOCATIONS), max_size=len(LOCATIONS)),
        channels=st.lists(st.tuples(selling, views), min_size=2, max_size=2),
        policies=st.lists(limits, min_size=len(GOODS), max_size=len(GOODS)),
        several=st.booleans(),
        on_hand=st.dictionaries(
            st.tuples(st.sampled_from(GOODS), st.sampled_from(LOCATIONS)), st.integers(1, 9), min_size=5
        ),
    )
    def open_market(
        self,
        places: list[Any],
        channels: list[Any],
        policies: list[int | None],
        several: bool,
        on_hand: dict[tuple[str, str], int],
    ) -> None:
        self.places, self.channels, self.policies = places, channels, policies
        self.most_waiting = dict.fromkeys(GOODS, 0)
        self._note_policies()
        self.market.run(self.market.clear())
        self.market.run(self.market.settle(places, channels, policies, several))
        rows = tuple(Row(sku, location, quantity) for (sku, location), quantity in on_hand.items())
        self._send(Adjust(1, rows, "opening"))

    @rule(
        channel=st.sampled_from(CHANNELS),
        asks=asks,
        ttl=st.sampled_from((None, *TTLS_S)),
        partial=st.booleans(),
        sourcing=sourcings,
        purpose=st.sampled_from((None, None, *(Use.ONLINE, Use.PICKUP, Use.WALK_IN))),
        stock_only=st.booleans(),
        now=send,
    )
    def reserve(
        self,
        channel: int,
        asks: Mapping[tuple[str, str], int],
        ttl: int | None,
        partial: bool,
        sourcing: Sourcing,
        purpose: Use | None,
        stock_only: bool,
        now: bool,
    ) -> None:
        identity = uuid4()
        self.names.append(str(identity))
        command = Reserve(
            channel,
            identity,
            tuple(Ask(sku, location, quantity) for (sku, location), quantity in asks.items()),
            None if ttl is None else timedelta(seconds=ttl),
            partial,
            purpose=purpose,
            sourcing=sourcing,
            stock_only=stock_only,
        )
        self._put(command, now)

    @rule(
        sku=st.sampled_from(GOODS), quantity=st.integers(1, 9), split=st.booleans(), strategy=st.sampled_from(Strategy)
    )
    def reserve_what_the_shelves_have(self, sku: str, quantity: int, split: bool, strategy: Strategy) -> None:
        """One line in a channel that sees everything is met exactly when the places have it."""
        self._flush()
        open_to_all = [
            number for number, (named, view) in enumerate(self.channels, 1) if view == (None, None, None, None)
        ]
        if not open_to_all:
            return
        channel = open_to_all[0]
        named = self.channels[channel - 1][0] or range(1, len(LOCATIONS) + 1)
        free = self.market.run(self.market.free(sku))
        there = [free.get(LOCATIONS[number - 1], 0) for number in named if self.places[number - 1][1] & Use.ONLINE]
        enough = (sum(there) if split else max(there, default=0)) >= quantity
        identity = uuid4()
        self.names.append(str(identity))
        sourcing = Sourcing(strategy, BERLIN, split)
        command = Reserve(channel, identity, (Ask(sku, "", quantity),), None, sourcing=sourcing, stock_only=True)
        outcome = self._send(command)
        assert (outcome.code == 0) == enough, (outcome, free)

    @precondition(lambda self: self.names)
    @rule(
        which=which, what=st.sampled_from(("commit", "release", "fulfil")), channel=st.sampled_from(CHANNELS), now=send
    )
    def go_on(self, which: int, what: str, channel: int, now: bool) -> None:
        identity = UUID(self.names[which % len(self.names)])
        made = self.made.get(identity)
        channel = made.channel_id if made else channel
        asks: tuple[Ask, ...] = ()
        if made and which % 3 == 0:
            line = made.lines[which % len(made.lines)]
            asks = (Ask(self.codes[line.sku_id], "", 1),)
        kinds: dict[str, Callable[..., Command]] = {"commit": Commit, "release": Release, "fulfil": Fulfil}
        self._put(kinds[what](channel, identity, asks), now)

    @rule(
        rows=st.lists(
            st.tuples(st.sampled_from(GOODS), st.sampled_from(LOCATIONS), st.integers(-3, 6).filter(bool)),
            min_size=1,
            max_size=3,
        ),
        now=send,
    )
    def adjust(self, rows: list[tuple[str, str, int]], now: bool) -> None:
        self._put(Adjust(1, tuple(Row(*row) for row in rows), "correction", skip_refused=True), now)

    @rule(sku=st.sampled_from(GOODS), location=st.sampled_from(LOCATIONS), now=send)
    def fill(self, sku: str, location: str, now: bool) -> None:
        self._put(FillBackorders(sku, location), now)

    @rule(
        sku=st.sampled_from(GOODS),
        location=st.sampled_from(LOCATIONS),
        limit=st.sampled_from((None, 0, 1, LEVEL_LIMIT_MAX)),
        now=send,
    )
    def limit_back_orders(self, sku: str, location: str, limit: int | None, now: bool) -> None:
        self._put(SetThresholds(1, sku, location, None, None, limit), now)

    @rule(
        places=st.lists(sites, min_size=len(LOCATIONS), max_size=len(LOCATIONS)),
        channel=st.sampled_from(CHANNELS),
        settings=st.tuples(selling, views),
    )
    def change_places_and_channels(self, places: list[Any], channel: int, settings: Any) -> None:
        self._flush()
        self.places = places
        self.channels = [settings if number == channel else one for number, one in enumerate(self.channels, 1)]
        self._note_policies()
        self.market.run(self.market.settle(places, self.channels, self.policies, channel == 1))

    @precondition(lambda self: self.names)
    @rule(seconds=st.sampled_from(STEPS_S))
    def wait(self, seconds: int) -> None:
        self._flush()
        self.market.run(self.market.advance(seconds))

    @invariant()
    def promises_hold(self) -> None:
        if not self.queue and self.codes:
            # Moving the expiry instead of the clock leaves commits behind that look late.
            assert self.market.run(broken(self.market.sql, except_for="a hold ends once")) == {}
            waiting = self.market.run(self.market.backordered())
            assert {sku: found for sku, found in waiting.items() if found > self.most_waiting.get(sku, 0)} == {}

    def _note_policies(self) -> None:
        """How much of each SKU may ever have been back-ordered."""
        for sku, policy in zip(GOODS, self.policies, strict=True):
            for _, (*_, own) in self.channels:
                limit = policy if own is None else own
                most = LEVEL_LIMIT_MAX * len(LOCATIONS) if limit is None else limit
                self.most_waiting[sku] = max(self.most_waiting[sku], most)

    def teardown(self) -> None:
        self._flush()
        self.market.run(self._verify())

    async def _verify(self) -> None:
        async with snapshot(Database(self.market.dsn)) as state:
            for check in CHECKS:
                if check.query != "verify_channels":  # the settings were written behind the engine's back
                    assert (await state.run(check)).rows == [], check.name

    def _put(self, command: Command, now: bool) -> None:
        self.queue.append(self._submission(command))
        if now:
            self._flush()

    def _send(self, command: Command) -> Outcome:
        self._put(command, now=False)
        return self._flush()[-1]

    def _flush(self) -> list[Outcome]:
        queue, self.queue = self.queue, []
        outcomes: list[Outcome] = self.market.run(self.market.answers(queue)) if queue else []
        for submission, outcome in zip(queue, outcomes, strict=True):
            assert outcome.code in (0, REFUSED), submission.command
        return outcomes

    def _submission(self, command: Command) -> Submission:
        never: asyncio.Future[Outcome] = None  # type: ignore[assignment]  # `Bench.answers` gives it one

        def encode(ledger: Any, answer: Any) -> bytes:
            self.codes.update({place.sku_id: place.sku for place in ledger.codes.values()})
            if isinstance(answer, Reservation):
                self.made[answer.reservation_id] = answer
                if isinstance(command, Reserve):
                    self._adds_up(command, answer)
            return b""

        channel_id = getattr(command, "channel_id", 1)
        return Submission(command, channel_id, uuid4(), repr(command).encode(), encode, never, 0.0)

    def _adds_up(self, command: Reserve, made: Reservation) -> None:
        assert any(line.live for line in made.lines)
        for number, ask in enumerate(command.asks):
            by_sku: dict[str, list[Line]] = defaultdict(list)
            for line in made.lines:
                if line.ask_no == number:
                    by_sku[self.codes[line.sku_id]].append(line)
                    assert ask.sku in LEAVES or not line.bundle_sku_id
            parts = LEAVES.get(ask.sku, {ask.sku: 1})
            for sku, lines in by_sku.items():
                assert sum(line.requested for line in lines) == ask.quantity * parts[sku], (ask, lines)
                assert command.partial or sum(line.live for line in lines) == ask.quantity * parts[sku], (ask, lines)
                assert not (ask.sku in LEAVES and any(line.backordered for line in lines))
                assert all(line.bundle_quantity == (parts[sku] if ask.sku in LEAVES else 0) for line in lines)
            whole = {sum(line.live for line in by_sku[sku]) / per for sku, per in parts.items()}
            assert len(whole) == 1, ("a bundle in parts", ask, made.lines)


def test_whatever_is_asked_of_many_places_the_promises_hold(dsn: str) -> None:
    market = Market(dsn)
    try:
        run_state_machine_as_test(
            lambda: Machine(market),  # type: ignore[arg-type]  # any factory does
            settings=settings(
                max_examples=EXAMPLES or 60,
                stateful_step_count=STEPS,
                derandomize=not EXAMPLES,
                database=None,
                deadline=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        market.close()
