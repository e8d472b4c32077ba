"""A marketplace on loopback: a real HTTP server that records what it is told and can be made to fail."""

import asyncio
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp


@dataclass
class Trouble:
    """How it answers one call."""

    code: int = 500
    retry_after: str | None = None
    wait: asyncio.Event | None = None
    """Answers only then."""
    lands: bool = False
    """Whether the offers count although the caller is told otherwise."""


@dataclass
class FakeShop:
    """A marketplace that does as it is told: it is no server of ours."""

    url: str
    calls: list[list[tuple[str, int]]] = field(default_factory=list)
    """Every call, answered well or not."""
    times: list[float] = field(default_factory=list)
    """When each came, by `clock`."""
    clock: Callable[[], float] = time.monotonic
    codes: list[int] = field(default_factory=list)
    shows: dict[str, int] = field(default_factory=dict)
    troubles: deque[Trouble] = field(default_factory=deque)
    refuses: set[str] = field(default_factory=set)
    reads: list[str] = field(default_factory=list)
    """After which SKU each page that was read began."""
    page_max: int = 1_000
    unread: int = 0
    """The code with which it refuses to be read; 0: it doesn't."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, so: Callable[[], bool], what: str, timeout_s: float = 15.0) -> None:
        try:
            async with asyncio.timeout(timeout_s), self.changed:
                await self.changed.wait_for(so)
        except TimeoutError:
            raise AssertionError(f"still not so: {what}; {len(self.calls)} calls, {self.codes[-5:]}") from None

    async def until_shows(self, **numbers: int) -> None:
        wanted = numbers.items()
        await self.until(lambda: wanted <= self.shows.items(), f"it shows {numbers}, not {self.shows}")

    async def until_called(self, times: int) -> None:
        await self.until(lambda: len(self.calls) >= times, f"it is called {times} times")

    async def get(self, request: Request) -> Response:
        """A page of what it shows, by SKU."""
        self.reads.append(request.query_params.get("after", ""))
        async with self.changed:
            self.changed.notify_all()
        if self.unread:
            return Response(status_code=self.unread)
        rest = sorted(sku for sku in self.shows if sku > self.reads[-1])
        page = rest[: min(int(request.query_params["limit"]), self.page_max)]
        body = {"offers": [{"sku": sku, "available": self.shows[sku]} for sku in page]}
        return JSONResponse(body | {"next": page[-1] if len(page) < len(rest) else None})

    async def put(self, request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        offers = [(offer["sku"], offer["available"]) for offer in body["offers"]]
        self.calls.append(offers)
        self.times.append(self.clock())
        async with self.changed:
            self.changed.notify_all()
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble and trouble.wait:
            await trouble.wait.wait()
        if trouble is None and self.refuses & {sku for sku, _ in offers}:
            trouble = Trouble(422)
        if trouble is None or trouble.lands:
            self.shows.update(offers)
        code = 204 if trouble is None else trouble.code
        self.codes.append(code)
        async with self.changed:
            self.changed.notify_all()
        headers = {"Retry-After": trouble.retry_after} if trouble and trouble.retry_after else None
        return Response(status_code=code, headers=headers)


@asynccontextmanager
async def http_server(app: ASGIApp) -> AsyncIterator[str]:
    """Serves an application on a free port of loopback; gives its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="error", lifespan="off", access_log=False, timeout_graceful_shutdown=1)
    )
    started = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await started
        listening.close()


@asynccontextmanager
async def marketplace() -> AsyncIterator[FakeShop]:
    shop = FakeShop("")
    routes = [Route("/v1/offers", shop.put, methods=["PUT"]), Route("/v1/offers", shop.get, methods=["GET"])]
    async with http_server(Starlette(routes=routes)) as url:
        shop.url = f"{url}/v1/"
        yield shop
