"""SubscriberService: who follows by name, and how far each has come."""

from uuid import UUID

from inventory.domain.code import channel_code, subscriber_name
from inventory.domain.limits import (
    LAG_CHANGES_MAX,
    LAG_MAX,
    LAG_MIN,
    SUBSCRIBER_DEADLINE_DEFAULT,
    SUBSCRIBER_DEADLINE_MAX,
    SUBSCRIBER_DEADLINE_MIN,
    SUBSCRIBERS_PER_CHANNEL_MAX,
)
from inventory.domain.refusal import Reason, Refusal, subscriber_not_found
from inventory.engine.failures import EngineError
from inventory.postgres import subscribers
from inventory.postgres.reads import Reader
from inventory.rpc import formats, page_token, parse
from inventory.rpc.method import Call, Method, unary
from inventory.rpc.reading import reached, resumable
from inventory.v1 import core_pb2
from inventory.v1 import subscriber_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["SubscriberService"]


class TooManySubscribers(EngineError):
    """The channel has as many subscribers as it may."""

    reason = Reason.SUBSCRIBER_LIMIT
    message = f"a channel has at most {SUBSCRIBERS_PER_CHANNEL_MAX} subscribers"


class SubscriberService:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def methods(self) -> dict[str, Method]:
        return {
            "RegisterSubscriber": unary(pb2.RegisterSubscriberRequest, self.register),
            "Acknowledge": unary(pb2.AcknowledgeRequest, self.acknowledge),
            "ListSubscribers": unary(pb2.ListSubscribersRequest, self.list_subscribers),
            "RemoveSubscriber": unary(pb2.RemoveSubscriberRequest, self.remove),
        }

    async def register(self, request: pb2.RegisterSubscriberRequest, call: Call) -> bytes:
        name = subscriber_name(request.name)
        deadline = SUBSCRIBER_DEADLINE_DEFAULT
        if request.HasField("deadline"):
            deadline = parse.duration(
                request.deadline, "deadline", SUBSCRIBER_DEADLINE_MIN, SUBSCRIBER_DEADLINE_MAX, Reason.TTL_OUT_OF_RANGE
            )
        lag_max = None
        if request.HasField("lag_max"):
            lag_max = parse.duration(request.lag_max, "lag_max", LAG_MIN, LAG_MAX, Reason.TTL_OUT_OF_RANGE)
        lag_changes_max = None
        if request.HasField("lag_changes_max"):
            lag_changes_max = parse.quantity_between(request.lag_changes_max, "lag_changes_max", 1, LAG_CHANGES_MAX)
        head = await self._reader.head()
        after = reached(request.after, head, "after") if request.HasField("after") else None
        async with self._reader.change() as change:
            is_put = await subscribers.put_subscriber(
                change,
                call.author,
                call.channel_id,
                name,
                after,
                deadline,
                lag_changes_max,
                lag_max,
                SUBSCRIBERS_PER_CHANNEL_MAX,
            )
        if not is_put:
            if after is not None:
                resumable(request.after, await self._reader.head(), "after")
            raise TooManySubscribers
        return pb2.RegisterSubscriberResponse(subscriber=await self._one(call, name, head.epoch)).SerializeToString()

    async def acknowledge(self, request: pb2.AcknowledgeRequest, call: Call) -> bytes:
        name = subscriber_name(request.name)
        if not request.HasField("cursor"):
            raise Refusal(Reason.FIELD_REQUIRED, "say how far it has come", field="cursor")
        head = await self._reader.head()
        revision = reached(request.cursor, head, "cursor")
        if not await subscribers.acknowledge(self._reader, call.channel_id, name, revision):
            raise subscriber_not_found(name)
        return pb2.AcknowledgeResponse(subscriber=await self._one(call, name, head.epoch)).SerializeToString()

    async def list_subscribers(self, request: pb2.ListSubscribersRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        channel = channel_code(request.channel, "channel") if request.channel else None
        position = page_token.decode(request, page_token.code, page_token.code) or ["", ""]
        head = await self._reader.head()
        rows = await subscribers.read_subscribers(
            self._reader,
            (position[0], position[1]),
            channel=channel,
            limit=size + 1,
            only_channel_id=call.only_channel_id,
        )
        page = rows[:size]
        token = (
            page_token.encode(request, [page[-1].subscriber.channel, page[-1].subscriber.name])
            if len(rows) > size
            else ""
        )
        return pb2.ListSubscribersResponse(
            subscribers=[formats.subscriber(row.subscriber, head.epoch, row.silent) for row in page],
            next_page_token=token,
            head=core_pb2.Cursor(epoch=str(head.epoch), revision=head.revision),
            oldest=head.compacted,
        ).SerializeToString()

    async def remove(self, request: pb2.RemoveSubscriberRequest, call: Call) -> bytes:
        name = subscriber_name(request.name)
        async with self._reader.change() as change:
            removed = await subscribers.remove_subscriber(change, call.author, call.channel_id, name)
        return pb2.RemoveSubscriberResponse(removed=removed).SerializeToString()

    async def _one(self, call: Call, name: str, epoch: UUID) -> pb2.Subscriber:
        found = await subscribers.read_subscribers(self._reader, channel=call.channel, name=name, limit=1)
        if not found:  # removed meanwhile
            raise subscriber_not_found(name)
        return formats.subscriber(found[0].subscriber, epoch, found[0].silent)
