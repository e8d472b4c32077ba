"""The engine on a real PostgreSQL against a model of plain dictionaries, in random histories.

A failure is reproduced by running it again: the examples are the same each time. `INVENTORY_PROPERTY_EXAMPLES=2000`
looks further, with other examples each time.
"""

import asyncio
import os
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import uvloop
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

from inventory.domain.adjustment import Adjust, Adjusted, Count, Disposition, LevelAfter, Row, SetThresholds
from inventory.domain.refusal import Refusal
from inventory.domain.reservation import (
    Ask,
    Commit,
    Expire,
    Extend,
    Fulfil,
    Release,
    Reservation,
    ReservationState,
    Reserve,
)
from inventory.engine.lane import Lane
from inventory.engine.submission import Command, Outcome, Submission
from inventory.postgres.connection import Database, Writer
from tests.property.model import EMPTY, QUANTITIES, THRESHOLDS, UNSELLABLE, Model, Place
from tests.race.invariants import broken

EXAMPLES = int(os.environ.get("INVENTORY_PROPERTY_EXAMPLES", "0"))
STEPS = 30
CHANNEL = 1
REFUSED = 9
ANSWER_TIMEOUT_S = 10
BATCH_COMMANDS_MAX = 6

Correction = tuple[Place, int, str | None, int | None]

SKUS = ("A", "B", "C")
RETIRED, UNKNOWN = "retired", "unknown"
LOCATIONS = ("shop", "hall")
ANY = ""

# Far apart, so that the seconds an example takes never decide: no sum of steps comes within 1,000 s of a sum of TTLs.
TTLS_S = (9_000, 25_000, 61_000)
STEPS_S = (10_000, 30_000)

places = st.tuples(
    st.sampled_from((*SKUS, *SKUS, RETIRED, UNKNOWN)), st.sampled_from((*LOCATIONS, *LOCATIONS, UNKNOWN))
)
known_places = st.tuples(st.sampled_from(SKUS), st.sampled_from(LOCATIONS))
mostly_known = st.one_of(*[known_places] * 6, places)
lines = st.dictionaries(mostly_known, st.integers(1, 6), min_size=1, max_size=3)
known_lines = st.dictionaries(known_places, st.integers(1, 4), min_size=1, max_size=3)
part = st.one_of(st.none(), st.integers(0, 99))
ttls = st.sampled_from(TTLS_S)
owners = st.sampled_from(("", "anna", "anna", "ben"))
thresholds = st.one_of(st.none(), st.integers(0, 5))
dispositions = st.sampled_from((None, None, None, *UNSELLABLE))
which = st.integers(0, 99)
NOBODY_S, ANOTHER_S = 99, 98
send = st.integers(0, 2).map(bool)
validate = st.sampled_from((False,) * 7 + (True,))


