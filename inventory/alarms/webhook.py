"""Tells a URL of every alarm that was opened, acknowledged or closed.

A queue in the database: each notice is taken by one replica at a time, and tried again with growing pauses, up to a
day. The request is a POST of JSON, signed, with an id by which whoever gets it twice knows it.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import random
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import httpx
import structlog

from inventory.domain.alarm import Alarm
from inventory.domain.delivery import GIVEN_UP_AFTER, again_after
from inventory.postgres import deliveries
from inventory.postgres.connection import Database, Writer
from inventory.postgres.deliveries import Notice, Result
from inventory.postgres.errors import StorageError
from inventory.postgres.outage import Outage
from inventory.postgres.reads import Reader

LOOK_S = 1.0
AT_ONCE_MAX = 4
TIMEOUT_S = 5.0
ATTEMPT_S = 10.0
"""All of one attempt, whatever the other side does."""
CLAIM_S = 30.0
"""Longer than an attempt: nobody else takes it meanwhile."""
BODY_BYTES_MAX = 16 * 1024
DETAILS_MAX = 40
TIMESTAMP_HEADER = "Inventory-Timestamp"
SIGNATURE_HEADER = "Inventory-Signature"
NOTICE_HEADER = "Inventory-Notice"
SECRET_CHARS_MIN = 16
NAMED_BY = "INVENTORY_WEBHOOK_SECRET or INVENTORY_WEBHOOK_SECRET_FILE"
"""Where the secret is."""

log = structlog.get_logger(__name__)


class Hook(NamedTuple):
    """Where to, and what it is signed with. Neither is ever logged: a URL may have a secret in it."""

    url: str
    secret: str


def hook_of(url: str | None, secret: str | None, secret_file: Path | None) -> Hook | None:
    """From settings; None: no webhook is wanted. Raises `RuntimeError`, which names no value."""
    if url is None:
        return None
    if not url.startswith(("http://", "https://")):
        raise RuntimeError("the webhook's URL begins with http:// or https://")
    if secret_file is not None:
        try:
            secret = secret_file.read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            raise RuntimeError(f"the webhook's secret can't be read: {type(error).__name__}") from None
    if not secret:
        raise RuntimeError(f"a webhook needs a secret: {NAMED_BY}")
    if len(secret) < SECRET_CHARS_MIN:
        raise RuntimeError(
            f"the webhook's secret is too short, it needs {SECRET_CHARS_MIN} characters or more: {NAMED_BY}"
        )
    return Hook(url, secret)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the timestamp, a point and the body, in hex."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook:
    """`run` it once in every server that knows the URL."""

    def __init__(self, database: Database, reader: Reader, hook: Hook) -> None:
        self._reader = reader
        self._writer = Writer(database)
        self._hook = hook
        self._sending: set[asyncio.Task[None]] = set()
        self._is_failing = False
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log the URL

    async def run(self) -> None:
        """For ever; cancel it to end it."""
        outage = Outage(log, "the webhook's queue")
        limits = httpx.Limits(max_connections=AT_ONCE_MAX)
        try:
            async with (
                httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits, follow_redirects=False) as client,
                asyncio.TaskGroup() as sending,
            ):
                while True:
                    with outage.outlived():
                        await deliveries.queue(self._writer, GIVEN_UP_AFTER)
                        await self._send_due(client, sending)
                    await self._pause()
        finally:
            self._writer.drop()

    async def _pause(self) -> None:
        """Until the next look, or until there is room for more."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(LOOK_S)

    async def _send_due(self, client: httpx.AsyncClient, sending: asyncio.TaskGroup) -> None:
        """Takes only what can be sent at once: what is taken belongs to nobody else for a while."""
        while room := AT_ONCE_MAX - len(self._sending):
            notices = await deliveries.claim(self._reader, room, CLAIM_S)
            for notice in notices:
                task = sending.create_task(self._send(client, notice))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            if len(notices) < room:
                return

    async def _send(self, client: httpx.AsyncClient, notice: Notice) -> None:
        result = await self._attempt(client, notice)
        if not result.delivered:
            result = result._replace(again_after=again_after(notice.attempt, notice.age, random.random()))  # noqa: S311
        self._say(result)
        with suppress(StorageError):  # it comes back when the claim is over
            await deliveries.record(self._reader, notice, result)

    async def _attempt(self, client: httpx.AsyncClient, notice: Notice) -> Result:
        content = body(notice)
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "inventory",
            NOTICE_HEADER: str(notice.notice_id),
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: f"v1={signature(self._hook.secret, timestamp, content)}",
        }
        try:
            # The answer's body is never read: it may be endless.
            async with (
                asyncio.timeout(ATTEMPT_S),
                client.stream("POST", self._hook.url, content=content, headers=headers) as answer,
            ):
                return Result(answer.is_success, answer.status_code)
        except (TimeoutError, httpx.TimeoutException):
            return Result(False, error="timeout")
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            return Result(False, error="connection")
        except (httpx.HTTPError, httpx.InvalidURL):
            return Result(False, error="protocol")

    def _say(self, result: Result) -> None:
        """Once that it fails, and once that it works again."""
        if result.delivered and self._is_failing:
            self._is_failing = False
            log.info("the webhook works again")
        elif not result.delivered and not self._is_failing:
            self._is_failing = True
            log.warning("the webhook fails", code=result.code, error=result.error)


def body(notice: Notice) -> bytes:
    """What is sent: at most `BODY_BYTES_MAX`, details are left out rather than that."""
    document = {
        "id": str(notice.notice_id),
        "event": notice.event.name.lower(),
        "revision": notice.revision,
        "recorded_at": _moment(notice.recorded_at),
        "alarm": _alarm(notice.alarm),
    }
    encoded = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    if len(encoded) > BODY_BYTES_MAX:
        document["alarm"] = {**_alarm(notice.alarm), "details": {}, "note": ""}
        encoded = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return encoded


def _alarm(alarm: Alarm) -> dict[str, object]:
    return {
        "alarm_id": str(alarm.alarm_id),
        "kind": alarm.kind.name,
        "severity": alarm.severity.name,
        "subject": dict(alarm.subject),
        "summary": alarm.summary,
        "details": dict(alarm.details),
        "opened_at": _moment(alarm.opened_at),
        "closed_at": _moment(alarm.closed_at),
        "acknowledged_at": _moment(alarm.acknowledged_at),
        "acknowledged_by": alarm.acknowledged_by,
        "note": alarm.note,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
