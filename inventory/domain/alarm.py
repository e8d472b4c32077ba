"""Alarms: what opens one, what keeps it open, and what closes it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from inventory.domain.refusal import alarm_not_found
from inventory.domain.subscriber import Subscriber, SubscriberState

ERRORS_WINDOW = timedelta(seconds=60)
ERRORS_MIN = 10
"""So many failed calls of a channel within the window, and so large a share of its calls, open an alarm."""
ERRORS_SHARE_MIN = 0.2
ERRORS_KEPT = 0.5
"""Half of either keeps it open."""
LAG_KEPT = 0.5
"""So much of a subscriber's limit keeps its alarm open: one at its limit would open and close it each second."""
STOCK_KEPT = 10
"""A stock alarm closes above its threshold by this part of it, a tenth, rounded up."""
CREDENTIAL_WARNING = timedelta(days=14)
CREDENTIAL_WARNING_SHARE = 0.1
"""A credential expires soon when it has no more left than `CREDENTIAL_WARNING`, and than this share of its life."""
CREDENTIAL_FORGOTTEN_AFTER = timedelta(days=7)
"""So long after it expired nobody needs to be told any more."""
REPLICA_LOST_AFTER = timedelta(seconds=15)
REPLICA_FORGOTTEN_AFTER = timedelta(days=1)
SIGHT_FRESH = timedelta(seconds=5)
"""An alarm that is still seen is written down as seen only so often."""
UNSEEN_CLOSES = timedelta(seconds=60)
"""What only those who see it know of closes when nobody has seen it for so long."""


class AlarmKind(IntEnum):
    """What is wrong; the numbers are the API's and the table's."""

    COMMUNICATION_ERRORS = 1
    SUBSCRIBER_LAGGING = 2
    SUBSCRIBER_LOST = 3
    CHANNEL_SILENT = 4
    DRIFT = 5
    LOW_STOCK = 6
    REORDER_POINT = 7
    OVERSELL_USED = 8
    INVARIANT_BROKEN = 9
    REPLICA_LOST = 10
    CREDENTIAL_EXPIRING = 11


class Severity(IntEnum):
    """How bad; the numbers are the API's and the table's."""

    NOTICE = 1
    WARNING = 2
    CRITICAL = 3


class AlarmEvent(IntEnum):
    """What happened to an alarm; the numbers are the API's and the table's."""

    OPENED = 1
    ACKNOWLEDGED = 2
    CLOSED = 3


SEVERITIES: Mapping[AlarmKind, Severity] = {
    AlarmKind.COMMUNICATION_ERRORS: Severity.WARNING,
    AlarmKind.SUBSCRIBER_LAGGING: Severity.WARNING,
    AlarmKind.SUBSCRIBER_LOST: Severity.CRITICAL,
    AlarmKind.CHANNEL_SILENT: Severity.WARNING,
    AlarmKind.DRIFT: Severity.WARNING,
    AlarmKind.LOW_STOCK: Severity.WARNING,
    AlarmKind.REORDER_POINT: Severity.NOTICE,
    AlarmKind.OVERSELL_USED: Severity.NOTICE,
    AlarmKind.INVARIANT_BROKEN: Severity.CRITICAL,
    AlarmKind.REPLICA_LOST: Severity.CRITICAL,
    AlarmKind.CREDENTIAL_EXPIRING: Severity.WARNING,
}
STOCK_KINDS = frozenset({AlarmKind.LOW_STOCK, AlarmKind.REORDER_POINT, AlarmKind.OVERSELL_USED})
DAMPED_KINDS = STOCK_KINDS | {AlarmKind.COMMUNICATION_ERRORS, AlarmKind.SUBSCRIBER_LAGGING, AlarmKind.CHANNEL_SILENT}
CLOSED_AGAIN_AFTER = timedelta(minutes=10)
"""A condition of the damped kinds that comes and goes: one alarm about it is closed, and the next one only so long
after that, if it is gone then, or when it is acknowledged. So it makes a few versions an hour, however often it comes
and goes."""
HELD_LOOKED_FOR = timedelta(days=1)
"""Stock alarms that stayed open for that reason are looked at again for so long, though their level doesn't move."""
Subject = Mapping[str, str]
"""What an alarm is about, by codes: channel, sku, location, subscriber, replica, key_id …"""
Detail = str | int | float | bool | None


class Alarm(NamedTuple):
    """One that was opened. `closed_at` None: it is open."""

    alarm_id: UUID
    kind: AlarmKind
    subject: Subject
    severity: Severity
    summary: str
    details: Mapping[str, Detail]
    opened_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    note: str = ""


class AcknowledgeAlarm(NamedTuple):
    """Somebody knows of it. `channel_id` is who says so, `by` as people read it."""

    channel_id: int
    alarm_id: UUID
    by: str
    note: str


class PresentAlarm(NamedTuple):
    """The alarm that a command names, under its lock, and the database's clock. None: there is none."""

    alarm: Alarm | None
    now: datetime


class Acknowledged(NamedTuple):
    """What becomes of the command."""

    alarm: Alarm | None
    moved: bool


