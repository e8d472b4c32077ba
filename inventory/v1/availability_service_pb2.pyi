import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from inventory.v1 import access_pb2 as _access_pb2
from inventory.v1 import channel_service_pb2 as _channel_service_pb2
from inventory.v1 import core_pb2 as _core_pb2
from inventory.v1 import reservation_service_pb2 as _reservation_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExplainStepKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPLAIN_STEP_KIND_UNSPECIFIED: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_ON_HAND: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_UNSELLABLE: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_HELD: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_ALLOCATED: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_WAITING: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_SHORT_LIVED: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_BUFFER: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_SHARE: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_CAP: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_BACKORDER: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_VIRTUAL: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_COMPONENTS: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_INACTIVE: _ClassVar[ExplainStepKind]
    EXPLAIN_STEP_KIND_SILENT: _ClassVar[ExplainStepKind]
EXPLAIN_STEP_KIND_UNSPECIFIED: ExplainStepKind
EXPLAIN_STEP_KIND_ON_HAND: ExplainStepKind
EXPLAIN_STEP_KIND_UNSELLABLE: ExplainStepKind
EXPLAIN_STEP_KIND_HELD: ExplainStepKind
EXPLAIN_STEP_KIND_ALLOCATED: ExplainStepKind
EXPLAIN_STEP_KIND_WAITING: ExplainStepKind
EXPLAIN_STEP_KIND_SHORT_LIVED: ExplainStepKind
EXPLAIN_STEP_KIND_BUFFER: ExplainStepKind
EXPLAIN_STEP_KIND_SHARE: ExplainStepKind
EXPLAIN_STEP_KIND_CAP: ExplainStepKind
EXPLAIN_STEP_KIND_BACKORDER: ExplainStepKind
EXPLAIN_STEP_KIND_VIRTUAL: ExplainStepKind
EXPLAIN_STEP_KIND_COMPONENTS: ExplainStepKind
EXPLAIN_STEP_KIND_INACTIVE: ExplainStepKind
EXPLAIN_STEP_KIND_SILENT: ExplainStepKind

class GetAvailabilityRequest(_message.Message):
    __slots__ = ("skus", "channel", "purpose", "min_revision")
    SKUS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    MIN_REVISION_FIELD_NUMBER: _ClassVar[int]
    skus: _containers.RepeatedScalarFieldContainer[str]
    channel: str
    purpose: _core_pb2.Purpose
    min_revision: int
    def __init__(self, skus: _Optional[_Iterable[str]] = ..., channel: _Optional[str] = ..., purpose: _Optional[_Union[_core_pb2.Purpose, str]] = ..., min_revision: _Optional[int] = ...) -> None: ...

class GetAvailabilityResponse(_message.Message):
    __slots__ = ("availability", "unknown")
    AVAILABILITY_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    availability: _containers.RepeatedCompositeFieldContainer[_channel_service_pb2.ChannelAvailability]
    unknown: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, availability: _Optional[_Iterable[_Union[_channel_service_pb2.ChannelAvailability, _Mapping]]] = ..., unknown: _Optional[_Iterable[str]] = ...) -> None: ...

class CheckAvailabilityRequest(_message.Message):
    __slots__ = ("lines", "sourcing", "purpose", "pickup", "min_revision")
    LINES_FIELD_NUMBER: _ClassVar[int]
    SOURCING_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    PICKUP_FIELD_NUMBER: _ClassVar[int]
    MIN_REVISION_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[_core_pb2.LineQuantity]
    sourcing: _reservation_service_pb2.Sourcing
    purpose: _core_pb2.Purpose
    pickup: _reservation_service_pb2.Pickup
    min_revision: int
    def __init__(self, lines: _Optional[_Iterable[_Union[_core_pb2.LineQuantity, _Mapping]]] = ..., sourcing: _Optional[_Union[_reservation_service_pb2.Sourcing, _Mapping]] = ..., purpose: _Optional[_Union[_core_pb2.Purpose, str]] = ..., pickup: _Optional[_Union[_reservation_service_pb2.Pickup, _Mapping]] = ..., min_revision: _Optional[int] = ...) -> None: ...

class PromisedPart(_message.Message):
    __slots__ = ("sku", "location", "quantity", "backordered", "lot", "leaves_at", "arrives_on", "same_day")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    BACKORDERED_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    LEAVES_AT_FIELD_NUMBER: _ClassVar[int]
    ARRIVES_ON_FIELD_NUMBER: _ClassVar[int]
    SAME_DAY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    quantity: int
    backordered: int
    lot: str
    leaves_at: _timestamp_pb2.Timestamp
    arrives_on: str
    same_day: bool
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., backordered: _Optional[int] = ..., lot: _Optional[str] = ..., leaves_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., arrives_on: _Optional[str] = ..., same_day: _Optional[bool] = ...) -> None: ...

class DueIn(_message.Message):
    __slots__ = ("location", "due_on", "quantity", "reference", "sku")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    DUE_ON_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    location: str
    due_on: str
    quantity: int
    reference: str
    sku: str
    def __init__(self, location: _Optional[str] = ..., due_on: _Optional[str] = ..., quantity: _Optional[int] = ..., reference: _Optional[str] = ..., sku: _Optional[str] = ...) -> None: ...

class Alternative(_message.Message):
    __slots__ = ("location", "available", "purpose")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    location: str
    available: int
    purpose: _core_pb2.Purpose
    def __init__(self, location: _Optional[str] = ..., available: _Optional[int] = ..., purpose: _Optional[_Union[_core_pb2.Purpose, str]] = ...) -> None: ...

