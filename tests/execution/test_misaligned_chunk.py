"""Branches that do not fit together are found when they are used: the fault of the file."""

from __future__ import annotations

import awkward as ak
import numpy as np
import uproot

from tau3mu.datasets import Chunk
from tau3mu.execution import process_chunk
from tau3mu.outputs import Selection
from tau3mu.processing import Processor
from tau3mu.selection import step


class Muons(Processor):
    columns = frozenset({"muon.pt", "muon.eta"})

    def select(self, events, cutflow):
        hard = events.muon[events.muon.pt > 1]
        candidates = ak.zip({"eta": ak.to_numpy(ak.flatten(hard.eta))})
        return Selection(candidates, (step("all", np.ones(len(events)), len(candidates)),))

    def histograms(self):
        return {}

    def fill(self, histograms, candidates, *, dataset, is_mc):
        pass


def test_it_is_a_bad_file_and_not_a_bad_processor(tmp_path):
    columns = {
        "Muon_pt": ak.Array([[1.0, 2.0], [3.0], []]),
        "Muon_eta": ak.Array([[0.1, 0.2], [0.3, 0.4], []]),
    }
    path = str(tmp_path / "odd.root")
    with uproot.recreate(path) as file:
        file.mktree("Events", {name: ak.type(array).content for name, array in columns.items()})
        file["Events"].extend(columns)
        uuid = str(file.file.uuid)

    def result(stop):
        chunk = Chunk("x", path, "Events", "nano", uuid, 0, stop, tuple(columns))
        return process_chunk(chunk, [Muons()])

    first, bad = result(1), result(3)
    assert (first.failure, first.entries) == (None, 1)
    assert first.outputs["Muons"].candidates.eta.tolist() == [0.2]
    assert bad.failure.kind == "bad_file"
    assert (bad.entries, bad.outputs) == (0, {})
    assert bad.bytes > 0
    assert "odd.root: entries 0 to 3 cannot be used: " in bad.failure.message
    assert "does not align with" in bad.failure.message
