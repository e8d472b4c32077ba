"""What a channel is not allowed is unknown to it: the same bytes as for what doesn't exist, by every method."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass
from google.rpc.status_pb2 import Status

from inventory.domain.access import Scope
from tests.rpc.client import Client, new_id
from tests.rpc.doors import guarded, outcome
from tests.rpc.limited import CANARY, METHODS, Limited, limited_house, message, scope_of

Template = Mapping[str, Any]


@pytest.fixture(scope="module")
async def house(module_dsn: str) -> AsyncIterator[Limited]:
    async with guarded(module_dsn) as doors:
        yield await limited_house(doors)


def line(sku: str = "{sku}", location: str = "here", **fields: Any) -> dict[str, Any]:
    return {"sku": sku, "location": location, "quantity": 1, **fields}


HOLD = {"hold_ttl": "60s"}
WHY = {"reason": "test"}
SKU_AND_PLACE = [("{sku}", "here"), ("apple", "{location}"), ("{sku}", "{location}")]
RESERVES: list[Template] = [
    *({**HOLD, "lines": [line(*pair)]} for pair in SKU_AND_PLACE),
    {**HOLD, "lines": [line("apple"), line()]},
    {**HOLD, "lines": [line("{sku}", "")]},
    {**HOLD, "lines": [line("{sku}", "")], "fill_policy": "FILL_POLICY_AS_MUCH_AS_POSSIBLE"},
    {**HOLD, "lines": [{"sku": "{sku}", "location": "here", "amount": "1", "unit": "box"}]},
    {**HOLD, "lines": [{"sku": "{sku}", "location": "here", "amount": "1", "unit": "crate"}]},
    {**HOLD, "lines": [line("apple", "")], "pickup": {"location": "{location}"}},
    {**HOLD, "lines": [line("apple", "")], "pickup": {"location": "{location}", "by_transfer": True}},
    {**HOLD, "lines": [line("phone", "here", serials=["{serial}"])]},
    {"allocate": True, "lines": [line("{serials_sku}", "here", serials=["{serial}"])]},
]
TRANSFERS = [f"{{transfer_{number}}}" for number in range(4)]
COUNTS = ["{count_far}", "{count_everything}"]
NAMING: dict[str, list[Template]] = {
    "StockService/GetStock": [{"sku": sku, "location": place} for sku, place in SKU_AND_PLACE],
    "StockService/BatchGetStock": [
        {"keys": [{"sku": "apple", "location": "here"}, *({"sku": sku, "location": at} for sku, at in SKU_AND_PLACE)]}
    ],
    "StockService/ListStock": [
        {"skus": ["{sku}", "apple"]},
        {"locations": ["{location}", "there"]},
        {"skus": ["{sku}"]},
    ],
    "StockService/AdjustStock": [
        *({**WHY, "sku": sku, "location": place, "delta": 1} for sku, place in SKU_AND_PLACE),
        {**WHY, "sku": "{lots_sku}", "location": "here", "delta": 1, "lot": "{lot}"},
        {**WHY, "sku": "{sku}", "location": "here", "delta": 1, "validate_only": True},
    ],
    "StockService/SetStock": [
        {**WHY, "sku": sku, "location": place, "on_hand": 1, "expected_on_hand": 0} for sku, place in SKU_AND_PLACE
    ],
    "StockService/BatchAdjustStock": [
        {**WHY, "adjustments": [{"sku": sku, "location": place, "delta": 1} for sku, place in SKU_AND_PLACE]},
        {
            **WHY,
            "error_policy": "ERROR_POLICY_SKIP_REFUSED",
            "adjustments": [{"sku": sku, "location": place, "delta": 1} for sku, place in SKU_AND_PLACE],
        },
    ],
    "StockService/SetThresholds": [{"sku": sku, "location": place, "safety_stock": 1} for sku, place in SKU_AND_PLACE],
    "StockService/ReceiveStock": [
        {"location": "here", "lines": [{"sku": "{sku}", "quantity": 1}]},
        {"location": "{location}", "lines": [{"sku": "apple", "quantity": 1}]},
        {"location": "here", "lines": [{"sku": "{lots_sku}", "quantity": 1, "lot": "{lot}"}]},
        {"location": "here", "lines": [{"sku": "{sku}", "amount": "1", "unit": "box"}]},
    ],
    "StockService/ReclassifyStock": [
        {**WHY, "sku": sku, "location": place, "quantity": 1, "to_disposition": "DISPOSITION_DAMAGED"}
        for sku, place in SKU_AND_PLACE
    ],
    "StockService/SetIncoming": [
        {"reference": "PO", "lines": [{"sku": sku, "location": place, "quantity": 1, "due_on": "2030-01-01"}]}
        for sku, place in SKU_AND_PLACE
    ],
    "StockService/ListLots": [{"sku": "{lots_sku}"}, {"sku": "milk", "location": "{location}"}],
    "StockService/GetSerial": [
        {"sku": "{serials_sku}", "serial": "{serial}"},
        {"sku": "phone", "serial": "{serial}"},
        {"sku": "phone", "serial": "{gone_serial}"},
    ],
    "StockService/ListMovements": [
        {"sku": "{sku}"},
        {"location": "{location}"},
    ],
    "CatalogService/GetSku": [{"sku": "{sku}"}, {"barcode": "{barcode}"}],
    "CatalogService/ListSkus": [{"category": "{category}"}],
    "CatalogService/GetLocation": [{"location": "{location}"}],
    "CatalogService/UpdateSku": [
        {"sku": {"sku": "{sku}", "category": "food"}},
        {"sku": {"sku": "{sku}", "category": "tools"}},
        {
            "sku": {
                "sku": "apple",
                "category": "food",
                "kind": "SKU_KIND_BUNDLE",
                "components": [{"sku": "{sku}", "quantity": 1}],
            }
        },
    ],
    "CatalogService/CreateSku": [
        {
            "sku": {
                "sku": "set",
                "category": "food",
                "kind": "SKU_KIND_BUNDLE",
                "components": [{"sku": "{sku}", "quantity": 1}],
            }
        },
    ],
    "CatalogService/CreateLocation": [{"location": {"location": "{location}"}}],
    "CatalogService/UpdateLocation": [{"location": {"location": "{location}"}}],
    "CatalogService/ImportCatalog": [
        {"locations": [{"location": "{location}"}]},
        {"locations": [{"location": "{location}"}], "error_policy": "ERROR_POLICY_SKIP_REFUSED"},
    ],
    "ChannelService/GetChannel": [{"channel": "{channel}"}],
    "AvailabilityService/GetAvailability": [
        {"skus": ["{sku}", "apple"]},
        {"skus": ["apple"], "channel": "{channel}"},
    ],
    "AvailabilityService/CheckAvailability": [
        *({"lines": [line(*pair)]} for pair in SKU_AND_PLACE),
        {"lines": [line("{sku}", "")]},
        {"lines": [line("apple", "")], "pickup": {"location": "{location}", "by_transfer": True}},
        {"lines": [{"sku": "{sku}", "amount": "1", "unit": "crate"}]},
    ],
    "AvailabilityService/ExplainAvailability": [{"sku": "{sku}"}],
    "ReservationService/Reserve": RESERVES,
    "ReservationService/BatchReserve": [{"requests": [{"request_id": "{request_id}", **each}]} for each in RESERVES],
    "ReservationService/Commit": [
        {"reservation_id": "{other_reservation}"},
        {"reservation_id": "{reservation}", "lines": [line()]},
        {"reservation_id": "{reservation}", "lines": [{"sku": "{sku}", "amount": "1", "unit": "crate"}]},
    ],
    "ReservationService/Extend": [{"reservation_id": "{other_reservation}", "ttl": "60s"}],
    "ReservationService/Release": [
        {"reservation_id": "{other_reservation}"},
        {"reservation_id": "{reservation}", "lines": [line("apple", "{location}")]},
    ],
    "ReservationService/Fulfil": [{"reservation_id": "{other_reservation}"}],
    "ReservationService/Reallocate": [
        {
            "reservation_id": "{other_reservation}",
            "moves": [{"sku": "apple", "from_location": "here", "to_location": "there"}],
        },
        {
            "reservation_id": "{reservation}",
            "moves": [{"sku": "apple", "from_location": "here", "to_location": "{location}"}],
        },
        {
            "reservation_id": "{reservation}",
            "moves": [{"sku": "apple", "from_location": "{location}", "to_location": "there"}],
        },
        {
            "reservation_id": "{reservation}",
            "moves": [{"sku": "{sku}", "from_location": "here", "to_location": "there"}],
        },
    ],
    "ReservationService/GetReservation": [{"reservation_id": "{other_reservation}"}],
    "TransferService/CreateTransfer": [
        {"from_location": "here", "to_location": "{location}", "lines": [{"sku": "apple", "quantity": 1}]},
        {
            "from_location": "{location}",
            "to_location": "here",
            "lines": [{"sku": "apple", "quantity": 1}],
            "ship": True,
        },
        {"from_location": "here", "to_location": "there", "lines": [{"sku": "{sku}", "quantity": 1}]},
    ],
    "TransferService/ShipTransfer": [
        *({"transfer_id": each} for each in TRANSFERS),
        {"transfer_id": "{transfer}", "lines": [{"sku": "{sku}", "quantity": 1}]},
    ],
    "TransferService/ReceiveTransfer": [{"transfer_id": each} for each in TRANSFERS],
    "TransferService/CancelTransfer": [{"transfer_id": each} for each in TRANSFERS],
    "TransferService/GetTransfer": [{"transfer_id": each} for each in TRANSFERS],
    "TransferService/ListTransfers": [
        {"from_location": "{location}"},
        {"to_location": "{location}"},
    ],
    "StockCountService/OpenStockCount": [{"location": "{location}", "category": "food"}],
    "StockCountService/RecordStockCount": [
        *({"count_id": each, "lines": [{"sku": "apple", "counted": 1}]} for each in COUNTS),
        {"count_id": "{count}", "lines": [{"sku": "{sku}", "counted": 1}]},
        {"count_id": "{count}", "lines": [{"sku": "{lots_sku}", "counted": 1, "lot": "{lot}"}]},
    ],
    "StockCountService/PostStockCount": [{"count_id": each, "expected_version": 1} for each in COUNTS],
    "StockCountService/CancelStockCount": [{"count_id": each} for each in COUNTS],
    "StockCountService/GetStockCount": [{"count_id": each} for each in COUNTS],
    "StockCountService/ListStockCounts": [{"location": "{location}"}],
    "SubscriberService/ListSubscribers": [{"channel": "{channel}"}],
}
ALL: dict[str, list[Template]] = {
    "StockService/ListStock": [{}, {"page_size": 1}],
    "StockService/ListLots": [{"sku": "milk"}],
    "StockService/GetSerial": [{"sku": "phone", "serial": "S1"}, {"sku": "phone", "serial": "S2"}],
    "StockService/ListMovements": [{}, {"page_size": 1}],
    "CatalogService/ListSkus": [{}, {"page_size": 1}],
    "CatalogService/ListLocations": [{}, {"page_size": 1}],
    "ChannelService/GetChannel": [{}],
    "AvailabilityService/GetAvailability": [{"skus": ["apple", "milk", "phone"]}],
    "AvailabilityService/CheckAvailability": [
        {"lines": [{"sku": "apple", "quantity": 1_000}, {"sku": "milk", "quantity": 1_000}]},
        {"lines": [line("apple", "", quantity=1_000)], "pickup": {"location": "here", "by_transfer": True}},
    ],
    "AvailabilityService/ExplainAvailability": [{"sku": "apple"}, {"sku": "milk"}],
    "ReservationService/ListReservations": [{}],
    "ReservationService/GetReservation": [{"reservation_id": "{reservation}"}],
    "TransferService/ListTransfers": [{}, {"page_size": 1}],
    "TransferService/GetTransfer": [{"transfer_id": "{transfer}"}],
    "StockCountService/ListStockCounts": [{}, {"page_size": 1}],
    "StockCountService/GetStockCount": [{"count_id": "{count}"}],
    "SubscriberService/ListSubscribers": [{}],
}
"""Reads that ask for as much as they can."""
REFUSED = {code.value[0] for code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION)}
"""Anything else would be a request that is wrong in itself."""
OF_CHANNELS = ("channel", "other_reservation", *(f"transfer_{number}" for number in (1, 2)))
"""And the ledger's rows of a place that goods have left, or will come to, name the document."""
ELSEWHERE = {
    "ReservationService/ReserveStream": "its requests are those of BatchReserve",
    "WatchService/Watch": "test_limited_access_watch",
    "WatchService/RequestBookmark": "a stream is the channel's own",
    "SubscriberService/RegisterSubscriber": "the channel's own",
    "SubscriberService/Acknowledge": "the channel's own",
    "SubscriberService/RemoveSubscriber": "the channel's own",
    "ReservationService/ListReservations": "filters by the channel's own words",
    "CatalogService/ListLocations": "names none",
}


