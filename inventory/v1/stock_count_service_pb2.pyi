import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from inventory.v1 import access_pb2 as _access_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StockCountState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOCK_COUNT_STATE_UNSPECIFIED: _ClassVar[StockCountState]
    STOCK_COUNT_STATE_OPEN: _ClassVar[StockCountState]
    STOCK_COUNT_STATE_POSTED: _ClassVar[StockCountState]
    STOCK_COUNT_STATE_CANCELLED: _ClassVar[StockCountState]
STOCK_COUNT_STATE_UNSPECIFIED: StockCountState
STOCK_COUNT_STATE_OPEN: StockCountState
STOCK_COUNT_STATE_POSTED: StockCountState
STOCK_COUNT_STATE_CANCELLED: StockCountState

class StockCount(_message.Message):
    __slots__ = ("count_id", "location", "category", "state", "version", "reference", "reason", "opened_at", "ended_at", "lines", "channel")
    COUNT_ID_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    count_id: str
    location: str
    category: str
    state: StockCountState
    version: int
    reference: str
    reason: str
    opened_at: _timestamp_pb2.Timestamp
    ended_at: _timestamp_pb2.Timestamp
    lines: int
    channel: str
    def __init__(self, count_id: _Optional[str] = ..., location: _Optional[str] = ..., category: _Optional[str] = ..., state: _Optional[_Union[StockCountState, str]] = ..., version: _Optional[int] = ..., reference: _Optional[str] = ..., reason: _Optional[str] = ..., opened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lines: _Optional[int] = ..., channel: _Optional[str] = ...) -> None: ...

class StockCountLine(_message.Message):
    __slots__ = ("sku", "lot", "counted", "on_hand", "at_revision", "difference")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    AT_REVISION_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    sku: str
    lot: str
    counted: int
    on_hand: int
    at_revision: int
    difference: int
    def __init__(self, sku: _Optional[str] = ..., lot: _Optional[str] = ..., counted: _Optional[int] = ..., on_hand: _Optional[int] = ..., at_revision: _Optional[int] = ..., difference: _Optional[int] = ...) -> None: ...

class OpenStockCountRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "location", "category", "reason", "reference")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    location: str
    category: str
    reason: str
    reference: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., location: _Optional[str] = ..., category: _Optional[str] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class OpenStockCountResponse(_message.Message):
    __slots__ = ("revision", "replayed", "count")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    count: StockCount
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., count: _Optional[_Union[StockCount, _Mapping]] = ...) -> None: ...

class CountedQuantity(_message.Message):
    __slots__ = ("sku", "counted", "lot", "at_revision", "expected_counted")
    SKU_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    AT_REVISION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_COUNTED_FIELD_NUMBER: _ClassVar[int]
    sku: str
    counted: int
    lot: str
    at_revision: int
    expected_counted: int
    def __init__(self, sku: _Optional[str] = ..., counted: _Optional[int] = ..., lot: _Optional[str] = ..., at_revision: _Optional[int] = ..., expected_counted: _Optional[int] = ...) -> None: ...

class RecordStockCountRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "count_id", "lines")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    COUNT_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    count_id: str
    lines: _containers.RepeatedCompositeFieldContainer[CountedQuantity]
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., count_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[CountedQuantity, _Mapping]]] = ...) -> None: ...

class RecordStockCountResponse(_message.Message):
    __slots__ = ("revision", "replayed", "count", "lines")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    count: StockCount
    lines: _containers.RepeatedCompositeFieldContainer[StockCountLine]
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., count: _Optional[_Union[StockCount, _Mapping]] = ..., lines: _Optional[_Iterable[_Union[StockCountLine, _Mapping]]] = ...) -> None: ...

class PostStockCountRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "count_id", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    COUNT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    count_id: str
    expected_version: int
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., count_id: _Optional[str] = ..., expected_version: _Optional[int] = ...) -> None: ...

class PostStockCountResponse(_message.Message):
    __slots__ = ("revision", "replayed", "count")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    count: StockCount
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., count: _Optional[_Union[StockCount, _Mapping]] = ...) -> None: ...

class CancelStockCountRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "count_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    COUNT_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    count_id: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., count_id: _Optional[str] = ...) -> None: ...

class CancelStockCountResponse(_message.Message):
    __slots__ = ("revision", "replayed", "count")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    count: StockCount
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., count: _Optional[_Union[StockCount, _Mapping]] = ...) -> None: ...

class GetStockCountRequest(_message.Message):
    __slots__ = ("count_id", "only_differences", "page_size", "page_token")
    COUNT_ID_FIELD_NUMBER: _ClassVar[int]
    ONLY_DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    count_id: str
    only_differences: bool
    page_size: int
    page_token: str
    def __init__(self, count_id: _Optional[str] = ..., only_differences: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetStockCountResponse(_message.Message):
    __slots__ = ("count", "lines", "next_page_token")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    count: StockCount
    lines: _containers.RepeatedCompositeFieldContainer[StockCountLine]
    next_page_token: str
    def __init__(self, count: _Optional[_Union[StockCount, _Mapping]] = ..., lines: _Optional[_Iterable[_Union[StockCountLine, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListStockCountsRequest(_message.Message):
    __slots__ = ("state", "location", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: StockCountState
    location: str
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[_Union[StockCountState, str]] = ..., location: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListStockCountsResponse(_message.Message):
    __slots__ = ("counts", "next_page_token")
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedCompositeFieldContainer[StockCount]
    next_page_token: str
    def __init__(self, counts: _Optional[_Iterable[_Union[StockCount, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
