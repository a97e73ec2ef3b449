"""A processor in a file outside of the package that keeps a count of the chunks it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import awkward as ak
import pytest

from tau3mu.catalogue import load_processors
from tau3mu.datasets import Dataset, check_files, make_chunks

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.datasets import Chunk
    from tau3mu.selection import Processor

TEMPLATE = '''
import os, signal, time
from pathlib import Path

import awkward as ak
import hist
import numpy as np

from tau3mu.selection import Processor, Selection, step

LOG = Path(r"{log}")
CUT = {cut}


class Mine(Processor):
    """Keeps every CUT-th event."""

    columns = frozenset({{"run", "lumi", "event"}})

    def select(self, events):
        number = int(events.event[0]) if len(events) else -1
        if number >= 0:
            with LOG.open("a") as file:
                file.write(f"{{number}}\\n")
            time.sleep({pause})
            {body}
        kept = events[events.event % CUT == 0]
        columns = {{name: ak.to_numpy(kept[name]) for name in ("run", "lumi", "event")}}
        columns["x"] = np.sqrt(columns["event"].astype(np.float64))
        steps = (
            step("all", np.ones(len(events)), len(events)),
            step("cut", columns["x"], len(kept)),
        )
        return Selection(ak.zip(columns, depth_limit=1), steps, {{"kept": len(kept)}})

    def histograms(self):
        variation = hist.axis.StrCategory(["nominal"], name="variation")
        dataset = hist.axis.StrCategory([], growth=True, name="dataset")
        x = hist.axis.Regular(20, 0, 200, name="x", label="x")
        return {{"x": hist.Hist(dataset, variation, x, storage="Weight")}}

    def fill(self, histograms, candidates, *, dataset, is_mc):
        histograms["x"].fill(
            dataset=dataset, variation="nominal", x=candidates.x, weight=candidates.x
        )
'''


@dataclass
class Counting:
    """Writes the processor `Mine`, loads it, and tells which chunks it was given."""

    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "calls.txt"

    @property
    def file(self) -> Path:
        return self.folder / "counting.py"

    def write(self, *, cut: int = 7, pause: float = 0.0, body: str = "pass") -> str:
        text = TEMPLATE.format(log=self.log, cut=cut, pause=pause, body=body)
        self.file.write_text(text)
        return f"{self.file}:Mine"

    def load(self, **facts: object) -> list[Processor]:
        return load_processors([self.write(**facts)])

    def calls(self) -> list[int]:
        """The first event of each chunk that was given to the processor, sorted."""
        return sorted(map(int, self.log.read_text().split())) if self.log.exists() else []

    def forget(self) -> None:
        self.log.unlink(missing_ok=True)

    def chunks(self, paths: list[Path], size: int) -> list[Chunk]:
        datasets = [Dataset("toy", {str(path): None for path in paths})]
        return make_chunks(check_files(datasets, {"run", "lumi", "event"}), datasets, size)


@pytest.fixture
def counting(tmp_path):
    return Counting(tmp_path)


@pytest.fixture
def behaviors():
    """Forgets what a test has registered for all arrays."""
    before = dict(ak.behavior)
    yield
    ak.behavior.clear()
    ak.behavior.update(before)
