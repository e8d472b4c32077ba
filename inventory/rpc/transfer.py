"""TransferService: parse, call, format."""

from inventory.domain.code import location_code
from inventory.domain.ledger import Ledger
from inventory.domain.transfer import Transfer, transfer_not_found
from inventory.postgres.reads import Reader
from inventory.postgres.transfers import list_transfers
from inventory.rpc import page_token, parse
from inventory.rpc import transfer_messages as messages
from inventory.rpc.method import Call, Method, unary
from inventory.rpc.reservation import new_id
from inventory.rpc.writes import Writes
from inventory.v1 import transfer_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["TransferService"]


class TransferService:
    def __init__(self, writes: Writes, reader: Reader) -> None:
        self._writes = writes
        self._reader = reader

    def methods(self) -> dict[str, Method]:
        return {
            "CreateTransfer": unary(pb2.CreateTransferRequest, self.create),
            "ShipTransfer": unary(pb2.ShipTransferRequest, self.ship),
            "ReceiveTransfer": unary(pb2.ReceiveTransferRequest, self.receive),
            "CancelTransfer": unary(pb2.CancelTransferRequest, self.cancel),
            "GetTransfer": unary(pb2.GetTransferRequest, self.get),
            "ListTransfers": unary(pb2.ListTransfersRequest, self.list_transfers),
        }

    async def create(self, request: pb2.CreateTransferRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = messages.create(request, call.channel_id, new_id())
        return await self._writes.answer(
            request, identity, command, call, TransferAnswer(call.channel), 2 * len(command.rows)
        )

    async def ship(self, request: pb2.ShipTransferRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = messages.ship(request, call.channel_id)
        return await self._writes.answer(request, identity, command, call, TransferAnswer(call.channel))

    async def receive(self, request: pb2.ReceiveTransferRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = messages.receive(request, call.channel_id)
        return await self._writes.answer(request, identity, command, call, TransferAnswer(call.channel))

    async def cancel(self, request: pb2.CancelTransferRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = messages.cancel(request, call.channel_id)
        return await self._writes.answer(request, identity, command, call, TransferAnswer(call.channel))

    async def get(self, request: pb2.GetTransferRequest, call: Call) -> bytes:
        identity = parse.transfer_id(request.transfer_id)
        rows = await list_transfers(self._reader, call.within, transfer_id=identity)
        if not rows:
            raise transfer_not_found(str(identity))
        return pb2.GetTransferResponse(transfer=messages.transfer_row(rows[0])).SerializeToString()

    async def list_transfers(self, request: pb2.ListTransfersRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        position = page_token.decode(request, page_token.identity)
        rows = await list_transfers(
            self._reader,
            call.within,
            before=position[0] if position else None,
            state=messages.state(request.state),
            from_location=location_code(request.from_location, "from_location") if request.from_location else None,
            to_location=location_code(request.to_location, "to_location") if request.to_location else None,
            reservation_id=parse.reservation_id(request.reservation_id) if request.reservation_id else None,
            limit=size + 1,
        )
        page = rows[:size]
        token = ""
        if len(rows) > size:
            token = page_token.encode(request, [str(page[-1].transfer.transfer_id)])
        return pb2.ListTransfersResponse(
            transfers=map(messages.transfer_row, page), next_page_token=token
        ).SerializeToString()


class TransferAnswer:
    """Encodes the answer of every command: their responses have one shape."""

    def __init__(self, channel: str) -> None:
        self._channel = channel

    def __call__(self, ledger: Ledger, found: Transfer) -> bytes:
        message = messages.transfer_of(ledger, found, self._channel)
        return pb2.CreateTransferResponse(transfer=message).SerializeToString()
