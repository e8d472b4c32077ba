"""The mirror of what a channel may sell, for code without a loop."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from types import TracebackType
from typing import Self

from inventory_client.availability_mirror import AvailabilityMirror, OnSellable, Sellable
from inventory_client.client import HEARTBEAT
from inventory_client.mirroring import READY_S, WAIT_S
from inventory_client.sync import SyncInventoryClient, SyncReconciling


class SyncAvailabilityMirror:
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
        self._client = client
        self.asynchronous = AvailabilityMirror(client.asynchronous, skus=skus, heartbeat=heartbeat, ready_s=ready_s)
        client.run(self.asynchronous.start())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.run(self.asynchronous.aclose())

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

    @property
    def revision(self) -> int:
        return self.asynchronous.revision

    @property
    def live(self) -> bool:
        return self.asynchronous.live

    @property
    def staleness_s(self) -> float:
        return self.asynchronous.staleness_s

    def on_change(self, callback: OnSellable) -> Callable[[], None]:
        return self.asynchronous.on_change(callback)

    def wait_until(self, revision: int, timeout_s: float = WAIT_S) -> None:
        self._client.run(self.asynchronous.wait_until(revision, timeout_s))
