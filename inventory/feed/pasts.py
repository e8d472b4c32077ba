"""How much of SKUs a channel could sell since a revision: each change of it, as far as that is worth looking at."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from inventory.domain.level import EMPTY, Level
from inventory.domain.movement import MovementKind
from inventory.domain.reconciliation import State
from inventory.domain.showing import Seller, Stock
from inventory.feed.change import Viewer
from inventory.feed.viewing import Outlook, look, values_of
from inventory.postgres import views
from inventory.postgres.reads import Reader
from inventory.postgres.reconciliation import Move, read_moves, read_settings_changes

SETTINGS_CHANGES_MAX = 8
"""Changes of settings that are looked at."""
MOVES_A_LEVEL_MAX = 400
"""Moves of a level that are looked at between two changes of settings."""
LEVELS_AT_ONCE_MAX = 200
"""Levels whose moves are read together."""
LOOKS_MAX = 16
"""Revisions as of which bundles, places and settings are kept during one comparison."""
REVISIONS_A_STEP = 200
"""After so many others have their turn."""

Limits = Mapping[tuple[str, int], int | None]
"""Present limits of back-orders, by SKU and place: the ledger doesn't say how they were."""


class Past(NamedTuple):
    """How a number was from a revision on. `settings_changed`: in ways that the states don't tell of."""

    states: list[State]
    settings_changed: bool


class Stretch(NamedTuple):
    """What is asked for: after the revision that was seen, up to another, as at one moment of the calendar."""

    channel_id: int
    seen: int
    until: int
    moment: datetime


class Looks:
    """What a channel's view was made of as of the revisions looked at last, which is dear to read when much of the
    catalogue has changed since."""

    def __init__(self, reader: Reader, viewer: Viewer) -> None:
        self._reader = reader
        self._viewer = viewer
        self._found: dict[int, Outlook] = {}

    async def at(self, revision: int, moment: datetime) -> Outlook:
        found = self._found.get(revision)
        if found is None:
            if len(self._found) == LOOKS_MAX:
                self._found.pop(next(iter(self._found)))
            found = self._found[revision] = await look(self._reader, self._viewer, revision, moment)
        seller = Seller(found.seller.channel, found.topology, moment, self._viewer.location_ids)
        return found._replace(seller=seller)


class _Stand(NamedTuple):
    """What SKUs' numbers are made of as of one revision; `users`: of each SKU, the ones asked for that it is in."""

    outlook: Outlook
    known: dict[str, Stock]
    users: Mapping[str, AbstractSet[str]]


async def read_pasts(
    reader: Reader, looks: Looks, skus: Sequence[str], sku_ids: Collection[int], stretch: Stretch, limits: Limits
) -> dict[str, Past]:
    """Of each SKU. `sku_ids`: of them and of what they are made of at the end."""
    first = await looks.at(stretch.seen, stretch.moment)
    size = max(LEVELS_AT_ONCE_MAX // max(len(first.topology.sites), 1), 1)
    found: dict[str, Past] = {}
    for start in range(0, len(skus), size):
        replay = _Replay(reader, looks, skus[start : start + size], limits)
        found |= await replay.run(first, sku_ids, stretch)
    return found


class _Replay:
    """Of some SKUs. Each stretch between two changes of settings begins from the tables as of then, and goes on by the
    moves in it."""

    def __init__(self, reader: Reader, looks: Looks, skus: Sequence[str], limits: Limits) -> None:
        self._reader = reader
        self._looks = looks
        self._skus = skus
        self._limits = limits
        self._states: dict[str, list[State]] = {sku: [] for sku in skus}
        self._unsure: set[str] = set()

    async def run(self, first: Outlook, sku_ids: Collection[int], stretch: Stretch) -> dict[str, Past]:
        stand = await self._stand(first)
        ids = {*sku_ids, *(stock.facts.sku_id for stock in stand.known.values())}
        changes = await read_settings_changes(
            self._reader, stretch.channel_id, list(ids), stretch.seen, stretch.until, SETTINGS_CHANGES_MAX + 1
        )
        for end in changes[:SETTINGS_CHANGES_MAX]:
            await self._go_on(stand, end)
            stand = await self._stand(await self._looks.at(end, stretch.moment))
        if len(changes) > SETTINGS_CHANGES_MAX:
            await self._go_on(stand, changes[-1])
            self._unsure.update(self._skus)
        else:
            await self._go_on(stand, stretch.until + 1)
        return {sku: Past(states, sku in self._unsure) for sku, states in self._states.items()}

    async def _stand(self, outlook: Outlook) -> _Stand:
        users: dict[str, set[str]] = defaultdict(set)
        for sku in self._skus:
            for part in (sku, *(leaf for leaf, _ in outlook.bundles.leaves(sku))):
                users[part].add(sku)
        known = await views.read_stocks(self._reader, users.keys(), outlook.revision)
        values = await values_of(self._reader, outlook, known, {})
        for sku in self._skus:
            self._put(sku, outlook.revision, values[sku].total if sku in values else 0)
        return _Stand(outlook, known, users)

    async def _go_on(self, stand: _Stand, before: int) -> None:
        by_id = {stock.facts.sku_id: stock for stock in stand.known.values()}
        moves = await read_moves(self._reader, list(by_id), stand.outlook.revision, before, MOVES_A_LEVEL_MAX)
        ends = _ends(moves)
        reach = dict.fromkeys(self._skus, before)
        for sku_id, end in ends.items():
            for sku in stand.users[by_id[sku_id].facts.sku]:
                reach[sku] = min(reach[sku], end)
        for number, (revision, together) in enumerate(groupby(moves, attrgetter("revision")), 1):
            touched: set[str] = set()
            for move in together:
                stock = by_id[move.sku_id]
                self._move(stock, move)
                touched |= stand.users[stock.facts.sku]
                if move.kind == MovementKind.THRESHOLD:
                    self._unsure |= stand.users[stock.facts.sku]
            for sku in touched:
                if revision < reach[sku] and sku in stand.known:
                    leaves = stand.outlook.bundles.leaves(sku)
                    value = stand.outlook.seller.sellable(stand.known[sku], stand.known, leaves)
                    self._put(sku, revision, value.total)
            if number % REVISIONS_A_STEP == 0:
                await asyncio.sleep(0)

    def _move(self, stock: Stock, move: Move) -> None:
        limit = self._limits.get((stock.facts.sku, move.location_id), EMPTY.backorder_limit)
        stock.levels[move.location_id] = Level._make((*move.after, 0, 0, None, None, limit))
        if move.lot:
            lots = stock.lots.setdefault(move.location_id, {})
            lots[move.lot] = lots.get(move.lot, 0) + move.lot_delta
            stock.expiries[move.lot] = move.expires_on

    def _put(self, sku: str, revision: int, quantity: int) -> None:
        states = self._states[sku]
        if not states or states[-1].quantity != quantity:
            states.append(State(revision, quantity))


def _ends(moves: Sequence[Move]) -> dict[int, int]:
    """Of SKUs of which not all moves are there, the revision from which on some may be missing."""
    counts: Counter[tuple[int, int]] = Counter()
    ends: dict[int, int] = {}
    for move in moves:
        counts[(move.sku_id, move.location_id)] += 1
        if counts[(move.sku_id, move.location_id)] == MOVES_A_LEVEL_MAX:
            ends.setdefault(move.sku_id, move.revision)  # moves are in order: the first is the earliest
    return ends
