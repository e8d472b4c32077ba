"""The outbound side: offers to a marketplace over HTTP, and what its answer means."""

import asyncio
import email.utils
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import httpx

from inventory_marketplace.offers import Offer

RETRY_AFTER_MAX_S = 3_600.0
ANSWER_BYTES_MAX = 64 * 1024
"""What is longer is not read: only the code counts."""
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


class Marketplace:
    """`PUT {url}/offers` with `{"offers": [{"sku": …, "available": …}]}`."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/offers"

    async def put(self, offers: Sequence[Offer]) -> Answer:
        body = {"offers": [offer._asdict() for offer in offers]}
        try:
            # httpx's own timeout is for each read: an answer that drips would never end.
            async with (
                asyncio.timeout(self._client.timeout.read),
                self._client.stream("PUT", self._url, json=body) as response,
            ):
                size = 0
                async for some in response.aiter_raw():  # read to its end, the connection can be used again
                    size += len(some)
                    if size > ANSWER_BYTES_MAX:
                        break
        except (httpx.HTTPError, TimeoutError) as error:
            return Failed(type(error).__name__)
        return answer(response.status_code, response.headers.get("retry-after"), datetime.now(UTC))


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
