import datetime

from google.protobuf import any_pb2 as _any_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Disposition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISPOSITION_UNSPECIFIED: _ClassVar[Disposition]
    DISPOSITION_SELLABLE: _ClassVar[Disposition]
    DISPOSITION_QUALITY_CONTROL: _ClassVar[Disposition]
    DISPOSITION_DAMAGED: _ClassVar[Disposition]
    DISPOSITION_QUARANTINED: _ClassVar[Disposition]

class MovementKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MOVEMENT_KIND_UNSPECIFIED: _ClassVar[MovementKind]
    MOVEMENT_KIND_ADJUSTMENT: _ClassVar[MovementKind]
    MOVEMENT_KIND_COUNT: _ClassVar[MovementKind]
    MOVEMENT_KIND_HOLD: _ClassVar[MovementKind]
    MOVEMENT_KIND_ALLOCATION: _ClassVar[MovementKind]
    MOVEMENT_KIND_COMMIT: _ClassVar[MovementKind]
    MOVEMENT_KIND_EXTENSION: _ClassVar[MovementKind]
    MOVEMENT_KIND_RELEASE: _ClassVar[MovementKind]
    MOVEMENT_KIND_EXPIRY: _ClassVar[MovementKind]
    MOVEMENT_KIND_FULFILMENT: _ClassVar[MovementKind]
    MOVEMENT_KIND_THRESHOLD: _ClassVar[MovementKind]
    MOVEMENT_KIND_RECEIPT: _ClassVar[MovementKind]
    MOVEMENT_KIND_RETURN: _ClassVar[MovementKind]
    MOVEMENT_KIND_RECLASSIFICATION: _ClassVar[MovementKind]
    MOVEMENT_KIND_TRANSFER_SHIPMENT: _ClassVar[MovementKind]
    MOVEMENT_KIND_TRANSFER_RECEIPT: _ClassVar[MovementKind]
    MOVEMENT_KIND_TRANSFER_CANCELLATION: _ClassVar[MovementKind]
    MOVEMENT_KIND_BACKORDER_FILL: _ClassVar[MovementKind]
    MOVEMENT_KIND_REALLOCATION: _ClassVar[MovementKind]
    MOVEMENT_KIND_EXPECTATION: _ClassVar[MovementKind]
    MOVEMENT_KIND_LOT_EXPIRY: _ClassVar[MovementKind]

class ReservationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESERVATION_STATE_UNSPECIFIED: _ClassVar[ReservationState]
    RESERVATION_STATE_HELD: _ClassVar[ReservationState]
    RESERVATION_STATE_ALLOCATED: _ClassVar[ReservationState]
    RESERVATION_STATE_FULFILLED: _ClassVar[ReservationState]
    RESERVATION_STATE_RELEASED: _ClassVar[ReservationState]
    RESERVATION_STATE_EXPIRED: _ClassVar[ReservationState]

class Purpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PURPOSE_UNSPECIFIED: _ClassVar[Purpose]
    PURPOSE_ONLINE: _ClassVar[Purpose]
    PURPOSE_PICKUP: _ClassVar[Purpose]
    PURPOSE_WALK_IN: _ClassVar[Purpose]

class ErrorPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_POLICY_UNSPECIFIED: _ClassVar[ErrorPolicy]
    ERROR_POLICY_ALL_OR_NOTHING: _ClassVar[ErrorPolicy]
    ERROR_POLICY_SKIP_REFUSED: _ClassVar[ErrorPolicy]
