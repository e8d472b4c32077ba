import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from inventory.v1 import access_pb2 as _access_pb2
from inventory.v1 import alarm_service_pb2 as _alarm_service_pb2
from inventory.v1 import catalog_service_pb2 as _catalog_service_pb2
from inventory.v1 import channel_service_pb2 as _channel_service_pb2
from inventory.v1 import core_pb2 as _core_pb2
from inventory.v1 import subscriber_service_pb2 as _subscriber_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WatchMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WATCH_MODE_UNSPECIFIED: _ClassVar[WatchMode]
    WATCH_MODE_EVERY_CHANGE: _ClassVar[WatchMode]
    WATCH_MODE_LATEST: _ClassVar[WatchMode]

class ChangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANGE_KIND_UNSPECIFIED: _ClassVar[ChangeKind]
    CHANGE_KIND_STOCK: _ClassVar[ChangeKind]
    CHANGE_KIND_SKU: _ClassVar[ChangeKind]
    CHANGE_KIND_LOCATION: _ClassVar[ChangeKind]
    CHANGE_KIND_SUBSCRIBER: _ClassVar[ChangeKind]
    CHANGE_KIND_AVAILABILITY: _ClassVar[ChangeKind]
    CHANGE_KIND_CHANNEL: _ClassVar[ChangeKind]
    CHANGE_KIND_ALARM: _ClassVar[ChangeKind]
WATCH_MODE_UNSPECIFIED: WatchMode
WATCH_MODE_EVERY_CHANGE: WatchMode
WATCH_MODE_LATEST: WatchMode
CHANGE_KIND_UNSPECIFIED: ChangeKind
CHANGE_KIND_STOCK: ChangeKind
CHANGE_KIND_SKU: ChangeKind
CHANGE_KIND_LOCATION: ChangeKind
CHANGE_KIND_SUBSCRIBER: ChangeKind
CHANGE_KIND_AVAILABILITY: ChangeKind
CHANGE_KIND_CHANNEL: ChangeKind
CHANGE_KIND_ALARM: ChangeKind

