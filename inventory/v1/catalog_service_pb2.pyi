from inventory.v1 import core_pb2 as _core_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LocationKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOCATION_KIND_UNSPECIFIED: _ClassVar[LocationKind]
    LOCATION_KIND_WAREHOUSE: _ClassVar[LocationKind]
    LOCATION_KIND_SHOP: _ClassVar[LocationKind]
    LOCATION_KIND_PICKUP_POINT: _ClassVar[LocationKind]
    LOCATION_KIND_EXTERNAL: _ClassVar[LocationKind]
LOCATION_KIND_UNSPECIFIED: LocationKind
LOCATION_KIND_WAREHOUSE: LocationKind
LOCATION_KIND_SHOP: LocationKind
LOCATION_KIND_PICKUP_POINT: LocationKind
LOCATION_KIND_EXTERNAL: LocationKind

class Sku(_message.Message):
    __slots__ = ("sku", "name", "category", "unit", "unit_digits", "barcodes", "active", "attributes")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SKU_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    UNIT_DIGITS_FIELD_NUMBER: _ClassVar[int]
    BARCODES_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    sku: str
    name: str
    category: str
    unit: str
    unit_digits: int
    barcodes: _containers.RepeatedScalarFieldContainer[str]
    active: bool
    attributes: _containers.ScalarMap[str, str]
    def __init__(self, sku: _Optional[str] = ..., name: _Optional[str] = ..., category: _Optional[str] = ..., unit: _Optional[str] = ..., unit_digits: _Optional[int] = ..., barcodes: _Optional[_Iterable[str]] = ..., active: _Optional[bool] = ..., attributes: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Location(_message.Message):
    __slots__ = ("location", "name", "kind", "active")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    location: str
    name: str
    kind: LocationKind
    active: bool
    def __init__(self, location: _Optional[str] = ..., name: _Optional[str] = ..., kind: _Optional[_Union[LocationKind, str]] = ..., active: _Optional[bool] = ...) -> None: ...

class CreateSkuRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "sku")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    sku: Sku
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., sku: _Optional[_Union[Sku, _Mapping]] = ...) -> None: ...

class CreateSkuResponse(_message.Message):
    __slots__ = ("revision", "replayed", "sku")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    sku: Sku
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., sku: _Optional[_Union[Sku, _Mapping]] = ...) -> None: ...

class UpdateSkuRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "sku")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    sku: Sku
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., sku: _Optional[_Union[Sku, _Mapping]] = ...) -> None: ...

class UpdateSkuResponse(_message.Message):
    __slots__ = ("revision", "replayed", "sku")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    sku: Sku
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., sku: _Optional[_Union[Sku, _Mapping]] = ...) -> None: ...

class GetSkuRequest(_message.Message):
    __slots__ = ("sku", "barcode")
    SKU_FIELD_NUMBER: _ClassVar[int]
    BARCODE_FIELD_NUMBER: _ClassVar[int]
    sku: str
    barcode: str
    def __init__(self, sku: _Optional[str] = ..., barcode: _Optional[str] = ...) -> None: ...

class GetSkuResponse(_message.Message):
    __slots__ = ("sku",)
    SKU_FIELD_NUMBER: _ClassVar[int]
    sku: Sku
    def __init__(self, sku: _Optional[_Union[Sku, _Mapping]] = ...) -> None: ...

class ListSkusRequest(_message.Message):
    __slots__ = ("category", "active", "page_size", "page_token")
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    category: str
    active: bool
    page_size: int
    page_token: str
    def __init__(self, category: _Optional[str] = ..., active: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSkusResponse(_message.Message):
    __slots__ = ("skus", "next_page_token")
    SKUS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    skus: _containers.RepeatedCompositeFieldContainer[Sku]
    next_page_token: str
    def __init__(self, skus: _Optional[_Iterable[_Union[Sku, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateLocationRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "location")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    location: Location
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., location: _Optional[_Union[Location, _Mapping]] = ...) -> None: ...

class CreateLocationResponse(_message.Message):
    __slots__ = ("revision", "replayed", "location")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    location: Location
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., location: _Optional[_Union[Location, _Mapping]] = ...) -> None: ...

class UpdateLocationRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "location")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    location: Location
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., location: _Optional[_Union[Location, _Mapping]] = ...) -> None: ...

class UpdateLocationResponse(_message.Message):
    __slots__ = ("revision", "replayed", "location")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    location: Location
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., location: _Optional[_Union[Location, _Mapping]] = ...) -> None: ...

class GetLocationRequest(_message.Message):
    __slots__ = ("location",)
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    location: str
    def __init__(self, location: _Optional[str] = ...) -> None: ...

class GetLocationResponse(_message.Message):
    __slots__ = ("location",)
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    location: Location
    def __init__(self, location: _Optional[_Union[Location, _Mapping]] = ...) -> None: ...

class ListLocationsRequest(_message.Message):
    __slots__ = ("kind", "active", "page_size", "page_token")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    kind: LocationKind
    active: bool
    page_size: int
    page_token: str
    def __init__(self, kind: _Optional[_Union[LocationKind, str]] = ..., active: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListLocationsResponse(_message.Message):
    __slots__ = ("locations", "next_page_token")
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    locations: _containers.RepeatedCompositeFieldContainer[Location]
    next_page_token: str
    def __init__(self, locations: _Optional[_Iterable[_Union[Location, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ImportCatalogRequest(_message.Message):
    __slots__ = ("request_id", "validate_only", "skus", "locations", "error_policy")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    SKUS_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    ERROR_POLICY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    validate_only: bool
    skus: _containers.RepeatedCompositeFieldContainer[Sku]
    locations: _containers.RepeatedCompositeFieldContainer[Location]
    error_policy: _core_pb2.ErrorPolicy
    def __init__(self, request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., skus: _Optional[_Iterable[_Union[Sku, _Mapping]]] = ..., locations: _Optional[_Iterable[_Union[Location, _Mapping]]] = ..., error_policy: _Optional[_Union[_core_pb2.ErrorPolicy, str]] = ...) -> None: ...

class ImportCatalogResponse(_message.Message):
    __slots__ = ("revision", "replayed", "created", "updated", "unchanged", "refused")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    revision: int
    replayed: bool
    created: int
    updated: int
    unchanged: int
    refused: _containers.RepeatedCompositeFieldContainer[RefusedCatalogRow]
    def __init__(self, revision: _Optional[int] = ..., replayed: _Optional[bool] = ..., created: _Optional[int] = ..., updated: _Optional[int] = ..., unchanged: _Optional[int] = ..., refused: _Optional[_Iterable[_Union[RefusedCatalogRow, _Mapping]]] = ...) -> None: ...

class RefusedCatalogRow(_message.Message):
    __slots__ = ("row", "error")
    ROW_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    row: int
    error: _core_pb2.RowError
    def __init__(self, row: _Optional[int] = ..., error: _Optional[_Union[_core_pb2.RowError, _Mapping]] = ...) -> None: ...
