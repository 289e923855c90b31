"""Errors of the command line; each ends the process with the exit code of its place in the tree.

TrackstreamError                 exit code   (trackstream_schemas.errors)
├── Refused                        *       the server's answer; the code of the error it names
├── NotFound
│   └── NoStore                    3       the directory holds no store
├── Unavailable
│   ├── NoAnswer                   5       nothing answers at the address
│   ├── DirectoryBusy              5       another process kept the directory for too long
│   └── ProjectionStalled          5       the projectors do not move
├── ReplayFailed                   1       the rebuild failed; the tables are as they were
├── VerifyFailed                   1       the tables could not be compared with the log
├── TablesDiffer                   1       the tables are not what the log says
├── NotDelivered                   1       the receiver of a webhook did not take a test
├── RecordsGivenUp                 1       records that were appended again were given up again
└── ChecksFailed                   1       `doctor` found what does not work
"""

from __future__ import annotations

from trackstream_schemas import errors


class Refused(errors.TrackstreamError):
    """The server answered with an error; carries its status, its error code and the exit code for both.

    `points` says that the message shows a place in the user's text, on aligned lines of their own.
    """

    def __init__(self, status: int, error_code: str, message: str, points: bool = False) -> None:
        self.status = status
        self.points = points
        self.error_code = error_code
        self.exit_code = exit_code_of(status, error_code)
        super().__init__(message)


class NoStore(errors.NotFound):
    """The directory does not exist or holds no store."""


class NoAnswer(errors.Unavailable):
    """No server answers at the address, or it answered too late."""


class DirectoryBusy(errors.Unavailable):
    """Another process held the directory for longer than we wait."""


class ProjectionStalled(errors.Unavailable):
    """The projectors stopped, or do not come nearer to the log's end."""


class ReplayFailed(errors.TrackstreamError):
    """The rebuild ended with an error; the tables that readers see are those from before."""


class VerifyFailed(errors.TrackstreamError):
    """The comparison with the log ended with an error; nothing is known of the tables."""


class TablesDiffer(errors.TrackstreamError):
    """Some tables hold something else than follows from the log."""


class RecordsGivenUp(errors.TrackstreamError):
    """Dead letters were retried and became dead letters again."""


class NotDelivered(errors.TrackstreamError):
    """The receiver of a webhook could not be reached, or refused what was sent."""


class ChecksFailed(errors.TrackstreamError):
    """At least one of doctor's checks failed."""


def exit_code_of(status: int, error_code: str) -> int:
    """Return the exit code for an HTTP error: that of the shared error class with its status and code."""
    tree = (
        errors.InvalidInput,
        errors.NotFound,
        errors.AlreadyExists,
        errors.Conflict,
        errors.Unavailable,
        errors.StorageFailed,
    )
    for kind in tree:
        if (kind.status, kind.error_code) == (status, error_code):
            return kind.exit_code
    for kind in tree:
        if kind.status == status:
            return kind.exit_code
    return errors.InvalidInput.exit_code if 400 <= status < 500 else errors.TrackstreamError.exit_code
