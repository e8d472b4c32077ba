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

class ReconciliationKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECONCILIATION_KIND_UNSPECIFIED: _ClassVar[ReconciliationKind]
    RECONCILIATION_KIND_AVAILABLE_TO_SELL: _ClassVar[ReconciliationKind]
    RECONCILIATION_KIND_AVAILABLE: _ClassVar[ReconciliationKind]
    RECONCILIATION_KIND_ON_HAND: _ClassVar[ReconciliationKind]

class ReconciliationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECONCILIATION_STATE_UNSPECIFIED: _ClassVar[ReconciliationState]
    RECONCILIATION_STATE_OPEN: _ClassVar[ReconciliationState]
    RECONCILIATION_STATE_FINISHED: _ClassVar[ReconciliationState]
    RECONCILIATION_STATE_UNFINISHED: _ClassVar[ReconciliationState]

class ReconciliationAnswer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECONCILIATION_ANSWER_UNSPECIFIED: _ClassVar[ReconciliationAnswer]
    RECONCILIATION_ANSWER_EQUAL: _ClassVar[ReconciliationAnswer]
    RECONCILIATION_ANSWER_BEHIND: _ClassVar[ReconciliationAnswer]
    RECONCILIATION_ANSWER_DRIFT: _ClassVar[ReconciliationAnswer]
    RECONCILIATION_ANSWER_UNKNOWN: _ClassVar[ReconciliationAnswer]
    RECONCILIATION_ANSWER_MISSING: _ClassVar[ReconciliationAnswer]
RECONCILIATION_KIND_UNSPECIFIED: ReconciliationKind
RECONCILIATION_KIND_AVAILABLE_TO_SELL: ReconciliationKind
RECONCILIATION_KIND_AVAILABLE: ReconciliationKind
RECONCILIATION_KIND_ON_HAND: ReconciliationKind
RECONCILIATION_STATE_UNSPECIFIED: ReconciliationState
RECONCILIATION_STATE_OPEN: ReconciliationState
RECONCILIATION_STATE_FINISHED: ReconciliationState
RECONCILIATION_STATE_UNFINISHED: ReconciliationState
RECONCILIATION_ANSWER_UNSPECIFIED: ReconciliationAnswer
RECONCILIATION_ANSWER_EQUAL: ReconciliationAnswer
RECONCILIATION_ANSWER_BEHIND: ReconciliationAnswer
RECONCILIATION_ANSWER_DRIFT: ReconciliationAnswer
RECONCILIATION_ANSWER_UNKNOWN: ReconciliationAnswer
RECONCILIATION_ANSWER_MISSING: ReconciliationAnswer

class ReconcileRequest(_message.Message):
    __slots__ = ("begin", "rows", "end")
    BEGIN_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    begin: ReconcileBegin
    rows: ReconcileRows
    end: ReconcileEnd
    def __init__(self, begin: _Optional[_Union[ReconcileBegin, _Mapping]] = ..., rows: _Optional[_Union[ReconcileRows, _Mapping]] = ..., end: _Optional[_Union[ReconcileEnd, _Mapping]] = ...) -> None: ...

class ReconcileBegin(_message.Message):
    __slots__ = ("kind", "reference", "list_missing", "locations", "omit_equal")
    KIND_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    LIST_MISSING_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    OMIT_EQUAL_FIELD_NUMBER: _ClassVar[int]
    kind: ReconciliationKind
    reference: str
    list_missing: bool
    locations: _containers.RepeatedScalarFieldContainer[str]
    omit_equal: bool
    def __init__(self, kind: _Optional[_Union[ReconciliationKind, str]] = ..., reference: _Optional[str] = ..., list_missing: _Optional[bool] = ..., locations: _Optional[_Iterable[str]] = ..., omit_equal: _Optional[bool] = ...) -> None: ...

class ReconcileRows(_message.Message):
    __slots__ = ("rows", "cursor")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[ReconcileRow]
    cursor: _core_pb2.Cursor
    def __init__(self, rows: _Optional[_Iterable[_Union[ReconcileRow, _Mapping]]] = ..., cursor: _Optional[_Union[_core_pb2.Cursor, _Mapping]] = ...) -> None: ...

