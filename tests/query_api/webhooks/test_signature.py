"""Signatures: the published example, MLflow's, and what nobody without the secret can make."""

from __future__ import annotations

import base64
import hashlib
import hmac

from hypothesis import assume, given
from hypothesis import strategies as st

from trackstream_api.webhooks.signature import headers, key_of, signature

SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=60)
IDS = st.from_regex(r"[0-9a-f]{32}(-[0-9]{1,3})?", fullmatch=True)
TIMES = st.integers(0, 2**40)


def test_the_example_of_standard_webhooks() -> None:
    body = b'{"test": 2432232314}'
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.lists(SECRETS, min_size=1, max_size=3), IDS, TIMES, st.binary(max_size=200))
def test_a_receiver_that_knows_a_secret_can_check_it(
    secrets: list[str], delivery_id: str, timestamp: int, body: bytes
) -> None:
    sent = headers(secrets, delivery_id, timestamp, body)
    signatures = sent["webhook-signature"].split(" ")
    assert len(signatures) == len(secrets)
    content = sent["webhook-id"].encode() + b"." + sent["webhook-timestamp"].encode() + b"." + body
    for secret, made in zip(secrets, signatures, strict=True):
        assume(not secret.startswith("whsec_"))
        version, _, given_text = made.partition(",")
        expected = hmac.new(secret.encode(), content, hashlib.sha256).digest()
        assert version == "v1"
        assert base64.b64decode(given_text, validate=True) == expected


@given(SECRETS, IDS, TIMES, st.binary(max_size=50), st.data())
def test_nothing_of_a_delivery_can_be_changed(
    secret: str, delivery_id: str, timestamp: int, body: bytes, data: st.DataObject
) -> None:
    key = key_of(secret)
    made = signature(key, delivery_id, timestamp, body)
    other = data.draw(
        st.sampled_from(
            [
                (key, delivery_id, timestamp + 1, body),
                (key, delivery_id + "0", timestamp, body),
                (key, delivery_id, timestamp, body + b" "),
                (key + b"0", delivery_id, timestamp, body),
            ]
        )
    )
    assert signature(*other) != made


@given(SECRETS, IDS, TIMES, st.text(max_size=50))
def test_mlflows_receivers_find_what_mlflow_would_have_sent(
    secret: str, delivery_id: str, timestamp: int, payload: str
) -> None:
    from mlflow.webhooks.delivery import _generate_hmac_signature

    sent = headers([secret], delivery_id, timestamp, payload.encode())
    assert sent["X-MLflow-Signature"] == _generate_hmac_signature(
        secret, sent["X-MLflow-Delivery-Id"], sent["X-MLflow-Timestamp"], payload
    )
