"""Places and channels, kept in memory."""

from collections.abc import Collection, Iterable
from typing import Any

from inventory.domain.topology import (
    NOWHERE,
    Channel,
    ChannelKind,
    LocationKind,
    Point,
    Site,
    Topology,
    Use,
    View,
    Weekday,
)
from inventory.postgres.stock import Source

WIDE_SKUS_MAX = 100_000


class Directory:
    """The topology as last read. Whoever decides by it proves by `feed_head.topology` that it is the present one. And
    which SKUs took a wide look, so that they get it at once: only a hint."""

    def __init__(self) -> None:
        self.topology = NOWHERE
        self._wide: set[str] = set()

    def takes_wide(self, skus: Iterable[str]) -> bool:
        return bool(self._wide) and not self._wide.isdisjoint(skus)

    def remember_wide(self, skus: Collection[str]) -> None:
        if len(self._wide) + len(skus) > WIDE_SKUS_MAX:
            self._wide.clear()
        self._wide.update(skus)

    async def refresh(self, source: Source) -> Topology:
        """Reads it again. Raises a `StorageError`."""
        self.topology = await read_topology(source)
        return self.topology


async def read_topology(source: Source) -> Topology:
    """The revision is read first: what changes meanwhile makes it an old one, which the next look notices."""
    head = await source.fetch("read_topology_revision")
    channels = await source.fetch("read_channels")
    sites = await source.fetch("read_sites")
    return Topology(
        head[0]["topology"],
        {row["location_id"]: site_of(row) for row in sites},
        {row["channel_id"]: _channel(row) for row in channels},
    )


def site_of(row: Any) -> Site:
    return Site(
        row["location_id"],
        row["code"],
        LocationKind(row["kind"]),
        row["active"],
        row["priority"],
        None if row["latitude"] is None else Point(row["latitude"], row["longitude"]),
        row["handling"],
        row["cutoff_minute"],
        Weekday(row["working_days"]),
        frozenset(row["closed_on"]),
        row["time_zone"],
        Use(row["uses"]),
        row["transit_days"],
    )


def _channel(row: Any) -> Channel:
    return Channel(
        row["channel_id"],
        ChannelKind(row["kind"]),
        tuple(row["location_ids"]),
        View(row["buffer"], row["cap"], row["share_bp"], row["oversell_limit"]),
        row["has_overrides"],
        row["min_life_days"],
        row["selling_stopped"],
    )
