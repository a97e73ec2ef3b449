"""A run of the demo that derives a skim, and what reads it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import awkward as ak
import pytest
from skim_variants import tight

import tau3mu
from tau3mu import DsPhiPi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tau3mu.run import Run


@pytest.fixture(scope="session")
def parent(tmp_path_factory) -> Run:
    """The demo with base and tight, and a skim at the vertex; chunks of 1500 events."""
    return tau3mu.run(
        "demo",
        [DsPhiPi(), tight()],
        skim=["dsphipi.vertex"],
        chunk_size=1500,
        no_fit=True,
        output=tmp_path_factory.mktemp("derived") / "parent",
    )


@pytest.fixture(scope="session")
def skim(parent: Run) -> Path:
    return parent.folder / "derived" / "dsphipi_vertex"


@pytest.fixture
def read(tmp_path) -> Callable[..., Run]:
    """Runs processors on derived data."""
    number = iter(range(1000))

    def run(data: Any, processors: Any = "dsphipi", **options: Any) -> Run:
        if isinstance(data, os.PathLike) and data.suffix == "":
            data = data / "dataset.json"
        folder = tmp_path / f"read{next(number)}"
        how = {"no_fit": True, "output": folder, **options}
        return tau3mu.run(data, processors, **how)

    return run


@pytest.fixture
def same_candidates() -> Callable[[ak.Array, ak.Array], None]:
    """Compares candidates bit by bit, apart from the name of their file."""

    def compare(one: ak.Array, other: ak.Array) -> None:
        names = [name for name in one.fields if name != "file"]
        assert names == [name for name in other.fields if name != "file"]
        assert len(one) == len(other) > 0
        for name in names:
            left, right = one[name], other[name]
            assert left.type == right.type
            if str(left.type.content) == "string":
                assert left.tolist() == right.tolist()
            else:
                assert ak.to_numpy(left).tobytes() == ak.to_numpy(right).tobytes(), name

    return compare
