"""A processor in a file outside of the package that keeps a count of the chunks it is given."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import awkward as ak
import pytest
import uproot

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.processing import load_processors
from tau3mu.run import main

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.datasets import Chunk
    from tau3mu.processing import Processor

TEMPLATE = '''
import os, signal, time
from pathlib import Path

import awkward as ak
import hist
import numpy as np

from tau3mu.processing import Processor
from tau3mu.outputs import Selection
from tau3mu.selection import step

LOG = Path(r"{log}")
CUT = {cut}


class Mine(Processor):
    """Keeps every CUT-th event."""

    columns = frozenset({{"run", "lumi", "event"}})

    def select(self, events, cutflow):
        number = int(events.event[0]) if len(events) else -1
        if number >= 0:
            with LOG.open("a") as file:
                file.write(f"{{number}}\\n")
            time.sleep(float(os.environ.get("COUNTING_PAUSE", "{pause}")))
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

    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ends the pauses, of the same text: what follows has to be right, not slow."""
        monkeypatch.setenv("COUNTING_PAUSE", "0")

    def load(self, **facts: object) -> list[Processor]:
        return load_processors([self.write(**facts)])

    def calls(self) -> list[int]:
        """The first event of each chunk that was given to the processor, sorted."""
        return sorted(map(int, self.log.read_text().split())) if self.log.exists() else []

    def forget(self) -> None:
        self.log.unlink(missing_ok=True)

    def chunks(
        self,
        paths: list[Path],
        size: int,
        columns: frozenset[str] = frozenset({"run", "lumi", "event"}),
    ) -> list[Chunk]:
        datasets = [Dataset("toy", {str(path): None for path in paths})]
        return make_chunks(check_files(datasets, columns), datasets, size)


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


@pytest.fixture
def command(counting, tmp_path, demo):
    """Gives the arguments of a run of the counting processor over files, to a folder."""

    def arguments(*options, files=None, output="out"):
        where = [] if "--resume" in options else ["--output", tmp_path / output]
        return [
            "--no-fit", "--processor", f"{counting.file}:Mine", "--chunk-size", "500",
            *where, *options, *(files or demo),
        ]  # fmt: skip

    return arguments


def torn(path):
    """The content of a file with a hole in the basket of a branch that is read."""
    with uproot.open(path) as file:
        branch = file["Tree3Mu/ntuple"]["evt"]
        last = branch.member("fBasketSeek")[branch.num_baskets - 1]
    content = bytearray(path.read_bytes())
    content[last : last + 200] = b"\xff" * 200
    return bytes(content)


@pytest.fixture
def stopped(counting, command, tmp_path, monkeypatch, capsys):
    """A run of 12 chunks of two copies of the demo, of which one file is bad: 12 checkpoints."""
    monkeypatch.setattr("tau3mu.execution.checkpoints._DELAY", 0.0)
    counting.write()
    good, bad = tmp_path / "good.root", tmp_path / "bad.root"
    demo = command()[-2:]
    shutil.copy(demo[0], good)
    shutil.copy(demo[1], bad)
    bad.write_bytes(torn(bad))
    files = [good, bad]
    assert main([str(word) for word in command(files=files)]) == 2
    errors = " ".join(capsys.readouterr().err.split())
    assert f"{bad} [files]: 6000 of 6000 events are missing" in errors
    assert f"--resume {tmp_path / 'out'}, or skip them with" in errors
    assert len(list((tmp_path / "out" / "checkpoints").iterdir())) >= 12
    counting.forget()
    return files, demo[1]
