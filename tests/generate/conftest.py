"""Toy ntuples that several tests read: 20,000 events of data, 5,000 of simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import uproot

from tau3mu.generate import generate
from tau3mu.ntuples.layout import layout

if TYPE_CHECKING:
    from pathlib import Path

    import awkward as ak


def _read(path: Path, layout_name: str = "t3m") -> ak.Array:
    with uproot.open(path) as file:
        return file[layout(layout_name).tree].arrays()


@pytest.fixture(scope="session")
def read_all():
    """Reads all branches of a file."""
    return _read


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    (path,) = generate(tmp_path_factory.mktemp("data"), events=20_000)
    return _read(path, "t3m")


@pytest.fixture(scope="session")
def nano(tmp_path_factory):
    (path,) = generate(tmp_path_factory.mktemp("nano"), events=20_000, layout="nano")
    return _read(path, "nano")


@pytest.fixture(scope="session")
def simulation(tmp_path_factory):
    (path,) = generate(tmp_path_factory.mktemp("simulation"), events=5_000, simulation=True)
    return _read(path, "t3m")
