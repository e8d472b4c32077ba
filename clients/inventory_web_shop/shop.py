"""What the shop does for a front end: JSON over HTTP in, calls of the service and reads of the mirror out."""

import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from inventory.v1 import core_pb2
from inventory_client import (
    AvailabilityMirror,
    Connection,
    ConnectionState,
    InventoryClient,
    InventoryError,
    PreconditionFailed,
    WriteOptions,
)
from inventory_web_shop import answers, checks
from inventory_web_shop.answers import NoSuchHold, Stale
from inventory_web_shop.checks import BODY_BYTES_MAX, TooLarge, Wrong
from inventory_web_shop.viewers import Viewers

QUIET_S = 5.0
"""A product page's stream says something at least so often: proxies keep it open, and who has gone is noticed."""
ORDERED = {core_pb2.RESERVATION_STATE_ALLOCATED, core_pb2.RESERVATION_STATE_FULFILLED}

log = logging.getLogger(__name__)


class Shop:
    """What the client's channel may sell, sold on the web: from `location`, or, without one (""), from wherever the
    channel sells, each line in several parts where it must be.

    `hold_ttl` is how long a checkout holds; what the mirror says is given out while it is at most `stale_max_s` old.
    """

    def __init__(
        self,
        client: InventoryClient,
        mirror: AvailabilityMirror,
        location: str,
        hold_ttl: timedelta,
        stale_max_s: float,
    ) -> None:
        self._client = client
        self._mirror = mirror
        self._location = location
        self._hold_ttl = hold_ttl
        self._stale_max_s = stale_max_s
        self.viewers = Viewers()
        self._noted: tuple[ConnectionState, str] = (ConnectionState.LIVE, "")
        mirror.on_change(lambda sku, *_: self.viewers.tell(sku))
        mirror.on_connection(self._note)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/stock", self.stock),
                Route("/stock/events", self.events),
                Route("/stock/{sku:path}", self.stock_of_one),
                Route("/carts/{cart}/checkout", self.checkout, methods=["POST"]),
                Route("/carts/{cart}", self.abandon, methods=["DELETE"]),
                Route("/orders", self.order, methods=["POST"]),
            ],
            exception_handlers={
                Wrong: answers.of_wrong,
                Stale: answers.of_stale,
                NoSuchHold: answers.of_no_such_hold,
                InventoryError: answers.of_service,
                HTTPException: answers.of_http,
                ClientDisconnect: answers.of_gone,
                Exception: answers.of_defect,
            },
        )

    async def stock_of_one(self, request: Request) -> Response:
        staleness_s = self._fresh()
        return JSONResponse({**self._level(checks.sku(request.path_params["sku"])), "staleness_s": staleness_s})

    async def stock(self, request: Request) -> Response:
        skus, staleness_s = checks.skus(request.url.query), self._fresh()
        return JSONResponse({"levels": [self._level(sku) for sku in skus], "staleness_s": staleness_s})

    async def events(self, request: Request) -> Response:
        """Server-sent events: `stock` for each SKU, the newest only; `stale` while it can't be relied on."""
        skus = checks.skus(request.url.query)
        self._fresh()
        if self.viewers.are_full:
            return answers.error(503, "TOO_MANY_VIEWERS", "too many pages are open", answers.RETRY_AFTER_S)
        return StreamingResponse(
            self._page(skus), media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
        )

    async def checkout(self, request: Request) -> Response:
        cart = checks.cart(request.path_params["cart"])
        wanted = checks.checkout(await _body(request))
        request_id = checks.request_id(request.headers.get("idempotency-key"))
        options = WriteOptions(request_id=request_id) if request_id else WriteOptions()
        answer = await self._client.reserve(
            [(sku, self._location, quantity) for sku, quantity in wanted.lines],
            ttl=self._hold_ttl,
            owner=cart,
            replace_owner_holds=True,
            split=not self._location,
            **options,
        )
        return JSONResponse(_reservation(answer.reservation), 201)

    async def order(self, request: Request) -> Response:
        """The order's reference is the intent: sent twice, it is the same order."""
        wanted = checks.order(await _body(request))
        held = wanted.reservation_id or await self._of_cart(wanted.cart, wanted.reference)
        intent = uuid5(UUID(held), wanted.reference)
        answer = await self._client.commit(held, reference=wanted.reference, request_id=intent)
        return JSONResponse(_reservation(answer.reservation), 201)

    async def abandon(self, request: Request) -> Response:
        """Gives back what the cart holds, if anything."""
        cart, released = checks.cart(request.path_params["cart"]), 0
        async for hold in self._client.list_reservations(owner=cart, state=core_pb2.RESERVATION_STATE_HELD):
            try:
                await self._client.release(hold.reservation_id, reason="cart abandoned")
            except PreconditionFailed:  # it has ended meanwhile
                continue
            released += 1
        return JSONResponse({"released": released})

    async def _of_cart(self, cart: str, reference: str) -> str:
        """The reservation that became this order, or else the one the cart holds. Raises `NoSuchHold`."""
        async for made in self._client.list_reservations(owner=cart, reference=reference):
            if made.state in ORDERED:
                return made.reservation_id
        async for hold in self._client.list_reservations(owner=cart, state=core_pb2.RESERVATION_STATE_HELD):
            return hold.reservation_id
        raise NoSuchHold(f"cart {cart} holds nothing, or no longer")

    def _note(self, connection: Connection) -> None:
        """Logs that the mirror is lost, once for each reason, and that it is back."""
        failure = connection.failure
        noted = connection.state, connection.why if failure is None else failure.reason or failure.code
        if noted == self._noted:
            return
        self._noted = noted
        match connection.state:
            case ConnectionState.LIVE:
                log.info("the mirror is back, from %s", connection.endpoint)
            case ConnectionState.LOST:
                log.warning("the mirror is lost, and tries again: %s", connection.why)
            case ConnectionState.CLOSED if connection.why:
                log.error("the mirror has ended, and only a restart helps: %s", connection.why)

    def _fresh(self) -> float:
        """How old the mirror is. Raises `Stale`."""
        staleness_s = self._mirror.staleness_s
        if staleness_s > self._stale_max_s:
            connection = self._mirror.connection
            raise Stale(staleness_s, "" if connection is None else connection.why)
        return round(staleness_s, 3)

    def _level(self, sku: str) -> dict[str, Any]:
        return {"sku": sku, "available": self._mirror.available_to_sell(sku)}

    async def _page(self, skus: tuple[str, ...]) -> AsyncIterator[str]:
        owed: dict[str, None] = {}
        with self.viewers.one_more(skus) as viewer:
            while not viewer.ended:
                owed |= dict.fromkeys(await viewer.changed(QUIET_S))
                if self._mirror.staleness_s > self._stale_max_s:
                    yield "event: stale\ndata: {}\n\n"
                    continue
                if not owed:
                    yield ": still here\n\n"
                while owed:
                    sku, _ = owed.popitem()
                    yield f"event: stock\ndata: {json.dumps(self._level(sku))}\n\n"


async def _body(request: Request) -> bytes:
    """Raises `TooLarge` without reading more than that."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge
    return body


def _reservation(made: core_pb2.Reservation) -> dict[str, Any]:
    """`lines`: from where what comes, a bundle as its parts. `expires_at` is the hold's: an order does not run out,
    though the service remembers when its hold would have."""
    runs_out = made.state == core_pb2.RESERVATION_STATE_HELD and made.HasField("expires_at")
    lines = [
        {
            "sku": line.sku,
            "location": line.location,
            "quantity": line.held + line.allocated,
            "backordered": line.backordered,
            "bundle": line.bundle,
        }
        for line in made.lines
    ]
    return {
        "reservation_id": made.reservation_id,
        "state": core_pb2.ReservationState.Name(made.state).removeprefix("RESERVATION_STATE_"),
        "reference": made.reference,
        "expires_at": made.expires_at.ToJsonString() if runs_out else None,
        "lines": lines,
    }
