"""What goes wrong with an S3 store, as errors of ours. Texts name the bucket and the address, never a secret.

S3's code, or what befell the connection           becomes
NoSuchKey, NoSuchUpload                            NotFound
busy, starting, timed out, damaged on the way      Unavailable
no connection, an answer that is not S3's          Unavailable
credentials refused, clocks apart                  StorageFailed
no such bucket, full, quota, anything else         StorageFailed
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from trackstream_schemas.errors import InvalidInput, NotFound, StorageFailed, TrackstreamError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minio.error import S3Error

_MISSING = frozenset({"NoSuchKey", "NoSuchUpload"})
_WRONG_PARTS = frozenset({"EntityTooSmall", "InvalidPart", "InvalidPartOrder"})
_BUSY = frozenset(
    {
        "BadDigest",
        "ConditionalRequestConflict",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "SlowDownRead",
        "SlowDownWrite",
        "TooManyRequests",
        "XMinioServerNotInitialized",
    }
)
_FULL = frozenset({"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded"})
_REFUSED = frozenset(
    {
        "AccessDenied",
        "AccountProblem",
        "AllAccessDisabled",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
    }
)
_FULL_STATUS = 507
TRANSIENT_STATUSES = (408, 429, 500, 502, 503, 504)
"""HTTP statuses after which the same request may well succeed."""


@contextmanager
def s3_errors(place: str, act: str) -> Iterator[None]:
    """Raise what minio and urllib3 raise inside as one of ours.

    `place` is where the store is ("bucket 'b' at host:9000"), `act` what was tried ("store ab/…").
    """
    from minio.error import InvalidResponseError, MinioException, S3Error
    from urllib3.exceptions import HTTPError, MaxRetryError

    try:
        yield
    except S3Error as error:
        raise _of_code(error, f"cannot {act} in {place}") from error
    except InvalidResponseError as error:
        text = f"cannot {act} in {place}: not the answer of an S3 store ({str(error)[:200]})"
        raise Unavailable(text) from error
    except MinioException as error:
        raise Unavailable(f"cannot {act} in {place}: {error}") from error
    except MaxRetryError as error:
        # Its own text has the address with the signature in it; the reason's has not.
        raise _of_connection(error.reason or error, f"cannot {act} in {place}") from error.reason
    except HTTPError as error:
        raise _of_connection(error, f"cannot {act} in {place}") from error
    except (OSError, ValueError, ParseError) as error:
        raise Unavailable(f"cannot {act} in {place}: {type(error).__name__}: {error}") from error


def _of_code(error: S3Error, text: str) -> TrackstreamError:
    code = error.code or "no code"
    status = getattr(error.response, "status", 0)
    said = f"{text}: {code}: {error.message}"
    if code in _MISSING:
        return NotFound(said)
    if code in _WRONG_PARTS:
        return InvalidInput("parts", code, f"the parts as they were sent ({error.message})")
    if code == "NoSuchBucket":
        return StorageFailed(f"{text}: the bucket does not exist; create it first")
    if code == "RequestTimeTooSkewed":
        return StorageFailed(f"{text}: this machine's clock and the store's are too far apart")
    if code in _REFUSED:
        return StorageFailed(f"{text}: the store refuses the credentials ({code}: {error.message})")
    if code in _FULL or status == _FULL_STATUS:
        return StorageFailed(f"{text}: the store is full ({code}: {error.message})")
    if code in _BUSY or status in TRANSIENT_STATUSES:
        return Unavailable(said)
    return StorageFailed(said)


def _of_connection(error: Exception, text: str) -> TrackstreamError:
    from urllib3.exceptions import MaxRetryError, SSLError

    if isinstance(error, MaxRetryError):
        return Unavailable(f"{text}: no answer")
    if isinstance(error, SSLError):
        return StorageFailed(f"{text}: TLS failed; check the certificate and `secure` ({error})")
    return Unavailable(f"{text}: {type(error).__name__}: {error}")
