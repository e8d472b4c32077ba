"""The mirror of what a channel may sell, for code without a loop."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from inventory_client.availability_mirror import AvailabilityMirror, OnSellable, Sellable
from inventory_client.client import HEARTBEAT
from inventory_client.mirroring import READY_S
from inventory_client.sync import SyncInventoryClient, SyncMirror
from inventory_client.sync_streams import SyncReconciling


class SyncAvailabilityMirror(SyncMirror[AvailabilityMirror]):
    """As `AvailabilityMirror`, kept fresh by the client's thread. Reads don't wait for it. Callbacks run in that
    thread, and must not call the client.

    Example:
        with SyncAvailabilityMirror(client) as mirror:
            print(mirror.available_to_sell("A-1"))
    """

    def __init__(
        self,
        client: SyncInventoryClient,
        *,
        skus: Iterable[str] = (),
        heartbeat: timedelta = HEARTBEAT,
        ready_s: float | None = READY_S,
    ) -> None:
        """Begins at once and returns when the first snapshot is there. Raises as `AvailabilityMirror`."""
        mirror = AvailabilityMirror(client.asynchronous, skus=skus, heartbeat=heartbeat, ready_s=ready_s)
        super().__init__(client, mirror)

    def available_to_sell(self, sku: str) -> int:
        return self.asynchronous.available_to_sell(sku)

    def get(self, sku: str) -> Sellable:
        return self.asynchronous.get(sku)

    def __len__(self) -> int:
        return len(self.asynchronous)

    def __iter__(self) -> Iterator[tuple[str, Sellable]]:
        return iter(self.asynchronous)

    def reconcile(self, *, reference: str = "") -> SyncReconciling:
        return SyncReconciling(self._client, self.asynchronous.reconcile(reference=reference))

    def on_change(self, callback: OnSellable) -> Callable[[], None]:
        return self.asynchronous.on_change(callback)
