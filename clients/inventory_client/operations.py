"""How a replica does."""

from inventory.v1 import operations_service_pb2 as pb2
from inventory_client.calls import Calls


class OperationsCalls(Calls):
    """Of `InventoryClient`: see inventory/v1/operations_service.proto."""

    async def figures(self, *, timeout_s: float | None = None) -> pb2.Figures:
        """How the server that answers does: the feed's head, calls a second and their latencies by method, the write
        path, connections, streams, subscribers with their lag, and open alarms. Rates and quantiles are of its last ten
        seconds or so.

        Example:
            found = await client.figures()
            for one in found.methods:
                print(one.method, one.calls_per_s, one.p99.ToTimedelta())
        """
        return (await self._read(pb2.GetFiguresRequest(), pb2.GetFiguresResponse, timeout_s)).figures
