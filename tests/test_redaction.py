"""Which names are taken to hold secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_tracer.redaction import is_secret_key, is_secret_name


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWORD",
        "db_password",
        "password_hash",
        "passwords",
        "_password",
        "__password",
        "userPassword",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "client_secret",
        "clientSecret",
        "SECRET_KEY",
        "token",
        "access_token",
        "accessToken",
        "X-Auth-Token",
        "api_key",
        "apikey",
        "apiKey",
        "API_KEY",
        "X-API-Key",
        "access_key",
        "AWS_ACCESS_KEY_ID",
        "private_key",
        "credentials",
        "Authorization",
        "auth_header",
        "Set-Cookie",
        "session cookie",
    ],
)
def test_a_name_that_looks_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "passing",
        "compass",
        "tokenizer",
        "tokenize",
        "detokenized",
        "keyboard",
        "key",
        "author",
        "secretary",
        "monkey",
        "pass_",
        "é",
        "密码",
    ],
)
def test_a_name_that_does_not(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize("key", [None, 1, b"password", ("password",), type("S", (str,), {})("password")])
def test_only_strings_name_a_secret(key: object) -> None:
    assert not is_secret_key(key)


def test_a_long_key_is_data() -> None:
    assert not is_secret_name("x" * 1_000_000 + "_password")


@given(st.text())
def test_any_name_can_be_asked_about(name: str) -> None:
    assert is_secret_name(name) == is_secret_name(name.upper()) or name != name.lower()
    assert is_secret_name(f"{name[:50]}_password")
