"""Fixtures that several packages' tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.clean_databases import CleanDatabases
    from trackstream_api.native.minio import MinioAddress
    from trackstream_api.native.stack import Stack
    from trackstream_consumers.engine import Engine

# Time belongs in benchmarks: a busy machine must not fail a property.
hypothesis.settings.register_profile(
    "trackstream", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("trackstream")


@pytest.fixture(scope="session", autouse=True)
def spools_in_a_directory_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test spools into the user's directory, nor forwards what it finds there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def minio_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioAddress]:
    """The MinIO of the native stack; each test makes a bucket of its own."""
    from tests.native_stack import native_stack

    with native_stack(tmp_path_factory.mktemp("minio"), parts=("minio",)) as stack:
        yield stack.minio


@pytest.fixture(scope="session")
def engine_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The one chDB directory of this process: chDB has one open at a time. It is kept open meanwhile."""
    from trackstream_consumers.engine import Engine

    path = tmp_path_factory.mktemp("engine")
    anchor = Engine(path, database="anchor")
    with anchor.client():
        pass
    yield path
    anchor.close()


@pytest.fixture(scope="session")
def clean_databases(engine_dir: Path) -> CleanDatabases:
    """Migrated, empty databases."""
    from tests.clean_databases import CleanDatabases

    return CleanDatabases(engine_dir)


@pytest.fixture
def engine(clean_databases: CleanDatabases) -> Iterator[Engine]:
    """An engine on a migrated database that nobody else uses."""
    lent = clean_databases.take()
    yield lent
    clean_databases.give_back(lent)


@pytest.fixture(scope="session")
def kafka_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Kafka broker of the native stack; tests that kill it bring it back."""
    from tests.native_stack import native_stack

    with native_stack(tmp_path_factory.mktemp("kafka"), parts=("kafka",)) as stack:
        yield stack