class Bench:
    """One lane on one database for all examples, and a connection of the test's own."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self._close())
        self._runner.close()

    async def _open(self) -> None:
        self.sql = await asyncpg.connect(self.dsn, server_settings={"search_path": "inventory"})
        await self.sql.execute(
            """
            INSERT INTO channel (code) VALUES ('default');
            INSERT INTO sku (code, name, category, unit, unit_digits, barcodes, active, attributes, revision)
            SELECT code, code, '', 'piece', 0, '{}', code <> 'retired', '{}', 0
            FROM unnest(ARRAY['A', 'B', 'C', 'retired']) AS code;
            INSERT INTO location (code, name, kind, active, revision)
            SELECT code, code, 1, true, 0 FROM unnest(ARRAY['shop', 'hall']) AS code;
            """
        )
        self.lane = Lane(Writer(Database(self.dsn)), lambda refusal: (REFUSED, refusal.reason.encode()))
        self._lane_task = asyncio.create_task(self.lane.run())

    async def _close(self) -> None:
        self.lane.stop()
        await self._lane_task
        await self.sql.close()

    async def clear(self) -> None:
        await self.sql.execute(
            """
            ALTER TABLE movement DISABLE TRIGGER movement_is_append_only;
            TRUNCATE movement, level, reservation, reservation_line, request;
            ALTER TABLE movement ENABLE TRIGGER movement_is_append_only;
            UPDATE feed_head SET revision = 0;
            """
        )

    async def advance(self, seconds: int) -> None:
        """Lets time pass, as far as holds are concerned."""
        await self.sql.execute(
            f"""
            UPDATE reservation SET expires_at = expires_at - interval '{seconds:d} s';
            UPDATE reservation_line SET expires_at = expires_at - interval '{seconds:d} s';
            """
        )

    async def answers(self, batch: list[Submission]) -> list[Outcome]:
        """Submits all before any can begin."""
        loop = asyncio.get_running_loop()
        for submission in batch:
            submission.future = loop.create_future()
            submission.deadline = loop.time() + ANSWER_TIMEOUT_S
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return list(await asyncio.gather(*[self.lane.submit(submission) for submission in batch]))

    async def levels(self) -> dict[Place, tuple[Any, ...]]:
        """As a reader sees them: what has run out doesn't count."""
        rows = await self.sql.fetch(
            f"""
            SELECT sku.code, location.code, on_hand, level.held - due.held AS held,
                {", ".join(QUANTITIES[2:6])}, level.backordered - due.backordered AS backordered,
                {", ".join((*QUANTITIES[7:], *THRESHOLDS))}
            FROM level JOIN sku USING (sku_id) JOIN location USING (location_id)
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(line.held), 0)::bigint AS held,
                    coalesce(sum(line.backordered), 0)::bigint AS backordered
                FROM reservation JOIN reservation_line AS line USING (reservation_id)
                WHERE line.sku_id = level.sku_id AND line.location_id = level.location_id AND reservation.state = 1
                    AND reservation.expires_at <= now()
            ) AS due
            """
        )
        return {(row[0], row[1]): tuple(row)[2:] for row in rows}

    async def reservations(self) -> dict[str, tuple[Any, ...]]:
        """As a reader sees them."""
        rows = await self.sql.fetch(
            """
            SELECT reservation_id, state, reservation.expires_at <= now() AND state = 1 AS run_out, requested, held,
                allocated, backordered, fulfilled, released
            FROM reservation JOIN reservation_line USING (reservation_id)
            ORDER BY reservation_id, line_no
            """
        )
        found: dict[str, tuple[Any, ...]] = {}
        for row in rows:
            name, state, run_out = str(row[0]), ReservationState(row[1]).name, row[2]
            requested, held, allocated, backordered, fulfilled, released = tuple(row)[3:]
            if run_out:
                held, backordered, released = 0, 0, released + held + backordered
            _, so_far = found.get(name, (state, ()))
            found[name] = (
                state if not run_out else "run out",
                (*so_far, (requested, held, allocated, backordered, fulfilled, released)),
            )
        for name, (state, held_lines) in found.items():
            if state == "run out":
                left = [sum(line[column] for line in held_lines) for column in (2, 4)]
                ended = "ALLOCATED" if left[0] else "FULFILLED" if left[1] else "EXPIRED"
                found[name] = (ended, held_lines)
        return found


def plain(answer: Any) -> Any:
    """The part of an answer that the model knows."""
    match answer:
        case Reservation():
            return (answer.state.name, tuple(tuple(line[2:8]) for line in answer.lines))
        case LevelAfter():
            return tuple(answer.level)
        case Adjusted():
            return (answer.on_hand, {position: str(why.reason) for position, why in answer.refused.items()})
        case _:
            return None


def encode(ledger: object, answer: Any) -> bytes:
    assert not isinstance(answer, Refusal)
    return repr(plain(answer)).encode()


