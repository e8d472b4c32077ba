"""What a server may be without TLS, and which certificates it takes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory.cli import issuing
from inventory.settings import Settings
from inventory.tls import Certificate, Unguarded, guard

DAYS = 30


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    authority = issuing.authority("CA", DAYS)
    made = issuing.server(authority, ["localhost"], DAYS)
    other = issuing.server(authority, ["localhost"], DAYS)
    for name, content in {
        "ca.pem": authority.pem,
        "cert.pem": made.pem,
        "key.pem": made.key_pem,
        "other-key.pem": other.key_pem,
        "nonsense.pem": b"nothing",
        "large.pem": b"x" * 2_000_000,
    }.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def settings(directory: Path, **given: Any) -> Settings:
    files = {
        name: directory / value for name, value in given.items() if name.startswith("tls_") and "listen" not in name
    }
    return Settings(**{"development": False, **given, **files})


TLS = {"tls_cert": "cert.pem", "tls_key": "key.pem"}
ANYWHERE = {"listen": "0.0.0.0:50051"}


@pytest.mark.parametrize(
    ("given", "speaks_tls"),
    [
        ({}, False),
        ({"development": True}, False),
        ({"listen": "[::1]:50051"}, False),
        ({"listen": "localhost:50051"}, False),
        (TLS, True),
        ({**TLS, "development": True}, True),
        ({**TLS, **ANYWHERE}, True),
        ({**TLS, **ANYWHERE, "tls_client_ca": "ca.pem"}, True),
        ({**TLS, "tls_client_ca": "ca.pem", "tls_client_listen": "0.0.0.0:50052"}, True),
    ],
)
def test_a_server_that_is_guarded_may_start(directory: Path, given: dict[str, Any], speaks_tls: bool) -> None:
    assert isinstance(guard(settings(directory, **given)), Certificate) is speaks_tls


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (ANYWHERE, "others can reach 0.0.0.0:50051, and without TLS they would read along: give --tls-cert and"),
        ({"listen": "[::]:50051"}, "--listen 127.0.0.1:50051"),
        ({**ANYWHERE, "development": True}, "--development lets anybody do anything"),
        ({**TLS, **ANYWHERE, "development": True}, "--development lets anybody do anything"),
        (
            {**TLS, "development": True, "tls_client_ca": "ca.pem", "tls_client_listen": "0.0.0.0:50052"},
            "not on 0.0.0.0:50052",
        ),
        ({"tls_cert": "cert.pem"}, "--tls-cert needs --tls-key"),
        ({"tls_key": "key.pem"}, "--tls-key needs --tls-cert"),
        ({"tls_client_ca": "ca.pem"}, "--tls-client-ca needs --tls-cert and --tls-key"),
        ({**TLS, "tls_client_listen": "127.0.0.1:50052"}, "--tls-client-listen needs --tls-client-ca"),
        ({**TLS, "tls_cert": "missing.pem"}, "--tls-cert: .*missing.pem can't be read: No such file"),
        ({**TLS, "tls_cert": "nonsense.pem"}, "--tls-cert: .* holds no certificate in PEM"),
        ({**TLS, "tls_cert": "key.pem"}, "--tls-cert: .* holds no certificate in PEM"),
        ({**TLS, "tls_cert": "large.pem"}, "larger than any certificate"),
        ({**TLS, "tls_key": "nonsense.pem"}, "--tls-key: .* holds no private key in PEM"),
        ({**TLS, "tls_key": "other-key.pem"}, "other-key.pem is not the key of the certificate in .*cert.pem"),
        ({**TLS, "tls_client_ca": "nonsense.pem"}, "--tls-client-ca: .* holds no certificate in PEM"),
    ],
)
def test_a_server_that_is_not_does_not_start(directory: Path, given: dict[str, Any], says: str) -> None:
    with pytest.raises(Unguarded, match=says) as caught:
        guard(settings(directory, **given))
    assert "\n" not in str(caught.value)


class Late(datetime):
    """A clock that goes wrong by so much."""

    by = timedelta()

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(UTC) + cls.by


@pytest.mark.parametrize(
    ("by", "says"), [(timedelta(days=DAYS + 1), "has expired on"), (-timedelta(days=1), "is not valid before")]
)
def test_a_certificate_is_valid_now(directory: Path, monkeypatch: pytest.MonkeyPatch, by: timedelta, says: str) -> None:
    monkeypatch.setattr(Late, "by", by)
    monkeypatch.setattr("inventory.tls.datetime", Late)
    with pytest.raises(Unguarded, match=says):
        guard(settings(directory, **TLS))


def test_a_name_that_only_begins_like_loopback_is_not() -> None:
    assert not Settings(listen="127.example.com:50051").loopback
    assert Settings(listen="127.9.9.9:50051").loopback


def test_an_identity_does_not_show_its_key(directory: Path) -> None:
    found = guard(settings(directory, **TLS))
    assert found is not None
    assert "PRIVATE" not in repr(found.identity)
