"""Signatures of deliveries, as Standard Webhooks has them, and MLflow after it.

What is signed is `id.timestamp.body`, by HMAC-SHA256; it is written `v1,` and base64.
Source: https://www.standardwebhooks.com, "Signature scheme".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for: what is in base64 behind `whsec_`, or the text itself."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def signature(key: bytes, delivery_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a delivery; `timestamp` is in seconds since the epoch."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers(secrets: Sequence[str], delivery_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that say which delivery this is and who sends it.

    Receivers written for MLflow take the whole secret for the key, so they have headers of their own.
    """
    signatures = [signature(key_of(secret), delivery_id, timestamp, body) for secret in secrets]
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
        "X-MLflow-Delivery-Id": delivery_id,
        "X-MLflow-Timestamp": str(timestamp),
        "X-MLflow-Signature": signature(secrets[0].encode(), delivery_id, timestamp, body),
    }
