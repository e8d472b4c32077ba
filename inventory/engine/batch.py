"""One batch through one transaction: find and lock → decide → write."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from datetime import datetime
from time import thread_time
from typing import Any, NamedTuple
from uuid import UUID

from inventory.domain import alarm as alarm_domain
from inventory.domain import catalog as catalog_domain
from inventory.domain import channel as channel_domain
from inventory.domain.access import Access
from inventory.domain.alarm import AcknowledgeAlarm
from inventory.domain.audit import SERVER
from inventory.domain.catalog import ChangeCatalog
from inventory.domain.channel import ChangeChannel, ChangeChannelSkus
from inventory.domain.committed import Committed
from inventory.domain.decide import StockCommand, arrivals, decide, makes_levels, pairs, spreads
from inventory.domain.incoming import owed, tell_due
from inventory.domain.ledger import Ledger, NoLevel
from inventory.domain.reallocation import Reallocate
from inventory.domain.refusal import NotNow, Reason, Refusal
from inventory.domain.reservation import Commit, Expire, Extend, Fulfil, Release, Reserve, run_out
from inventory.domain.topology import Topology
from inventory.engine.figures import BatchFigures
from inventory.engine.submission import AloneCommand, Command, Outcome, Submission
from inventory.engine.trail import Trail, figures
from inventory.postgres import alarms, beside, catalog, channels, incoming, serials, stock
from inventory.postgres.beside import Beside
from inventory.postgres.connection import Writer
from inventory.postgres.errors import LookAgain, Narrow, TopologyChanged
from inventory.postgres.needed import Needed
from inventory.postgres.stock import Remembered, RequestRow
from inventory.postgres.topology import Directory
from inventory.postgres.trail import append_entries

DECIDE_S_MAX = 0.5
"""Of this process's time. The locks are held meanwhile, and the loop stands still: what is left comes next."""

EncodeRefusal = Callable[[Refusal], tuple[int, bytes]]
"""The gRPC status code and the serialised status of a refusal."""


class Executed(NamedTuple):
    """An outcome for each of the first submissions; none at all when only holds that had run out were ended. The others
    are to be run again. `committed`: what it has written, unless that is for the database to say."""

    outcomes: list[Outcome]
    committed: Committed | None = None


class _Alone(NamedTuple):
    """How a command is executed that isn't about stock. `lock` gives the database's clock and what exists of what the
    command names; `change` what becomes of it, which says whether it `moved` anything; `write` makes one revision of
    that and gives the one before it, or remembers only the answer, for `nothing`."""

    lock: Callable[[Writer, Any], Awaitable[tuple[datetime, Any]]]
    change: Callable[[Any, Any], Any]
    write: Callable[[Writer, Any, Any, int, datetime, Sequence[RequestRow]], Awaitable[int]]
    nothing: Any


_ALONE: dict[type, _Alone] = {
    ChangeCatalog: _Alone(catalog.lock, catalog_domain.change, catalog.write, catalog_domain.NOTHING),
    ChangeChannel: _Alone(channels.lock, channel_domain.change, channels.write, channel_domain.NOTHING),
    ChangeChannelSkus: _Alone(channels.lock_views, channel_domain.change_views, channels.write, channel_domain.NOTHING),
    AcknowledgeAlarm: _Alone(alarms.lock, alarm_domain.acknowledge, alarms.write, alarm_domain.NOTHING_ACKNOWLEDGED),
}


async def execute(
    writer: Writer,
    directory: Directory,
    batch: Sequence[Submission],
    encode_refusal: EncodeRefusal,
    counted: BatchFigures,
    limits: stock.Limits | None = None,
) -> Executed:
    """Runs the batch as one transaction. Raises a `StorageError`, and then the transaction had no effect,
    or (`OutcomeUnknown`) may have had."""
    first = batch[0]
    counted.begin()
    async with writer.transaction(keep=not first.validate_only):
        if limits is not None:
            await stock.limit_waits(writer, limits)
        alone = _ALONE.get(type(first.command))
        try:
            if alone is not None:
                executed = Executed([await _change_alone(writer, first, alone, encode_refusal, counted)])
            else:
                executed = await _change_stock(writer, directory, batch, encode_refusal, counted)
        except TopologyChanged:
            await directory.refresh(writer)
            raise
        except Narrow as narrow:
            directory.remember_wide(narrow.skus)
            raise
    counted.ended(counted.commit)
    return executed


