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

class TransferState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSFER_STATE_UNSPECIFIED: _ClassVar[TransferState]
    TRANSFER_STATE_PLANNED: _ClassVar[TransferState]
    TRANSFER_STATE_SHIPPED: _ClassVar[TransferState]
    TRANSFER_STATE_RECEIVED: _ClassVar[TransferState]
    TRANSFER_STATE_CANCELLED: _ClassVar[TransferState]
TRANSFER_STATE_UNSPECIFIED: TransferState
TRANSFER_STATE_PLANNED: TransferState
TRANSFER_STATE_SHIPPED: TransferState
TRANSFER_STATE_RECEIVED: TransferState
TRANSFER_STATE_CANCELLED: TransferState

class TransferLine(_message.Message):
    __slots__ = ("sku", "requested", "shipped", "received", "missing", "lot", "difference_reason", "serials")
    SKU_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_FIELD_NUMBER: _ClassVar[int]
    SHIPPED_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_REASON_FIELD_NUMBER: _ClassVar[int]
    SERIALS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    requested: int
    shipped: int
    received: int
    missing: int
    lot: str
    difference_reason: str
    serials: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sku: _Optional[str] = ..., requested: _Optional[int] = ..., shipped: _Optional[int] = ..., received: _Optional[int] = ..., missing: _Optional[int] = ..., lot: _Optional[str] = ..., difference_reason: _Optional[str] = ..., serials: _Optional[_Iterable[str]] = ...) -> None: ...

class Transfer(_message.Message):
    __slots__ = ("transfer_id", "from_location", "to_location", "state", "lines", "reservation_id", "reference", "reason", "created_at", "shipped_at", "ended_at", "expected_on", "channel")
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_LOCATION_FIELD_NUMBER: _ClassVar[int]
    TO_LOCATION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    SHIPPED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ON_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    transfer_id: str
    from_location: str
    to_location: str
    state: TransferState
    lines: _containers.RepeatedCompositeFieldContainer[TransferLine]
    reservation_id: str
    reference: str
    reason: str
    created_at: _timestamp_pb2.Timestamp
    shipped_at: _timestamp_pb2.Timestamp
    ended_at: _timestamp_pb2.Timestamp
    expected_on: str
    channel: str
    def __init__(self, transfer_id: _Optional[str] = ..., from_location: _Optional[str] = ..., to_location: _Optional[str] = ..., state: _Optional[_Union[TransferState, str]] = ..., lines: _Optional[_Iterable[_Union[TransferLine, _Mapping]]] = ..., reservation_id: _Optional[str] = ..., reference: _Optional[str] = ..., reason: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., shipped_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expected_on: _Optional[str] = ..., channel: _Optional[str] = ...) -> None: ...

class TransferQuantity(_message.Message):
    __slots__ = ("sku", "quantity", "lot", "serials")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LOT_FIELD_NUMBER: _ClassVar[int]
    SERIALS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    lot: str
    serials: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ..., lot: _Optional[str] = ..., serials: _Optional[_Iterable[str]] = ...) -> None: ...

class CreateTransferRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "from_location", "to_location", "lines", "ship", "expected_on", "reason", "reference")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    FROM_LOCATION_FIELD_NUMBER: _ClassVar[int]
    TO_LOCATION_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SHIP_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ON_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    from_location: str
    to_location: str
    lines: _containers.RepeatedCompositeFieldContainer[TransferQuantity]
    ship: bool
    expected_on: str
    reason: str
    reference: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., from_location: _Optional[str] = ..., to_location: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[TransferQuantity, _Mapping]]] = ..., ship: _Optional[bool] = ..., expected_on: _Optional[str] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class CreateTransferResponse(_message.Message):
    __slots__ = ("revision", "replayed", "transfer")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    transfer: Transfer
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., transfer: _Optional[_Union[Transfer, _Mapping]] = ...) -> None: ...

class ShipTransferRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "transfer_id", "lines")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    transfer_id: str
    lines: _containers.RepeatedCompositeFieldContainer[TransferQuantity]
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., transfer_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[TransferQuantity, _Mapping]]] = ...) -> None: ...

class ShipTransferResponse(_message.Message):
    __slots__ = ("revision", "replayed", "transfer")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    transfer: Transfer
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., transfer: _Optional[_Union[Transfer, _Mapping]] = ...) -> None: ...

class ReceiveTransferRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "transfer_id", "lines", "close", "difference_reason", "disposition")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_REASON_FIELD_NUMBER: _ClassVar[int]
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    transfer_id: str
    lines: _containers.RepeatedCompositeFieldContainer[TransferQuantity]
    close: bool
    difference_reason: str
    disposition: _core_pb2.Disposition
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., transfer_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[TransferQuantity, _Mapping]]] = ..., close: _Optional[bool] = ..., difference_reason: _Optional[str] = ..., disposition: _Optional[_Union[_core_pb2.Disposition, str]] = ...) -> None: ...

class ReceiveTransferResponse(_message.Message):
    __slots__ = ("revision", "replayed", "transfer")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    transfer: Transfer
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., transfer: _Optional[_Union[Transfer, _Mapping]] = ...) -> None: ...

class CancelTransferRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "transfer_id", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    transfer_id: str
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., transfer_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CancelTransferResponse(_message.Message):
    __slots__ = ("revision", "replayed", "transfer")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    transfer: Transfer
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., transfer: _Optional[_Union[Transfer, _Mapping]] = ...) -> None: ...

class GetTransferRequest(_message.Message):
    __slots__ = ("transfer_id",)
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    transfer_id: str
    def __init__(self, transfer_id: _Optional[str] = ...) -> None: ...

class GetTransferResponse(_message.Message):
    __slots__ = ("transfer",)
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    transfer: Transfer
    def __init__(self, transfer: _Optional[_Union[Transfer, _Mapping]] = ...) -> None: ...

class ListTransfersRequest(_message.Message):
    __slots__ = ("state", "from_location", "to_location", "reservation_id", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    FROM_LOCATION_FIELD_NUMBER: _ClassVar[int]
    TO_LOCATION_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: TransferState
    from_location: str
    to_location: str
    reservation_id: str
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[_Union[TransferState, str]] = ..., from_location: _Optional[str] = ..., to_location: _Optional[str] = ..., reservation_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTransfersResponse(_message.Message):
    __slots__ = ("transfers", "next_page_token")
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    next_page_token: str
    def __init__(self, transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
