"""RNTuples with fields inside fields, as ROOT's importer makes them of NanoAOD."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.errors import InputError
from tau3mu.ntuples import fired, read_events
from tau3mu.ntuples.fields import field_types, read_fields
from tau3mu.ntuples.layout import own_layout

# 40 events in six clusters, from a TTree with counted arrays; the lists are projected fields.
IMPORTED = Path(__file__).parents[1] / "data" / "imported_nano.root"
N_MUONS = [0, 0, 3, 1, 2, 2, 2, 0, 1, 0, 1, 3, 2, 0, 2, 0, 3, 3, 3, 2]
N_MUONS += [3, 1, 0, 2, 1, 2, 3, 1, 3, 0, 1, 3, 0, 2, 1, 2, 3, 3, 3, 2]
TABLE = """\
#tree\tEvents
#pad\tmuon.pt\t-99
branch\ttype\tview
run\tuint32\trun
event\tuint64\tevent
nMuon\tuint32\tn_muons
Muon_pt\tvar * float32\tmuon.pt
Muon_eta\tvar * float32\tmuon.eta
Muon_phi\tvar * float32\tmuon.phi
HLT_*\tbool\thlt.*
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "imported.tsv"
    path.write_text(TABLE)
    return own_layout(str(path))


@pytest.mark.parametrize("chunk_size", [100, 7, 1])
def test_projected_fields_are_read_and_what_holds_them_is_not(table, chunk_size):
    dataset = Dataset("d", {str(IMPORTED): None}, layout=table)
    columns = ["event", "n_muons", "muon.pt", "muon.eta", "muon.phi", "hlt.HLT_Mu3_v"]
    [file] = check_files([dataset], columns)
    assert file.entries == 40
    lengths, momenta, numbers, passed = [], [], [], 0
    for chunk in make_chunks([file], [dataset], chunk_size):
        events = read_events(
            [chunk.path],
            tree=chunk.tree,
            layout=chunk.layout,
            branches=chunk.branches,
            start=chunk.start,
            stop=chunk.stop,
            uuid=chunk.uuid,
            metadata={},
        ).events
        assert not [name for name in events.raw.fields if name.startswith("_")]
        lengths += ak.num(events.muon).to_list()
        momenta += ak.flatten(events.muon.pt).to_list()
        numbers += events.event.to_list()
        passed += int(np.sum(fired(events.hlt, "HLT_Mu3_v")))
        assert events.n_muons.to_list() == ak.num(events.muon).to_list()
        assert str(events.n_muons.type.content) == "uint32"
    assert (lengths, sum(N_MUONS)) == (N_MUONS, 66)
    assert numbers == list(range(1, 41))
    assert momenta[:4] == pytest.approx([2.926091, 7.621531, 11.680941, 15.129429], rel=1e-6)
    assert passed == 18


def test_a_name_in_a_collection_is_not_that_of_a_field_at_the_top():
    with uproot.open(IMPORTED) as file:
        ntuple = file["Events"]
        names = {"Muon_pt", "Jet_pt", "nJet", "event"}
        arrays = read_fields(ntuple, names, 3, 5)
        assert arrays.keys() == names
        kinds = {name: str(array.type.content) for name, array in arrays.items()}
        assert kinds == field_types(ntuple, names)
        assert kinds["nJet"] == "uint32"
        assert [len(array) for array in arrays.values()] == [2, 2, 2, 2]


def test_fields_below_fields_are_those_that_uproot_finds(tmp_path):
    nested = tmp_path / "nested.root"
    rows = [{"x": 1, "y": [{"z": 2.0, "w": [[1], []]}]}, {"x": 3, "y": []}]
    with uproot.recreate(nested) as file:
        file.mkrntuple("Events", {"a": ak.Array(rows), "b": ak.Array([["u"], []])})
    for path in (IMPORTED, nested):
        with uproot.open(path) as file, uproot.open(path) as plain:
            read_fields(file["Events"], set(file["Events"].keys(recursive=False)), 0, 1)
            found, expected = file["Events"].all_fields, plain["Events"].all_fields
            assert [[f.field_id for f in field.fields] for field in found] == [
                [f.field_id for f in field.fields] for field in expected
            ]


def test_a_field_of_another_kind_is_refused_by_the_check(tmp_path, table):
    path = tmp_path / "records.root"
    with uproot.recreate(path) as file:
        muons = ak.Array([[{"pt": 1.0}], []])
        file.mkrntuple("Events", {"run": np.zeros(2, np.uint32), "Muon_pt": muons})
    with pytest.raises(InputError, match=r"'Muon_pt' is var \* \{pt: float64\}"):
        check_files([Dataset("d", {str(path): None}, layout=table)], ["run", "muon.pt"])