class Machine(RuleBasedStateMachine):
    """Commands are queued until one is told to be sent: then all go to the lane at once."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.model = Model({*SKUS, RETIRED}, {RETIRED}, set(LOCATIONS))
        self.names: list[str] = []
        self.sent: list[tuple[Command, UUID, bytes, tuple[str, Any], Outcome]] = []
        self.queue: list[tuple[Submission, tuple[str, Any], Submission | None]] = []

    @initialize(
        on_hand=st.dictionaries(known_places, st.integers(4, 20), min_size=3),
        holds=st.lists(st.tuples(known_lines, ttls, owners), min_size=2, max_size=4),
        orders=st.lists(known_lines, min_size=1, max_size=2),
    )
    def open_shop(
        self,
        on_hand: dict[Place, int],
        holds: list[tuple[dict[Place, int], int, str]],
        orders: list[dict[Place, int]],
    ) -> None:
        self.bench.run(self.bench.clear())
        rows: list[Correction] = [(place, quantity, None, None) for place, quantity in on_hand.items()]
        self._adjust(rows, skip=False, now=True, validate_only=False)
        for lines, ttl, owner in holds:
            self._reserve(lines, ttl, True, owner, False, False, False)
        for lines in orders:
            self._reserve(lines, None, True, "", False, False, False)
        for name in self.names[:3]:  # held in part and allocated in part
            asks = self._part(name, 0)
            self._put(Commit(CHANNEL, UUID(name), _asks(asks)), self.model.attempt("commit", name, asks), now=False)
        self._send()

    @rule(
        lines=lines,
        ttl=ttls,
        partial=st.booleans(),
        owner=owners,
        replace=st.booleans(),
        now=send,
        only=validate,
    )
    def hold(
        self,
        lines: dict[Place, int],
        ttl: int,
        partial: bool,
        owner: str,
        replace: bool,
        now: bool,
        only: bool,
    ) -> None:
        self._reserve(lines, ttl, partial, owner, replace, now, only)

    @rule(lines=lines, partial=st.booleans(), owner=owners, replace=st.booleans(), now=send, only=validate)
    def allocate(
        self, lines: dict[Place, int], partial: bool, owner: str, replace: bool, now: bool, only: bool
    ) -> None:
        self._reserve(lines, None, partial, owner, replace, now, only)

    def _reserve(
        self,
        lines: dict[Place, int],
        ttl: int | None,
        partial: bool,
        owner: str,
        replace: bool,
        now: bool,
        only: bool,
    ) -> None:
        name = str(uuid4())
        replace = replace and owner != ""
        expected = self.model.attempt(
            "reserve", name, lines, ttl=ttl, partial=partial, owner=owner, replace=replace, keep=not only
        )
        if expected[0] == "ok" and not only:
            self.names.append(name)
        command = Reserve(
            CHANNEL,
            UUID(name),
            _asks(lines),
            None if ttl is None else timedelta(seconds=ttl),
            partial,
            owner,
            "",
            replace,
        )
        self._put(command, expected, now=now, validate_only=only)

    @precondition(lambda self: self.names)
    @rule(which=which, part=part, now=send, only=validate)
    def commit(self, which: int, part: int | None, now: bool, only: bool) -> None:
        channel, name, known = self._target(which)
        asks = self._part(known, part)
        expected = self.model.attempt("commit", known, asks, keep=not only)
        self._put(Commit(channel, UUID(name), _asks(asks)), expected, now=now, validate_only=only)

    @precondition(lambda self: self.names)
    @rule(which=which, ttl=ttls, now=send, only=validate)
    def extend(self, which: int, ttl: int, now: bool, only: bool) -> None:
        channel, name, known = self._target(which)
        expected = self.model.attempt("extend", known, ttl, keep=not only)
        self._put(Extend(channel, UUID(name), timedelta(seconds=ttl)), expected, now=now, validate_only=only)

    @precondition(lambda self: self.names)
    @rule(which=which, part=part, now=send, only=validate)
    def release(self, which: int, part: int | None, now: bool, only: bool) -> None:
        channel, name, known = self._target(which)
        asks = self._part(known, part)
        expected = self.model.attempt("release", known, asks, keep=not only)
        self._put(Release(channel, UUID(name), _asks(asks)), expected, now=now, validate_only=only)

    @precondition(lambda self: self.names)
    @rule(which=which, part=part, now=send, only=validate)
    def fulfil(self, which: int, part: int | None, now: bool, only: bool) -> None:
        channel, name, known = self._target(which)
        asks = self._part(known, part)
        expected = self.model.attempt("fulfil", known, asks, keep=not only)
        self._put(Fulfil(channel, UUID(name), _asks(asks)), expected, now=now, validate_only=only)

    @rule(
        rows=st.lists(
            st.tuples(
                mostly_known,
                st.integers(-8, 8).filter(bool),
                dispositions,
                st.one_of(st.none(), st.none(), st.integers(0, 20)),
            ),
            min_size=1,
            max_size=4,
        ),
        skip=st.booleans(),
        now=send,
        only=validate,
    )
    def adjust(self, rows: list[Correction], skip: bool, now: bool, only: bool) -> None:
        self._adjust(rows, skip=skip, now=now, validate_only=only)

    @rule(place=mostly_known, counted=st.integers(0, 20), right=st.booleans(), now=send, only=validate)
    def count(self, place: Place, counted: int, right: bool, now: bool, only: bool) -> None:
        present = self.model.levels.get(place, EMPTY)["on_hand"]
        expected_on_hand = present if right else present + 1
        expected = self.model.attempt("count", place, counted, expected_on_hand, keep=not only)
        command = Count(CHANNEL, *place, counted, expected_on_hand, "count")
        self._put(command, expected, now=now, validate_only=only)

    @rule(place=mostly_known, values=st.tuples(thresholds, thresholds, thresholds), now=send, only=validate)
    def set_thresholds(
        self, place: Place, values: tuple[int | None, int | None, int | None], now: bool, only: bool
    ) -> None:
        expected = self.model.attempt("set_thresholds", place, values, keep=not only)
        self._put(SetThresholds(CHANNEL, *place, *values), expected, now=now, validate_only=only)

    @precondition(lambda self: self.sent)
    @rule(which=which, same=st.sampled_from((True, True, False)), now=send)
    def repeat(self, which: int, same: bool, now: bool) -> None:
        """A request that was answered comes again, or its id with other content."""
        command, request_id, fingerprint, _, outcome = self.sent[which % len(self.sent)]
        submission = _submission(command, request_id, fingerprint if same else b"other")
        expected = ("replay", outcome) if same else ("refused", "REQUEST_ID_REUSED")
        self.queue.append((submission, expected, None))
        self._send_if(now)

    @precondition(lambda self: self.queue)
    @rule(which=which, same=st.sampled_from((True, True, False)), now=send)
    def repeat_what_is_queued(self, which: int, same: bool, now: bool) -> None:
        """A request comes again while the first is still under way."""
        first, expected, _ = self.queue[which % len(self.queue)]
        if first.request_id is None or first.validate_only or expected[0] == "replay":
            return
        if same:
            second = _submission(first.command, first.request_id, first.fingerprint)
            self.queue.append((second, expected, first))
        elif first.fingerprint != b"other":
            second = _submission(first.command, first.request_id, b"other")
            self.queue.append((second, ("refused", "REQUEST_ID_REUSED"), None))
        self._send_if(now)

    @precondition(lambda self: self.names)
    @rule(which=which, now=send)
    def sweep(self, which: int, now: bool) -> None:
        """The engine's own tidying, also of what hasn't run out."""
        submission = _submission(Expire(UUID(self._target(which)[1])), None, b"")
        self.queue.append((submission, ("swept", None), None))
        self._send_if(now)

    @precondition(lambda self: self.names)
    @rule(seconds=st.sampled_from(STEPS_S))
    def wait(self, seconds: int) -> None:
        self._send()
        self.model.advance(seconds)
        self.bench.run(self.bench.advance(seconds))

    @invariant()
    def agrees(self) -> None:
        if not self.queue and self.model.levels:
            self.bench.run(self._compare())

    def teardown(self) -> None:
        self._send()
        self.bench.run(self._compare())

    def _target(self, which: int) -> tuple[int, str, str]:
        """Channel and reservation_id for a command, and the name that the model knows it by."""
        name = self.names[which % len(self.names)]
        if which == NOBODY_S:
            return CHANNEL, str(uuid4()), ""
        if which == ANOTHER_S:
            return CHANNEL + 1, name, ""
        return CHANNEL, name, name

    def _part(self, name: str, seed: int | None) -> dict[Place, int]:
        """Nothing, which means all; or some of a line, or of what isn't a line."""
        if seed is None or not name:
            return {}
        choices = [*(place for place, _ in self.model.reservations[name]["lines"]), ("A", "shop")]
        sku, location = choices[seed % len(choices)]
        return {(sku, location if seed % 4 else ANY): 1 + seed // 10 % 3}

    def _adjust(
        self,
        rows: list[Correction],
        *,
        skip: bool,
        now: bool,
        validate_only: bool,
    ) -> None:
        expected = self.model.attempt("adjust", rows, skip=skip, keep=not validate_only)
        command = Adjust(
            CHANNEL,
            tuple(
                Row(*place, delta, None if where is None else Disposition(where), expected_on_hand)
                for place, delta, where, expected_on_hand in rows
            ),
            "correction",
            "",
            skip,
        )
        self._put(command, expected, now=now, validate_only=validate_only)

    def _put(self, command: Command, expected: tuple[str, Any], *, now: bool, validate_only: bool = False) -> None:
        submission = _submission(command, uuid4(), repr(command).encode())
        submission.validate_only = validate_only
        self.queue.append((submission, expected, None))
        self._send_if(now)

    def _send_if(self, now: bool) -> None:
        if now or len(self.queue) >= BATCH_COMMANDS_MAX:
            self._send()

    def _send(self) -> None:
        queue, self.queue = self.queue, []
        if not queue:
            return
        outcomes = self.bench.run(self.bench.answers([submission for submission, _, _ in queue]))
        by_submission = {id(submission): outcome for (submission, _, _), outcome in zip(queue, outcomes, strict=True)}
        for (submission, (kind, value), first), outcome in zip(queue, outcomes, strict=True):
            if kind == "swept":
                continue
            if kind == "replay":
                assert outcome == value._replace(replayed=True)
                continue
            if kind == "ok":
                assert (outcome.code, outcome.payload) == (0, repr(value).encode()), submission.command
            else:
                assert (outcome.code, outcome.payload) == (REFUSED, value.encode()), submission.command
                assert outcome.revision is None or submission.validate_only
            if first is not None:
                assert outcome == by_submission[id(first)]._replace(replayed=True)
            elif not submission.validate_only and submission.fingerprint != b"other":
                assert not outcome.replayed
                assert submission.request_id is not None
                self.sent.append(
                    (submission.command, submission.request_id, submission.fingerprint, (kind, value), outcome)
                )

    async def _compare(self) -> None:
        # Moving the expiry instead of the clock leaves commits behind that look late.
        assert await broken(self.bench.sql, except_for="a hold ends once") == {}
        found = await self.bench.levels()
        for place in {*found, *self.model.levels}:
            assert found.get(place, tuple(EMPTY.values())) == self.model.looks(place), place
        assert await self.bench.reservations() == {name: self.model.seen(name) for name in self.model.reservations}


def _asks(wanted: dict[Place, int]) -> tuple[Ask, ...]:
    return tuple(Ask(*place, quantity) for place, quantity in wanted.items())


def _submission(command: Command, request_id: UUID | None, fingerprint: bytes) -> Submission:
    never: asyncio.Future[Outcome] = None  # type: ignore[assignment]  # `Bench.answers` gives it one
    channel_id = getattr(command, "channel_id", CHANNEL)
    return Submission(command, channel_id, request_id, fingerprint, encode, never, 0.0)


def test_the_engine_agrees_with_the_model(dsn: str) -> None:
    bench = Bench(dsn)
    try:
        run_state_machine_as_test(
            lambda: Machine(bench),  # type: ignore[arg-type]  # any factory does
            settings=settings(
                max_examples=EXAMPLES or 150,
                stateful_step_count=STEPS,
                derandomize=not EXAMPLES,
                database=None,
                deadline=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        bench.close()
