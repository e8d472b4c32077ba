"""Compares what the marketplace shows with what it should, and has sent again what is wrong: somebody else may have
changed it there."""

import asyncio
import logging
import unicodedata
from collections.abc import AsyncGenerator, Callable

from inventory.v1 import reconciliation_service_pb2 as pb2
from inventory_client import Answer, Cursor, InventoryClient, InventoryError
from inventory_marketplace.marketplace import Marketplace, Unreadable
from inventory_marketplace.offers import Offers

REFERENCE = "marketplace adapter"
BETWEEN_MIN_S = 60.0
"""From the end of one to the beginning of the next at least, however often it is asked for."""
CONFIRM_S = 60.0
"""So long after something was sent again, and accepted, it is looked whether that has helped; once."""
NAMED_MAX = 20
"""So many wrong numbers are named in the log."""
SKU_BYTES_MAX = 64
QUANTITY_MAX = 10**12

log = logging.getLogger(__name__)


class Reconciler:
    """One reconciliation `every_s`, and one when it is asked for. What the marketplace has accepted later than it could
    show is no error, whenever that was: the service knows what was right since `accepted_to`."""

    def __init__(self, client: InventoryClient, marketplace: Marketplace, offers: Offers, every_s: float) -> None:
        self._client = client
        self._marketplace = marketplace
        self._offers = offers
        self._every_s = every_s
        self._asked = asyncio.Event()
        self._foreign = 0

    def ask(self) -> None:
        """Something may be wrong: the connection was lost, or the adapter has just begun."""
        self._asked.set()

    async def run(self, accepted_to: Callable[[], Cursor | None], wake: Callable[[], None]) -> None:
        """For ever. `accepted_to`: up to where the marketplace has accepted everything; None: not known yet. `wake` is
        called when something waits to be sent again."""
        wait_s = self._every_s
        unconfirmed: set[str] = set()
        while True:
            is_asked = await self._due(wait_s)
            if not is_asked and any(map(self._offers.waits, unconfirmed)):
                wait_s = CONFIRM_S
                continue
            wait_s = self._every_s
            cursor = accepted_to()
            if cursor is None:
                continue
            corrected = await self._reconciled(cursor, wake)
            unconfirmed = set() if unconfirmed else corrected
            if unconfirmed:
                wait_s = min(CONFIRM_S, wait_s)
            rests_s = min(BETWEEN_MIN_S, wait_s)
            await asyncio.sleep(rests_s)
            wait_s -= rests_s

    async def _due(self, wait_s: float) -> bool:
        """Whether somebody has asked."""
        try:
            async with asyncio.timeout(wait_s):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    async def _reconciled(self, cursor: Cursor, wake: Callable[[], None]) -> set[str]:
        """The SKUs whose numbers are sent again."""
        run = self._client.reconcile(self._rows, cursor=cursor, list_missing=True, reference=REFERENCE)
        corrected: set[str] = set()
        try:
            async for row in run:
                if Answer(row.answer) not in (Answer.DRIFT, Answer.MISSING):
                    continue
                corrected.add(row.sku)
                if len(corrected) <= NAMED_MAX:
                    log.warning("the marketplace shows %d of %r, not %d", row.given, row.sku, row.current)
                self._offers.correct(row.sku, row.current)
                wake()
        except (InventoryError, Unreadable) as failed:
            log.warning("what the marketplace shows could not be compared to its end: %s", failed)
        else:
            assert run.result is not None
            log.info("%s", _said(run.result.counts, self._foreign))
        return corrected

    async def _rows(self) -> AsyncGenerator[tuple[str, int]]:
        """What can't be a SKU of ours is left out."""
        self._foreign = 0
        async for sku, available in self._marketplace.shown():
            if _is_sku(sku) and abs(available) <= QUANTITY_MAX:
                yield sku, available
            else:
                self._foreign += 1


def _is_sku(text: str) -> bool:
    return (
        0 < len(text.encode("utf-8", "replace")) <= SKU_BYTES_MAX
        and text.isprintable()
        and text == text.strip()
        and unicodedata.is_normalized("NFC", text)
    )


def _said(counts: pb2.ReconciliationCounts, foreign: int) -> str:
    return (
        f"the marketplace's numbers: {counts.equal:,} right, {counts.behind:,} late, "
        f"{counts.drift + counts.missing:,} wrong and sent again, {counts.unknown + foreign:,} not ours"
    )