class WatchRequest(_message.Message):
    __slots__ = ("snapshot", "after", "now", "acknowledged", "locations", "skus", "categories", "kinds", "movement_kinds", "mode", "heartbeat", "stream_id", "subscriber")
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    SKUS_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    MOVEMENT_KINDS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    snapshot: _empty_pb2.Empty
    after: _core_pb2.Cursor
    now: _empty_pb2.Empty
    acknowledged: _empty_pb2.Empty
    locations: _containers.RepeatedScalarFieldContainer[str]
    skus: _containers.RepeatedScalarFieldContainer[str]
    categories: _containers.RepeatedScalarFieldContainer[str]
    kinds: _containers.RepeatedScalarFieldContainer[ChangeKind]
    movement_kinds: _containers.RepeatedScalarFieldContainer[_core_pb2.MovementKind]
    mode: WatchMode
    heartbeat: _duration_pb2.Duration
    stream_id: str
    subscriber: str
    def __init__(self, snapshot: _Optional[_Union[_empty_pb2.Empty, _Mapping]] = ..., after: _Optional[_Union[_core_pb2.Cursor, _Mapping]] = ..., now: _Optional[_Union[_empty_pb2.Empty, _Mapping]] = ..., acknowledged: _Optional[_Union[_empty_pb2.Empty, _Mapping]] = ..., locations: _Optional[_Iterable[str]] = ..., skus: _Optional[_Iterable[str]] = ..., categories: _Optional[_Iterable[str]] = ..., kinds: _Optional[_Iterable[_Union[ChangeKind, str]]] = ..., movement_kinds: _Optional[_Iterable[_Union[_core_pb2.MovementKind, str]]] = ..., mode: _Optional[_Union[WatchMode, str]] = ..., heartbeat: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., stream_id: _Optional[str] = ..., subscriber: _Optional[str] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("revision", "recorded_at", "movements", "skus", "locations", "entered", "subscribers", "availability", "channels", "alarms", "fragment")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RECORDED_AT_FIELD_NUMBER: _ClassVar[int]
    MOVEMENTS_FIELD_NUMBER: _ClassVar[int]
    SKUS_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    ENTERED_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    AVAILABILITY_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    FRAGMENT_FIELD_NUMBER: _ClassVar[int]
    revision: int
    recorded_at: _timestamp_pb2.Timestamp
    movements: _containers.RepeatedCompositeFieldContainer[_core_pb2.Movement]
    skus: _containers.RepeatedCompositeFieldContainer[_catalog_service_pb2.Sku]
    locations: _containers.RepeatedCompositeFieldContainer[_catalog_service_pb2.Location]
    entered: _containers.RepeatedCompositeFieldContainer[_core_pb2.Movement]
    subscribers: _containers.RepeatedCompositeFieldContainer[_subscriber_service_pb2.Subscriber]
    availability: _containers.RepeatedCompositeFieldContainer[_channel_service_pb2.ChannelAvailability]
    channels: _containers.RepeatedCompositeFieldContainer[_channel_service_pb2.Channel]
    alarms: _containers.RepeatedCompositeFieldContainer[_alarm_service_pb2.Alarm]
    fragment: bool
    def __init__(self, revision: _Optional[int] = ..., recorded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., movements: _Optional[_Iterable[_Union[_core_pb2.Movement, _Mapping]]] = ..., skus: _Optional[_Iterable[_Union[_catalog_service_pb2.Sku, _Mapping]]] = ..., locations: _Optional[_Iterable[_Union[_catalog_service_pb2.Location, _Mapping]]] = ..., entered: _Optional[_Iterable[_Union[_core_pb2.Movement, _Mapping]]] = ..., subscribers: _Optional[_Iterable[_Union[_subscriber_service_pb2.Subscriber, _Mapping]]] = ..., availability: _Optional[_Iterable[_Union[_channel_service_pb2.ChannelAvailability, _Mapping]]] = ..., channels: _Optional[_Iterable[_Union[_channel_service_pb2.Channel, _Mapping]]] = ..., alarms: _Optional[_Iterable[_Union[_alarm_service_pb2.Alarm, _Mapping]]] = ..., fragment: _Optional[bool] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("bookmark", "levels", "snapshot_revision", "snapshot_complete", "changes", "latest", "skus", "locations", "availability", "channels", "alarms")
    BOOKMARK_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_REVISION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_COMPLETE_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    LATEST_FIELD_NUMBER: _ClassVar[int]
    SKUS_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    AVAILABILITY_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    bookmark: _core_pb2.Cursor
    levels: _containers.RepeatedCompositeFieldContainer[_core_pb2.Level]
    snapshot_revision: int
    snapshot_complete: bool
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    latest: _containers.RepeatedCompositeFieldContainer[_core_pb2.Movement]
    skus: _containers.RepeatedCompositeFieldContainer[_catalog_service_pb2.Sku]
    locations: _containers.RepeatedCompositeFieldContainer[_catalog_service_pb2.Location]
    availability: _containers.RepeatedCompositeFieldContainer[_channel_service_pb2.ChannelAvailability]
    channels: _containers.RepeatedCompositeFieldContainer[_channel_service_pb2.Channel]
    alarms: _containers.RepeatedCompositeFieldContainer[_alarm_service_pb2.Alarm]
    def __init__(self, bookmark: _Optional[_Union[_core_pb2.Cursor, _Mapping]] = ..., levels: _Optional[_Iterable[_Union[_core_pb2.Level, _Mapping]]] = ..., snapshot_revision: _Optional[int] = ..., snapshot_complete: _Optional[bool] = ..., changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., latest: _Optional[_Iterable[_Union[_core_pb2.Movement, _Mapping]]] = ..., skus: _Optional[_Iterable[_Union[_catalog_service_pb2.Sku, _Mapping]]] = ..., locations: _Optional[_Iterable[_Union[_catalog_service_pb2.Location, _Mapping]]] = ..., availability: _Optional[_Iterable[_Union[_channel_service_pb2.ChannelAvailability, _Mapping]]] = ..., channels: _Optional[_Iterable[_Union[_channel_service_pb2.Channel, _Mapping]]] = ..., alarms: _Optional[_Iterable[_Union[_alarm_service_pb2.Alarm, _Mapping]]] = ...) -> None: ...

class RequestBookmarkRequest(_message.Message):
    __slots__ = ("stream_id",)
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    stream_id: str
    def __init__(self, stream_id: _Optional[str] = ...) -> None: ...

class RequestBookmarkResponse(_message.Message):
    __slots__ = ("head",)
    HEAD_FIELD_NUMBER: _ClassVar[int]
    head: _core_pb2.Cursor
    def __init__(self, head: _Optional[_Union[_core_pb2.Cursor, _Mapping]] = ...) -> None: ...
