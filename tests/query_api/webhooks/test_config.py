"""The file of webhooks: what is right in it, and what is said of what is not."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.webhooks.backoff import pause_after
from trackstream_api.webhooks.config import Webhook, load, secrets_of
from trackstream_api.webhooks.for_directory import delivering_for
from trackstream_api.webhooks.happenings import EVENTS, topics_of, wants
from trackstream_api.webhooks.sending import Outcome
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
[[webhook]]
name = "chat"
url = "https://hooks.example.com/in?token=abc"
events = ["run.finished", "model_version*"]
secret_env = "CHAT_SECRET"
"""
SECRET = "a-secret-of-some-length"


def written(directory: Path, text: str) -> Path:
    path = directory / "webhooks.toml"
    path.write_text(text)
    return path


def test_a_file_that_is_right(tmp_path: Path) -> None:
    (webhook,) = load(written(tmp_path, GOOD))
    assert (webhook.name, webhook.enabled, webhook.allow_private_addresses) == ("chat", True, False)
    assert webhook.shown_url == "https://hooks.example.com/in?…"
    assert topics_of(webhook.events) == [topics.REGISTRY, topics.RUNS]
    assert load(written(tmp_path, "")) == []


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('name = "chat"', 'name = "a b"', "webhook 1: name"),
        ('name = "chat"', "", "webhook 1: name"),
        ("https://", "ftp://", "webhook 1: url"),
        ("https://", "https://user:pass@", "webhook 1: url"),
        ('"run.finished"', '"run.finnished"', "run.finished"),
        ('"run.finished", "model_version*"', "", "webhook 1: events"),
        ('secret_env = "CHAT_SECRET"', "", "secret_file"),
        ('secret_env = "CHAT_SECRET"', 'secret_env = "X"\nsecret_file = "y"', "secret_file"),
        ('secret_env = "CHAT_SECRET"', f'secret = "{SECRET}"', "webhook 1: secret"),
        ("[[webhook]]", "[webhook]", "[[webhook]]"),
        ("[[webhook]]", "[[hooks]]", "hooks"),
        ("[[webhook]]", "[[webhook]", "TOML"),
        (GOOD, GOOD + GOOD, "no other webhook"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, before: str, after: str, named: str) -> None:
    path = written(tmp_path, GOOD.replace(before, after))
    with pytest.raises(InvalidInput) as refused:
        load(path)
    assert named in str(refused.value)
    assert "pass@" not in str(refused.value)


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (webhook,) = load(written(tmp_path, GOOD))
    assert secrets_of(webhook, {"CHAT_SECRET": f"{SECRET}-new {SECRET}"}) == [f"{SECRET}-new", SECRET]
    for environ in ({}, {"CHAT_SECRET": "  "}, {"CHAT_SECRET": "hush-hush"}):
        with pytest.raises(InvalidInput, match="CHAT_SECRET") as refused:
            secrets_of(webhook, environ)
        assert "hush" not in str(refused.value)
    (tmp_path / "secret").write_text(SECRET + "\n")
    text = GOOD.replace('secret_env = "CHAT_SECRET"', f'secret_file = "{tmp_path}/secret"')
    (webhook,) = load(written(tmp_path, text))
    assert secrets_of(webhook, {}) == [SECRET]


def test_every_event_is_wanted_by_name_by_entity_and_by_all() -> None:
    for name in EVENTS:
        assert wants([name], name)
        assert wants([name.partition(".")[0] + ".*"], name)
        assert wants(["*"], name)
        assert not wants(["other.*"], name)


@pytest.mark.parametrize("text", [None, "", GOOD + "enabled = false\n"], ids=["no file", "empty", "disabled"])
def test_without_webhooks_there_is_no_thread_and_no_file(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        written(tmp_path, text)
    threads = threading.active_count()
    # The store is not even looked at.
    with delivering_for(None, tmp_path):  # type: ignore[arg-type]
        assert threading.active_count() == threads
        assert not (tmp_path / "webhooks.db").exists()


@given(
    st.floats(0.01, 100),
    st.floats(0.01, 10_000),
    st.integers(1, 99),
    st.floats(0, 1),
    st.none() | st.floats(0, 1e9),
)
def test_pauses_grow_stay_within_bounds_and_end(
    first: float, longest: float, attempts: int, chance: float, retry_after: float | None
) -> None:
    webhook = Webhook(
        name="x",
        url="http://x",
        events=["*"],
        max_attempts=100,
        retry_first_s=first,
        retry_longest_s=longest,
    )
    failed = Outcome(503, "503", retry_after)
    pause = pause_after(webhook, attempts, failed, chance)
    assert pause is not None
    assert min(first, longest) / 2 <= pause <= longest
    if retry_after is not None:
        assert pause >= min(retry_after, longest)
    later = pause_after(webhook, attempts + 1 if attempts < 99 else attempts, failed, chance)
    assert later is None or later >= pause
    assert pause_after(webhook, 100, failed, chance) is None
    assert pause_after(webhook, attempts, Outcome(410, "410", final=True), chance) is None
