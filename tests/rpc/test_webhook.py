"""The webhook: a real HTTP server that fails, hangs, resets, and then works is told of every alarm, and delays
nobody."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest

from inventory.alarms import looking, webhook
from inventory.alarms.webhook import hook_of
from inventory.domain.alarm import Drift
from inventory.postgres.alarms import tell_drift
from inventory.postgres.connection import Database
from inventory.postgres.reads import Reader
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import alarm_service_pb2 as pb2
from tests.rpc.client import Client, eventually, new_id
from tests.rpc.hooked import Hooked, hooked

ALARMS = True

SECRET = f"canary-{uuid4().hex}"


class Setting(NamedTuple):
    """A server that tells a webhook, and who looks at both."""

    hook: Hooked
    client: Client
    reader: Reader
    database: Database

    async def open(self, counted: str) -> str:
        """The id of a new alarm."""
        [told] = await tell_drift(self.reader, self.database, Drift("web", counted, 1, "r"))
        return str(told.alarm.alarm_id)

    async def deliveries(self, alarm_id: str) -> list[pb2.Delivery]:
        """In order."""
        answer = await self.client.alarms.ListDeliveries(pb2.ListDeliveriesRequest(alarm_id=alarm_id))
        return list(answer.deliveries)[::-1]

    async def delivered(self, alarm_id: str) -> list[pb2.Delivery]:
        """Waits until the first notice has been."""

        async def is_delivered() -> bool:
            return any(each.HasField("delivered_at") for each in await self.deliveries(alarm_id))

        await eventually(is_delivered, "it is delivered")
        return await self.deliveries(alarm_id)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "LOOK_S", 0.05)
    monkeypatch.setattr(looking, "LOOK_S", 0.05)
    monkeypatch.setattr(webhook, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(webhook, "ATTEMPT_S", 0.5)
    monkeypatch.setattr("inventory.domain.delivery.AGAIN_FIRST", timedelta(seconds=0.05))


@pytest.fixture
async def setting(dsn: str) -> AsyncIterator[Setting]:
    async with AsyncExitStack() as stack:
        hook = await stack.enter_async_context(hooked())
        settings = Settings(listen="127.0.0.1:0", webhook_url=hook.url, webhook_secret=SECRET)
        address = await start(settings, dsn, stack)
        client, database = Client(address), Database(dsn)
        stack.push_async_callback(client.close)
        reader = await Reader.open(database)
        stack.push_async_callback(reader.close)
        yield Setting(hook, client, reader, database)


async def test_every_event_is_sent_once_signed_and_in_order(setting: Setting) -> None:
    alarm_id = await setting.open("A")
    await setting.delivered(alarm_id)
    await setting.client.alarms.AcknowledgeAlarm(
        pb2.AcknowledgeAlarmRequest(request_id=new_id(), alarm_id=alarm_id, note="seen")
    )

    async def are_two() -> bool:
        return len(await setting.deliveries(alarm_id)) == 2

    await eventually(are_two, "both are delivered")
    first, second = setting.hook.told
    assert [told.document["event"] for told in (first, second)] == ["opened", "acknowledged"]
    assert second.document["alarm"]["note"] == "seen"
    assert first.document["alarm"]["subject"] == {"channel": "web", "counted": "A"}
    assert first.document["id"] == first.headers["inventory-notice"] != second.document["id"]
    for told in (first, second):
        signed = told.headers["inventory-timestamp"].encode() + b"." + told.body
        expected = "v1=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(expected, told.headers["inventory-signature"])
        assert told.headers["content-type"] == "application/json"
        assert SECRET.encode() not in told.body


async def test_what_fails_hangs_or_resets_is_tried_again_and_each_attempt_is_written_down(setting: Setting) -> None:
    setting.hook.behaves[:] = ["fails", "hangs", "resets", "redirects"]
    alarm_id = await setting.open("A")
    attempts = await setting.delivered(alarm_id)
    assert [(each.code, each.error) for each in attempts] == [
        (503, ""),
        (0, "timeout"),
        (0, "connection"),
        (307, ""),
        (204, ""),
    ]
    assert [each.attempt for each in attempts] == [1, 2, 3, 4, 5]
    assert all(each.HasField("next_at") for each in attempts[:-1])
    assert not attempts[-1].HasField("next_at")
    assert len({told.headers["inventory-notice"] for told in setting.hook.told}) == 1, "one id for all attempts"
    assert setting.hook.redirected == 0, "redirects are not followed"


async def test_an_answer_without_end_is_not_read(setting: Setting) -> None:
    setting.hook.behaves[:] = ["never ends"]
    [attempt] = await setting.delivered(await setting.open("A"))
    assert attempt.code == 200


async def test_a_webhook_that_hangs_delays_nothing_else_and_is_asked_few_times_at_once(setting: Setting) -> None:
    setting.hook.behaves[:] = ["hangs"] * 1_000
    for number in range(12):
        await setting.open(f"S{number}")

    async def hangs() -> bool:
        return setting.hook.open_most == webhook.AT_ONCE_MAX

    await eventually(hangs, "as many as may be are waited for")
    sku, place = await setting.client.stocked(5)
    await setting.client.hold((sku, place, 1))
    assert setting.hook.open_most == webhook.AT_ONCE_MAX
    setting.hook.behaves.clear()


async def test_after_a_day_it_is_given_up(setting: Setting) -> None:
    setting.hook.behaves[:] = ["fails"] * 1_000
    alarm_id = await setting.open("A")

    async def failed() -> bool:
        return bool(await setting.deliveries(alarm_id))

    await eventually(failed, "it was tried")
    connection = await setting.database.connect()
    await connection.execute("UPDATE alarm_notice SET made_at = now() - interval '25 hours', next_at = now()")

    async def given_up() -> bool:
        return bool(await connection.fetchval("SELECT bool_and(given_up_at IS NOT NULL) FROM alarm_notice"))

    await eventually(given_up, "it is given up")
    await connection.close()
    last = (await setting.deliveries(alarm_id))[-1]
    assert not last.HasField("next_at")


async def test_two_replicas_deliver_each_notice_once(setting: Setting) -> None:
    async with AsyncExitStack() as stack:
        settings = Settings(listen="127.0.0.1:0", webhook_url=setting.hook.url, webhook_secret=SECRET)
        await start(settings, setting.database.dsn, stack)
        ids = [await setting.open(f"S{number}") for number in range(20)]
        for alarm_id in ids:
            assert len(await setting.delivered(alarm_id)) == 1
    notices = [told.headers["inventory-notice"] for told in setting.hook.told]
    assert len(notices) == len(set(notices)) == 20


async def test_neither_url_nor_secret_is_ever_logged(
    setting: Setting, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    setting.hook.behaves[:] = ["fails", "resets"]
    with caplog.at_level("DEBUG"):
        await setting.delivered(await setting.open("A"))
    said = "".join(capfd.readouterr()) + caplog.text
    assert SECRET not in said
    assert setting.hook.url not in said
    assert SECRET not in repr(Settings(webhook_url="http://here", webhook_secret=SECRET))


@pytest.mark.parametrize(
    ("url", "secret", "says"),
    [
        ("http://here", None, "needs a secret"),
        ("http://here", "", "needs a secret"),
        ("http://here", "canary-89012345", "needs 16 characters or more"),
        ("ftp://user:canary@here", "s", "begins with"),
    ],
)
def test_without_a_secret_or_a_proper_url_it_is_refused_at_start(url: str, secret: str | None, says: str) -> None:
    with pytest.raises(RuntimeError, match=says) as caught:
        hook_of(url, secret, None)
    assert "canary" not in str(caught.value)


def test_the_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    found = hook_of("https://here", None, file)
    assert found is not None
    assert found.secret == SECRET
    with pytest.raises(RuntimeError, match="can't be read"):
        hook_of("https://here", None, tmp_path / "none")
    assert hook_of(None, None, None) is None
