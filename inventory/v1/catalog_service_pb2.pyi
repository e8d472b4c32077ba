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

class SkuKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SKU_KIND_UNSPECIFIED: _ClassVar[SkuKind]
    SKU_KIND_GOODS: _ClassVar[SkuKind]
    SKU_KIND_BUNDLE: _ClassVar[SkuKind]
    SKU_KIND_VIRTUAL: _ClassVar[SkuKind]
    SKU_KIND_VIRTUAL_LIMITED: _ClassVar[SkuKind]

class Tracking(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRACKING_UNSPECIFIED: _ClassVar[Tracking]
    TRACKING_LOTS: _ClassVar[Tracking]
    TRACKING_SERIALS: _ClassVar[Tracking]

class LocationKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOCATION_KIND_UNSPECIFIED: _ClassVar[LocationKind]
    LOCATION_KIND_WAREHOUSE: _ClassVar[LocationKind]
    LOCATION_KIND_SHOP: _ClassVar[LocationKind]
    LOCATION_KIND_PICKUP_POINT: _ClassVar[LocationKind]
    LOCATION_KIND_EXTERNAL: _ClassVar[LocationKind]
SKU_KIND_UNSPECIFIED: SkuKind
SKU_KIND_GOODS: SkuKind
SKU_KIND_BUNDLE: SkuKind
SKU_KIND_VIRTUAL: SkuKind
SKU_KIND_VIRTUAL_LIMITED: SkuKind
TRACKING_UNSPECIFIED: Tracking
TRACKING_LOTS: Tracking
TRACKING_SERIALS: Tracking
LOCATION_KIND_UNSPECIFIED: LocationKind
LOCATION_KIND_WAREHOUSE: LocationKind
LOCATION_KIND_SHOP: LocationKind
LOCATION_KIND_PICKUP_POINT: LocationKind
LOCATION_KIND_EXTERNAL: LocationKind

class Unit(_message.Message):
    __slots__ = ("unit", "quantity")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    unit: str
    quantity: int
    def __init__(self, unit: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class BundleComponent(_message.Message):
    __slots__ = ("sku", "quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class Preorder(_message.Message):
    __slots__ = ("until", "limit")
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    until: str
    limit: int
    def __init__(self, until: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class Sku(_message.Message):
    __slots__ = ("sku", "name", "category", "unit", "unit_digits", "barcodes", "active", "attributes", "kind", "tracking", "units", "components", "from_several_places", "oversell", "preorder")
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
    KIND_FIELD_NUMBER: _ClassVar[int]
    TRACKING_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    FROM_SEVERAL_PLACES_FIELD_NUMBER: _ClassVar[int]
    OVERSELL_FIELD_NUMBER: _ClassVar[int]
    PREORDER_FIELD_NUMBER: _ClassVar[int]
    sku: str
    name: str
    category: str
    unit: str
    unit_digits: int
    barcodes: _containers.RepeatedScalarFieldContainer[str]
    active: bool
    attributes: _containers.ScalarMap[str, str]
    kind: SkuKind
    tracking: Tracking
    units: _containers.RepeatedCompositeFieldContainer[Unit]
    components: _containers.RepeatedCompositeFieldContainer[BundleComponent]
    from_several_places: bool
    oversell: _core_pb2.OversellPolicy
    preorder: Preorder
    def __init__(self, sku: _Optional[str] = ..., name: _Optional[str] = ..., category: _Optional[str] = ..., unit: _Optional[str] = ..., unit_digits: _Optional[int] = ..., barcodes: _Optional[_Iterable[str]] = ..., active: _Optional[bool] = ..., attributes: _Optional[_Mapping[str, str]] = ..., kind: _Optional[_Union[SkuKind, str]] = ..., tracking: _Optional[_Union[Tracking, str]] = ..., units: _Optional[_Iterable[_Union[Unit, _Mapping]]] = ..., components: _Optional[_Iterable[_Union[BundleComponent, _Mapping]]] = ..., from_several_places: _Optional[bool] = ..., oversell: _Optional[_Union[_core_pb2.OversellPolicy, _Mapping]] = ..., preorder: _Optional[_Union[Preorder, _Mapping]] = ...) -> None: ...

class Address(_message.Message):
    __slots__ = ("street", "postal_code", "city", "country")
    STREET_FIELD_NUMBER: _ClassVar[int]
    POSTAL_CODE_FIELD_NUMBER: _ClassVar[int]
    CITY_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    street: str
    postal_code: str
    city: str
    country: str
    def __init__(self, street: _Optional[str] = ..., postal_code: _Optional[str] = ..., city: _Optional[str] = ..., country: _Optional[str] = ...) -> None: ...

class Location(_message.Message):
    __slots__ = ("location", "name", "kind", "active", "address", "point", "priority", "handling", "cutoff", "working_days", "closed_on", "time_zone", "purposes", "transit_days")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    POINT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    HANDLING_FIELD_NUMBER: _ClassVar[int]
    CUTOFF_FIELD_NUMBER: _ClassVar[int]
    WORKING_DAYS_FIELD_NUMBER: _ClassVar[int]
    CLOSED_ON_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    TRANSIT_DAYS_FIELD_NUMBER: _ClassVar[int]
    location: str
    name: str
    kind: LocationKind
    active: bool
    address: Address
    point: _core_pb2.Point
    priority: int
    handling: _duration_pb2.Duration
    cutoff: str
    working_days: _containers.RepeatedScalarFieldContainer[int]
    closed_on: _containers.RepeatedScalarFieldContainer[str]
    time_zone: str
    purposes: _containers.RepeatedScalarFieldContainer[_core_pb2.Purpose]
    transit_days: int
    def __init__(self, location: _Optional[str] = ..., name: _Optional[str] = ..., kind: _Optional[_Union[LocationKind, str]] = ..., active: _Optional[bool] = ..., address: _Optional[_Union[Address, _Mapping]] = ..., point: _Optional[_Union[_core_pb2.Point, _Mapping]] = ..., priority: _Optional[int] = ..., handling: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., cutoff: _Optional[str] = ..., working_days: _Optional[_Iterable[int]] = ..., closed_on: _Optional[_Iterable[str]] = ..., time_zone: _Optional[str] = ..., purposes: _Optional[_Iterable[_Union[_core_pb2.Purpose, str]]] = ..., transit_days: _Optional[int] = ...) -> None: ...

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
