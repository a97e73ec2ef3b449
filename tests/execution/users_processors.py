"""Small processors as users write them, in files of their own, for tests to run on the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.datasets import Dataset, check_files, make_chunks

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.datasets import Chunk

COLUMNS = frozenset({"run", "lumi", "event", "muon.pt", "muon.eta", "muon.phi"})

BASE = '''
import awkward as ak
import hist
import numpy as np

from tau3mu.processing import Processor
from tau3mu.outputs import Selection
from tau3mu.selection import step


class Muons(Processor):
    """Counts the muons of each event that `muons` returns."""

    columns = frozenset({"run", "lumi", "event", "muon.pt", "muon.eta", "muon.phi"})

    def muons(self, events):
        return events.muon

    def select(self, events, cutflow):
        n = ak.to_numpy(ak.num(self.muons(events)))
        rows = ak.zip({"event": ak.to_numpy(events.event), "n": n}, depth_limit=1)
        return Selection(rows, (step("muons", np.ones(len(n)), int(n.sum())),))

    def histograms(self):
        dataset = hist.axis.StrCategory([], growth=True, name="dataset")
        variation = hist.axis.StrCategory(["nominal"], name="variation")
        n = hist.axis.Regular(20, 0, 20, name="n")
        return {"n": hist.Hist(dataset, variation, n, storage="Weight")}

    def fill(self, histograms, candidates, *, dataset, is_mc):
        histograms["n"].fill(dataset=dataset, variation="nominal", n=candidates.n)
'''


def write(folder: Path, name: str, text: str, **helpers: str) -> Path:
    """Writes a file of `Muons` and what follows it, with helper modules beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for helper, content in helpers.items():
        (folder / f"{helper}.py").write_text(content)
    path = folder / name
    path.write_text(BASE + text)
    return path


def chunks_of(path: Path, size: int = 6000) -> list[Chunk]:
    datasets = [Dataset("demo", {str(path): None})]
    return make_chunks(check_files(datasets, COLUMNS), datasets, size)


def n_muons(result, name: str) -> int:
    """The number of muons that a processor counted."""
    return result.processors[name].cutflow["demo"][0]["candidates"]
