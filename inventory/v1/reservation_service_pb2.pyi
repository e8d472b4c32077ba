import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from inventory.v1 import access_pb2 as _access_pb2
from inventory.v1 import core_pb2 as _core_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FillPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FILL_POLICY_UNSPECIFIED: _ClassVar[FillPolicy]
    FILL_POLICY_ALL_OR_NOTHING: _ClassVar[FillPolicy]
    FILL_POLICY_AS_MUCH_AS_POSSIBLE: _ClassVar[FillPolicy]

class SourcingStrategy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOURCING_STRATEGY_UNSPECIFIED: _ClassVar[SourcingStrategy]
    SOURCING_STRATEGY_PRIORITY: _ClassVar[SourcingStrategy]
    SOURCING_STRATEGY_NEAREST: _ClassVar[SourcingStrategy]
    SOURCING_STRATEGY_MOST_STOCK: _ClassVar[SourcingStrategy]
    SOURCING_STRATEGY_EARLIEST_EXPIRY: _ClassVar[SourcingStrategy]
    SOURCING_STRATEGY_FEWEST_PARCELS: _ClassVar[SourcingStrategy]
FILL_POLICY_UNSPECIFIED: FillPolicy
FILL_POLICY_ALL_OR_NOTHING: FillPolicy
FILL_POLICY_AS_MUCH_AS_POSSIBLE: FillPolicy
SOURCING_STRATEGY_UNSPECIFIED: SourcingStrategy
SOURCING_STRATEGY_PRIORITY: SourcingStrategy
SOURCING_STRATEGY_NEAREST: SourcingStrategy
SOURCING_STRATEGY_MOST_STOCK: SourcingStrategy
SOURCING_STRATEGY_EARLIEST_EXPIRY: SourcingStrategy
SOURCING_STRATEGY_FEWEST_PARCELS: SourcingStrategy

class Sourcing(_message.Message):
    __slots__ = ("strategy", "destination", "split")
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    strategy: SourcingStrategy
    destination: _core_pb2.Point
    split: bool
    def __init__(self, strategy: _Optional[_Union[SourcingStrategy, str]] = ..., destination: _Optional[_Union[_core_pb2.Point, _Mapping]] = ..., split: _Optional[bool] = ...) -> None: ...

class Pickup(_message.Message):
    __slots__ = ("location", "by_transfer")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    BY_TRANSFER_FIELD_NUMBER: _ClassVar[int]
    location: str
    by_transfer: bool
    def __init__(self, location: _Optional[str] = ..., by_transfer: _Optional[bool] = ...) -> None: ...

class ReserveRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "lines", "hold_ttl", "allocate", "fill_policy", "owner", "reference", "replace_owner_holds", "purpose", "sourcing", "stock_only", "pickup")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    HOLD_TTL_FIELD_NUMBER: _ClassVar[int]
    ALLOCATE_FIELD_NUMBER: _ClassVar[int]
    FILL_POLICY_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    REPLACE_OWNER_HOLDS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    SOURCING_FIELD_NUMBER: _ClassVar[int]
    STOCK_ONLY_FIELD_NUMBER: _ClassVar[int]
    PICKUP_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    lines: _containers.RepeatedCompositeFieldContainer[_core_pb2.LineQuantity]
    hold_ttl: _duration_pb2.Duration
    allocate: bool
    fill_policy: FillPolicy
    owner: str
    reference: str
    replace_owner_holds: bool
    purpose: _core_pb2.Purpose
    sourcing: Sourcing
    stock_only: bool
    pickup: Pickup
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., lines: _Optional[_Iterable[_Union[_core_pb2.LineQuantity, _Mapping]]] = ..., hold_ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., allocate: _Optional[bool] = ..., fill_policy: _Optional[_Union[FillPolicy, str]] = ..., owner: _Optional[str] = ..., reference: _Optional[str] = ..., replace_owner_holds: _Optional[bool] = ..., purpose: _Optional[_Union[_core_pb2.Purpose, str]] = ..., sourcing: _Optional[_Union[Sourcing, _Mapping]] = ..., stock_only: _Optional[bool] = ..., pickup: _Optional[_Union[Pickup, _Mapping]] = ...) -> None: ...

class ReserveResponse(_message.Message):
    __slots__ = ("revision", "replayed", "reservation")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    reservation: _core_pb2.Reservation
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., reservation: _Optional[_Union[_core_pb2.Reservation, _Mapping]] = ...) -> None: ...

class CommitRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "reservation_id", "lines", "reference")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_core_pb2.LineQuantity]
    reference: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_core_pb2.LineQuantity, _Mapping]]] = ..., reference: _Optional[str] = ...) -> None: ...

class CommitResponse(_message.Message):
    __slots__ = ("revision", "replayed", "reservation")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    reservation: _core_pb2.Reservation
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., reservation: _Optional[_Union[_core_pb2.Reservation, _Mapping]] = ...) -> None: ...

class ExtendRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "reservation_id", "ttl")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    reservation_id: str
    ttl: _duration_pb2.Duration
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., reservation_id: _Optional[str] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ExtendResponse(_message.Message):
    __slots__ = ("revision", "replayed", "reservation")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    reservation: _core_pb2.Reservation
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., reservation: _Optional[_Union[_core_pb2.Reservation, _Mapping]] = ...) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "reservation_id", "lines", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_core_pb2.LineQuantity]
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_core_pb2.LineQuantity, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ("revision", "replayed", "reservation")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    reservation: _core_pb2.Reservation
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., reservation: _Optional[_Union[_core_pb2.Reservation, _Mapping]] = ...) -> None: ...

class FulfilRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "reservation_id", "lines", "reference")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_core_pb2.LineQuantity]
    reference: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_core_pb2.LineQuantity, _Mapping]]] = ..., reference: _Optional[str] = ...) -> None: ...

class FulfilResponse(_message.Message):
    __slots__ = ("revision", "replayed", "reservation")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    reservation: _core_pb2.Reservation
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., reservation: _Optional[_Union[_core_pb2.Reservation, _Mapping]] = ...) -> None: ...

class Reallocation(_message.Message):
    __slots__ = ("sku", "from_location", "to_location", "quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    FROM_LOCATION_FIELD_NUMBER: _ClassVar[int]
    TO_LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    from_location: str
    to_location: str
    quantity: int
    def __init__(self, sku: _Optional[str] = ..., from_location: _Optional[str] = ..., to_location: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class ReallocateRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "reservation_id", "moves", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    MOVES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    reservation_id: str
    moves: _containers.RepeatedCompositeFieldContainer[Reallocation]
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., reservation_id: _Optional[str] = ..., moves: _Optional[_Iterable[_Union[Reallocation, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class ReallocateResponse(_message.Message):
    __slots__ = ("revision", "replayed", "reservation")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    reservation: _core_pb2.Reservation
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., reservation: _Optional[_Union[_core_pb2.Reservation, _Mapping]] = ...) -> None: ...

class GetReservationRequest(_message.Message):
    __slots__ = ("reservation_id", "min_revision")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_REVISION_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    min_revision: int
    def __init__(self, reservation_id: _Optional[str] = ..., min_revision: _Optional[int] = ...) -> None: ...

class GetReservationResponse(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: _core_pb2.Reservation
    def __init__(self, reservation: _Optional[_Union[_core_pb2.Reservation, _Mapping]] = ...) -> None: ...

class ListReservationsRequest(_message.Message):
    __slots__ = ("state", "owner", "reference", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: _core_pb2.ReservationState
    owner: str
    reference: str
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[_Union[_core_pb2.ReservationState, str]] = ..., owner: _Optional[str] = ..., reference: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListReservationsResponse(_message.Message):
    __slots__ = ("reservations", "next_page_token")
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reservations: _containers.RepeatedCompositeFieldContainer[_core_pb2.Reservation]
    next_page_token: str
    def __init__(self, reservations: _Optional[_Iterable[_Union[_core_pb2.Reservation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ReserveResult(_message.Message):
    __slots__ = ("request_id", "response", "error")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    response: ReserveResponse
    error: _core_pb2.RowError
    def __init__(self, request_id: _Optional[str] = ..., response: _Optional[_Union[ReserveResponse, _Mapping]] = ..., error: _Optional[_Union[_core_pb2.RowError, _Mapping]] = ...) -> None: ...

class BatchReserveRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[ReserveRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[ReserveRequest, _Mapping]]] = ...) -> None: ...

class BatchReserveResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ReserveResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ReserveResult, _Mapping]]] = ...) -> None: ...

class ReserveStreamRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[ReserveRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[ReserveRequest, _Mapping]]] = ...) -> None: ...

class ReserveStreamResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ReserveResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ReserveResult, _Mapping]]] = ...) -> None: ...
