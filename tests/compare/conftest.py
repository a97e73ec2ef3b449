"""Results of the demo that comparisons start from."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

import tau3mu

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the demo, without fit."""
    folder = tmp_path_factory.mktemp("compare") / "base"
    tau3mu.run("demo", no_fit=True, output=folder)
    return folder


@pytest.fixture(scope="session")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a tighter cut."""
    folder = tmp_path_factory.mktemp("compare") / "tight"
    processor = tau3mu.DsPhiPi(flight_significance=3.0)
    tau3mu.run("demo", processor, no_fit=True, output=folder)
    return folder


@pytest.fixture
def changed(base: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copies the results, with a file of theirs changed by a function of its content."""

    def change(file: str, how: Callable[[object], object], source: Path = base) -> Path:
        folder = tmp_path / "changed"
        shutil.copytree(source, folder)
        path = folder / file
        path.write_text(json.dumps(how(json.loads(path.read_text()))))
        return folder

    return change
