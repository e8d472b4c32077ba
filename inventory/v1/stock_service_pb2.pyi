import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from inventory.v1 import core_pb2 as _core_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStockRequest(_message.Message):
    __slots__ = ("sku", "location", "min_revision")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    MIN_REVISION_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    min_revision: int
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., min_revision: _Optional[int] = ...) -> None: ...

class GetStockResponse(_message.Message):
    __slots__ = ("level",)
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    level: _core_pb2.Level
    def __init__(self, level: _Optional[_Union[_core_pb2.Level, _Mapping]] = ...) -> None: ...

class StockKey(_message.Message):
    __slots__ = ("sku", "location")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ...) -> None: ...

class BatchGetStockRequest(_message.Message):
    __slots__ = ("keys", "min_revision")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    MIN_REVISION_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[StockKey]
    min_revision: int
    def __init__(self, keys: _Optional[_Iterable[_Union[StockKey, _Mapping]]] = ..., min_revision: _Optional[int] = ...) -> None: ...

class BatchGetStockResponse(_message.Message):
    __slots__ = ("levels", "unknown")
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    levels: _containers.RepeatedCompositeFieldContainer[_core_pb2.Level]
    unknown: _containers.RepeatedCompositeFieldContainer[StockKey]
    def __init__(self, levels: _Optional[_Iterable[_Union[_core_pb2.Level, _Mapping]]] = ..., unknown: _Optional[_Iterable[_Union[StockKey, _Mapping]]] = ...) -> None: ...

class ListStockRequest(_message.Message):
    __slots__ = ("skus", "locations", "page_size", "page_token")
    SKUS_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    skus: _containers.RepeatedScalarFieldContainer[str]
    locations: _containers.RepeatedScalarFieldContainer[str]
    page_size: int
    page_token: str
    def __init__(self, skus: _Optional[_Iterable[str]] = ..., locations: _Optional[_Iterable[str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListStockResponse(_message.Message):
    __slots__ = ("levels", "next_page_token")
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    levels: _containers.RepeatedCompositeFieldContainer[_core_pb2.Level]
    next_page_token: str
    def __init__(self, levels: _Optional[_Iterable[_Union[_core_pb2.Level, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AdjustStockRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "sku", "location", "delta", "disposition", "reason", "reference")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    sku: str
    location: str
    delta: int
    disposition: _core_pb2.Disposition
    reason: str
    reference: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., delta: _Optional[int] = ..., disposition: _Optional[_Union[_core_pb2.Disposition, str]] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class AdjustStockResponse(_message.Message):
    __slots__ = ("revision", "replayed", "level")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    level: _core_pb2.Level
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., level: _Optional[_Union[_core_pb2.Level, _Mapping]] = ...) -> None: ...

class SetStockRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "sku", "location", "on_hand", "expected_on_hand", "reason", "reference")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ON_HAND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    sku: str
    location: str
    on_hand: int
    expected_on_hand: int
    reason: str
    reference: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., on_hand: _Optional[int] = ..., expected_on_hand: _Optional[int] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class SetStockResponse(_message.Message):
    __slots__ = ("revision", "replayed", "level")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    level: _core_pb2.Level
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., level: _Optional[_Union[_core_pb2.Level, _Mapping]] = ...) -> None: ...

class StockAdjustment(_message.Message):
    __slots__ = ("sku", "location", "delta", "disposition", "expected_on_hand")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ON_HAND_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    delta: int
    disposition: _core_pb2.Disposition
    expected_on_hand: int
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., delta: _Optional[int] = ..., disposition: _Optional[_Union[_core_pb2.Disposition, str]] = ..., expected_on_hand: _Optional[int] = ...) -> None: ...

class BatchAdjustStockRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "adjustments", "error_policy", "reason", "reference")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_POLICY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    adjustments: _containers.RepeatedCompositeFieldContainer[StockAdjustment]
    error_policy: _core_pb2.ErrorPolicy
    reason: str
    reference: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., adjustments: _Optional[_Iterable[_Union[StockAdjustment, _Mapping]]] = ..., error_policy: _Optional[_Union[_core_pb2.ErrorPolicy, str]] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class BatchAdjustStockResponse(_message.Message):
    __slots__ = ("revision", "replayed", "applied", "refused", "on_hand")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    applied: int
    refused: _containers.RepeatedCompositeFieldContainer[RefusedRow]
    on_hand: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., applied: _Optional[int] = ..., refused: _Optional[_Iterable[_Union[RefusedRow, _Mapping]]] = ..., on_hand: _Optional[_Iterable[int]] = ...) -> None: ...

class RefusedRow(_message.Message):
    __slots__ = ("row", "error")
    ROW_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    row: int
    error: _core_pb2.RowError
    def __init__(self, row: _Optional[int] = ..., error: _Optional[_Union[_core_pb2.RowError, _Mapping]] = ...) -> None: ...

class SetThresholdsRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "sku", "location", "safety_stock", "reorder_point", "backorder_limit")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    SAFETY_STOCK_FIELD_NUMBER: _ClassVar[int]
    REORDER_POINT_FIELD_NUMBER: _ClassVar[int]
    BACKORDER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    sku: str
    location: str
    safety_stock: int
    reorder_point: int
    backorder_limit: int
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., safety_stock: _Optional[int] = ..., reorder_point: _Optional[int] = ..., backorder_limit: _Optional[int] = ...) -> None: ...

class SetThresholdsResponse(_message.Message):
    __slots__ = ("revision", "replayed", "level")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    level: _core_pb2.Level
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., level: _Optional[_Union[_core_pb2.Level, _Mapping]] = ...) -> None: ...

class ListMovementsRequest(_message.Message):
    __slots__ = ("sku", "location", "reservation_id", "recorded_from", "recorded_before", "page_size", "page_token")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FROM_FIELD_NUMBER: _ClassVar[int]
    RECORDED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    reservation_id: str
    recorded_from: _timestamp_pb2.Timestamp
    recorded_before: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., reservation_id: _Optional[str] = ..., recorded_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., recorded_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListMovementsResponse(_message.Message):
    __slots__ = ("movements", "next_page_token")
    MOVEMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    movements: _containers.RepeatedCompositeFieldContainer[_core_pb2.Movement]
    next_page_token: str
    def __init__(self, movements: _Optional[_Iterable[_Union[_core_pb2.Movement, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
