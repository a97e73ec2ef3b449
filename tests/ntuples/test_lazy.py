"""Numbers that are made when they are used: the same bits, and no more than are asked for."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot
from errors import raises

from tau3mu.ntuples.events import make_events
from tau3mu.ntuples.fast.lazy import LazyNumbers
from tau3mu.ntuples.open_files import open_file
from tau3mu.selection import rows_of

TREE = "Tree3Mu/ntuple"
FEW = np.array([7, 3, 0, 7, -1])


@pytest.mark.parametrize("branch", ["MuonPt", "Track_dz", "Trigger_l1decision"])
def test_few_numbers_are_those_of_the_whole(demo, branch):
    with open_file(str(demo[0]), lambda _: True) as file, uproot.open(demo[0]) as standard:
        numbers = file.root_directory[TREE][branch].array().layout.content.data
        whole = ak.flatten(standard[TREE][branch].array()).to_numpy()
    for index in (FEW, np.zeros(0, np.int64), np.arange(len(whole) // 4 - 1) * 3):
        assert numbers[index].tobytes() == whole[index].tobytes()
        assert numbers[index].dtype == whole.dtype
    assert not numbers.is_materialized
    for beyond in (len(whole), -len(whole) - 1):
        with pytest.raises(IndexError):
            numbers[np.array([beyond])]
    for where in (slice(3, 9), whole > 1, np.arange(len(whole))[::-2], 5):
        assert numbers[where].tobytes() == whole[where].tobytes()
    assert numbers.is_materialized
    assert numbers[FEW].tobytes() == whole[FEW].tobytes()


def test_columns_of_few_candidates_are_not_made(demo, events_of):
    """Fails if the tracks of all events are unpacked for those of a few."""
    events = events_of(demo[0], ["track.pt", "track.eta", "track.dz"])
    rows = rows_of(events.track).rows
    some = rows[FEW[:-1]].dz
    assert not events.track.layout.content["dz"].data.is_materialized
    assert isinstance(rows.dz, np.ndarray)
    assert some.tobytes() == rows.dz[FEW[:-1]].tobytes()
    assert some.tolist() == ak.flatten(events.track.dz)[FEW[:-1]].tolist()


def lists(counts, log):
    """Lists of the numbers from 0 on, as vectors are read; `log` gets what is made of them."""
    offsets = np.cumsum([0, *counts])

    def make(which=slice(None)):
        log.append(which)
        return np.arange(float(offsets[-1]))[which]

    numbers = LazyNumbers.of(int(offsets[-1]), np.dtype(float), make, make)
    content = ak.contents.NumpyArray(numbers)
    return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), content))


def test_few_of_a_misaligned_branch_are_an_error_too():
    made = []
    arrays = {"MuonPt": lists([9, 1], made), "MuonEta": lists([8, 2], made)}
    how = {"layout": "t3m", "n_events": 2, "source": ("uuid", TREE), "metadata": {}}
    one = rows_of(make_events(arrays, **how).muon).rows[np.array([4])]
    assert one.pt.tolist() == [4.0]
    assert [which.tolist() for which in made] == [[4]]
    with raises("ntuples.misaligned", path="MuonEta", mentions=("MuonPt", "event 0")):
        _ = one.eta
    assert len(made) == 1