NOTHING_ACKNOWLEDGED = Acknowledged(None, moved=False)


def acknowledge(present: PresentAlarm, command: AcknowledgeAlarm) -> Acknowledged:
    """The first who acknowledges it stays named. Raises ALARM_NOT_FOUND."""
    alarm = present.alarm
    if alarm is None:
        raise alarm_not_found(str(command.alarm_id))
    if alarm.acknowledged_at is not None:
        return Acknowledged(alarm, moved=False)
    return Acknowledged(
        alarm._replace(acknowledged_at=present.now, acknowledged_by=command.by, note=command.note), moved=True
    )


class Finding(NamedTuple):
    """Something wrong, seen now. `opens` False: too little to open an alarm, enough to keep one open."""

    kind: AlarmKind
    subject: Subject
    summary: str
    details: Mapping[str, Detail] = {}
    opens: bool = True

    @property
    def key(self) -> tuple[AlarmKind, frozenset[tuple[str, str]]]:
        return self.kind, frozenset(self.subject.items())


class Moves(NamedTuple):
    """What a look makes of the alarms. `kept`: what is now seen of those that stay open."""

    opened: Sequence[Finding]
    kept: Mapping[UUID, Finding]
    closed: Sequence[UUID]


def moves(open_alarms: Iterable[Alarm], findings: Iterable[Finding]) -> Moves:
    """`open_alarms`: all that are about what was looked at. What isn't found any more is closed."""
    found = {finding.key: finding for finding in findings}
    kept: dict[UUID, Finding] = {}
    closed: list[UUID] = []
    for alarm in open_alarms:
        seen = found.pop((alarm.kind, frozenset(alarm.subject.items())), None)
        if seen is None:
            closed.append(alarm.alarm_id)
        else:
            kept[alarm.alarm_id] = seen
    return Moves([finding for finding in found.values() if finding.opens], kept, closed)


class StockFacts(NamedTuple):
    """A level, as alarms see it; quantities in the SKU's smallest unit. A threshold of None is none."""

    sku: str
    location: str
    active: bool
    available: int
    backordered: int
    safety_stock: int | None
    reorder_point: int | None


def stock_findings(facts: StockFacts) -> list[Finding]:
    """LOW_STOCK below the safety stock, REORDER_POINT at the reorder point and below, OVERSELL_USED while anybody waits
    for goods; of a SKU that is no longer active only the last."""
    subject = {"sku": facts.sku, "location": facts.location}
    where = f"SKU {facts.sku} at {facts.location}"
    found: list[Finding] = []
    if facts.backordered:
        details = {"backordered": facts.backordered}
        found.append(
            Finding(AlarmKind.OVERSELL_USED, subject, f"{where}: {facts.backordered} are back-ordered", details)
        )
    if not facts.active:
        return found
    if facts.safety_stock is not None and facts.available < facts.safety_stock + _margin(facts.safety_stock):
        found.append(
            Finding(
                AlarmKind.LOW_STOCK,
                subject,
                f"{where}: {facts.available} available, safety stock {facts.safety_stock}",
                {"available": facts.available, "safety_stock": facts.safety_stock},
                opens=facts.available < facts.safety_stock,
            )
        )
    if facts.reorder_point is not None and facts.available <= facts.reorder_point + _margin(facts.reorder_point):
        found.append(
            Finding(
                AlarmKind.REORDER_POINT,
                subject,
                f"{where}: {facts.available} available, reorder point {facts.reorder_point}",
                {"available": facts.available, "reorder_point": facts.reorder_point},
                opens=facts.available <= facts.reorder_point,
            )
        )
    return found