class _Needs:
    """What a batch of stock commands must find, make and lock; each thing once, in the order of the commands."""

    def __init__(self, batch: Sequence[Submission], topology: Topology) -> None:
        self.requests: list[stock.RequestKey] = []
        self.pairs: dict[stock.Pair, None] = {}
        self.new_pairs: dict[stock.Pair, None] = {}
        self.arrivals: dict[stock.Pair, None] = {}
        self.spreads: dict[str, tuple[int, ...]] = {}
        self.viewed: dict[int, None] = {}
        self.reservation_ids: dict[UUID, None] = {}
        self.owners: dict[tuple[int, str], None] = {}
        self.holders: dict[tuple[int, str], None] = {}
        for submission in batch:
            command = submission.command
            if submission.request_id is not None and not submission.validate_only:
                self.requests.append((submission.channel_id, submission.request_id))
            if isinstance(command, (Commit, Extend, Release, Fulfil, Expire)):
                self.reservation_ids[command.reservation_id] = None
                continue
            if isinstance(command, Reallocate):
                self.reservation_ids[command.reservation_id] = None
            if not isinstance(command, AloneCommand):
                self._levels(command, submission.new_pairs, submission.topology(topology))
            if submission.within is not None:
                self._hold(command, submission.within)

    def _levels(self, command: StockCommand, made: Sequence[stock.Pair], topology: Topology) -> None:
        if isinstance(command, Reserve):
            self._sources(command, topology)
        else:
            needed = dict.fromkeys(pairs(command))
            self.pairs.update(needed)
            self.arrivals.update(dict.fromkeys(arrivals(command)))
            if makes_levels(command):
                self.new_pairs.update(needed)
        for pair in made:
            self.pairs[pair] = self.new_pairs[pair] = None

    def _sources(self, command: Reserve, topology: Topology) -> None:
        if command.replace_owner_holds:
            self.owners[(command.channel_id, command.owner)] = None
        for ask in command.asks:
            if ask.location:
                self.pairs[(ask.sku, ask.location)] = None
        for sku, location_ids in spreads(command, topology).items():
            wanted = self.spreads.setdefault(sku, location_ids)
            if wanted is not location_ids:  # of another channel, or for another purpose
                self.spreads[sku] = tuple(dict.fromkeys((*wanted, *location_ids)))
        if topology.channel(command.channel_id).has_overrides:
            self.viewed[command.channel_id] = None

    def _hold(self, command: Command, within: Access) -> None:
        if within.held_per_sku_max is not None and isinstance(command, Reserve) and command.ttl is not None:
            self.holders.update(((command.channel_id, ask.sku), None) for ask in command.asks)

    def add(self, needed: Needed) -> None:
        """What documents need."""
        self.pairs.update(dict.fromkeys(needed.pairs))
        self.new_pairs.update(dict.fromkeys(needed.makes))
        self.arrivals.update(dict.fromkeys(needed.arrivals))
        self.reservation_ids.update(dict.fromkeys(needed.reservation_ids))

    def wanted(self, directory: Directory) -> stock.Wanted:
        return stock.Wanted(
            self.requests,
            self.pairs,
            list(self.reservation_ids),
            list(self.owners),
            self.new_pairs,
            self.spreads.items(),
            self.arrivals,
            self.viewed,
            bool(self.spreads or self.arrivals) or directory.takes_wide(sku for sku, _ in self.pairs),
        )


