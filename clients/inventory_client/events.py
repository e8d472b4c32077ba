"""What a watch tells its consumer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inventory.v1 import alarm_service_pb2 as alarm_pb2
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2
from inventory_client.cursor import Cursor
from inventory_client.errors import Failure


class RestartReason(StrEnum):
    """Why the consumer begins anew."""

    FIRST_SNAPSHOT = "FIRST_SNAPSHOT"
    """It asked for a snapshot."""
    SNAPSHOT_BROKEN = "SNAPSHOT_BROKEN"
    """The connection broke before the snapshot was complete."""
    COMPACTED = "COMPACTED"
    """It was away for longer than the feed is kept."""
    EPOCH_CHANGED = "EPOCH_CHANGED"
    """The database was restored from a back-up."""
    REVISION_IN_FUTURE = "REVISION_IN_FUTURE"
    """Its cursor has not happened here: the database lost its newest part."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """Forget everything: a snapshot as of `revision` follows."""

    reason: RestartReason
    revision: int


@dataclass(frozen=True, slots=True)
class SnapshotPiece:
    """A part of what there is as of `revision`; each level, SKU, location, channel and open alarm comes
    once. `availability`: what
    the watch's own channel may sell; what isn't named can't be sold."""

    revision: int
    levels: Sequence[core_pb2.Level] = ()
    skus: Sequence[catalog_pb2.Sku] = ()
    locations: Sequence[catalog_pb2.Location] = ()
    channels: Sequence[channel_pb2.Channel] = ()
    availability: Sequence[channel_pb2.ChannelAvailability] = ()
    alarms: Sequence[alarm_pb2.Alarm] = ()


@dataclass(frozen=True, slots=True)
class SnapshotComplete:
    """All of it has been given."""

    revision: int
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Changes:
    """Whole commands, in order: each change has all of its rows that match. `cursor` stands after them."""

    changes: Sequence[pb2.Change]
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest ledger row of levels that changed, those with the least available first; `after` counts. And what the
    watch's own channel may sell now of SKUs where that changed. What was given since `cursor` may come again, or newer,
    after a break."""

    movements: Sequence[core_pb2.Movement]
    cursor: Cursor
    availability: Sequence[channel_pb2.ChannelAvailability] = ()


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Nothing else up to `cursor` matches."""

    cursor: Cursor


Event = Restarted | SnapshotPiece | SnapshotComplete | Changes | Latest | Bookmark


class ConnectionState(StrEnum):
    """How a watch is connected."""

    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    LOST = "LOST"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Connection:
    """A watch's connection: its state, since when (UTC, by this machine's clock), with which server, and why it was
    lost ('' while all is well); `failure` is that with its reason and particulars, such as the `oldest` revision of
    COMPACTED."""

    state: ConnectionState
    since: datetime
    endpoint: str
    why: str = ""
    failure: Failure | None = None
