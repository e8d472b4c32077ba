"""What opens an alarm, what keeps it open, and what closes it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from inventory.alarms.edge import Edge
from inventory.domain.alarm import (
    CREDENTIAL_WARNING,
    SEVERITIES,
    AcknowledgeAlarm,
    Acknowledged,
    Alarm,
    AlarmKind,
    Broken,
    Drift,
    Expiring,
    Finding,
    PresentAlarm,
    Severity,
    Silence,
    StockFacts,
    acknowledge,
    broken_finding,
    drift_finding,
    errors_finding,
    expiring_finding,
    moves,
    silence_finding,
    stock_findings,
    subscriber_finding,
)
from inventory.domain.delivery import again_after
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.subscriber import Subscriber, SubscriberState
from inventory.rpc.errors import BY_NUMBER
from inventory.v1 import alarm_service_pb2 as pb2

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ID = UUID(int=1)
LOW, REORDER, OVERSELL = AlarmKind.LOW_STOCK, AlarmKind.REORDER_POINT, AlarmKind.OVERSELL_USED
OPENS, KEEPS = True, False
DAY = timedelta(days=1)


def alarm(kind: AlarmKind = LOW, alarm_id: UUID = ID, **subject: str) -> Alarm:
    return Alarm(alarm_id, kind, subject or {"sku": "A", "location": "L"}, Severity.WARNING, "", {}, NOW, NOW)


def finding(kind: AlarmKind = LOW, *, opens: bool = True, **subject: str) -> Finding:
    return Finding(kind, subject or {"sku": "A", "location": "L"}, "", opens=opens)


@pytest.mark.parametrize(
    ("present", "found", "opened", "kept", "closed"),
    [
        ([], [], 0, 0, 0),
        ([], [finding()], 1, 0, 0),
        ([], [finding(opens=False)], 0, 0, 0),
        ([alarm()], [finding()], 0, 1, 0),
        ([alarm()], [finding(opens=False)], 0, 1, 0),
        ([alarm()], [], 0, 0, 1),
        ([alarm()], [finding(REORDER)], 1, 0, 1),
        ([alarm()], [finding(sku="A", location="M")], 1, 0, 1),
        ([alarm()], [finding(location="L", sku="A")], 0, 1, 0),
        ([], [finding(), finding()], 1, 0, 0),
    ],
)
def test_what_is_found_opens_or_keeps_and_what_is_not_closes(
    present: list[Alarm], found: list[Finding], opened: int, kept: int, closed: int
) -> None:
    made = moves(present, found)
    assert (len(made.opened), len(made.kept), len(made.closed)) == (opened, kept, closed)


@pytest.mark.parametrize(
    ("available", "backordered", "safety_stock", "reorder_point", "expected"),
    [
        (4, 0, 5, None, {LOW: OPENS}),
        (5, 0, 5, None, {LOW: KEEPS}),
        (6, 0, 5, None, {}),
        (109, 0, 100, None, {LOW: KEEPS}),
        (110, 0, 100, None, {}),
        (0, 0, 0, None, {}),
        (5, 0, None, 5, {REORDER: OPENS}),
        (6, 0, None, 5, {REORDER: KEEPS}),
        (7, 0, None, 5, {}),
        (0, 0, None, 0, {REORDER: OPENS}),
        (1, 0, None, 0, {}),
        (4, 0, 5, 5, {LOW: OPENS, REORDER: OPENS}),
        (0, 3, None, None, {OVERSELL: OPENS}),
        (0, 0, None, None, {}),
    ],
)
def test_alarms_of_a_level(
    available: int,
    backordered: int,
    safety_stock: int | None,
    reorder_point: int | None,
    expected: dict[AlarmKind, bool],
) -> None:
    facts = StockFacts("A", "L", True, available, backordered, safety_stock, reorder_point)
    assert {found.kind: found.opens for found in stock_findings(facts)} == expected


def test_a_sku_that_is_retired_is_never_low_but_may_still_be_waited_for() -> None:
    assert [found.kind for found in stock_findings(StockFacts("A", "L", False, 0, 2, 5, 5))] == [OVERSELL]


@pytest.mark.parametrize(
    ("state", "lag_changes", "lag_s", "kind", "opens"),
    [
        (SubscriberState.FOLLOWING, 0, 0.0, None, False),
        (SubscriberState.FOLLOWING, 50, 0.0, None, False),
        (SubscriberState.FOLLOWING, 51, 0.0, AlarmKind.SUBSCRIBER_LAGGING, KEEPS),
        (SubscriberState.FOLLOWING, 0, 5.1, AlarmKind.SUBSCRIBER_LAGGING, KEEPS),
        (SubscriberState.LAGGING, 101, 0.0, AlarmKind.SUBSCRIBER_LAGGING, OPENS),
        (SubscriberState.LOST, 0, 0.0, AlarmKind.SUBSCRIBER_LOST, OPENS),
    ],
)
def test_alarms_of_a_subscriber(
    state: SubscriberState, lag_changes: int, lag_s: float, kind: AlarmKind | None, opens: bool
) -> None:
    limits = (100, timedelta(seconds=10))
    follower = Subscriber("erp", "s", 1, NOW, NOW, DAY, *limits, state, lag_changes, timedelta(seconds=lag_s))
    found = subscriber_finding(follower, timedelta(0))
    assert (None if found is None else found.kind) == kind
    assert found is None or found.opens is opens


@pytest.mark.parametrize(
    ("calls", "failed", "opens"),
    [(10, 4, None), (100, 9, None), (10, 5, KEEPS), (10, 10, OPENS), (50, 10, OPENS), (51, 10, KEEPS), (101, 10, None)],
)
def test_alarms_of_failed_calls(calls: int, failed: int, opens: bool | None) -> None:
    found = errors_finding("web", calls, failed, "UNAVAILABLE")
    assert (None if found is None else found.opens) is opens


def test_a_channel_is_silent_after_its_limit_and_never_at_it() -> None:
    ten, eleven = timedelta(seconds=10), timedelta(seconds=11)
    at = Silence(1, "web", ten, ten, ten, False, False)
    assert silence_finding(at) is None
    found = silence_finding(at._replace(silent=eleven, unheard=eleven, stops_selling=True))
    assert found is not None
    assert found.opens
    assert "sells nothing" in found.summary


@pytest.mark.parametrize(
    ("unheard_s", "stopped", "opens", "sells_nothing"),
    [(11, False, KEEPS, False), (11, True, KEEPS, True), (10, True, None, False)],
)
def test_what_nobody_was_there_to_hear_makes_no_channel_silent_and_brings_none_back(
    unheard_s: int, stopped: bool, opens: bool | None, sells_nothing: bool
) -> None:
    restarted = Silence(1, "web", timedelta(0), timedelta(seconds=unheard_s), timedelta(seconds=10), True, stopped)
    found = silence_finding(restarted)
    assert (None if found is None else found.opens) is opens
    assert restarted.sells_nothing is sells_nothing


SECOND = timedelta(seconds=1)
TENTH_OF_DAY = timedelta(hours=2, minutes=24)


@pytest.mark.parametrize(
    ("life", "lasts", "says"),
    [
        (365 * DAY, CREDENTIAL_WARNING + SECOND, None),
        (365 * DAY, CREDENTIAL_WARNING, "expires at"),
        (365 * DAY, -DAY, "has expired at"),
        (140 * DAY, CREDENTIAL_WARNING + SECOND, None),
        (140 * DAY, CREDENTIAL_WARNING, "expires at"),
        (90 * DAY, 9 * DAY + SECOND, None),
        (90 * DAY, 9 * DAY, "expires at"),
        (DAY, DAY, None),
        (DAY, TENTH_OF_DAY + SECOND, None),
        (DAY, TENTH_OF_DAY, "expires at"),
        (DAY, -SECOND, "has expired at"),
        (timedelta(0), SECOND, None),
        (timedelta(0), timedelta(0), "has expired at"),
    ],
)
def test_alarms_of_a_credential(life: timedelta, lasts: timedelta, says: str | None) -> None:
    expires_at = NOW + lasts
    found = expiring_finding(Expiring({"key_id": "k"}, "token k", expires_at - life, expires_at), NOW)
    assert (found is None) if says is None else (found is not None and says in found.summary)


def test_what_is_broken_names_the_promise_and_where() -> None:
    level = broken_finding(Broken("I2 promises", "A", "L", 0, {"held": 3, "held_by_lines": 2}))
    assert level.subject == {"promise": "I2 promises", "sku": "A", "location": "L"}
    assert "held 3" in level.summary
    assert broken_finding(Broken("dense order", revision=7)).subject == {"promise": "dense order", "revision": "7"}


def test_a_reconciliation_that_finds_nothing_wrong_is_no_drift() -> None:
    assert drift_finding(Drift("web", "on_hand", 0, "r")) is None
    found = drift_finding(Drift("web", "on_hand", 3, "r"))
    assert found is not None
    assert found.subject == {"channel": "web", "counted": "on_hand"}


def test_the_first_who_acknowledges_stays_named() -> None:
    command = AcknowledgeAlarm(1, ID, "web", "seen")
    first = acknowledge(PresentAlarm(alarm(), NOW), command)
    assert first.moved
    assert first.alarm is not None
    assert (first.alarm.acknowledged_by, first.alarm.note, first.alarm.acknowledged_at) == ("web", "seen", NOW)
    again = acknowledge(PresentAlarm(first.alarm, NOW + DAY), command._replace(by="other"))
    assert again == Acknowledged(first.alarm, moved=False)


def test_an_alarm_that_is_not_there_is_not_found() -> None:
    with pytest.raises(Refusal) as caught:
        acknowledge(PresentAlarm(None, NOW), AcknowledgeAlarm(1, ID, "web", ""))
    assert caught.value.reason == Reason.ALARM_NOT_FOUND


def test_kinds_and_severities_are_the_api_s() -> None:
    assert {f"ALARM_KIND_{kind.name}": kind.value for kind in AlarmKind} == dict(pb2.AlarmKind.items()[1:])
    assert {f"ALARM_SEVERITY_{each.name}": each.value for each in Severity} == dict(pb2.AlarmSeverity.items()[1:])
    assert set(SEVERITIES) == set(AlarmKind)


@pytest.mark.parametrize(
    ("attempt", "least_s", "most_s"),
    [(1, 0.5, 1), (2, 1, 2), (5, 8, 16), (12, 1024, 2048), (13, 1800, 3600), (99, 1800, 3600)],
)
def test_pauses_double_up_to_an_hour(attempt: int, least_s: float, most_s: float) -> None:
    assert again_after(attempt, timedelta(0), 0.0) == timedelta(seconds=least_s)
    assert again_after(attempt, timedelta(0), 1.0) == timedelta(seconds=most_s)


def test_after_a_day_it_is_given_up() -> None:
    assert again_after(1, DAY, 0.0) is None


def test_the_edge_forgets_calls_after_the_window_and_knows_who_was_heard_of() -> None:
    edge = Edge()
    for _ in range(20):
        edge.finished("web", "UNAVAILABLE")
        edge.finished("web", "FAILED_PRECONDITION")
        edge.finished("till", "OK")
    edge.tick()
    [found] = edge.findings()
    assert (found.subject, found.details["failed"], found.details["most_with"]) == (
        {"channel": "web"},
        20,
        "UNAVAILABLE",
    )
    assert edge.take_heard() == {"web", "till"}
    assert edge.take_heard() == set()
    for _ in range(60):
        edge.tick()
    assert edge.findings() == []


def test_the_edge_names_codes_as_grpc_does() -> None:
    from inventory.alarms.edge import FAILED

    assert {code.name for code in BY_NUMBER.values()} >= FAILED
