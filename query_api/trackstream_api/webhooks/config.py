"""The file that names the webhooks. Secrets stand elsewhere: in the environment, or in files of their own."""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trackstream_api.webhooks.happenings import check_patterns
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "webhooks.toml"
STATE_NAME = "webhooks.db"
VARIABLE = "TRACKSTREAM_WEBHOOKS"
SHORTEST_SECRET = 16
_KEY = "webhook"


class Webhook(BaseModel):
    """One `[[webhook]]` of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """What commands call it; its deliveries are kept under this name."""
    url: str
    """http:// or https://, where it is posted to."""
    events: list[str] = Field(min_length=1)
    """Which events: names such as run.finished, in which * stands for anything."""
    secret_env: str | None = None
    """The environment variable that holds the secret; several secrets, with spaces between, sign all."""
    secret_file: Path | None = None
    """Or the file that holds it."""
    enabled: bool = True
    """Whether anything is to be sent."""
    allow_private_addresses: bool = False
    """Whether it may be sent to this machine and to private networks."""
    timeout_s: float = Field(default=10.0, gt=0, le=60)
    """How long the receiver may take to connect and to answer, seconds."""
    max_attempts: int = Field(default=12, ge=1, le=100)
    """After so many a delivery becomes a dead letter."""
    retry_first_s: float = Field(default=2.0, gt=0)
    """About how long after the first attempt the second one comes, seconds; the pause doubles each time."""
    retry_longest_s: float = Field(default=3600.0, gt=0)
    """Longest such pause, seconds."""

    @property
    def shown_url(self) -> str:
        """The address without what may be secret in it."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "…" if parts.query else "", ""))


def load(path: Path) -> list[Webhook]:
    """Return the webhooks of the file at `path`. Raises InvalidInput, which names what is wrong in it."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput("webhooks", str(path), f"a file that can be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("webhooks", str(path), f"a TOML file: {error}") from error
    entries = content.get(_KEY, [])
    unknown = sorted(set(content) - {_KEY})
    if unknown or not isinstance(entries, list):
        raise InvalidInput("webhooks", unknown or entries, f"tables [[{_KEY}]] and nothing else in {path}")
    found = [_webhook(entry, f"{_KEY} {number}") for number, entry in enumerate(entries, 1)]
    twice = [name for name, count in Counter(webhook.name for webhook in found).items() if count > 1]
    if twice:
        raise InvalidInput("name", twice[0], f"a name that no other webhook in {path} has")
    return found


def path_for(directory: Path) -> Path | None:
    """Return the file for the store in a directory: the one that TRACKSTREAM_WEBHOOKS names, else
    webhooks.toml in the directory; None where there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    found = directory / FILE_NAME
    return found if found.exists() else None


def secrets_of(webhook: Webhook, environ: Mapping[str, str]) -> list[str]:
    """Return the secrets that sign a webhook's deliveries, the first one first.

    Raises InvalidInput, which shows none of it, where there is none or a short one.
    """
    if webhook.secret_env is not None:
        field, text = webhook.secret_env, environ.get(webhook.secret_env, "")
    else:
        field = f"secret_file of webhook {webhook.name}"
        assert webhook.secret_file is not None
        try:
            text = webhook.secret_file.expanduser().read_text(encoding="utf-8")
        except OSError as error:
            right = f"a file that can be read: {error.strerror}"
            raise InvalidInput(field, str(webhook.secret_file), right) from error
    secrets = text.split()
    if not secrets or min(map(len, secrets)) < SHORTEST_SECRET:
        what = "nothing" if not secrets else "a short text"
        right = f"the secret of webhook {webhook.name}, of at least {SHORTEST_SECRET} characters"
        raise InvalidInput(field, what, right)
    return secrets


def _webhook(entry: Any, place: str) -> Webhook:
    try:
        webhook = Webhook.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        given = "nothing" if first["type"] == "missing" else first["input"]
        raise InvalidInput(f"{place}: {field}", given, first["msg"]) from None
    parts = urlsplit(webhook.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(f"{place}: url", webhook.shown_url, "http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(f"{place}: url", "…", "an address without a user: the signature says who sends")
    if (webhook.secret_env is None) == (webhook.secret_file is None):
        raise InvalidInput(f"{place}: secret_env", webhook.secret_env, "either this or secret_file")
    check_patterns(webhook.events, f"{place}: events")
    return webhook
