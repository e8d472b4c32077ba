"""StockCountService: opened, recorded, looked at, posted, while selling goes on."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import asyncpg
import pytest

from inventory.postgres.connection import Database
from inventory.postgres.verify import CHECKS, snapshot
from inventory.v1 import core_pb2
from inventory.v1 import stock_count_service_pb2 as pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from tests.rpc.client import Client, Server, new_id, refusal, unique
from tests.rpc.follower import NOW, following
from tests.rpc.stock_counts import CANCELLED, OPEN, POSTED, cancel, counted, get, listed, opened, post, record
from tests.rpc.tracked import backorders, of_lot, tracked

COUNT = core_pb2.MOVEMENT_KIND_COUNT


async def on_hand(client: Client, sku: str, location: str) -> int:
    return (await client.quantities(sku, location)).on_hand


async def head(client: Client) -> int:
    """A revision that has happened, and after which nothing has."""
    return (await client.adjust(await client.sku(), await client.location(), 1)).revision


async def in_lots(client: Client, db: asyncpg.Connection, **lots: int) -> tuple[str, str]:
    """A SKU of which so much of each lot stands at a location."""
    sku, location = await tracked(client, db)
    await client.stock.ReceiveStock(
        stock_pb2.ReceiveStockRequest(
            request_id=new_id(),
            location=location,
            lines=[of_lot(sku, quantity, lot) for lot, quantity in lots.items()],
        )
    )
    return sku, location


async def assert_books_are_right(server: Server) -> None:
    """Of stock counts, and of what they moved."""
    async with snapshot(Database(server.dsn)) as state:
        for check in CHECKS:
            assert (await state.run(check)).rows == [], check.name


async def test_a_count_is_opened_recorded_looked_at_and_posted(client: Client, server: Server) -> None:
    sku, location = await client.stocked(10)
    other, _ = await client.stocked(4, location)
    count = await opened(client, location, reason="year's end", reference="INV 1/2026")
    assert (count.location, count.category, count.state, count.version, count.lines) == (location, "", OPEN, 0, 0)
    assert (count.reason, count.reference, count.channel) == ("year's end", "INV 1/2026", "default")
    assert count.opened_at.seconds > 0
    assert not count.HasField("ended_at")

    answer = await record(client, count.count_id, counted(sku, 7), counted(other, 4))
    assert (answer.revision, answer.count.version, answer.count.lines) == (0, 1, 2)
    assert [(line.sku, line.counted, line.on_hand, line.difference) for line in answer.lines] == [
        (sku, 7, 10, -3),
        (other, 4, 4, 0),
    ]
    looked = await get(client, count.count_id)
    assert looked.count == answer.count
    assert sorted(line.sku for line in looked.lines) == sorted((sku, other))

    posted = await post(client, count.count_id, looked.count.version)
    assert (posted.count.state, posted.revision > 0) == (POSTED, True)
    assert posted.count.HasField("ended_at")
    assert await on_hand(client, sku, location) == 7
    movement = (await client.movements(sku=sku))[0]
    assert (movement.kind, movement.delta.on_hand, movement.revision) == (COUNT, -3, posted.revision)
    assert (movement.reason, movement.reference) == ("year's end", "INV 1/2026")
    assert (await client.movements(sku=other))[0].kind != COUNT, "what doesn't differ doesn't move"
    assert (await get(client, count.count_id)).count == posted.count
    await assert_books_are_right(server)


async def test_without_a_reference_movements_name_the_count(client: Client) -> None:
    sku, location = await client.stocked(1)
    count = await opened(client, location)
    await record(client, count.count_id, counted(sku, 2))
    await post(client, count.count_id, 1)
    newest = (await client.movements(sku=sku))[0]
    assert (newest.reference, newest.reason) == (count.count_id, "")


async def test_what_moves_after_the_moment_is_kept(client: Client, server: Server) -> None:
    sku, location = await client.stocked(10)
    count = await opened(client, location)
    await record(client, count.count_id, counted(sku, 8))
    sold = await client.hold((sku, location, 3), ttl=None)
    await client.fulfil(sold)
    await client.adjust(sku, location, 5)
    await post(client, count.count_id, 1)
    assert await on_hand(client, sku, location) == 10 - 2 - 3 + 5
    await assert_books_are_right(server)


async def test_a_count_of_an_earlier_revision_differs_from_what_was_there_then(client: Client, server: Server) -> None:
    sku, location = await client.stocked(10)
    before = (await client.adjust(sku, location, 1)).revision
    await client.adjust(sku, location, 20)
    await client.adjust(sku, location, -2)
    count = await opened(client, location)
    answer = await record(client, count.count_id, counted(sku, 9, at_revision=before))
    assert (answer.lines[0].on_hand, answer.lines[0].at_revision, answer.lines[0].difference) == (11, before, -2)
    await post(client, count.count_id, 1)
    assert await on_hand(client, sku, location) == 29 - 2
    await assert_books_are_right(server)


async def test_before_its_first_movement_there_was_nothing(client: Client) -> None:
    sku, location = await client.stocked(0)
    before = await head(client)
    await client.adjust(sku, location, 5)
    count = await opened(client, location)
    answer = await record(client, count.count_id, counted(sku, 1, at_revision=before))
    assert (answer.lines[0].on_hand, answer.lines[0].difference) == (0, 1)


async def test_of_one_command_s_movements_the_last_counts(client: Client) -> None:
    sku, location = await client.stocked(1)
    row = stock_pb2.StockAdjustment(sku=sku, location=location, delta=2)
    changed = await client.stock.BatchAdjustStock(
        stock_pb2.BatchAdjustStockRequest(request_id=new_id(), reason="test", adjustments=[row, row, row])
    )
    count = await opened(client, location)
    answer = await record(client, count.count_id, counted(sku, 7, at_revision=changed.revision))
    assert (answer.lines[0].on_hand, answer.lines[0].difference) == (7, 0)


async def test_a_recording_without_a_revision_is_of_the_newest_one(client: Client) -> None:
    sku, location = await client.stocked(3)
    newest = await head(client)
    count = await opened(client, location)
    assert (await record(client, count.count_id, counted(sku, 3))).lines[0].at_revision == newest
    in_future = await refusal(record(client, count.count_id, counted(sku, 3, at_revision=newest + 1)))
    assert in_future.what == ("OUT_OF_RANGE", "REVISION_IN_FUTURE")
    assert in_future.metadata["head"] == str(newest)


async def test_a_line_counted_again_is_replaced(client: Client) -> None:
    sku, location = await client.stocked(10)
    count = await opened(client, location)
    await record(client, count.count_id, counted(sku, 7))
    await client.adjust(sku, location, 5)
    answer = await record(client, count.count_id, counted(sku, 14, expected_counted=7))
    assert (answer.count.version, answer.count.lines) == (2, 1)
    assert [(line.counted, line.on_hand) for line in (await get(client, count.count_id)).lines] == [(14, 15)]
    again = await refusal(record(client, count.count_id, counted(sku, 1, expected_counted=7)))
    assert again.what == ("ABORTED", "EXPECTATION_FAILED")
    assert (again.metadata["current"], again.metadata["expected"]) == ("14", "7")


async def test_a_line_that_was_never_recorded_is_not_the_expected_one(client: Client) -> None:
    sku, location = await client.stocked(10)
    count = await opened(client, location)
    found = await refusal(record(client, count.count_id, counted(sku, 10, expected_counted=0)))
    assert (found.reason, found.metadata["current"]) == ("EXPECTATION_FAILED", "")


async def test_a_recording_is_all_or_nothing(client: Client) -> None:
    sku, location = await client.stocked(10)
    count = await opened(client, location)
    found = await refusal(record(client, count.count_id, counted(sku, 7), counted("nobody", 1)))
    assert (found.what, found.metadata["row"]) == (("NOT_FOUND", "SKU_NOT_FOUND"), "1")
    looked = await get(client, count.count_id)
    assert (looked.count.version, list(looked.lines)) == (0, [])


async def test_a_sku_that_was_never_here_can_be_found_here(client: Client, server: Server) -> None:
    sku, location = await client.stocked(0)
    count = await opened(client, location)
    await record(client, count.count_id, counted(sku, 4))
    await post(client, count.count_id, 1)
    assert await on_hand(client, sku, location) == 4
    await assert_books_are_right(server)


async def test_only_a_category_and_those_below_it_are_counted(client: Client) -> None:
    location = await client.location()
    category = unique("cat")
    inside = [await client.sku(category=category), await client.sku(category=f"{category}/milk")]
    outside = [await client.sku(), await client.sku(category=f"{category}-2"), await client.sku(category="other")]
    count = await opened(client, location, category=category)
    assert count.category == category
    assert (await record(client, count.count_id, *(counted(sku, 0) for sku in inside))).count.lines == 2
    for sku in outside:
        found = await refusal(record(client, count.count_id, counted(sku, 0)))
        assert (found.what, found.fields) == (("INVALID_ARGUMENT", "FIELD_CONFLICT"), ["lines[0].sku"])


async def test_what_is_promised_can_t_be_counted_away(client: Client, server: Server) -> None:
    sku, location = await client.stocked(10)
    other, _ = await client.stocked(10, location)
    await client.hold((sku, location, 4))
    count = await opened(client, location)
    await record(client, count.count_id, counted(sku, 3), counted(other, 12))
    found = await refusal(post(client, count.count_id, 1))
    assert found.what == ("FAILED_PRECONDITION", "BELOW_PROMISED")
    assert found.metadata == {"sku": sku, "location": location, "lowest": "4"}
    assert await on_hand(client, other, location) == 10, "as a whole"
    assert (await get(client, count.count_id)).count.state == OPEN
    await record(client, count.count_id, counted(sku, 4))
    await post(client, count.count_id, 2)
    assert (await client.quantities(sku, location)).available == 0
    await assert_books_are_right(server)


async def test_unsellable_goods_are_counted_and_stay_unsellable(client: Client) -> None:
    sku, location = await client.stocked(10)
    await client.adjust(sku, location, 4, disposition=core_pb2.DISPOSITION_DAMAGED)
    count = await opened(client, location)
    assert (await record(client, count.count_id, counted(sku, 4))).lines[0].on_hand == 14
    await post(client, count.count_id, 1)
    left = await client.quantities(sku, location)
    assert (left.on_hand, left.damaged, left.available) == (4, 4, 0)


async def test_found_goods_go_to_those_who_wait(client: Client, server: Server) -> None:
    sku, location = await client.stocked(1)
    await backorders(client, sku, location, 5)
    await client.hold((sku, location, 4), ttl=None)
    waiting = await client.quantities(sku, location)
    assert (waiting.on_hand, waiting.allocated, waiting.backordered) == (1, 1, 3)
    count = await opened(client, location)
    await record(client, count.count_id, counted(sku, 3))
    posted = await post(client, count.count_id, 1)
    after = await client.quantities(sku, location)
    assert (after.on_hand, after.allocated, after.backordered, after.available) == (3, 3, 1, 0)
    kinds = [(row.kind, row.revision) for row in (await client.movements(sku=sku))[:2]]
    filled = core_pb2.MOVEMENT_KIND_BACKORDER_FILL
    assert kinds == [(filled, posted.revision), (COUNT, posted.revision)]
    await assert_books_are_right(server)


async def test_nothing_different_is_posted_without_a_revision(client: Client) -> None:
    sku, location = await client.stocked(10)
    before = (await client.adjust(sku, location, -1)).revision
    await client.adjust(sku, location, 1)
    for lines in ([counted(sku, 10)], []):
        count = await opened(client, location)
        if lines:
            await record(client, count.count_id, *lines)
        posted = await post(client, count.count_id, len(lines))
        assert (posted.revision, posted.count.state) == (0, POSTED)
    assert (await client.adjust(sku, location, 1)).revision == before + 2, "nothing moved"


async def test_what_was_not_looked_at_is_not_posted(client: Client) -> None:
    sku, location = await client.stocked(10)
    count = await opened(client, location)
    await record(client, count.count_id, counted(sku, 9))
    await record(client, count.count_id, counted(sku, 8))
    for version in (0, 1, 3, -1):
        found = await refusal(post(client, count.count_id, version))
        assert (found.what, found.metadata["current"]) == (("ABORTED", "EXPECTATION_FAILED"), "2")
    assert await on_hand(client, sku, location) == 10


@pytest.mark.parametrize("end", [POSTED, CANCELLED])
async def test_only_an_open_count_can_be_recorded_posted_or_given_up(client: Client, end: pb2.StockCountState) -> None:
    sku, location = await client.stocked(10)
    count_id = (await opened(client, location)).count_id
    await record(client, count_id, counted(sku, 9))
    ended = (await post(client, count_id, 1)) if end == POSTED else (await cancel(client, count_id))
    assert (ended.count.state, ended.count.HasField("ended_at")) == (end, True)
    assert await on_hand(client, sku, location) == (9 if end == POSTED else 10)
    calls: list[Awaitable[object]] = [
        record(client, count_id, counted(sku, 1)),
        post(client, count_id, 1),
        cancel(client, count_id),
    ]
    for call in calls:
        found = await refusal(call)
        assert found.what == ("FAILED_PRECONDITION", "COUNT_STATE")
        assert found.metadata == {"count_id": count_id, "state": pb2.StockCountState.Name(end)[18:]}


async def test_each_command_has_one_effect_and_one_answer(client: Client, twin_client: Client) -> None:
    sku, location = await client.stocked(10)
    ids = [new_id() for _ in range(4)]
    first = await opened(client, location, request_id=ids[0])
    assert await opened(twin_client, location, request_id=ids[0]) == first
    count_id = first.count_id

    async def twice(make: Any, *arguments: Any, request_id: str) -> Any:
        answers = [await make(each, count_id, *arguments, request_id=request_id) for each in (client, twin_client)]
        assert [answer.replayed for answer in answers] == [False, True]
        answers[1].replayed = False
        assert answers[0] == answers[1]
        return answers[0]

    await twice(record, counted(sku, 7), request_id=ids[1])
    assert (await get(client, count_id)).count.version == 1
    await twice(post, 1, request_id=ids[2])
    assert await on_hand(client, sku, location) == 7
    other = (await opened(client, location)).count_id
    count_id = other
    await twice(cancel, request_id=ids[3])
    reused = await refusal(post(client, other, 1, request_id=ids[2]))
    assert reused.what == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


async def test_what_is_only_validated_is_answered_truly_and_leaves_nothing(client: Client) -> None:
    sku, location = await client.stocked(10)
    tried = await opened(client, location, validate_only=True)
    assert (tried.location, tried.state) == (location, OPEN)
    assert (await refusal(get(client, tried.count_id))).what == ("NOT_FOUND", "COUNT_NOT_FOUND")
    assert list((await listed(client, location=location)).counts) == []

    count_id = (await opened(client, location)).count_id
    assert (await record(client, count_id, counted(sku, 7), validate_only=True)).lines[0].difference == -3
    assert (await get(client, count_id)).count.version == 0
    await record(client, count_id, counted(sku, 7))
    assert (await post(client, count_id, 1, validate_only=True)).count.state == POSTED
    assert (await cancel(client, count_id, validate_only=True)).count.state == CANCELLED
    assert (await get(client, count_id)).count.state == OPEN
    assert await on_hand(client, sku, location) == 10
    assert (await refusal(post(client, count_id, 0, validate_only=True))).reason == "EXPECTATION_FAILED"


async def test_lines_come_in_pages_by_sku(client: Client) -> None:
    location = await client.location()
    skus = sorted([await client.sku() for _ in range(7)])
    count_id = (await opened(client, location)).count_id
    await record(client, count_id, *(counted(sku, number % 2) for number, sku in enumerate(skus)))
    for only_differences, expected in ((False, skus), (True, skus[1::2])):
        found: list[str] = []
        token = ""
        while True:
            page = await get(client, count_id, page_size=2, page_token=token, only_differences=only_differences)
            assert page.count.version == 1
            found += [line.sku for line in page.lines]
            token = page.next_page_token
            if not token:
                break
        assert found == expected


async def test_counts_are_listed_newest_first_and_filtered(client: Client) -> None:
    location = await client.location()
    ids = [(await opened(client, location)).count_id for _ in range(5)]
    await cancel(client, ids[1])
    await post(client, ids[2], 0)

    async def found(**filters: Any) -> list[str]:
        ids, token = [], ""
        while True:
            page = await listed(client, location=location, page_size=2, page_token=token, **filters)
            ids += [count.count_id for count in page.counts]
            token = page.next_page_token
            if not token:
                return ids

    assert await found() == ids[::-1]
    assert await found(state=CANCELLED) == [ids[1]]
    assert await found(state=POSTED) == [ids[2]]
    assert await found(state=OPEN) == [ids[4], ids[3], ids[0]]
    assert set(ids) <= {count.count_id for count in (await listed(client, page_size=1000)).counts}


async def test_lots_are_counted_and_posted_one_by_one(client: Client, db: asyncpg.Connection, server: Server) -> None:
    sku, location = await in_lots(client, db, a=5, b=10)
    moment = await head(client)
    count_id = (await opened(client, location)).count_id
    answer = await record(client, count_id, counted(sku, 4, lot="a"), counted(sku, 13, lot="b", at_revision=moment))
    assert [(line.lot, line.on_hand, line.difference) for line in answer.lines] == [("a", 5, -1), ("b", 10, 3)]
    assert [(line.sku, line.lot) for line in (await get(client, count_id)).lines] == [(sku, "a"), (sku, "b")]
    posted = await post(client, count_id, 1)
    rows = [row for row in await client.movements(sku=sku) if row.revision == posted.revision]
    assert [(row.lot, row.delta.on_hand) for row in rows] == [("b", 3), ("a", -1)], "newest first"
    assert await on_hand(client, sku, location) == 17

    again = (await opened(client, location)).count_id
    earlier = await record(client, again, counted(sku, 10, lot="b", at_revision=moment))
    assert (earlier.lines[0].on_hand, earlier.lines[0].difference) == (10, 0)
    await assert_books_are_right(server)


async def test_a_piece_booked_on_the_wrong_lot_is_moved_though_all_are_promised(
    client: Client, db: asyncpg.Connection, server: Server
) -> None:
    sku, location = await in_lots(client, db, a=5, b=5)
    await client.hold((sku, location, 8), ttl=None)
    count_id = (await opened(client, location)).count_id
    await record(client, count_id, counted(sku, 7, lot="a"), counted(sku, 3, lot="b"))
    await post(client, count_id, 1)
    assert await on_hand(client, sku, location) == 10
    less = (await opened(client, location)).count_id
    await record(client, less, counted(sku, 2, lot="b"), counted(sku, 9, lot="a"))
    found = await refusal(post(client, less, 1))
    assert (found.reason, found.metadata["lot"], found.metadata["lowest"]) == ("BELOW_PROMISED", "b", "3")
    await assert_books_are_right(server)


async def test_a_lot_that_stands_elsewhere_can_be_found_here_and_goes_to_who_waits(
    client: Client, db: asyncpg.Connection, server: Server
) -> None:
    sku, _ = await in_lots(client, db, a=5)
    elsewhere = await client.location()
    await backorders(client, sku, elsewhere, 5)
    await client.hold((sku, elsewhere, 1), ttl=None)
    count_id = (await opened(client, elsewhere)).count_id
    answer = await record(client, count_id, counted(sku, 2, lot="a"))
    assert (answer.lines[0].on_hand, answer.lines[0].difference) == (0, 2)
    async with following(client, now=NOW, skus=[sku]) as follower:
        await follower.begun()
        posted = await post(client, count_id, 1)
        await follower.up_to(posted.revision)
    assert [(row.lot, row.location, row.delta.on_hand, row.delta.allocated) for row in follower.rows] == [
        ("a", elsewhere, 2, 0),
        ("a", elsewhere, 0, 1),
    ]
    assert (await client.quantities(sku, elsewhere)).available == 1
    await assert_books_are_right(server)


async def test_a_lot_is_named_where_there_are_lots_and_only_there(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await in_lots(client, db, a=5)
    plain, _ = await client.stocked(5, location)
    count_id = (await opened(client, location)).count_id
    for line, reason in (
        (counted(sku, 5), "LOT_REQUIRED"),
        (counted(sku, 5, lot="z"), "LOT_NOT_FOUND"),
        (counted(plain, 5, lot="a"), "LOT_CONFLICT"),
    ):
        assert (await refusal(record(client, count_id, line))).reason == reason


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE sku SET tracking = 2 WHERE code = $1", "SERIALS_REQUIRED"),
        ("UPDATE sku SET kind = 3 WHERE code = $1", "SKU_NOT_STOCKED"),
        ("UPDATE sku SET kind = 2 WHERE code = $1", "SKU_NOT_STOCKED"),
    ],
    ids=["serials", "virtual", "bundle"],
)
async def test_pieces_bundles_and_what_is_never_short_are_not_counted_by_number(
    client: Client, db: asyncpg.Connection, statement: str, reason: str
) -> None:
    sku, location = await client.stocked(0)
    part = await client.sku()
    await db.execute(statement, sku)
    if "kind = 2" in statement:
        await db.execute(
            "INSERT INTO bundle_component SELECT a.sku_id, b.sku_id, 2 FROM sku a, sku b"
            " WHERE a.code = $1 AND b.code = $2",
            sku,
            part,
        )
    count_id = (await opened(client, location)).count_id
    found = await refusal(record(client, count_id, counted(sku, 5)))
    assert (found.what, found.metadata["sku"]) == (("FAILED_PRECONDITION", reason), sku)


async def test_a_count_has_a_bounded_number_of_lines(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.domain.stock_count.COUNT_LINES_MAX", 3)
    location = await client.location()
    skus = [await client.sku() for _ in range(5)]
    count_id = (await opened(client, location)).count_id
    await record(client, count_id, counted(skus[0], 1), counted(skus[1], 1))
    found = await refusal(record(client, count_id, counted(skus[2], 1), counted(skus[3], 1)))
    assert (found.what, found.metadata["max"]) == (("INVALID_ARGUMENT", "TOO_MANY_LINES"), "3")
    assert (await record(client, count_id, counted(skus[2], 1), counted(skus[1], 2))).count.lines == 3


async def test_many_commands_of_one_count_at_once_are_done_one_after_the_other(client: Client) -> None:
    sku, location = await client.stocked(10)
    count_id = (await opened(client, location)).count_id
    answers = await asyncio.gather(*(record(client, count_id, counted(sku, number)) for number in range(30)))
    assert sorted(answer.count.version for answer in answers) == list(range(1, 31))
    last = max(answers, key=lambda answer: answer.count.version)
    looked = await get(client, count_id)
    assert (looked.count.version, looked.lines[0].counted) == (30, last.lines[0].counted)


async def test_the_feed_tells_of_a_posted_count_as_one_change(client: Client, server: Server) -> None:
    sku, location = await client.stocked(10)
    other, _ = await client.stocked(10, location)
    count_id = (await opened(client, location)).count_id
    await record(client, count_id, counted(sku, 7), counted(other, 11))
    async with following(client, now=NOW, skus=[sku, other]) as follower:
        await follower.begun()
        posted = await post(client, count_id, 1)
        await follower.up_to(posted.revision)
    assert [change.revision for change in follower.changes] == [posted.revision]
    assert sorted((row.sku, row.kind, row.delta.on_hand) for row in follower.rows) == sorted(
        [(sku, COUNT, -3), (other, COUNT, 1)]
    )
