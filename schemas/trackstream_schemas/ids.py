"""Identity without a coordinator: ids that producers make by themselves and still agree on."""

from __future__ import annotations

import hashlib
import os
import time

DEFAULT_EXPERIMENT_ID = "0"
DEFAULT_EXPERIMENT_NAME = "Default"


def new_id() -> str:
    """Return a UUIDv7 (RFC 9562, section 5.7) in hex, 32 lower-case characters.

    The first 48 bits are the milliseconds since the epoch, so ids sort roughly by time.
    """
    return uuid7(time.time_ns() // 1_000_000, int.from_bytes(os.urandom(10), "big"))


def uuid7(millis: int, random: int) -> str:
    """Return the UUIDv7 of a time (ms since the epoch) with 80 bits given for its 74 random ones."""
    value = (
        (millis & 0xFFFF_FFFF_FFFF) << 80
        | 0x7 << 76
        | (random >> 68 & 0xFFF) << 64
        | 0b10 << 62
        | random & 0x3FFF_FFFF_FFFF_FFFF
    )
    return f"{value:032x}"


def registered_model_id_of(name: str, attempt: int = 0) -> str:
    """Return the id of the registered model that is created under `name`: a positive 63-bit decimal string.

    `attempt` > 0 gives the further ids that are used while an earlier one belongs to a model that has
    since been renamed.
    """
    return _derived(f"registered model\x00{name}\x00{attempt}")


def experiment_id_of(name: str, attempt: int = 0) -> str:
    """Return the experiment id that belongs to `name`: a positive 63-bit decimal string.

    Every producer derives the same id, so concurrent `set_experiment("x")` calls agree unasked.
    `attempt` > 0 gives the further ids that a store uses when the first one belongs to an experiment
    that has since been renamed.
    """
    if name == DEFAULT_EXPERIMENT_NAME and attempt == 0:
        return DEFAULT_EXPERIMENT_ID
    seed = name if attempt == 0 else f"{name}\x00{attempt}"
    return _derived(seed)


def _derived(seed: str) -> str:
    digest = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()
    return str(int.from_bytes(digest[:8], "big") >> 1 or 1)