class ReconcileRow(_message.Message):
    __slots__ = ("sku", "location", "quantity", "revision")
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    sku: str
    location: str
    quantity: int
    revision: int
    def __init__(self, sku: _Optional[str] = ..., location: _Optional[str] = ..., quantity: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class ReconcileEnd(_message.Message):
    __slots__ = ("cursor",)
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    cursor: _core_pb2.Cursor
    def __init__(self, cursor: _Optional[_Union[_core_pb2.Cursor, _Mapping]] = ...) -> None: ...

class ReconcileResponse(_message.Message):
    __slots__ = ("rows", "compared", "revision", "reconciliation")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RECONCILIATION_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[ReconciledRow]
    compared: int
    revision: int
    reconciliation: Reconciliation
    def __init__(self, rows: _Optional[_Iterable[_Union[ReconciledRow, _Mapping]]] = ..., compared: _Optional[int] = ..., revision: _Optional[int] = ..., reconciliation: _Optional[_Union[Reconciliation, _Mapping]] = ...) -> None: ...

class ReconciledRow(_message.Message):
    __slots__ = ("position", "sku", "location", "answer", "given", "current", "delta", "then", "differs_since", "settings_changed_since")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    THEN_FIELD_NUMBER: _ClassVar[int]
    DIFFERS_SINCE_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_CHANGED_SINCE_FIELD_NUMBER: _ClassVar[int]
    position: int
    sku: str
    location: str
    answer: ReconciliationAnswer
    given: int
    current: int
    delta: int
    then: int
    differs_since: int
    settings_changed_since: bool
    def __init__(self, position: _Optional[int] = ..., sku: _Optional[str] = ..., location: _Optional[str] = ..., answer: _Optional[_Union[ReconciliationAnswer, str]] = ..., given: _Optional[int] = ..., current: _Optional[int] = ..., delta: _Optional[int] = ..., then: _Optional[int] = ..., differs_since: _Optional[int] = ..., settings_changed_since: _Optional[bool] = ...) -> None: ...

class ReconciliationCounts(_message.Message):
    __slots__ = ("equal", "behind", "drift", "unknown", "missing", "settings_changed")
    EQUAL_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    DRIFT_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_CHANGED_FIELD_NUMBER: _ClassVar[int]
    equal: int
    behind: int
    drift: int
    unknown: int
    missing: int
    settings_changed: int
    def __init__(self, equal: _Optional[int] = ..., behind: _Optional[int] = ..., drift: _Optional[int] = ..., unknown: _Optional[int] = ..., missing: _Optional[int] = ..., settings_changed: _Optional[int] = ...) -> None: ...

class Reconciliation(_message.Message):
    __slots__ = ("reconciliation_id", "channel", "kind", "state", "reference", "begun_at", "ended_at", "counts", "dropped", "revision")
    RECONCILIATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    BEGUN_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    reconciliation_id: str
    channel: str
    kind: ReconciliationKind
    state: ReconciliationState
    reference: str
    begun_at: _timestamp_pb2.Timestamp
    ended_at: _timestamp_pb2.Timestamp
    counts: ReconciliationCounts
    dropped: int
    revision: int
    def __init__(self, reconciliation_id: _Optional[str] = ..., channel: _Optional[str] = ..., kind: _Optional[_Union[ReconciliationKind, str]] = ..., state: _Optional[_Union[ReconciliationState, str]] = ..., reference: _Optional[str] = ..., begun_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., counts: _Optional[_Union[ReconciliationCounts, _Mapping]] = ..., dropped: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class GetReconciliationRequest(_message.Message):
    __slots__ = ("reconciliation_id", "channel", "answer", "page_size", "page_token")
    RECONCILIATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reconciliation_id: str
    channel: str
    answer: ReconciliationAnswer
    page_size: int
    page_token: str
    def __init__(self, reconciliation_id: _Optional[str] = ..., channel: _Optional[str] = ..., answer: _Optional[_Union[ReconciliationAnswer, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetReconciliationResponse(_message.Message):
    __slots__ = ("reconciliation", "rows", "next_page_token")
    RECONCILIATION_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reconciliation: Reconciliation
    rows: _containers.RepeatedCompositeFieldContainer[ReconciledRow]
    next_page_token: str
    def __init__(self, reconciliation: _Optional[_Union[Reconciliation, _Mapping]] = ..., rows: _Optional[_Iterable[_Union[ReconciledRow, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListReconciliationsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "channel", "kind")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    channel: str
    kind: ReconciliationKind
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., channel: _Optional[str] = ..., kind: _Optional[_Union[ReconciliationKind, str]] = ...) -> None: ...

class ListReconciliationsResponse(_message.Message):
    __slots__ = ("reconciliations", "next_page_token")
    RECONCILIATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reconciliations: _containers.RepeatedCompositeFieldContainer[Reconciliation]
    next_page_token: str
    def __init__(self, reconciliations: _Optional[_Iterable[_Union[Reconciliation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
