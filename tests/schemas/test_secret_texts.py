"""What counts as a secret."""

from __future__ import annotations

import pytest

from trackstream_schemas.secret_texts import (
    REDACTED,
    has_credentials,
    names_a_secret,
    redacted,
    secret_setting,
    without_credentials,
)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "DB_PASSWORD",
        "api-key",
        "apiKey",
        "aws_secret",
        "token",
        "hf.token",
        "private_key",
        "credential",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert names_a_secret(name)
    assert redacted({name: "x"}) == {name: REDACTED}


@pytest.mark.parametrize(
    "name", ["max_tokens", "alpha", "key", "monkey", "secretary", "tokenizer", "passwords_file"]
)
def test_other_names(name: str) -> None:
    assert not names_a_secret(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ann:pw@host/x", "https://host/x"),
        ("https://token@host/x", "https://host/x"),
        ("--index-url=https://a:b@host/simple --x", "--index-url=https://host/simple --x"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("ssh://git:pw@host/x", "ssh://host/x"),
        ("git@github.com:a/b", "git@github.com:a/b"),
        ("https://host/@scope/x?mail=a@b", "https://host/@scope/x?mail=a@b"),
        ("s3://bucket/key", "s3://bucket/key"),
    ],
)
def test_credentials_in_urls(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
    assert has_credentials(text) == (text != shown)


def test_where_a_secret_stands() -> None:
    assert secret_setting({"a": [{"b": {"password": "x"}}]}) == "a[0].b.password"
    assert secret_setting({"url": "https://a:b@host"}) == "url"
    assert secret_setting({"password": "", "token": REDACTED, "secret": {"name": "x"}, "n": 1}) is None
