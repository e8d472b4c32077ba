import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from inventory.v1 import access_pb2 as _access_pb2
from inventory.v1 import core_pb2 as _core_pb2
from inventory.v1 import subscriber_service_pb2 as _subscriber_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetFiguresRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetFiguresResponse(_message.Message):
    __slots__ = ("figures",)
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    figures: Figures
    def __init__(self, figures: _Optional[_Union[Figures, _Mapping]] = ...) -> None: ...

class Figures(_message.Message):
    __slots__ = ("replica", "version", "uptime", "window", "unwell", "head", "tail", "methods", "calls_open", "lane", "pools", "streams", "loop_lag_max", "rss_bytes", "open_files", "subscribers", "alarms")
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    UPTIME_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    UNWELL_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TAIL_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    CALLS_OPEN_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    POOLS_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    LOOP_LAG_MAX_FIELD_NUMBER: _ClassVar[int]
    RSS_BYTES_FIELD_NUMBER: _ClassVar[int]
    OPEN_FILES_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    replica: str
    version: str
    uptime: _duration_pb2.Duration
    window: _duration_pb2.Duration
    unwell: str
    head: _core_pb2.Cursor
    tail: int
    methods: _containers.RepeatedCompositeFieldContainer[MethodFigures]
    calls_open: int
    lane: LaneFigures
    pools: _containers.RepeatedCompositeFieldContainer[PoolFigures]
    streams: _containers.RepeatedCompositeFieldContainer[StreamFigures]
    loop_lag_max: _duration_pb2.Duration
    rss_bytes: int
    open_files: int
    subscribers: _containers.RepeatedCompositeFieldContainer[_subscriber_service_pb2.Subscriber]
    alarms: _containers.RepeatedCompositeFieldContainer[AlarmFigure]
    def __init__(self, replica: _Optional[str] = ..., version: _Optional[str] = ..., uptime: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., window: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., unwell: _Optional[str] = ..., head: _Optional[_Union[_core_pb2.Cursor, _Mapping]] = ..., tail: _Optional[int] = ..., methods: _Optional[_Iterable[_Union[MethodFigures, _Mapping]]] = ..., calls_open: _Optional[int] = ..., lane: _Optional[_Union[LaneFigures, _Mapping]] = ..., pools: _Optional[_Iterable[_Union[PoolFigures, _Mapping]]] = ..., streams: _Optional[_Iterable[_Union[StreamFigures, _Mapping]]] = ..., loop_lag_max: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., rss_bytes: _Optional[int] = ..., open_files: _Optional[int] = ..., subscribers: _Optional[_Iterable[_Union[_subscriber_service_pb2.Subscriber, _Mapping]]] = ..., alarms: _Optional[_Iterable[_Union[AlarmFigure, _Mapping]]] = ...) -> None: ...

class MethodFigures(_message.Message):
    __slots__ = ("method", "calls_per_s", "p50", "p99", "calls", "defects")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    CALLS_PER_S_FIELD_NUMBER: _ClassVar[int]
    P50_FIELD_NUMBER: _ClassVar[int]
    P99_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    DEFECTS_FIELD_NUMBER: _ClassVar[int]
    method: str
    calls_per_s: float
    p50: _duration_pb2.Duration
    p99: _duration_pb2.Duration
    calls: int
    defects: int
    def __init__(self, method: _Optional[str] = ..., calls_per_s: _Optional[float] = ..., p50: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., p99: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., calls: _Optional[int] = ..., defects: _Optional[int] = ...) -> None: ...

class LaneFigures(_message.Message):
    __slots__ = ("queued", "batches_per_s", "commands_per_s", "wait_p50", "wait_p99", "commit_p50", "commit_p99")
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    BATCHES_PER_S_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_PER_S_FIELD_NUMBER: _ClassVar[int]
    WAIT_P50_FIELD_NUMBER: _ClassVar[int]
    WAIT_P99_FIELD_NUMBER: _ClassVar[int]
    COMMIT_P50_FIELD_NUMBER: _ClassVar[int]
    COMMIT_P99_FIELD_NUMBER: _ClassVar[int]
    queued: int
    batches_per_s: float
    commands_per_s: float
    wait_p50: _duration_pb2.Duration
    wait_p99: _duration_pb2.Duration
    commit_p50: _duration_pb2.Duration
    commit_p99: _duration_pb2.Duration
    def __init__(self, queued: _Optional[int] = ..., batches_per_s: _Optional[float] = ..., commands_per_s: _Optional[float] = ..., wait_p50: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., wait_p99: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., commit_p50: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., commit_p99: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class PoolFigures(_message.Message):
    __slots__ = ("name", "size", "idle", "size_max", "waiting")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    IDLE_FIELD_NUMBER: _ClassVar[int]
    SIZE_MAX_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    name: str
    size: int
    idle: int
    size_max: int
    waiting: int
    def __init__(self, name: _Optional[str] = ..., size: _Optional[int] = ..., idle: _Optional[int] = ..., size_max: _Optional[int] = ..., waiting: _Optional[int] = ...) -> None: ...

class StreamFigures(_message.Message):
    __slots__ = ("method", "channel", "open")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    method: str
    channel: str
    open: int
    def __init__(self, method: _Optional[str] = ..., channel: _Optional[str] = ..., open: _Optional[int] = ...) -> None: ...

class AlarmFigure(_message.Message):
    __slots__ = ("kind", "subject", "opened_at", "summary", "acknowledged_by")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_BY_FIELD_NUMBER: _ClassVar[int]
    kind: str
    subject: str
    opened_at: _timestamp_pb2.Timestamp
    summary: str
    acknowledged_by: str
    def __init__(self, kind: _Optional[str] = ..., subject: _Optional[str] = ..., opened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., summary: _Optional[str] = ..., acknowledged_by: _Optional[str] = ...) -> None: ...
