"""Bytes that are nearly a request: made from good ones, field by field or byte by byte, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from tests.fuzz.methods import Known, Method, holder, leaves
from tests.rpc.spoilt import ways

KEPT_MAX = 500
RANDOM_BYTES_MAX = 2_000
VARINTS = (b"\x00", b"\x01", b"\x7f", b"\xff\x7f", b"\xff" * 9 + b"\x01", b"\x80" * 10 + b"\x01", b"\xff" * 12)


class Mutations:
    """`known` says what good requests are of; what was recorded comes back in other forms."""

    def __init__(self, chance: random.Random, known: Known, methods: Sequence[Method]) -> None:
        self._chance = chance
        self._known = known
        self._methods = methods
        self._recorded: list[bytes] = []

    def next(self, method: Method) -> bytes:
        """A request of the method, or what is none."""
        kinds: tuple[Callable[[Method], bytes], ...] = (
            self._good,
            self._spoilt,
            self._spoilt_twice,
            self._changed,
            self._changed,
            self._of_another,
            self._random,
        )
        made = self._chance.choices(kinds, (15, 30, 10, 15, 10, 10, 10))[0](method)
        if len(self._recorded) < KEPT_MAX:
            self._recorded.append(made)
        else:
            self._recorded[self._chance.randrange(KEPT_MAX)] = made
        return made

    def _request(self, method: Method) -> Any:
        request: Any = self._known.good(method.descriptor.input_type)
        if method.validates and self._chance.random() < 0.5:
            request.validate_only = False
        return request

    def _good(self, method: Method) -> bytes:
        return bytes(self._request(method).SerializeToString())

    def _spoilt(self, method: Method) -> bytes:
        return bytes(self._spoil(self._request(method)).SerializeToString())

    def _spoilt_twice(self, method: Method) -> bytes:
        return bytes(self._spoil(self._spoil(self._request(method))).SerializeToString())

    def _spoil(self, request: Any) -> Any:
        found = list(leaves(request))
        if not found:
            return request
        path, owner, field = self._chance.choice(found)
        several = list(ways(owner.name, field))
        if several:
            self._chance.choice(several).spoil(holder(request, path))
        elif field.message_type is None and not field.is_repeated:
            setattr(holder(request, path), field.name, True)  # a boolean
        return request

    def _changed(self, method: Method) -> bytes:
        chance = self._chance
        body = bytearray(
            chance.choice(self._recorded) if self._recorded and chance.random() < 0.3 else self._good(method)
        )
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(body) + 1)
            match chance.randrange(6):
                case 0 if body:
                    body[at % len(body)] ^= 1 << chance.randrange(8)
                case 1:
                    del body[at:]
                case 2:
                    body[at:at] = body[at : at + chance.randint(1, 40)] * chance.randint(1, 20)
                case 3:
                    body[at : at + 1] = chance.choice(VARINTS)
                case 4:
                    del body[at : at + chance.randint(1, 8)]
                case _:
                    body[at:at] = chance.randbytes(chance.randint(1, 8))
        return bytes(body)

    def _of_another(self, method: Method) -> bytes:
        return self._good(self._chance.choice(self._methods)) + self._good(method)

    def _random(self, method: Method) -> bytes:
        return self._chance.randbytes(self._chance.randrange(RANDOM_BYTES_MAX))
