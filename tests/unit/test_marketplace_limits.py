"""How much the marketplace is sent, and what its answers mean. The clock is handed in."""

import random
from datetime import UTC, datetime

import pytest

from inventory_marketplace.bucket import TokenBucket
from inventory_marketplace.marketplace import RETRY_AFTER_MAX_S, Accepted, Answer, Failed, Refused, answer

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("per_minute", "burst"), [(1, 1), (2, 1), (7, 7), (60, 6), (600, 60), (600, 600)])
def test_no_minute_has_more_updates_than_allowed(per_minute: int, burst: int) -> None:
    clock, chance = Clock(), random.Random(per_minute)
    bucket = TokenBucket(per_minute, burst, clock)
    sent: list[tuple[float, int]] = []
    while clock.now < 500:
        number = min(bucket.have(), chance.randrange(1, per_minute + 1))
        bucket.take(number)
        sent.append((clock.now, number))
        clock.now += chance.choice([bucket.wait_s(1), bucket.wait_s(burst), chance.random()])
    for start, _ in sent:
        in_a_minute = sum(number for at, number in sent if start <= at < start + 60 - 1e-6)
        assert in_a_minute <= per_minute
    assert sum(number for _, number in sent) >= 6 * (per_minute - burst + 1), "and what is allowed is used"


def test_after_a_wait_there_is_as_much_as_was_waited_for() -> None:
    clock = Clock()
    bucket = TokenBucket(60, 10, clock)
    bucket.take(10)
    assert bucket.have() == 0
    clock.now += bucket.wait_s(4)
    clock.now += bucket.wait_s(4)
    assert bucket.have() == 4
    assert bucket.wait_s(4) == 0


def test_nobody_takes_what_is_not_there() -> None:
    bucket = TokenBucket(60, 10, Clock())
    with pytest.raises(ValueError, match="11 tokens"):
        bucket.take(11)


@pytest.mark.parametrize("burst", [0, -1, 61])
def test_a_burst_is_part_of_the_minute(burst: int) -> None:
    with pytest.raises(ValueError, match="burst"):
        TokenBucket(60, burst, Clock())


@pytest.mark.parametrize(
    ("code", "retry_after", "meaning"),
    [
        (200, None, Accepted()),
        (204, "5", Accepted()),
        (429, "7", Failed("HTTP 429", 7)),
        (429, None, Failed("HTTP 429")),
        (429, "soon", Failed("HTTP 429")),
        (429, "-1", Failed("HTTP 429")),
        (429, "١", Failed("HTTP 429")),
        (429, "99999999", Failed("HTTP 429", RETRY_AFTER_MAX_S)),
        (503, "Thu, 01 Jan 2026 12:00:30 GMT", Failed("HTTP 503", 30)),
        (503, "Thu, 01 Jan 2026 11:00:00 GMT", Failed("HTTP 503", 0)),
        (503, "Thu, 01 Jan 99999999999999999999 00:00:00 GMT", Failed("HTTP 503")),
        (500, None, Failed("HTTP 500")),
        (302, None, Failed("HTTP 302")),
        (401, None, Failed("HTTP 401")),
        (408, None, Failed("HTTP 408")),
        (400, None, Refused("HTTP 400")),
        (413, None, Refused("HTTP 413")),
        (422, "7", Refused("HTTP 422")),
    ],
)
def test_what_an_answer_means(code: int, retry_after: str | None, meaning: Answer) -> None:
    assert answer(code, retry_after, NOW) == meaning
