"""Stores, and datasets of files that are small or not there."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from measuring.postgres import USER, find_programs, postgres_server
from tau3mu.datasets import CheckedFile, Dataset, FileDetails
from tau3mu.train import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with nothing in it."""
    return Store(tmp_path / "store")


@pytest.fixture
def registrable() -> Callable[..., tuple[Dataset, list[CheckedFile]]]:
    """Returns what the preflight would find of files that are not opened: number i is `f_i`."""

    def make(
        name: str,
        numbers: Sequence[int],
        *,
        entries: int = 100,
        folder: str = "/data",
        checksum: str | None = None,
        **facts: Any,
    ) -> tuple[Dataset, list[CheckedFile]]:
        paths = {number: f"{folder}/f_{number}.root" for number in numbers}
        details = {path: FileDetails((), checksum, None) for path in paths.values()}
        dataset = Dataset(name, dict.fromkeys(paths.values()), details=details, **facts)
        files = [
            CheckedFile(
                name, path, "T", "t3m", f"uuid-{number}", entries + number, (),
                checksum=checksum, size=1000 + number,
            )
            for number, path in paths.items()
        ]  # fmt: skip
        return dataset, files

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The folder of the socket of a PostgreSQL server."""
    if (programs := find_programs()) is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres_server(programs) as folder:
        yield folder


@pytest.fixture
def new_postgres(postgres: str) -> str:
    """The URL of a new database of a PostgreSQL server."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(host=postgres, user=USER, dbname="postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    return f"postgresql://{USER}:secret@/{name}?host={postgres}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """The URL of a new database, which is that of the variable; None for that of the store."""
    if request.param == "sqlite":
        monkeypatch.delenv("TAU3MU_DATABASE", raising=False)
        return None
    url: str = request.getfixturevalue("new_postgres")
    monkeypatch.setenv("TAU3MU_DATABASE", url)
    return url
