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

class AlarmKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALARM_KIND_UNSPECIFIED: _ClassVar[AlarmKind]
    ALARM_KIND_COMMUNICATION_ERRORS: _ClassVar[AlarmKind]
    ALARM_KIND_SUBSCRIBER_LAGGING: _ClassVar[AlarmKind]
    ALARM_KIND_SUBSCRIBER_LOST: _ClassVar[AlarmKind]
    ALARM_KIND_CHANNEL_SILENT: _ClassVar[AlarmKind]
    ALARM_KIND_DRIFT: _ClassVar[AlarmKind]
    ALARM_KIND_LOW_STOCK: _ClassVar[AlarmKind]
    ALARM_KIND_REORDER_POINT: _ClassVar[AlarmKind]
    ALARM_KIND_OVERSELL_USED: _ClassVar[AlarmKind]
    ALARM_KIND_INVARIANT_BROKEN: _ClassVar[AlarmKind]
    ALARM_KIND_REPLICA_LOST: _ClassVar[AlarmKind]
    ALARM_KIND_CREDENTIAL_EXPIRING: _ClassVar[AlarmKind]

class AlarmSeverity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALARM_SEVERITY_UNSPECIFIED: _ClassVar[AlarmSeverity]
    ALARM_SEVERITY_NOTICE: _ClassVar[AlarmSeverity]
    ALARM_SEVERITY_WARNING: _ClassVar[AlarmSeverity]
    ALARM_SEVERITY_CRITICAL: _ClassVar[AlarmSeverity]

class AlarmEvent(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALARM_EVENT_UNSPECIFIED: _ClassVar[AlarmEvent]
    ALARM_EVENT_OPENED: _ClassVar[AlarmEvent]
    ALARM_EVENT_ACKNOWLEDGED: _ClassVar[AlarmEvent]
    ALARM_EVENT_CLOSED: _ClassVar[AlarmEvent]
ALARM_KIND_UNSPECIFIED: AlarmKind
ALARM_KIND_COMMUNICATION_ERRORS: AlarmKind
ALARM_KIND_SUBSCRIBER_LAGGING: AlarmKind
ALARM_KIND_SUBSCRIBER_LOST: AlarmKind
ALARM_KIND_CHANNEL_SILENT: AlarmKind
ALARM_KIND_DRIFT: AlarmKind
ALARM_KIND_LOW_STOCK: AlarmKind
ALARM_KIND_REORDER_POINT: AlarmKind
ALARM_KIND_OVERSELL_USED: AlarmKind
ALARM_KIND_INVARIANT_BROKEN: AlarmKind
ALARM_KIND_REPLICA_LOST: AlarmKind
ALARM_KIND_CREDENTIAL_EXPIRING: AlarmKind
ALARM_SEVERITY_UNSPECIFIED: AlarmSeverity
ALARM_SEVERITY_NOTICE: AlarmSeverity
ALARM_SEVERITY_WARNING: AlarmSeverity
ALARM_SEVERITY_CRITICAL: AlarmSeverity
ALARM_EVENT_UNSPECIFIED: AlarmEvent
ALARM_EVENT_OPENED: AlarmEvent
ALARM_EVENT_ACKNOWLEDGED: AlarmEvent
ALARM_EVENT_CLOSED: AlarmEvent

class Alarm(_message.Message):
    __slots__ = ("alarm_id", "kind", "subject", "severity", "summary", "details", "opened_at", "last_seen_at", "closed_at", "acknowledged_at", "acknowledged_by", "note")
    class SubjectEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ALARM_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSED_AT_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_AT_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_BY_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    alarm_id: str
    kind: AlarmKind
    subject: _containers.ScalarMap[str, str]
    severity: AlarmSeverity
    summary: str
    details: _containers.ScalarMap[str, str]
    opened_at: _timestamp_pb2.Timestamp
    last_seen_at: _timestamp_pb2.Timestamp
    closed_at: _timestamp_pb2.Timestamp
    acknowledged_at: _timestamp_pb2.Timestamp
    acknowledged_by: str
    note: str
    def __init__(self, alarm_id: _Optional[str] = ..., kind: _Optional[_Union[AlarmKind, str]] = ..., subject: _Optional[_Mapping[str, str]] = ..., severity: _Optional[_Union[AlarmSeverity, str]] = ..., summary: _Optional[str] = ..., details: _Optional[_Mapping[str, str]] = ..., opened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., acknowledged_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., acknowledged_by: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class ListAlarmsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "include_closed", "kind", "channel")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_CLOSED_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    include_closed: bool
    kind: AlarmKind
    channel: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., include_closed: _Optional[bool] = ..., kind: _Optional[_Union[AlarmKind, str]] = ..., channel: _Optional[str] = ...) -> None: ...

class ListAlarmsResponse(_message.Message):
    __slots__ = ("alarms", "next_page_token")
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    alarms: _containers.RepeatedCompositeFieldContainer[Alarm]
    next_page_token: str
    def __init__(self, alarms: _Optional[_Iterable[_Union[Alarm, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AcknowledgeAlarmRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "alarm_id", "note")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    ALARM_ID_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    alarm_id: str
    note: str
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., alarm_id: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class AcknowledgeAlarmResponse(_message.Message):
    __slots__ = ("revision", "replayed", "alarm")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    ALARM_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    alarm: Alarm
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., alarm: _Optional[_Union[Alarm, _Mapping]] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("notice_id", "alarm_id", "event", "attempt", "attempted_at", "code", "error", "next_at", "delivered_at")
    NOTICE_ID_FIELD_NUMBER: _ClassVar[int]
    ALARM_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTED_AT_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    NEXT_AT_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_AT_FIELD_NUMBER: _ClassVar[int]
    notice_id: str
    alarm_id: str
    event: AlarmEvent
    attempt: int
    attempted_at: _timestamp_pb2.Timestamp
    code: int
    error: str
    next_at: _timestamp_pb2.Timestamp
    delivered_at: _timestamp_pb2.Timestamp
    def __init__(self, notice_id: _Optional[str] = ..., alarm_id: _Optional[str] = ..., event: _Optional[_Union[AlarmEvent, str]] = ..., attempt: _Optional[int] = ..., attempted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., code: _Optional[int] = ..., error: _Optional[str] = ..., next_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., delivered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListDeliveriesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "alarm_id")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ALARM_ID_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    alarm_id: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., alarm_id: _Optional[str] = ...) -> None: ...

class ListDeliveriesResponse(_message.Message):
    __slots__ = ("deliveries", "next_page_token")
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    deliveries: _containers.RepeatedCompositeFieldContainer[Delivery]
    next_page_token: str
    def __init__(self, deliveries: _Optional[_Iterable[_Union[Delivery, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
