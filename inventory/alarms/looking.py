"""What a server looks at every second: itself, other replicas, channels, subscribers, credentials and stock. Any number
of replicas may look at once."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID, uuid4

import structlog

from inventory.alarms.edge import Edge
from inventory.alarms.said import say
from inventory.alarms.stock import StockLook
from inventory.domain.alarm import (
    REPLICA_LOST_AFTER,
    UNSEEN_CLOSES,
    AlarmKind,
    Expiring,
    Finding,
    Silence,
    expiring_finding,
    replica_finding,
    silence_finding,
    subscriber_finding,
)
from inventory.domain.subscriber import state_of
from inventory.postgres import replicas
from inventory.postgres.alarms import OpenAlarm, decided, looking, read_open, tell, touch
from inventory.postgres.connection import Database, Writer
from inventory.postgres.errors import StorageError
from inventory.postgres.outage import Outage
from inventory.postgres.reads import Reader
from inventory.postgres.subscribers import SubscriberRow
from inventory.postgres.views import read_clock

LOOK_S = 1.0
BEAT_S = 5.0
FORGET_S = 3_600.0
OWN_S = 60.0
LEAVE_S = 1.0

log = structlog.get_logger(__name__)
Subscribers = Callable[[], Sequence[SubscriberRow] | None]
"""Gives those of the last look at them; None: nobody has looked lately."""
_SHARED = frozenset(
    {
        AlarmKind.COMMUNICATION_ERRORS,
        AlarmKind.SUBSCRIBER_LAGGING,
        AlarmKind.SUBSCRIBER_LOST,
        AlarmKind.CHANNEL_SILENT,
        AlarmKind.REPLICA_LOST,
        AlarmKind.CREDENTIAL_EXPIRING,
    }
)
_OF_SUBSCRIBERS = frozenset({AlarmKind.SUBSCRIBER_LAGGING, AlarmKind.SUBSCRIBER_LOST})


class Looking:
    """A replica that looks. `run` it once, and `leave` when the server stops."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        edge: Edge,
        *,
        address: str,
        version: str,
        streaming: Callable[[], Iterable[str]],
        subscribers: Subscribers,
        own: Callable[[], Sequence[Expiring]] = tuple,
    ) -> None:
        """`streaming`: the channels that have a stream open; `own`: what this server shows that expires."""
        self.replica_id = uuid4()
        self._database = database
        self._reader = reader
        self._writer = Writer(database)
        self._stock = StockLook(reader, self._writer)
        self._edge = edge
        self._address = address
        self._version = version
        self._streaming = streaming
        self._subscribers = subscribers
        self._own = own
        self._loop = asyncio.get_running_loop()
        self._beat_at = self._forget_at = self._own_at = 0.0
        self._beat_last: float | None = None
        self._judges_at = 0.0
        self._own_findings: Sequence[Finding] = ()

    async def run(self) -> None:
        """For ever; cancel it to end it."""
        outage = Outage(log, "looking for alarms")
        try:
            while True:
                with outage.outlived():
                    await self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            self._writer.drop()

    async def leave(self) -> None:
        """Says that this server stops in order, if the database is there to be told."""
        try:
            async with asyncio.timeout(LEAVE_S):
                await replicas.leave(self._reader, self.replica_id)
        except (StorageError, TimeoutError) as error:
            log.warning("could not say that this server stops", why=type(error).__name__)

    @property
    def may_judge(self) -> bool:
        """Whether it has been here long enough to know that others are gone."""
        return self._loop.time() >= self._judges_at

    async def look(self) -> None:
        """Looks once. Raises a `StorageError`."""
        await self._beat()
        await self._hear()
        await self._tell_own()
        await self._look_together()
        await self._stock.look()

    async def _beat(self) -> None:
        now = self._loop.time()
        if now < self._beat_at:
            return
        await replicas.beat(self._reader, self.replica_id, self._address, self._version)
        now, last = self._loop.time(), self._beat_last
        self._beat_at, self._beat_last = now + BEAT_S, now
        if last is None or now - last > 2 * BEAT_S:  # who was away itself can't know that others were
            self._judges_at = now + REPLICA_LOST_AFTER.total_seconds()
        if now >= self._forget_at:
            self._forget_at = now + FORGET_S
            await replicas.forget(self._reader)

    async def _hear(self) -> None:
        self._edge.tick()
        heard = self._edge.take_heard()
        try:
            await replicas.hear(self._reader, heard.union(self._streaming()))
        except StorageError:
            self._edge.put_back(heard)
            raise

    async def _tell_own(self) -> None:
        """What only this server knows: it says so while it sees it, and it is closed when nobody does any more."""
        now = self._loop.time()
        if now >= self._own_at:
            self._own_at = now + OWN_S
            clock = await read_clock(self._reader)
            shown = await asyncio.to_thread(self._own)
            self._own_findings = [finding for each in shown if (finding := expiring_finding(each, clock))]
        found = [*self._edge.findings(), *self._own_findings]
        if not found:
            return
        present = {_key(each): each.alarm.alarm_id for each in await read_open(self._reader, _SHARED)}
        new = [finding for finding in found if finding.opens and finding.key not in present]
        say(await tell(self._reader, self._database, new))
        await touch(self._reader, {present[finding.key]: finding for finding in found if finding.key in present})

    async def _look_together(self) -> None:
        """What all replicas see alike: one of them looks."""
        async with looking(self._writer, "looks") as cursor:
            if cursor is None:
                return
            present = await read_open(self._writer, _SHARED)
            silences = await replicas.read_silences(self._writer)
            findings = [finding for silence in silences if (finding := silence_finding(silence))]
            looked_at = {AlarmKind.CHANNEL_SILENT}
            findings += await self._expiring_credentials()
            subscribers = self._subscribers()
            if subscribers is not None:
                looked_at |= _OF_SUBSCRIBERS
                findings += _of_subscribers(subscribers)
            if self.may_judge:
                looked_at.add(AlarmKind.REPLICA_LOST)
                findings += await self._lost(present)
            about = [each.alarm for each in present if each.alarm.kind in looked_at]
            about += [each.alarm for each in present if _is_credential(each)]
            about += [each.alarm for each in present if _is_own(each) and each.unseen > UNSEEN_CLOSES]
            moves, told = await decided(self._writer, about, findings)
        say(told)
        await touch(self._reader, moves.kept)
        await self._move_selling(silences)

    async def _lost(self, present: Sequence[OpenAlarm]) -> list[Finding]:
        """Somebody who acknowledges that a replica is lost has seen to it."""
        seen_to = [
            UUID(each.alarm.subject["replica"])
            for each in present
            if each.alarm.kind is AlarmKind.REPLICA_LOST and each.alarm.acknowledged_at is not None
        ]
        if seen_to:
            await replicas.dismiss(self._writer, seen_to)
        return [replica_finding(lost) for lost in await replicas.read_lost(self._writer)]

    async def _expiring_credentials(self) -> list[Finding]:
        clock = await read_clock(self._writer)
        expiring = await replicas.read_expiring(self._writer)
        return [finding for each in expiring if (finding := expiring_finding(each, clock))]

    async def _move_selling(self, silences: Sequence[Silence]) -> None:
        for channel in silences:
            stops = channel.sells_nothing
            if stops is not channel.is_stopped and await replicas.move_selling(
                self._writer, channel.channel_id, stops=stops
            ):
                text = (
                    "a silent channel sells nothing until it is back" if stops else "a channel is back, and sells again"
                )
                log.warning(text, channel=channel.channel, silent_s=round(channel.unheard.total_seconds(), 1))


def _key(found: OpenAlarm) -> tuple[AlarmKind, frozenset[tuple[str, str]]]:
    return found.alarm.kind, frozenset(found.alarm.subject.items())


def _is_own(found: OpenAlarm) -> bool:
    """Whether only those who see it know of it."""
    kind = found.alarm.kind
    return kind is AlarmKind.COMMUNICATION_ERRORS or (
        kind is AlarmKind.CREDENTIAL_EXPIRING and "certificate" in found.alarm.subject
    )


def _is_credential(found: OpenAlarm) -> bool:
    return found.alarm.kind is AlarmKind.CREDENTIAL_EXPIRING and "key_id" in found.alarm.subject


def _of_subscribers(rows: Iterable[SubscriberRow]) -> list[Finding]:
    found = []
    for row in rows:
        subscriber = row.subscriber._replace(state=state_of(row.subscriber, row.silent))
        finding = subscriber_finding(subscriber, row.silent)
        if finding is not None:
            found.append(finding)
    return found
