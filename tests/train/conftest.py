"""Stores, and datasets of files that are small or not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tau3mu.datasets import CheckedFile, Dataset, FileDetails
from tau3mu.train import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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
