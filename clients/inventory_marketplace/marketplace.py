"""The outbound side: offers to a marketplace over HTTP, what its answer means, and what it shows."""

import asyncio
import email.utils
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx

from inventory_marketplace.offers import Offer

RETRY_AFTER_MAX_S = 3_600.0
ANSWER_BYTES_MAX = 64 * 1024
"""What is longer is not read: only the code counts."""
PAGE_LISTINGS = 1_000
PAGE_BYTES_MAX = 4 * 1024 * 1024
LISTINGS_MAX = 2_000_000
PLACE_BYTES_MAX = 4_096
"""Of where a next page begins: it goes back within an address."""
ENCODINGS = {"", "identity", "gzip"}
"""Each makes a thousand times of what is read at once, at most; others, and one within another, much more."""
NOT_OF_THE_OFFERS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.REQUEST_TIMEOUT}
"""Refusals that would meet any offers: waiting for somebody to mend it beats giving offers up."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """It shows them."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It may show them or not; try again, after `retry_after_s` when it said so."""

    why: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It will never take this call."""

    why: str


Answer = Accepted | Failed | Refused


class Unreadable(Exception):
    """What the marketplace shows can't be read, for now or at all."""


class Marketplace:
    """`PUT {url}/offers` with `{"offers": [{"sku": …, "available": …}]}`, and `GET` of the same, page by page."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/offers"

    async def put(self, offers: Sequence[Offer]) -> Answer:
        body = {"offers": [offer._asdict() for offer in offers]}
        try:
            response, _ = await self._asked("PUT", ANSWER_BYTES_MAX, json=body)
        except (httpx.HTTPError, TimeoutError) as error:
            return Failed(type(error).__name__)
        return answer(response.status_code, response.headers.get("retry-after"), datetime.now(UTC))

    async def shown(self) -> AsyncGenerator[Offer]:
        """All that it shows now, by `GET {url}/offers?limit=1000[&after=…]`, which answers `{"offers": [{"sku": …,
        "available": …}], "next": …}`; `next` is the following page's `after`, null or absent on the last one. Raises
        `Unreadable`."""
        after: str | None = None
        count = 0
        while True:
            offers, following = await self._page(after)
            for offer in offers:
                yield offer
            count += len(offers)
            if following is None:
                return
            if following == after or not offers or count > LISTINGS_MAX:
                raise Unreadable(f"its pages don't end: {count:,} listings, then {following!r:.100}")
            after = following

    async def _page(self, after: str | None) -> tuple[list[Offer], str | None]:
        params = {"limit": str(PAGE_LISTINGS)} | ({} if after is None else {"after": after})
        try:
            response, body = await self._asked(
                "GET", PAGE_BYTES_MAX, params=params, headers={"accept-encoding": "gzip"}
            )
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unreadable(type(error).__name__) from None
        if response.status_code != HTTPStatus.OK:
            raise Unreadable(f"HTTP {response.status_code}")
        if len(body) > PAGE_BYTES_MAX:
            raise Unreadable(f"a page is longer than {PAGE_BYTES_MAX:,} bytes")
        return page(body)

    async def _asked(self, method: str, bytes_max: int, **what: Any) -> tuple[httpx.Response, bytes]:
        """The answer and its content, cut somewhere after `bytes_max`. Raises `Unreadable` for what is packed as was
        not asked."""
        # httpx's own timeout is for each read: an answer that drips would never end.
        async with (
            asyncio.timeout(self._client.timeout.read),
            self._client.stream(method, self._url, **what) as response,
        ):
            encoding = response.headers.get("content-encoding", "")
            if method == "GET" and encoding.strip().lower() not in ENCODINGS:
                raise Unreadable(f"packed as {encoding!r:.100}")
            content = bytearray()
            chunks = response.aiter_bytes() if method == "GET" else response.aiter_raw()
            async for some in chunks:  # read to its end, the connection can be used again
                content += some
                if len(content) > bytes_max:
                    break
            return response, bytes(content)


def page(body: bytes) -> tuple[list[Offer], str | None]:
    """The listings of a page, and where the next one begins. Raises `Unreadable`."""
    try:
        found = json.loads(body)
        offers = [_offer(one) for one in found["offers"]]
        following = found.get("next")
        place_bytes = 0 if following is None else len(following.encode())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Unreadable(f"not a page of offers: {body[:100]!r}") from None
    if following is not None and not 0 < place_bytes <= PLACE_BYTES_MAX:
        raise Unreadable(f"not the place of a next page: {following!r:.100}")
    return offers, following


def _offer(one: Mapping[str, Any]) -> Offer:
    sku, available = one["sku"], one["available"]
    if not isinstance(sku, str) or type(available) is not int:
        raise TypeError
    return Offer(sku, available)


def answer(code: int, retry_after: str | None, now: datetime) -> Answer:
    """What an HTTP answer means. `retry_after` is that header: seconds, or a date (RFC 9110, 10.2.3)."""
    if 200 <= code < 300:
        return Accepted()
    why = f"HTTP {code}"
    if 400 <= code < 500 and code not in NOT_OF_THE_OFFERS and code != HTTPStatus.TOO_MANY_REQUESTS:
        return Refused(why)
    return Failed(why, _seconds(retry_after, now))


def _seconds(retry_after: str | None, now: datetime) -> float | None:
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_MAX_S)
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter: a year of twenty digits
        return None
    wait_s = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return min(max(wait_s, 0.0), RETRY_AFTER_MAX_S)