def _margin(threshold: int) -> int:
    return -(-threshold // STOCK_KEPT)


def subscriber_finding(subscriber: Subscriber, silent: timedelta) -> Finding | None:
    """Of one that is behind, or has been silent for longer than its deadline."""
    subject = {"channel": subscriber.channel, "subscriber": subscriber.name}
    who = f"subscriber {subscriber.name} of channel {subscriber.channel}"
    lag_s = round(subscriber.lag.total_seconds(), 1)
    details = {"lag_changes": subscriber.lag_changes, "lag_s": lag_s, "silent_s": round(silent.total_seconds(), 1)}
    if subscriber.state is SubscriberState.LOST:
        return Finding(AlarmKind.SUBSCRIBER_LOST, subject, f"{who} is lost: the feed no longer waits for it", details)
    if subscriber.state is SubscriberState.LAGGING or _nearly_lags(subscriber):
        return Finding(
            AlarmKind.SUBSCRIBER_LAGGING,
            subject,
            f"{who} lags by {subscriber.lag_changes} changes, {lag_s} s",
            details,
            opens=subscriber.state is SubscriberState.LAGGING,
        )
    return None


def _nearly_lags(subscriber: Subscriber) -> bool:
    changes, lag = subscriber.lag_changes_max, subscriber.lag_max
    return (changes is not None and subscriber.lag_changes > changes * LAG_KEPT) or (
        lag is not None and subscriber.lag > lag * LAG_KEPT
    )


class Silence(NamedTuple):
    """A channel that may be silent for so long and no longer. `silent`: for how long while there was a server to hear
    it, `unheard`: for how long whether or not there was."""

    channel_id: int
    channel: str
    silent: timedelta
    unheard: timedelta
    silent_after: timedelta
    stops_selling: bool
    is_stopped: bool

    @property
    def is_silent(self) -> bool:
        return self.silent > self.silent_after

    @property
    def may_be_silent(self) -> bool:
        """Too little to say that it is, enough not to say that it is back: nobody was there to hear it."""
        return self.unheard > self.silent_after

    @property
    def sells_nothing(self) -> bool:
        """Once it is stopped, only a call brings it back, and no start of a server."""
        return self.stops_selling and (self.is_silent or (self.is_stopped and self.may_be_silent))


def silence_finding(channel: Silence) -> Finding | None:
    if not (channel.is_silent or channel.may_be_silent):
        return None
    limit_s = channel.silent_after.total_seconds()
    text = f"channel {channel.channel} has been silent for more than {limit_s:g} s"
    if channel.stops_selling:
        text += ": it sells nothing until it is back"
    return Finding(
        AlarmKind.CHANNEL_SILENT,
        {"channel": channel.channel},
        text,
        {"silent_after_s": limit_s, "stops_selling": channel.stops_selling},
        opens=channel.is_silent,
    )


def errors_finding(channel: str, calls: int, failed: int, worst: str) -> Finding | None:
    """`calls` and `failed` within `ERRORS_WINDOW` at one replica; `worst`: the code that was given most often."""
    share = failed / calls if calls else 0.0
    if failed < ERRORS_MIN * ERRORS_KEPT or share < ERRORS_SHARE_MIN * ERRORS_KEPT:
        return None
    return Finding(
        AlarmKind.COMMUNICATION_ERRORS,
        {"channel": channel},
        f"{failed} of {calls} calls of channel {channel} failed within {ERRORS_WINDOW.total_seconds():g} s, most with"
        f" {worst}",
        {"calls": calls, "failed": failed, "most_with": worst},
        opens=failed >= ERRORS_MIN and share >= ERRORS_SHARE_MIN,
    )


class Lost(NamedTuple):
    """A replica that neither speaks nor has left."""

    replica_id: UUID
    address: str
    unseen: timedelta


def replica_finding(lost: Lost) -> Finding:
    return Finding(
        AlarmKind.REPLICA_LOST,
        {"replica": str(lost.replica_id), "address": lost.address},
        f"the replica at {lost.address} has not been heard of, and did not stop in order",
        {"unseen_s": round(lost.unseen.total_seconds(), 1)},
    )


class Broken(NamedTuple):
    """A promise that the database doesn't keep, and the level, or the revision, where. `details` as it was found."""

    promise: str
    sku: str = ""
    location: str = ""
    revision: int = 0
    details: Mapping[str, Detail] = {}


def broken_finding(broken: Broken) -> Finding:
    subject = {"promise": broken.promise}
    if broken.sku:
        subject |= {"sku": broken.sku, "location": broken.location}
    if broken.revision:
        subject["revision"] = str(broken.revision)
    where = f"SKU {broken.sku} at {broken.location}" if broken.sku else f"revision {broken.revision}"
    figures = ", ".join(f"{name} {value}" for name, value in broken.details.items())
    return Finding(
        AlarmKind.INVARIANT_BROKEN, subject, f"{broken.promise} is broken for {where}: {figures}", broken.details
    )


class Expiring(NamedTuple):
    """A credential, or a certificate of our own. `subject` names it, `what` for people."""

    subject: Subject
    what: str
    made_at: datetime
    expires_at: datetime


def expiring_finding(expiring: Expiring, now: datetime) -> Finding | None:
    lasts = expiring.expires_at - now
    if lasts > min(CREDENTIAL_WARNING, (expiring.expires_at - expiring.made_at) * CREDENTIAL_WARNING_SHARE):
        return None
    until = f"{expiring.expires_at:%Y-%m-%d %H:%M} UTC"
    verb = "expires" if lasts > timedelta(0) else "has expired"
    return Finding(
        AlarmKind.CREDENTIAL_EXPIRING,
        expiring.subject,
        f"{expiring.what} {verb} at {until}",
        {"expires_at": expiring.expires_at.isoformat()},
    )


class Drift(NamedTuple):
    """What a reconciliation found. `counted`: what kind of numbers was compared; `wrong`: how many are surely
    wrong."""

    channel: str
    counted: str
    wrong: int
    reconciliation_id: str


def drift_finding(drift: Drift) -> Finding | None:
    """One alarm, however many numbers are wrong: the reconciliation tells them."""
    if not drift.wrong:
        return None
    return Finding(
        AlarmKind.DRIFT,
        {"channel": drift.channel, "counted": drift.counted},
        f"{drift.wrong} of channel {drift.channel}'s numbers ({drift.counted}) are wrong",
        {"wrong": drift.wrong, "reconciliation_id": drift.reconciliation_id},
    )
