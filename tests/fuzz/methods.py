"""Every method of the API, and what a good request of it is: read from the descriptors, so that a new service is found
by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from inventory import v1

PACKAGE = "inventory.v1"
DEPTH_MAX = 4
DURATION_S = 60


@dataclass(frozen=True)
class Method:
    """One rpc of one service."""

    descriptor: MethodDescriptor

    @property
    def name(self) -> str:
        """Service/Method."""
        return f"{self.descriptor.containing_service.name}/{self.descriptor.name}"

    @property
    def path(self) -> str:
        """What HTTP/2 calls it."""
        return f"/{PACKAGE}.{self.name}"

    @property
    def request_type(self) -> type[Message]:
        return message_factory.GetMessageClass(self.descriptor.input_type)

    @property
    def response_type(self) -> type[Message]:
        return message_factory.GetMessageClass(self.descriptor.output_type)

    @property
    def validates(self) -> bool:
        """Whether it may be asked without an effect."""
        return "validate_only" in self.descriptor.input_type.fields_by_name

    @property
    def streams(self) -> bool:
        """Whether answers come as a stream."""
        return bool(self.descriptor.server_streaming)


def methods() -> list[Method]:
    """Of all services of the package, by name."""
    found: list[Method] = []
    for module in pkgutil.iter_modules(v1.__path__):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(f"{PACKAGE}.{module.name}").DESCRIPTOR
            for service in file.services_by_name.values():
                found += [Method(rpc) for rpc in service.methods]
    return sorted(found, key=lambda method: method.name)


@dataclass
class Known:
    """What there is on a server, by the names that fields have. `by_request`: what one message wants otherwise; `None`
    leaves a field out."""

    by_name: dict[str, Any] = field(default_factory=dict)
    by_request: dict[str, dict[str, Any]] = field(default_factory=dict)

    def good(self, request: Descriptor) -> Message:
        """A request that would be accepted. Every call makes a new request_id."""
        return self._message(request, (), 0)

    def _message(self, descriptor: Descriptor, path: tuple[str, ...], depth: int) -> Message:
        message: Any = message_factory.GetMessageClass(descriptor)()
        for found in _chosen(descriptor):
            wanted = self._wanted(descriptor, found)
            if wanted is None:
                continue
            if wanted is not ...:
                _put(message, found, wanted)
            elif found.message_type is not None:
                self._put_message(message, found, path, depth)
        return message  # type: ignore[no-any-return]

    def _wanted(self, descriptor: Descriptor, found: FieldDescriptor) -> Any:
        """A value; None: it is left out; ...: nothing is said of it."""
        wanted = self.by_request.get(descriptor.name, {}).get(found.name, ...)
        if wanted is ... and found.message_type is None:
            wanted = self.by_name.get(found.name, ...)
        return wanted() if callable(wanted) else wanted

    def _put_message(self, message: Any, found: FieldDescriptor, path: tuple[str, ...], depth: int) -> None:
        kind = found.message_type
        assert kind is not None
        if kind.GetOptions().map_entry or depth >= DEPTH_MAX or kind.full_name in path:
            return
        if kind.full_name == "google.protobuf.Duration":
            getattr(message, found.name).seconds = DURATION_S
        elif kind.full_name.startswith(PACKAGE):
            made = self._message(kind, (*path, kind.full_name), depth + 1)
            if found.is_repeated:
                getattr(message, found.name).append(made)
            elif made.ByteSize():
                getattr(message, found.name).CopyFrom(made)


def _chosen(descriptor: Descriptor) -> Iterator[FieldDescriptor]:
    """All fields, but of a real oneof only the first."""
    for found in descriptor.fields:
        oneof = found.containing_oneof
        if oneof is None or len(oneof.fields) == 1 or oneof.fields[0] is found:
            yield found


def _put(message: Any, found: FieldDescriptor, value: Any) -> None:
    if found.is_repeated:
        getattr(message, found.name).extend(value if isinstance(value, list) else [value])
    elif isinstance(value, Message):
        getattr(message, found.name).CopyFrom(value)
    else:
        setattr(message, found.name, value)


def leaves(message: Message, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every field that can be set in the message or in the messages that it holds: its path, whose it is, and it."""
    for found in message.DESCRIPTOR.fields:
        here = f"{path}{found.name}"
        yield here, message.DESCRIPTOR, found
        kind = found.message_type
        if kind is None or not kind.full_name.startswith(PACKAGE) or kind.GetOptions().map_entry:
            continue
        if found.is_repeated:
            rows = getattr(message, found.name)
            if rows:
                yield from leaves(rows[0], f"{here}[0].")
        elif message.HasField(found.name):
            yield from leaves(getattr(message, found.name), f"{here}.")


def holder(message: Message, path: str) -> Message:
    """The message in which the path's last field stands."""
    at: Any = message
    *above, _ = path.split(".")
    for step in above:
        name, _, index = step.partition("[")
        at = getattr(at, name)
        if index:
            at = at[int(index[:-1])]
    return at  # type: ignore[no-any-return]