class PromisedLine(_message.Message):
    __slots__ = ("sku", "requested", "promised", "parts", "due_in", "promisable_from", "alternatives")
    SKU_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_FIELD_NUMBER: _ClassVar[int]
    PROMISED_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    DUE_IN_FIELD_NUMBER: _ClassVar[int]
    PROMISABLE_FROM_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    sku: str
    requested: int
    promised: int
    parts: _containers.RepeatedCompositeFieldContainer[PromisedPart]
    due_in: _containers.RepeatedCompositeFieldContainer[DueIn]
    promisable_from: str
    alternatives: _containers.RepeatedCompositeFieldContainer[Alternative]
    def __init__(self, sku: _Optional[str] = ..., requested: _Optional[int] = ..., promised: _Optional[int] = ..., parts: _Optional[_Iterable[_Union[PromisedPart, _Mapping]]] = ..., due_in: _Optional[_Iterable[_Union[DueIn, _Mapping]]] = ..., promisable_from: _Optional[str] = ..., alternatives: _Optional[_Iterable[_Union[Alternative, _Mapping]]] = ...) -> None: ...

class CheckAvailabilityResponse(_message.Message):
    __slots__ = ("lines", "promisable", "arrives_on", "ready_at", "parcels", "revision")
    LINES_FIELD_NUMBER: _ClassVar[int]
    PROMISABLE_FIELD_NUMBER: _ClassVar[int]
    ARRIVES_ON_FIELD_NUMBER: _ClassVar[int]
    READY_AT_FIELD_NUMBER: _ClassVar[int]
    PARCELS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[PromisedLine]
    promisable: bool
    arrives_on: str
    ready_at: _timestamp_pb2.Timestamp
    parcels: int
    revision: int
    def __init__(self, lines: _Optional[_Iterable[_Union[PromisedLine, _Mapping]]] = ..., promisable: _Optional[bool] = ..., arrives_on: _Optional[str] = ..., ready_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., parcels: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class ExplainAvailabilityRequest(_message.Message):
    __slots__ = ("sku", "channel", "purpose", "min_revision")
    SKU_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    MIN_REVISION_FIELD_NUMBER: _ClassVar[int]
    sku: str
    channel: str
    purpose: _core_pb2.Purpose
    min_revision: int
    def __init__(self, sku: _Optional[str] = ..., channel: _Optional[str] = ..., purpose: _Optional[_Union[_core_pb2.Purpose, str]] = ..., min_revision: _Optional[int] = ...) -> None: ...

class ExplainStep(_message.Message):
    __slots__ = ("kind", "quantity", "running", "location", "lot", "disposition", "reservation_id", "channel", "owner", "until", "reservations", "reference")
    KIND_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    kind: ExplainStepKind
    quantity: int
    running: int
    location: str
    lot: str
    disposition: _core_pb2.Disposition
    reservation_id: str
    channel: str
    owner: str
    until: _timestamp_pb2.Timestamp
    reservations: int
    reference: str
    def __init__(self, kind: _Optional[_Union[ExplainStepKind, str]] = ..., quantity: _Optional[int] = ..., running: _Optional[int] = ..., location: _Optional[str] = ..., lot: _Optional[str] = ..., disposition: _Optional[_Union[_core_pb2.Disposition, str]] = ..., reservation_id: _Optional[str] = ..., channel: _Optional[str] = ..., owner: _Optional[str] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reservations: _Optional[int] = ..., reference: _Optional[str] = ...) -> None: ...

class UnusedPlace(_message.Message):
    __slots__ = ("location", "available", "why")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    location: str
    available: int
    why: str
    def __init__(self, location: _Optional[str] = ..., available: _Optional[int] = ..., why: _Optional[str] = ...) -> None: ...

class ExplainedComponent(_message.Message):
    __slots__ = ("sku", "quantity", "available_to_sell", "bundles", "scarcest")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_TO_SELL_FIELD_NUMBER: _ClassVar[int]
    BUNDLES_FIELD_NUMBER: _ClassVar[int]
    SCARCEST_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    available_to_sell: int
    bundles: int
    scarcest: bool
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ..., available_to_sell: _Optional[int] = ..., bundles: _Optional[int] = ..., scarcest: _Optional[bool] = ...) -> None: ...

class ExplainAvailabilityResponse(_message.Message):
    __slots__ = ("availability", "steps", "due_in", "unused", "components", "revision", "channel", "unit", "unit_digits", "components_apart")
    AVAILABILITY_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    DUE_IN_FIELD_NUMBER: _ClassVar[int]
    UNUSED_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    UNIT_DIGITS_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_APART_FIELD_NUMBER: _ClassVar[int]
    availability: _channel_service_pb2.ChannelAvailability
    steps: _containers.RepeatedCompositeFieldContainer[ExplainStep]
    due_in: _containers.RepeatedCompositeFieldContainer[DueIn]
    unused: _containers.RepeatedCompositeFieldContainer[UnusedPlace]
    components: _containers.RepeatedCompositeFieldContainer[ExplainedComponent]
    revision: int
    channel: str
    unit: str
    unit_digits: int
    components_apart: int
    def __init__(self, availability: _Optional[_Union[_channel_service_pb2.ChannelAvailability, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[ExplainStep, _Mapping]]] = ..., due_in: _Optional[_Iterable[_Union[DueIn, _Mapping]]] = ..., unused: _Optional[_Iterable[_Union[UnusedPlace, _Mapping]]] = ..., components: _Optional[_Iterable[_Union[ExplainedComponent, _Mapping]]] = ..., revision: _Optional[int] = ..., channel: _Optional[str] = ..., unit: _Optional[str] = ..., unit_digits: _Optional[int] = ..., components_apart: _Optional[int] = ...) -> None: ...
