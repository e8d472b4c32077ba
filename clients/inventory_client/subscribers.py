"""Registered subscribers: who follows the feed by name, and how far each has come."""

from datetime import timedelta

from inventory.v1 import subscriber_service_pb2 as pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory_client.arguments import duration
from inventory_client.calls import Calls
from inventory_client.cursor import Cursor

PAGE_ROWS = 1_000


class SubscriberCalls(Calls):
    """Of `InventoryClient`: see inventory/v1/subscriber_service.proto. All of these may be repeated freely."""

    async def register_subscriber(
        self,
        name: str,
        *,
        after: Cursor | None = None,
        deadline: timedelta | None = None,
        lag_changes_max: int | None = None,
        lag_max: timedelta | None = None,
        timeout_s: float | None = None,
    ) -> pb2.Subscriber:
        """Makes it, or changes its limits. `after`: where a new one begins; None: at the feed's head. `deadline`: for
        how long the feed is kept for it after its last acknowledgement, 1 s to 31 days; None: a day. `lag_changes_max`
        (1 to 1,000,000,000) and `lag_max` (1 s to 31 days): more changes, or an older first one, that it has not
        acknowledged make it LAGGING, which the log, the metrics and `inventory subscribers` show; None: no such limit.

        Example:
            await client.register_subscriber("erp", deadline=timedelta(days=7))
            events = client.watch("acknowledged", subscriber="erp")
            print(await anext(events))
        """
        request = pb2.RegisterSubscriberRequest(
            name=name,
            after=None if after is None else after.message(),
            deadline=None if deadline is None else duration(deadline),
            lag_changes_max=lag_changes_max,
            lag_max=None if lag_max is None else duration(lag_max),
        )
        return (await self._read(request, pb2.RegisterSubscriberResponse, timeout_s)).subscriber

    async def acknowledge(self, name: str, cursor: Cursor, *, timeout_s: float | None = None) -> pb2.Subscriber:
        """Everything up to `cursor` is safe with it. A watch with `subscriber` does this by itself.

        Raises `NotFound`, `CursorLost`.
        """
        request = pb2.AcknowledgeRequest(name=name, cursor=cursor.message())
        return (await self._read(request, pb2.AcknowledgeResponse, timeout_s)).subscriber

    async def list_subscribers(
        self, *, channel: str = "", timeout_s: float | None = None
    ) -> pb2.ListSubscribersResponse:
        """All of them by channel and name, each with its lag, and between what revisions the feed can be resumed.
        `channel`: only its; '': all channels'. `timeout_s` is for each page."""
        found = pb2.ListSubscribersResponse()
        request = pb2.ListSubscribersRequest(channel=channel, page_size=PAGE_ROWS)
        while True:
            page = await self._read(request, pb2.ListSubscribersResponse, timeout_s)
            found.MergeFrom(page)
            if not page.next_page_token:
                found.ClearField("next_page_token")
                return found
            request.page_token = page.next_page_token

    async def remove_subscriber(self, name: str, *, timeout_s: float | None = None) -> bool:
        """Whether there was one. The feed no longer waits for it."""
        request = pb2.RemoveSubscriberRequest(name=name)
        return (await self._read(request, pb2.RemoveSubscriberResponse, timeout_s)).removed

    async def request_bookmark(self, stream_id: str, *, timeout_s: float | None = None) -> Cursor:
        """Has a bookmark sent on the channel's open stream as soon as that has come as far as the returned cursor."""
        request = watch_pb2.RequestBookmarkRequest(stream_id=stream_id)
        answer = await self._read(request, watch_pb2.RequestBookmarkResponse, timeout_s)
        return Cursor.of(answer.head)
