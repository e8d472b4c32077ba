"""Which addresses HOST:PORT names, and how several processes of one parent listen on them and nobody else does.

With SO_REUSEPORT a second server by mistake would silently get half of the connections. So only the parent decides who
shares: it claims the addresses for itself, opens them to SO_REUSEPORT, and keeps them without ever accepting. Whoever
comes later, with or without SO_REUSEPORT, is refused by the kernel, as long as the parent lives.
"""

import errno
import socket
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple, Self

NUMBER_MAX = 65_535
_ANY = ("0.0.0.0", "::", "*")  # noqa: S104 - compared with, not listened on
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class CannotListen(RuntimeError):
    """The message is for people."""


class Address(NamedTuple):
    """A host's address in numbers."""

    family: socket.AddressFamily
    host: str

    def at(self, number: int) -> str:
        """HOST:PORT as gRPC takes it."""
        return f"[{self.host}]:{number}" if self.family == socket.AF_INET6 else f"{self.host}:{number}"


def addresses(listen: str) -> tuple[list[Address], int]:
    """The addresses that HOST:PORT names and this machine has, and the port's number. Raises `CannotListen`."""
    host, _, digits = listen.rpartition(":")
    host, number = host.strip("[]"), int(digits)
    if number > NUMBER_MAX:
        raise CannotListen(f"can't listen on {listen}: a port is at most {NUMBER_MAX}")
    if host in _ANY:
        return [
            Address(socket.AF_INET6, "::") if socket.has_dualstack_ipv6() else Address(socket.AF_INET, host)
        ], number
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise CannotListen(f"can't listen on {listen}: there is no host {host}") from None
    named = dict.fromkeys(Address(family, str(address[0])) for family, _, _, _, address in found)
    here = [address for address in named if _is_here(address)]
    if not here:
        raise CannotListen(f"can't listen on {listen}: {host} is not this machine")
    return here, number


def taken(listen: str) -> CannotListen:
    return CannotListen(f"can't listen on {listen}: is another server running there?")


def assert_free(listen: str) -> None:
    """Raises `CannotListen` when somebody listens there now; who comes later is met when we listen ourselves."""
    found, number = addresses(listen)
    if number:
        for address in found:
            _claimed(address, number, listen).close()


class SharedPort:
    """The addresses of one HOST:PORT, held for the workers of this process until it is closed, or dies.

    `number` is the port's number, also when a free one was asked for; `addresses` is what each worker listens on.
    """

    def __init__(self, listen: str) -> None:
        """Raises `CannotListen`, also when two do it at the same moment: to all but one of them."""
        found, self.number = addresses(listen)
        with ExitStack() as stack:
            for address in found:
                claimed = stack.enter_context(_claimed(address, self.number, listen))
                self.number = claimed.getsockname()[1]
            self._held = stack.pop_all()
        self.addresses = [address.at(self.number) for address in found]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()


def _claimed(address: Address, number: int, listen: str) -> socket.socket:
    claim = _socket(address)
    try:
        if number:
            # Closed connections of a server before us linger for a minute, and only SO_REUSEADDR binds beside them. It
            # would also bind beside another claim: of two that listen the kernel refuses the second, so that decides.
            claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            claim.bind((address.host, number))
            claim.listen(1)
            claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            claim.shutdown(socket.SHUT_RDWR)  # listens no more, but stays bound
        else:
            claim.bind((address.host, 0))
            claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        claim.close()
        if error.errno == errno.EADDRINUSE:
            raise taken(listen) from None
        raise CannotListen(f"can't listen on {listen}: {error.strerror}") from None
    return claim


def _is_here(address: Address) -> bool:
    try:
        with _socket(address) as probe:
            probe.bind((address.host, 0))
    except OSError as error:
        return error.errno not in _NOT_HERE
    return True


def _socket(address: Address) -> socket.socket:
    made = socket.socket(address.family, socket.SOCK_STREAM)
    if address.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address.host not in _ANY))
    return made
