from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCOPE_UNSPECIFIED: _ClassVar[Scope]
    SCOPE_NONE: _ClassVar[Scope]
    SCOPE_STOCK_READ: _ClassVar[Scope]
    SCOPE_STOCK_WRITE: _ClassVar[Scope]
    SCOPE_RESERVATION: _ClassVar[Scope]
    SCOPE_CATALOG_WRITE: _ClassVar[Scope]
    SCOPE_WATCH: _ClassVar[Scope]
    SCOPE_REPORT: _ClassVar[Scope]
    SCOPE_ADMIN: _ClassVar[Scope]
SCOPE_UNSPECIFIED: Scope
SCOPE_NONE: Scope
SCOPE_STOCK_READ: Scope
SCOPE_STOCK_WRITE: Scope
SCOPE_RESERVATION: Scope
SCOPE_CATALOG_WRITE: Scope
SCOPE_WATCH: Scope
SCOPE_REPORT: Scope
SCOPE_ADMIN: Scope
SCOPE_FIELD_NUMBER: _ClassVar[int]
scope: _descriptor.FieldDescriptor