DISPOSITION_UNSPECIFIED: Disposition
DISPOSITION_SELLABLE: Disposition
DISPOSITION_QUALITY_CONTROL: Disposition
DISPOSITION_DAMAGED: Disposition
DISPOSITION_QUARANTINED: Disposition
MOVEMENT_KIND_UNSPECIFIED: MovementKind
MOVEMENT_KIND_ADJUSTMENT: MovementKind
MOVEMENT_KIND_COUNT: MovementKind
MOVEMENT_KIND_HOLD: MovementKind
MOVEMENT_KIND_ALLOCATION: MovementKind
MOVEMENT_KIND_COMMIT: MovementKind
MOVEMENT_KIND_EXTENSION: MovementKind
MOVEMENT_KIND_RELEASE: MovementKind
MOVEMENT_KIND_EXPIRY: MovementKind
MOVEMENT_KIND_FULFILMENT: MovementKind
MOVEMENT_KIND_THRESHOLD: MovementKind
MOVEMENT_KIND_RECEIPT: MovementKind
MOVEMENT_KIND_RETURN: MovementKind
MOVEMENT_KIND_RECLASSIFICATION: MovementKind
MOVEMENT_KIND_TRANSFER_SHIPMENT: MovementKind
MOVEMENT_KIND_TRANSFER_RECEIPT: MovementKind
MOVEMENT_KIND_TRANSFER_CANCELLATION: MovementKind
MOVEMENT_KIND_BACKORDER_FILL: MovementKind
MOVEMENT_KIND_REALLOCATION: MovementKind
MOVEMENT_KIND_EXPECTATION: MovementKind
MOVEMENT_KIND_LOT_EXPIRY: MovementKind
RESERVATION_STATE_UNSPECIFIED: ReservationState
RESERVATION_STATE_HELD: ReservationState
RESERVATION_STATE_ALLOCATED: ReservationState
RESERVATION_STATE_FULFILLED: ReservationState
RESERVATION_STATE_RELEASED: ReservationState
RESERVATION_STATE_EXPIRED: ReservationState
PURPOSE_UNSPECIFIED: Purpose
PURPOSE_ONLINE: Purpose
PURPOSE_PICKUP: Purpose
PURPOSE_WALK_IN: Purpose
ERROR_POLICY_UNSPECIFIED: ErrorPolicy
ERROR_POLICY_ALL_OR_NOTHING: ErrorPolicy
ERROR_POLICY_SKIP_REFUSED: ErrorPolicy

class Cursor(_message.Message):
    __slots__ = ("epoch", "revision")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    revision: int
    def __init__(self, epoch: _Optional[str] = ..., revision: _Optional[int] = ...) -> None: ...

class Quantities(_message.Message):
    __slots__ = ("on_hand", "held", "allocated", "quality_control", "damaged", "quarantined", "available", "backordered", "in_transit", "incoming")
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    ALLOCATED_FIELD_NUMBER: _ClassVar[int]
    QUALITY_CONTROL_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    BACKORDERED_FIELD_NUMBER: _ClassVar[int]
    IN_TRANSIT_FIELD_NUMBER: _ClassVar[int]
    INCOMING_FIELD_NUMBER: _ClassVar[int]
    on_hand: int
    held: int
    allocated: int
    quality_control: int
    damaged: int
    quarantined: int
    available: int
    backordered: int
    in_transit: int
    incoming: int
    def __init__(self, on_hand: _Optional[int] = ..., held: _Optional[int] = ..., allocated: _Optional[int] = ..., quality_control: _Optional[int] = ..., damaged: _Optional[int] = ..., quarantined: _Optional[int] = ..., available: _Optional[int] = ..., backordered: _Optional[int] = ..., in_transit: _Optional[int] = ..., incoming: _Optional[int] = ...) -> None: ...

class Level(_message.Message):
    __slots__ = ("sku", "location", "quantities", "revision", "safety_stock", "reorder_point", "backorder_limit")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITIES_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SAFETY_STOCK_FIELD_NUMBER: _ClassVar[int]
    REORDER_POINT_FIELD_NUMBER: _ClassVar[int]
    BACKORDER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    quantities: Quantities
    revision: int
    safety_stock: int
    reorder_point: int
    backorder_limit: int
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., quantities: _Optional[_Union[Quantities, _Mapping]] = ..., revision: _Optional[int] = ..., safety_stock: _Optional[int] = ..., reorder_point: _Optional[int] = ..., backorder_limit: _Optional[int] = ...) -> None: ...