async def _look(
    writer: Writer, directory: Directory, commands: Sequence[Any], concerned: Sequence[Beside], needs: _Needs
) -> stock.Locked:
    """Makes what must exist and locks what the batch needs."""
    if needs.owners:
        await stock.lock_owners(writer, list(needs.owners))
    holders = await stock.lock_holders(writer, list(needs.holders)) if needs.holders else ()
    for noun in concerned:
        needs.add(await noun.prepare(writer, commands))
    if needs.new_pairs:
        await stock.ensure_levels(writer, needs.new_pairs)
    locked = await stock.find_and_lock(writer, needs.wanted(directory), directory.topology)
    for noun in concerned:
        await noun.read(writer, commands, locked.ledger)
    if holders:
        await stock.read_held(writer, holders, locked.ledger)
    return locked


async def _change_stock(
    writer: Writer,
    directory: Directory,
    batch: Sequence[Submission],
    encode_refusal: EncodeRefusal,
    counted: BatchFigures,
) -> Executed:
    commands = [submission.command for submission in batch]
    concerned = beside.concerned(commands)
    needs = _Needs(batch, directory.topology)
    ledger, answers, more_has_run_out, seen = await _look(writer, directory, commands, concerned, needs)
    counted.ended(counted.look)

    trail = Trail()
    # What has run out stops counting before anything else is decided.
    for reservation in list(ledger.reservations.values()):
        if run_out(reservation, ledger.now):
            _, step = decide(ledger, expiry := Expire(reservation.reservation_id))
            trail.add(step, reservation.channel_id, SERVER, expiry)
    if more_has_run_out and not batch[0].validate_only:  # else one overdue SKU could make a batch without limit
        base = await _write_stock(writer, ledger, [], trail)
        counted.ended(counted.write)
        return Executed([], _committed(base, ledger, seen))
    decided = await _decide_all(writer, ledger, batch, answers, encode_refusal, trail)
    counted.ended(counted.decide)
    if not (decided.rows or ledger.step):
        return Executed(decided.outcomes)
    for noun in concerned:
        await noun.write(writer, ledger)
    base = await _write_stock(writer, ledger, decided.rows, trail)
    counted.ended(counted.write)
    if batch[0].validate_only:  # nothing will have happened: the revision is the present one
        return Executed([outcome._replace(revision=base) for outcome in decided.outcomes])
    return Executed(
        [
            outcome if step is None else outcome._replace(revision=base + step)
            for outcome, step in zip(decided.outcomes, decided.steps, strict=True)
        ],
        _committed(base, ledger, seen),
    )


class _Decided(NamedTuple):
    """For each of the first submissions its outcome and its step within the batch; the answers to remember."""

    outcomes: list[Outcome]
    steps: list[int | None]
    rows: list[RequestRow]


async def _decide_all(
    writer: Writer,
    ledger: Ledger,
    batch: Sequence[Submission],
    answers: dict[stock.RequestKey, Remembered],
    encode_refusal: EncodeRefusal,
    trail: Trail,
) -> _Decided:
    found = _Decided([], [], [])
    until = thread_time() + DECIDE_S_MAX
    for submission in batch:
        if found.outcomes and thread_time() > until:
            break
        before = figures(ledger, submission.command)
        decided = _decide(ledger, submission, answers, encode_refusal)
        passes = isinstance(decided, NotNow)
        if isinstance(decided, Refusal):
            await _tell_due(writer, ledger, submission, decided)
            decided = Outcome(*encode_refusal(decided), None), None
        outcome, step = decided
        found.outcomes.append(outcome)
        found.steps.append(step)
        if submission.validate_only or outcome.replayed or passes:
            continue
        if submission.request_id is not None:
            key = (submission.channel_id, submission.request_id)
            found.rows.append(RequestRow(*key, submission.fingerprint, outcome.code, outcome.payload, step))
        if submission.request_id is not None or step is not None:
            after = before and figures(ledger, submission.command)
            trail.add_submitted(submission, step, outcome.code, before, after)
    return found


async def _write_stock(writer: Writer, ledger: Ledger, rows: Sequence[RequestRow], trail: Trail) -> int:
    base = await stock.write(writer, ledger, rows, trail.entries)
    if ledger.pieces.events:
        await serials.write_after(writer, ledger, base)
    return base


