"""What `inventory token` shows of credentials and of what channels may do, and the file that it writes a token into."""

import json as encoder
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from inventory.cli.failure import Failed, printable
from inventory.cli.fitted import FittedTable, code, whole, words
from inventory.cli.terminal import out
from inventory.domain.access import GRANTABLE
from inventory.v1 import access_service_pb2 as pb2


@contextmanager
def place_for(path: Path | None) -> Iterator[Callable[[str], None] | None]:
    """Hands on what writes a token into the file: only its owner can read it, and it has its name once it is whole.
    What was there is replaced then and not before. None: no file.

    Raises `Failed` when the file can't be made.
    """
    if path is None:
        yield None
        return
    if path.exists() and not path.is_file():
        raise Failed(f"--out: {path} is there already, and is not a file")
    try:  # before there is a token: one that can't be kept would be lost
        number, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise Failed(f"--out: {path} can't be written: {error.strerror}") from None

    def write(token: str) -> None:
        with os.fdopen(os.dup(number), "w") as file:
            file.write(f"{token}\n")
            file.flush()
            os.fsync(number)
        os.replace(unfinished, path)

    try:
        yield write
    finally:
        os.close(number)
        with suppress(FileNotFoundError):
            os.unlink(unfinished)


def show_new(
    token: str, made: pb2.Credential, *, json: bool, write: Callable[[str], None] | None, file: Path | None
) -> None:
    """`write` and `file` as of `place_for`. Raises `Failed`."""
    if not token and (write is not None or not json):
        raise Failed(f"{made.key_id} was made, but the answer that showed it was lost: revoke it and make another")
    if write is not None:
        try:
            write(token)
        except OSError as error:
            raise Failed(
                f"--out: the file can't be written: {error.strerror}; revoke {made.key_id} and make another"
            ) from None
        print(f"the token with the key id {made.key_id} is in {file}", file=sys.stderr)
    if json:
        shown = {"token": token} if write is None else {}
        print(encoder.dumps(shown | credential_json(made), ensure_ascii=False, indent=2))
    elif write is None:
        print(token)


def show(found: list[pb2.Credential], *, json: bool) -> None:
    if json:
        print(encoder.dumps([credential_json(one) for one in found], ensure_ascii=False, indent=2))
        return
    table = FittedTable(
        [
            code("channel"), whole("key id"), whole("kind", 2), words("name", 3), whole("made", 4),
            whole("last used", 1), whole("ends"),
        ]
    )  # fmt: skip
    for one in found:
        table.add(
            one.channel,
            one.key_id,
            _kind(one),
            printable(one.name),
            _day(one, "created_at"),
            _day(one, "last_used_at") or "never",
            "revoked" if one.HasField("revoked_at") else _day(one, "expires_at") or "never",
        )
    out().print(table)


def show_access(found: list[pb2.ChannelAccess], *, json: bool) -> None:
    if json:
        print(encoder.dumps([access_json(one) for one in found], ensure_ascii=False, indent=2))
        return
    table = FittedTable([code("channel"), words("may"), words("only at", 2), words("only of", 2), words("limits", 1)])
    for one in found:
        table.add(
            one.channel,
            " ".join(_scope_texts(one.access)),
            " ".join(one.access.locations),
            ", ".join(map(printable, one.access.categories)),
            ", ".join(_limits(one.access)),
        )
    out().print(table)


def _kind(one: pb2.Credential) -> str:
    return pb2.CredentialKind.Name(one.kind).removeprefix("CREDENTIAL_KIND_").lower()


def _day(one: pb2.Credential, field: Any) -> str:
    return f"{getattr(one, field).ToDatetime():%Y-%m-%d %H:%MZ}" if one.HasField(field) else ""


def credential_json(one: pb2.Credential) -> dict[str, object]:
    times = ("created_at", "expires_at", "revoked_at", "last_used_at")
    found = {name: getattr(one, name).ToJsonString() if one.HasField(name) else None for name in times}
    return {
        "key_id": one.key_id,
        "channel": one.channel,
        "kind": _kind(one),
        "name": one.name,
        **found,
        "in_force": one.in_force,
    }


def _scope_texts(access: pb2.Access) -> list[str]:
    return [scope.text for scope in GRANTABLE if int(scope) in set(map(int, access.scopes))]


_LIMITS = ("requests_per_second", "requests_burst", "calls_max", "streams_max", "held_per_sku_max")


def _limits(access: pb2.Access) -> list[str]:
    found = [f"{name.replace('_', ' ')} {getattr(access, name):,}" for name in _LIMITS if access.HasField(name)]
    return found + ["certificate required"] * access.certificate_required


def access_json(one: pb2.ChannelAccess) -> dict[str, object]:
    access = one.access
    return {
        "channel": one.channel,
        "scopes": _scope_texts(access),
        "locations": list(access.locations),
        "categories": list(access.categories),
        **{name: getattr(access, name) if access.HasField(name) else None for name in _LIMITS},
        "certificate_required": access.certificate_required,
    }
