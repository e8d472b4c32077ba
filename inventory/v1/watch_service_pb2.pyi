import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from inventory.v1 import catalog_service_pb2 as _catalog_service_pb2
from inventory.v1 import core_pb2 as _core_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WatchRequest(_message.Message):
    __slots__ = ("snapshot", "after", "now", "locations", "skus", "heartbeat", "catalog_changes")
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    SKUS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    CATALOG_CHANGES_FIELD_NUMBER: _ClassVar[int]
    snapshot: _empty_pb2.Empty
    after: _core_pb2.Cursor
    now: _empty_pb2.Empty
    locations: _containers.RepeatedScalarFieldContainer[str]
    skus: _containers.RepeatedScalarFieldContainer[str]
    heartbeat: _duration_pb2.Duration
    catalog_changes: bool
    def __init__(self, snapshot: _Optional[_Union[_empty_pb2.Empty, _Mapping]] = ..., after: _Optional[_Union[_core_pb2.Cursor, _Mapping]] = ..., now: _Optional[_Union[_empty_pb2.Empty, _Mapping]] = ..., locations: _Optional[_Iterable[str]] = ..., skus: _Optional[_Iterable[str]] = ..., heartbeat: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., catalog_changes: _Optional[bool] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("revision", "recorded_at", "movements", "skus", "locations")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RECORDED_AT_FIELD_NUMBER: _ClassVar[int]
    MOVEMENTS_FIELD_NUMBER: _ClassVar[int]
    SKUS_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    revision: int
    recorded_at: _timestamp_pb2.Timestamp
    movements: _containers.RepeatedCompositeFieldContainer[_core_pb2.Movement]
    skus: _containers.RepeatedCompositeFieldContainer[_catalog_service_pb2.Sku]
    locations: _containers.RepeatedCompositeFieldContainer[_catalog_service_pb2.Location]
    def __init__(self, revision: _Optional[int] = ..., recorded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., movements: _Optional[_Iterable[_Union[_core_pb2.Movement, _Mapping]]] = ..., skus: _Optional[_Iterable[_Union[_catalog_service_pb2.Sku, _Mapping]]] = ..., locations: _Optional[_Iterable[_Union[_catalog_service_pb2.Location, _Mapping]]] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("bookmark", "levels", "snapshot_revision", "snapshot_complete", "changes")
    BOOKMARK_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_REVISION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_COMPLETE_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    bookmark: _core_pb2.Cursor
    levels: _containers.RepeatedCompositeFieldContainer[_core_pb2.Level]
    snapshot_revision: int
    snapshot_complete: bool
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    def __init__(self, bookmark: _Optional[_Union[_core_pb2.Cursor, _Mapping]] = ..., levels: _Optional[_Iterable[_Union[_core_pb2.Level, _Mapping]]] = ..., snapshot_revision: _Optional[int] = ..., snapshot_complete: _Optional[bool] = ..., changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ...) -> None: ...
