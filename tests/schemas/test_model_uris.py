"""URIs of models."""

from __future__ import annotations

import pytest

from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.model_uris import LoggedModel, RegisteredVersion, RunFiles, is_model_uri, parse


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        ("runs:/abc/model", RunFiles("abc", "model")),
        ("runs:/abc/a/b/", RunFiles("abc", "a/b")),
        ("runs:/abc", RunFiles("abc", "")),
        ("models:/m/3", RegisteredVersion("m", version=3)),
        ("models:/two words/3", RegisteredVersion("two words", version=3)),
        ("models:/m@champion", RegisteredVersion("m", alias="champion")),
        ("models:/a@b@c", RegisteredVersion("a@b", alias="c")),
        ("models:/m/Production", RegisteredVersion("m", stage="Production")),
        ("models:/m/Latest", RegisteredVersion("m")),
        ("models:/m-123", LoggedModel("m-123")),
    ],
)
def test_what_a_uri_names(uri: str, wanted: object) -> None:
    assert is_model_uri(uri)
    assert parse(uri) == wanted


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "m",
        "s3://bucket/m",
        "runs:/",
        "runs://host/abc/model",
        "runs:/abc/../x",
        "runs:/a b/x",
        "models:/",
        "models://host/m/1",
        "models:/m/",
        "models:/m/1/x",
        "models:/@champion",
        "models:/m@",
        "models:/m/99999999999",
        "models:m/1",
        "models:/[",
    ],
)
def test_what_is_none(uri: str) -> None:
    with pytest.raises(InvalidInput, match="URI"):
        parse(uri)
