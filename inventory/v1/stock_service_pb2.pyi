import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from inventory.v1 import access_pb2 as _access_pb2
from inventory.v1 import core_pb2 as _core_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReceiptKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECEIPT_KIND_UNSPECIFIED: _ClassVar[ReceiptKind]
    RECEIPT_KIND_GOODS: _ClassVar[ReceiptKind]
    RECEIPT_KIND_RETURN: _ClassVar[ReceiptKind]

class SerialState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SERIAL_STATE_UNSPECIFIED: _ClassVar[SerialState]
    SERIAL_STATE_IN_STOCK: _ClassVar[SerialState]
    SERIAL_STATE_PROMISED: _ClassVar[SerialState]
    SERIAL_STATE_ISSUED: _ClassVar[SerialState]
    SERIAL_STATE_IN_TRANSIT: _ClassVar[SerialState]
    SERIAL_STATE_LOST: _ClassVar[SerialState]
RECEIPT_KIND_UNSPECIFIED: ReceiptKind
RECEIPT_KIND_GOODS: ReceiptKind
RECEIPT_KIND_RETURN: ReceiptKind
SERIAL_STATE_UNSPECIFIED: SerialState
SERIAL_STATE_IN_STOCK: SerialState
SERIAL_STATE_PROMISED: SerialState
SERIAL_STATE_ISSUED: SerialState
SERIAL_STATE_IN_TRANSIT: SerialState
SERIAL_STATE_LOST: SerialState

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
    __slots__ = ("request_id", "validate_only", "sku", "location", "delta", "disposition", "reason", "reference", "lot", "serials")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    SERIALS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    sku: str
    location: str
    delta: int
    disposition: _core_pb2.Disposition
    reason: str
    reference: str
    lot: str
    serials: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., delta: _Optional[int] = ..., disposition: _Optional[_Union[_core_pb2.Disposition, str]] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ..., lot: _Optional[str] = ..., serials: _Optional[_Iterable[str]] = ...) -> None: ...

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
    __slots__ = ("sku", "location", "delta", "disposition", "expected_on_hand", "lot", "serials")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ON_HAND_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    SERIALS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    delta: int
    disposition: _core_pb2.Disposition
    expected_on_hand: int
    lot: str
    serials: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., delta: _Optional[int] = ..., disposition: _Optional[_Union[_core_pb2.Disposition, str]] = ..., expected_on_hand: _Optional[int] = ..., lot: _Optional[str] = ..., serials: _Optional[_Iterable[str]] = ...) -> None: ...

class ReceiptLine(_message.Message):
    __slots__ = ("sku", "quantity", "amount", "unit", "disposition", "lot", "expires_on", "serials")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_ON_FIELD_NUMBER: _ClassVar[int]
    SERIALS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    amount: str
    unit: str
    disposition: _core_pb2.Disposition
    lot: str
    expires_on: str
    serials: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ..., amount: _Optional[str] = ..., unit: _Optional[str] = ..., disposition: _Optional[_Union[_core_pb2.Disposition, str]] = ..., lot: _Optional[str] = ..., expires_on: _Optional[str] = ..., serials: _Optional[_Iterable[str]] = ...) -> None: ...

class ReceiveStockRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "location", "kind", "lines", "incoming_reference", "reason", "reference")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    INCOMING_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    location: str
    kind: ReceiptKind
    lines: _containers.RepeatedCompositeFieldContainer[ReceiptLine]
    incoming_reference: str
    reason: str
    reference: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., location: _Optional[str] = ..., kind: _Optional[_Union[ReceiptKind, str]] = ..., lines: _Optional[_Iterable[_Union[ReceiptLine, _Mapping]]] = ..., incoming_reference: _Optional[str] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class ReceiveStockResponse(_message.Message):
    __slots__ = ("revision", "replayed", "levels")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    levels: _containers.RepeatedCompositeFieldContainer[_core_pb2.Level]
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., levels: _Optional[_Iterable[_Union[_core_pb2.Level, _Mapping]]] = ...) -> None: ...

class ReclassifyStockRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "sku", "location", "quantity", "from_disposition", "to_disposition", "lot", "serials", "reason", "reference")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    FROM_DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    TO_DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    SERIALS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    sku: str
    location: str
    quantity: int
    from_disposition: _core_pb2.Disposition
    to_disposition: _core_pb2.Disposition
    lot: str
    serials: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    reference: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., from_disposition: _Optional[_Union[_core_pb2.Disposition, str]] = ..., to_disposition: _Optional[_Union[_core_pb2.Disposition, str]] = ..., lot: _Optional[str] = ..., serials: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class ReclassifyStockResponse(_message.Message):
    __slots__ = ("revision", "replayed", "level")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    level: _core_pb2.Level
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., level: _Optional[_Union[_core_pb2.Level, _Mapping]] = ...) -> None: ...

class IncomingLine(_message.Message):
    __slots__ = ("sku", "location", "quantity", "due_on")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    DUE_ON_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    quantity: int
    due_on: str
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., due_on: _Optional[str] = ...) -> None: ...

class SetIncomingRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "reference", "lines")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    reference: str
    lines: _containers.RepeatedCompositeFieldContainer[IncomingLine]
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., reference: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[IncomingLine, _Mapping]]] = ...) -> None: ...

class SetIncomingResponse(_message.Message):
    __slots__ = ("revision", "replayed", "levels")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    levels: _containers.RepeatedCompositeFieldContainer[_core_pb2.Level]
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., levels: _Optional[_Iterable[_Union[_core_pb2.Level, _Mapping]]] = ...) -> None: ...

class ListLotsRequest(_message.Message):
    __slots__ = ("sku", "location")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ...) -> None: ...

class LotLevel(_message.Message):
    __slots__ = ("lot", "expires_on", "location", "quantities")
    LOT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_ON_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITIES_FIELD_NUMBER: _ClassVar[int]
    lot: str
    expires_on: str
    location: str
    quantities: _core_pb2.Quantities
    def __init__(self, lot: _Optional[str] = ..., expires_on: _Optional[str] = ..., location: _Optional[str] = ..., quantities: _Optional[_Union[_core_pb2.Quantities, _Mapping]] = ...) -> None: ...

class ListLotsResponse(_message.Message):
    __slots__ = ("lots",)
    LOTS_FIELD_NUMBER: _ClassVar[int]
    lots: _containers.RepeatedCompositeFieldContainer[LotLevel]
    def __init__(self, lots: _Optional[_Iterable[_Union[LotLevel, _Mapping]]] = ...) -> None: ...

class SerialEvent(_message.Message):
    __slots__ = ("revision", "state", "location", "disposition", "reservation_id", "reference", "recorded_at")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    RECORDED_AT_FIELD_NUMBER: _ClassVar[int]
    revision: int
    state: SerialState
    location: str
    disposition: _core_pb2.Disposition
    reservation_id: str
    reference: str
    recorded_at: _timestamp_pb2.Timestamp
    def __init__(self, revision: _Optional[int] = ..., state: _Optional[_Union[SerialState, str]] = ..., location: _Optional[str] = ..., disposition: _Optional[_Union[_core_pb2.Disposition, str]] = ..., reservation_id: _Optional[str] = ..., reference: _Optional[str] = ..., recorded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetSerialRequest(_message.Message):
    __slots__ = ("sku", "serial")
    SKU_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    sku: str
    serial: str
    def __init__(self, sku: _Optional[str] = ..., serial: _Optional[str] = ...) -> None: ...

class GetSerialResponse(_message.Message):
    __slots__ = ("present", "history")
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    present: SerialEvent
    history: _containers.RepeatedCompositeFieldContainer[SerialEvent]
    def __init__(self, present: _Optional[_Union[SerialEvent, _Mapping]] = ..., history: _Optional[_Iterable[_Union[SerialEvent, _Mapping]]] = ...) -> None: ...

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