class Movement(_message.Message):
    __slots__ = ("revision", "ordinal", "sku", "location", "kind", "delta", "after", "reservation_id", "channel", "reason", "reference", "recorded_at", "lot")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    RECORDED_AT_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    revision: int
    ordinal: int
    sku: str
    location: str
    kind: MovementKind
    delta: Quantities
    after: Quantities
    reservation_id: str
    channel: str
    reason: str
    reference: str
    recorded_at: _timestamp_pb2.Timestamp
    lot: str
    def __init__(self, revision: _Optional[int] = ..., ordinal: _Optional[int] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., kind: _Optional[_Union[MovementKind, str]] = ..., delta: _Optional[_Union[Quantities, _Mapping]] = ..., after: _Optional[_Union[Quantities, _Mapping]] = ..., reservation_id: _Optional[str] = ..., channel: _Optional[str] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ..., recorded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lot: _Optional[str] = ...) -> None: ...

class ReservationLine(_message.Message):
    __slots__ = ("sku", "location", "requested", "held", "allocated", "fulfilled", "released", "backordered", "ask", "lot", "bundle", "bundle_quantity", "serials")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    ALLOCATED_FIELD_NUMBER: _ClassVar[int]
    FULFILLED_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    BACKORDERED_FIELD_NUMBER: _ClassVar[int]
    ASK_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    SERIALS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    requested: int
    held: int
    allocated: int
    fulfilled: int
    released: int
    backordered: int
    ask: int
    lot: str
    bundle: str
    bundle_quantity: int
    serials: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., requested: _Optional[int] = ..., held: _Optional[int] = ..., allocated: _Optional[int] = ..., fulfilled: _Optional[int] = ..., released: _Optional[int] = ..., backordered: _Optional[int] = ..., ask: _Optional[int] = ..., lot: _Optional[str] = ..., bundle: _Optional[str] = ..., bundle_quantity: _Optional[int] = ..., serials: _Optional[_Iterable[str]] = ...) -> None: ...

class Reservation(_message.Message):
    __slots__ = ("reservation_id", "channel", "owner", "reference", "state", "expires_at", "created_at", "lines", "purpose", "pickup_location", "ready_at", "transfer_ids")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    PICKUP_LOCATION_FIELD_NUMBER: _ClassVar[int]
    READY_AT_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_IDS_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    channel: str
    owner: str
    reference: str
    state: ReservationState
    expires_at: _timestamp_pb2.Timestamp
    created_at: _timestamp_pb2.Timestamp
    lines: _containers.RepeatedCompositeFieldContainer[ReservationLine]
    purpose: Purpose
    pickup_location: str
    ready_at: _timestamp_pb2.Timestamp
    transfer_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, reservation_id: _Optional[str] = ..., channel: _Optional[str] = ..., owner: _Optional[str] = ..., reference: _Optional[str] = ..., state: _Optional[_Union[ReservationState, str]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lines: _Optional[_Iterable[_Union[ReservationLine, _Mapping]]] = ..., purpose: _Optional[_Union[Purpose, str]] = ..., pickup_location: _Optional[str] = ..., ready_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., transfer_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class LineQuantity(_message.Message):
    __slots__ = ("sku", "location", "quantity", "amount", "unit", "serials")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SERIALS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    quantity: int
    amount: str
    unit: str
    serials: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., amount: _Optional[str] = ..., unit: _Optional[str] = ..., serials: _Optional[_Iterable[str]] = ...) -> None: ...

class Point(_message.Message):
    __slots__ = ("latitude", "longitude")
    LATITUDE_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    latitude: float
    longitude: float
    def __init__(self, latitude: _Optional[float] = ..., longitude: _Optional[float] = ...) -> None: ...

class OversellPolicy(_message.Message):
    __slots__ = ("deny", "limit", "allow")
    DENY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ALLOW_FIELD_NUMBER: _ClassVar[int]
    deny: bool
    limit: int
    allow: bool
    def __init__(self, deny: _Optional[bool] = ..., limit: _Optional[int] = ..., allow: _Optional[bool] = ...) -> None: ...

class RowError(_message.Message):
    __slots__ = ("code", "message", "details")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    details: _containers.RepeatedCompositeFieldContainer[_any_pb2.Any]
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., details: _Optional[_Iterable[_Union[_any_pb2.Any, _Mapping]]] = ...) -> None: ...
