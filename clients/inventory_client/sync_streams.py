"""What a client without an event loop gives to iterate: a watch, a reconciliation."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from inventory.v1 import reconciliation_service_pb2 as pb2
from inventory_client.cursor import Cursor
from inventory_client.events import Connection, Event
from inventory_client.reconciliations import Reconciling
from inventory_client.watch import Watch

if TYPE_CHECKING:
    from inventory_client.sync import SyncInventoryClient


class Closing(ABC):
    """Is closed at the end of a `with` block."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SyncReconciling:
    """As `Reconciling`: iterate it once, from one thread."""

    def __init__(self, client: "SyncInventoryClient", run: Reconciling) -> None:
        self.asynchronous = run
        self._client = client

    @property
    def compared(self) -> int:
        return self.asynchronous.compared

    @property
    def result(self) -> pb2.Reconciliation | None:
        return self.asynchronous.result

    @property
    def reconciliation_id(self) -> str:
        return self.asynchronous.reconciliation_id

    def finished(self) -> pb2.Reconciliation:
        return self._client.run(self.asynchronous.finished())

    def __iter__(self) -> Iterator[pb2.ReconciledRow]:
        return self._client.each(aiter(self.asynchronous))


class SyncWatch(Closing):
    """As `Watch`: iterate it from one thread; `with` or `close` ends it, from any thread."""

    def __init__(self, client: "SyncInventoryClient", watch: Watch) -> None:
        self.asynchronous = watch
        self._client = client

    @property
    def connection(self) -> Connection:
        return self.asynchronous.connection

    @property
    def cursor(self) -> Cursor | None:
        return self.asynchronous.cursor

    @property
    def stream_id(self) -> str:
        return self.asynchronous.stream_id

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        event = self._client.run(_next(self.asynchronous))
        if event is None:
            raise StopIteration
        return event

    def close(self) -> None:
        self._client.run(self.asynchronous.aclose())


async def _next(watch: Watch) -> Event | None:
    return await anext(watch, None)