def who(house: Limited, method: str) -> Client:
    return house.reporter if scope_of(method) is Scope.REPORT else house.client


def test_every_method_is_tried() -> None:
    named = {*NAMING, *ELSEWHERE}
    assert named == {method for method in METHODS if scope_of(method) is not Scope.ADMIN}
    reads = {method for method in METHODS if scope_of(method) in (Scope.STOCK_READ, Scope.REPORT)}
    assert reads - ALL.keys() == {
        "StockService/GetStock",
        "StockService/BatchGetStock",
        "CatalogService/GetSku",
        "CatalogService/GetLocation",
    }


@pytest.mark.parametrize(
    ("method", "number"), [(method, number) for method, each in NAMING.items() for number in range(len(each))]
)
async def test_what_is_not_allowed_is_refused_as_what_is_not_there(method: str, number: int, house: Limited) -> None:
    template = NAMING[method][number]
    hidden = await _ask(house, method, template, house.hidden)
    unknown = await _ask(house, method, template, house.unknown)
    assert CANARY not in hidden.upper()
    assert hidden == unknown
    if scope_of(method) is Scope.STOCK_READ:
        assert await _ask(house, method, template, house.hidden, house.admin) != unknown, "nothing was hidden"


async def _ask(
    house: Limited, method: str, template: Template, words: Mapping[str, str], by: Client | None = None
) -> bytes:
    """The answer or status, with every word that only this request has said replaced."""
    words = {**words, "request_id": new_id()}
    body = message(method, template, {**house.names, **words})
    found = await outcome(by or who(house, method), method, body)
    said: bytes = found if isinstance(found, bytes) else found.SerializeToString()
    if isinstance(found, Status):
        assert by is not None or found.code in REFUSED, found
    # The longest first: a word may be part of another.
    for name, word in sorted(words.items(), key=lambda pair: -len(pair[1])):
        said = said.replace(word.encode(), b"\0" * len(word) if len(word) == 36 else name.encode())
    return said


@pytest.mark.parametrize("method", ALL)
async def test_no_answer_has_anything_from_outside(method: str, house: Limited) -> None:
    for asked in ALL[method]:
        template = dict(asked)
        for _ in range(100):
            found = await outcome(who(house, method), method, message(method, template, house.names))
            assert isinstance(found, bytes), found
            assert found, "nothing was found at all"
            assert CANARY not in found
            words = house.hidden
            if scope_of(method) is Scope.REPORT:  # which may see what other channels have done
                words = {name: word for name, word in words.items() if name not in OF_CHANNELS}
            assert not [word for word in words.values() if word.encode() in found]
            answer = METHODS[method].output_type
            token = _token(answer, found)
            if not token:
                break
            template["page_token"] = token
        else:
            raise AssertionError("the pages don't end")


def _token(answer: Any, found: bytes) -> str:
    parsed: Any = GetMessageClass(answer).FromString(found)
    if "next_page_token" not in answer.fields_by_name:
        return ""
    rows = [field for field in answer.fields if field.is_repeated]
    if parsed.next_page_token:
        assert all(len(getattr(parsed, field.name)) > 0 for field in rows), "a page is not full"
    return str(parsed.next_page_token)