def _committed(base: int, ledger: Ledger, seen: int) -> Committed:
    return Committed(base, ledger.step, seen, ledger.now, ledger.movements, ledger.codes, ledger.lot_codes)


async def _tell_due(writer: Writer, ledger: Ledger, submission: Submission, refusal: Refusal) -> None:
    """Of what is short, when more is due: read at most once a batch, of all its levels at once."""
    if not refusal.shortages:
        return
    command = submission.command
    with nullcontext() if submission.within is None else ledger.limited(submission.within):
        if not any(owed(ledger, command, short) for short in refusal.shortages):
            return
        if not ledger.due.all_read:
            keys = [key for key, level in ledger.levels.items() if level.incoming or level.in_transit]
            await incoming.read_due(writer, ledger, keys)
        tell_due(ledger, command, refusal)


def _decide(
    ledger: Ledger,
    submission: Submission,
    answers: dict[stock.RequestKey, Remembered],
    encode_refusal: EncodeRefusal,
) -> tuple[Outcome, int | None] | Refusal:
    earlier = _earlier(submission, answers, encode_refusal)
    if earlier is not None:
        return earlier, None
    try:
        if submission.within is None:
            answer, step = decide(ledger, submission.command)  # type: ignore[arg-type]  # only stock commands
        else:
            with ledger.limited(submission.within):
                answer, step = decide(ledger, submission.command)  # type: ignore[arg-type]
    except NoLevel as missing:
        submission.new_pairs.append(missing.pair)
        raise LookAgain(str(missing)) from None
    if isinstance(answer, Refusal):
        return answer
    return Outcome(0, submission.encode(ledger, answer), None), step


def _earlier(
    submission: Submission,
    answers: dict[stock.RequestKey, Remembered],
    encode_refusal: EncodeRefusal,
) -> Outcome | None:
    """The outcome of a request_id that was used before."""
    if submission.request_id is None or not answers:
        return None
    remembered = answers.get((submission.channel_id, submission.request_id))
    if remembered is None:
        return None
    if remembered.fingerprint != submission.fingerprint:
        return reused(submission.request_id, encode_refusal)
    return Outcome(remembered.code, remembered.answer, remembered.revision, replayed=True)


def reused(request_id: UUID, encode_refusal: EncodeRefusal) -> Outcome:
    """The refusal of a request_id that stands for other content already."""
    code, status = encode_refusal(
        Refusal(
            Reason.REQUEST_ID_REUSED,
            f"request_id {request_id} was used for other content",
            metadata={"request_id": str(request_id)},
        )
    )
    return Outcome(code, status, None, replayed=True)


async def _change_alone(
    writer: Writer, submission: Submission, alone: _Alone, encode_refusal: EncodeRefusal, counted: BatchFigures
) -> Outcome:
    assert submission.request_id is not None
    command: Any = submission.command
    if not submission.validate_only:
        answers = await stock.find_answer(writer, (submission.channel_id, submission.request_id))
        earlier = _earlier(submission, answers, encode_refusal)
        if earlier is not None:
            return earlier
    now, present = await alone.lock(writer, command)
    counted.ended(counted.look)
    try:
        change = alone.change(present, command)
        code, payload = 0, submission.encode(Ledger(now), change)
        moved = change.moved
    except Refusal as refusal:
        change = alone.nothing
        code, payload = encode_refusal(refusal)
        moved = False
    row = RequestRow(
        submission.channel_id,
        submission.request_id,
        submission.fingerprint,
        code,
        payload,
        1 if moved else None,
    )
    requests = [] if submission.validate_only else [row]
    counted.ended(counted.decide)
    base = await alone.write(writer, present, change, command.channel_id, now, requests)
    trail = Trail()
    trail.add_submitted(submission, 1 if moved else None, code)
    await append_entries(writer, trail.entries, base, now)
    counted.ended(counted.write)
    if submission.validate_only:
        return Outcome(code, payload, base)
    return Outcome(code, payload, base + 1 if moved else None)
