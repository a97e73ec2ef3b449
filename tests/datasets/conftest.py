from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest
import uproot

from tau3mu.datasets import Dataset, check_files, load_datasets
from tau3mu.errors import InputError

T3M_COLUMNS = frozenset({"run", "event", "muon.pt", "triplet.mass", "hlt.HLT_Tau3mu_v"})
NANO_COLUMNS = frozenset({"run", "event", "muon.pt", "triplet.mass"})


def _t3m_arrays(events):
    pairs = np.full(events, 2)
    return {
        "run": np.full(events, 297050, dtype=np.uint32),
        "evt": np.arange(events, dtype=np.uint32),
        "MuonPt": ak.unflatten(np.linspace(2, 20, 2 * events, dtype=np.float32), pairs),
        "Triplet2_Mass": ak.unflatten(np.linspace(1.6, 2.1, 2 * events), pairs),
        "Trigger_hltname": ak.Array([["HLT_Tau3mu_v1", "HLT_Other_v2"]] * events),
        "Trigger_hltdecision": ak.unflatten(np.ones(2 * events, dtype=np.int32), pairs),
    }


@pytest.fixture
def t3m_columns():
    return T3M_COLUMNS


@pytest.fixture
def nano_columns():
    return NANO_COLUMNS


@pytest.fixture
def problems_of():
    """Returns the lines of the error of `check_files`, without the names of the files."""

    def lines(files, columns):
        dataset = Dataset("d", dict.fromkeys(files) if isinstance(files, list) else files)
        with pytest.raises(InputError) as error:
            check_files([dataset], columns)
        return [line.partition(" [d]: ")[2] for line in str(error.value).splitlines()[1:]]

    return lines


@pytest.fixture
def t3m_file(tmp_path):
    """Writes a small file of the skims' layout, as RNTuple: uproot writes vectors only there."""

    def write(name="t3m.root", *, events=10, drop=(), tree="Tree3Mu/ntuple", **replaced):
        arrays = {**_t3m_arrays(max(events, 1)), **replaced}
        arrays = {key: array for key, array in arrays.items() if key not in drop}
        folder, _, last = tree.rpartition("/")
        with uproot.recreate(tmp_path / name) as file:
            place = file.mkdir(folder) if folder else file
            place.mkrntuple(last, {key: array[:events] for key, array in arrays.items()})
        return str(tmp_path / name)

    return write


@pytest.fixture
def nano_file(tmp_path):
    """Writes a small file of the nano layout, as TTree."""

    def write(name="nano.root", *, events=10, triggers=(), tree="Events", **types):
        scalars = {"run": "uint32", "event": "uint64"} | dict.fromkeys(triggers, "bool")
        kinds = scalars | {"Muon_pt": "var * float32", "Triplet_mass": "var * float64"} | types
        counts = np.ones(events, dtype=np.int64)
        with uproot.recreate(tmp_path / name) as file:
            written = file.mktree(tree, kinds)
            if events:
                flat = {key: np.ones(events, kind.split()[-1]) for key, kind in kinds.items()}
                jagged = {
                    key: ak.unflatten(flat[key], counts) if "var" in kinds[key] else flat[key]
                    for key in kinds
                }
                written.extend(jagged)
        return str(tmp_path / name)

    return write


@pytest.fixture
def dataset_file(tmp_path):
    def write(content):
        path = tmp_path / "sets.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture
def refusal():
    """Returns the error of `load_datasets` for a dataset file, which names the file."""

    def error_of(path, **options):
        with pytest.raises(InputError) as error:
            load_datasets(path, **options)
        assert f"dataset file {path}" in str(error.value)
        return error.value

    return error_of
