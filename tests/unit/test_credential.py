"""Tokens: their form, what of them is kept, and what a mistyped one is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.domain.credential import TOKEN_CHARS, TOKEN_RANDOM_BYTES, digest, key_id_of, make_token

RANDOM = st.binary(min_size=TOKEN_RANDOM_BYTES, max_size=TOKEN_RANDOM_BYTES)


@given(RANDOM)
def test_a_token_names_its_key(random: bytes) -> None:
    token = make_token(random)
    assert len(token.text) == TOKEN_CHARS
    assert key_id_of(token.text) == token.key_id


@given(RANDOM, st.integers(4, TOKEN_CHARS - 1), st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz"))
def test_one_mistyped_letter_makes_it_no_token(random: bytes, at: int, letter: str) -> None:
    text = make_token(random).text
    mistyped = text[:at] + letter + text[at + 1 :]
    if mistyped != text:
        assert key_id_of(mistyped) is None


@given(RANDOM, RANDOM)
def test_different_secrets_make_different_tokens(one: bytes, two: bytes) -> None:
    if one[8:] != two[8:]:
        assert digest(make_token(one).text) != digest(make_token(two).text)


def test_the_secret_is_in_no_repr() -> None:
    token = make_token(b"\x01" * TOKEN_RANDOM_BYTES)
    assert token.text.rpartition("_")[2] not in repr(token)


@pytest.mark.parametrize("length", [0, TOKEN_RANDOM_BYTES - 1, TOKEN_RANDOM_BYTES + 1])
def test_it_takes_exactly_so_many_random_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="random bytes"):
        make_token(bytes(length))
