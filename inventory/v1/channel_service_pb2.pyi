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

class ChannelKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_KIND_UNSPECIFIED: _ClassVar[ChannelKind]
    CHANNEL_KIND_WEB: _ClassVar[ChannelKind]
    CHANNEL_KIND_POS: _ClassVar[ChannelKind]
    CHANNEL_KIND_TELEPHONE: _ClassVar[ChannelKind]
    CHANNEL_KIND_MARKETPLACE: _ClassVar[ChannelKind]
CHANNEL_KIND_UNSPECIFIED: ChannelKind
CHANNEL_KIND_WEB: ChannelKind
CHANNEL_KIND_POS: ChannelKind
CHANNEL_KIND_TELEPHONE: ChannelKind
CHANNEL_KIND_MARKETPLACE: ChannelKind

class ChannelView(_message.Message):
    __slots__ = ("buffer", "cap", "share_bp", "oversell")
    BUFFER_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    SHARE_BP_FIELD_NUMBER: _ClassVar[int]
    OVERSELL_FIELD_NUMBER: _ClassVar[int]
    buffer: int
    cap: int
    share_bp: int
    oversell: _core_pb2.OversellPolicy
    def __init__(self, buffer: _Optional[int] = ..., cap: _Optional[int] = ..., share_bp: _Optional[int] = ..., oversell: _Optional[_Union[_core_pb2.OversellPolicy, _Mapping]] = ...) -> None: ...

class Channel(_message.Message):
    __slots__ = ("channel", "name", "kind", "locations", "view", "min_life_days", "silent_after", "stop_selling_when_silent", "selling_stopped")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    MIN_LIFE_DAYS_FIELD_NUMBER: _ClassVar[int]
    SILENT_AFTER_FIELD_NUMBER: _ClassVar[int]
    STOP_SELLING_WHEN_SILENT_FIELD_NUMBER: _ClassVar[int]
    SELLING_STOPPED_FIELD_NUMBER: _ClassVar[int]
    channel: str
    name: str
    kind: ChannelKind
    locations: _containers.RepeatedScalarFieldContainer[str]
    view: ChannelView
    min_life_days: int
    silent_after: _duration_pb2.Duration
    stop_selling_when_silent: bool
    selling_stopped: bool
    def __init__(self, channel: _Optional[str] = ..., name: _Optional[str] = ..., kind: _Optional[_Union[ChannelKind, str]] = ..., locations: _Optional[_Iterable[str]] = ..., view: _Optional[_Union[ChannelView, _Mapping]] = ..., min_life_days: _Optional[int] = ..., silent_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., stop_selling_when_silent: _Optional[bool] = ..., selling_stopped: _Optional[bool] = ...) -> None: ...

class ChannelSku(_message.Message):
    __slots__ = ("sku", "view")
    SKU_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    sku: str
    view: ChannelView
    def __init__(self, sku: _Optional[str] = ..., view: _Optional[_Union[ChannelView, _Mapping]] = ...) -> None: ...

class ChannelAvailability(_message.Message):
    __slots__ = ("sku", "available_to_sell", "backorder")
    SKU_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_TO_SELL_FIELD_NUMBER: _ClassVar[int]
    BACKORDER_FIELD_NUMBER: _ClassVar[int]
    sku: str
    available_to_sell: int
    backorder: int
    def __init__(self, sku: _Optional[str] = ..., available_to_sell: _Optional[int] = ..., backorder: _Optional[int] = ...) -> None: ...

class SetChannelRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "channel")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    channel: Channel
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., channel: _Optional[_Union[Channel, _Mapping]] = ...) -> None: ...

class SetChannelResponse(_message.Message):
    __slots__ = ("revision", "replayed", "channel")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    channel: Channel
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., channel: _Optional[_Union[Channel, _Mapping]] = ...) -> None: ...

class GetChannelRequest(_message.Message):
    __slots__ = ("channel",)
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    channel: str
    def __init__(self, channel: _Optional[str] = ...) -> None: ...

class GetChannelResponse(_message.Message):
    __slots__ = ("channel",)
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    channel: Channel
    def __init__(self, channel: _Optional[_Union[Channel, _Mapping]] = ...) -> None: ...

class ListChannelsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListChannelsResponse(_message.Message):
    __slots__ = ("channels", "next_page_token")
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    channels: _containers.RepeatedCompositeFieldContainer[Channel]
    next_page_token: str
    def __init__(self, channels: _Optional[_Iterable[_Union[Channel, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SetChannelSkusRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "channel", "skus", "error_policy")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SKUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_POLICY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    channel: str
    skus: _containers.RepeatedCompositeFieldContainer[ChannelSku]
    error_policy: _core_pb2.ErrorPolicy
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., channel: _Optional[str] = ..., skus: _Optional[_Iterable[_Union[ChannelSku, _Mapping]]] = ..., error_policy: _Optional[_Union[_core_pb2.ErrorPolicy, str]] = ...) -> None: ...

class SetChannelSkusResponse(_message.Message):
    __slots__ = ("revision", "replayed", "updated", "unchanged", "refused")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    updated: int
    unchanged: int
    refused: _containers.RepeatedCompositeFieldContainer[RefusedChannelSku]
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., updated: _Optional[int] = ..., unchanged: _Optional[int] = ..., refused: _Optional[_Iterable[_Union[RefusedChannelSku, _Mapping]]] = ...) -> None: ...

class RefusedChannelSku(_message.Message):
    __slots__ = ("row", "error")
    ROW_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    row: int
    error: _core_pb2.RowError
    def __init__(self, row: _Optional[int] = ..., error: _Optional[_Union[_core_pb2.RowError, _Mapping]] = ...) -> None: ...

class ListChannelSkusRequest(_message.Message):
    __slots__ = ("channel", "page_size", "page_token")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    channel: str
    page_size: int
    page_token: str
    def __init__(self, channel: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListChannelSkusResponse(_message.Message):
    __slots__ = ("skus", "next_page_token")
    SKUS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    skus: _containers.RepeatedCompositeFieldContainer[ChannelSku]
    next_page_token: str
    def __init__(self, skus: _Optional[_Iterable[_Union[ChannelSku, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
