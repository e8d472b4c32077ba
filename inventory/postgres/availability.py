"""Looking at stock as the engine does, without locks: for answers that promise nothing."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import NamedTuple

from inventory.domain.access import Access
from inventory.domain.decide import decide
from inventory.domain.explain import CLAIMS_NAMED_MAX, Claim, Claims
from inventory.domain.ledger import Ledger
from inventory.domain.limits import SEEN_MAX
from inventory.domain.refusal import too_many_sources
from inventory.domain.reservation import Expire, run_out
from inventory.postgres.errors import TooWide, TopologyChanged
from inventory.postgres.reads import Reader
from inventory.postgres.stock import Pair, Source, Wanted, find_and_lock
from inventory.postgres.topology import Directory


class DueRow(NamedTuple):
    """Goods that are due at a place."""

    sku_id: int
    location_id: int
    due_on: date | None
    quantity: int
    reference: str


class Shown(NamedTuple):
    """How a SKU's quantities are shown, and until when it is pre-ordered."""

    unit: str
    unit_digits: int
    preorder_until: date | None


class Seen:
    """What was looked at, as of a revision. Everything that is read of it is of that one state."""

    def __init__(self, source: Source, ledger: Ledger, revision: int) -> None:
        self._source = source
        self.ledger = ledger
        self.revision = revision

    async def claims(self, sku_id: int, location_ids: Sequence[int]) -> tuple[Claims, Claims]:
        """What is held, and what is allocated."""
        rows = await self._source.fetch("read_claims", sku_id, location_ids, CLAIMS_NAMED_MAX)
        found: tuple[list[Claim], list[Claim]] = ([], [])
        counts = [0, 0]
        for is_allocated, *claim, reservations in map(tuple, rows):
            found[is_allocated].append(_claim(claim))
            counts[is_allocated] = reservations
        return Claims(found[0], counts[0]), Claims(found[1], counts[1])

    async def due_in(self, sku_ids: Sequence[int], location_ids: Sequence[int]) -> list[DueRow]:
        """Soonest first."""
        return [DueRow(*row) for row in await self._source.fetch("read_due_in", sku_ids, location_ids)]

    async def shown(self, sku_ids: Sequence[int]) -> dict[int, Shown]:
        return {row[0]: Shown(*tuple(row)[1:]) for row in await self._source.fetch("read_shown", sku_ids)}


class Looking:
    """Reads what decisions are made on."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.directory = Directory()

    @asynccontextmanager
    async def look(
        self,
        channel_id: int,
        skus: Collection[str],
        pairs: Collection[Pair] = (),
        field: str = "lines",
        within: Access | None = None,
    ) -> AsyncIterator[Seen]:
        """Levels of `skus`, which the request's `field` names, at all places, and of `pairs`; holds that have run out
        don't count. `within`: what the ledger knows of them, None: everything. Raises a `StorageError`,
        TOO_MANY_LINES."""
        async with self._reader.snapshot() as source:
            if within is not None and within.categories:
                rows = await source.fetch("read_visible_skus", list(skus), within.prefixes)
                skus = [row["code"] for row in rows]
            try:
                seen = await self._seen(source, channel_id, skus, pairs, field, within)
            except TopologyChanged:
                await self.directory.refresh(source)
                seen = await self._seen(source, channel_id, skus, pairs, field, within)
            if within is not None:
                seen.ledger.limit(within)
            yield seen

    async def _seen(
        self,
        source: Source,
        channel_id: int,
        skus: Collection[str],
        pairs: Collection[Pair],
        field: str,
        within: Access | None,
    ) -> Seen:
        topology = self.directory.topology
        everywhere = tuple(topology.sites)
        if within is not None and within.location_ids and not topology.channel(channel_id).counts_everywhere:
            everywhere = tuple(number for number in everywhere if number in within.location_ids)
        if len(skus) * len(everywhere) > SEEN_MAX:
            raise too_many_sources(len(skus) * len(everywhere), SEEN_MAX, field)
        viewed = [channel_id] if topology.channel(channel_id).has_overrides else []
        wanted = Wanted(pairs=pairs, spreads=[(sku, everywhere) for sku in skus], viewed=viewed)
        try:
            locked = await find_and_lock(source, wanted, topology, lock=False)
        except TooWide as error:  # with what bundles are made of
            raise too_many_sources(error.levels, SEEN_MAX, field) from None
        ledger = locked.ledger
        for reservation in list(ledger.reservations.values()):
            if run_out(reservation, ledger.now):
                decide(ledger, Expire(reservation.reservation_id))
        return Seen(source, ledger, locked.seen)

    async def channel(self, code: str, only_channel_id: int | None) -> int | None:
        """The number of a channel; None: there is no such channel. `only_channel_id`: the one that may be known; None:
        all."""
        rows = await self._reader.fetch("find_channel", code, only_channel_id)
        return int(rows[0][0]) if rows else None


def _claim(row: Sequence[object]) -> Claim:
    quantity, location, reservation_id, channel, owner, until, reference, lot = row
    return Claim(quantity, location, reservation_id, channel, owner, until, reference, lot)  # type: ignore[arg-type]
