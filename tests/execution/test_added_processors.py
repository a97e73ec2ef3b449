"""A processor that is added or changed is run alone over the chunks that are done already."""

from __future__ import annotations

import json
import shutil

import ak_equal
import pytest
from figures import record_figure
from test_resume import ledger, run

from tau3mu.execution import execute
from tau3mu.outputs import load_candidates, load_histograms
from tau3mu.processing import load_processors

SECOND = '''
from pathlib import Path

import awkward as ak
import hist

from tau3mu.processing import Processor, Table

LOG = Path(r"{log}")


class Muons(Processor):
    """Counts muons, and reads columns that the other processor does not."""

    columns = frozenset({{"run", "lumi", "event", "muon.pt"}})
    axes = [hist.axis.Regular(10, 0, 50, name="pt")]

    def select(self, events, cutflow):
        if len(events):
            with LOG.open("a") as file:
                file.write(f"{{int(events.event[0])}}\\n")
        cutflow.count(muons=ak.sum(events.muon.pt > {cut}))
        return Table(pt=events.muon.pt[events.muon.pt > {cut}])
'''


@pytest.fixture
def second(tmp_path):
    """Writes the second processor; `second.calls` are the chunks that it was given."""

    class Second:
        file, log = tmp_path / "second.py", tmp_path / "second.txt"

        def write(self, cut=3):
            self.file.write_text(SECOND.format(log=self.log, cut=cut))
            return f"{self.file}:Muons"

        @property
        def calls(self):
            return self.log.read_text().split() if self.log.exists() else []

    return Second()


def both(counting, name):
    return ["--processor", f"{counting.file}:Mine", "--processor", name]


def test_an_added_processor_is_run_alone(stopped, counting, second, command, tmp_path):
    """With one key for all processors, a second one would cost the work of the first again."""
    (_, bad), whole = stopped
    shutil.copy(whole, bad)
    out = tmp_path / "out"
    n_kept = len(list((out / "checkpoints").iterdir()))
    assert run(["--resume", out, *both(counting, second.write())]) == 0
    assert len(second.calls) == 24
    assert len(counting.calls()) == 24 - n_kept
    record_figure(
        "processor added to a run", chunks=24, kept=n_kept, calls_of_the_first=24 - n_kept,
        calls_of_the_second=24,
    )  # fmt: skip
    assert json.loads((out / "run.json").read_text())["chunks"]["resumed"] == 0
    files = stopped[0]
    assert run([*command(files=files, output="once"), "--processor", second.write()]) == 0
    for name in ("Mine", "Muons"):
        resumed, once = (tmp_path / folder / name for folder in ("out", "once"))
        assert ak_equal.same_bits(load_candidates(resumed), load_candidates(once))
        assert load_histograms(resumed) == load_histograms(once)
        assert (resumed / "cutflow.json").read_bytes() == (once / "cutflow.json").read_bytes()


def test_a_changed_processor_is_run_alone(counting, second, demo, tmp_path, monkeypatch):
    monkeypatch.setattr("tau3mu.execution.checkpoints._DELAY", 0.0)
    names = [counting.write(), second.write()]
    processors = load_processors(names)
    columns = frozenset().union(*(one.columns for one in processors))
    chunks = counting.chunks(demo, 1000, columns)
    execute(chunks, processors, folder=tmp_path)
    counting.forget()
    second.log.unlink()
    second.write(cut=5)
    changed = load_processors(names)
    result = execute(chunks, changed, folder=tmp_path, resume=True)
    assert (counting.calls(), len(second.calls), result.resumed) == ([], 12, 0)
    expected = execute(chunks, changed)
    for name, found in expected.processors.items():
        again = result.processors[name]
        assert ak_equal.same_bits(again.candidates, found.candidates)
        assert (again.cutflow, again.histograms) == (found.cutflow, found.histograms)
    assert result.triggers == expected.triggers
    counting.forget()  # a file that a processor names is a part of what it does
    second.log.unlink()
    execute(chunks, changed, folder=tmp_path, resume=True)
    assert second.calls == []
    outcomes = [line["outcome"] for line in ledger(tmp_path)]
    assert [outcomes.count(one) for one in ("done", "resumed")] == [24, 12]


def test_a_processor_does_not_get_lost(stopped, counting, second, tmp_path, capsys):
    """Its results would stay in the folder, beside those of a run that does not name it."""
    capsys.readouterr()
    assert run(["--resume", tmp_path / "out", "--processor", second.write()]) == 1
    assert "counting.py:Mine" in " ".join(capsys.readouterr().err.split())
    assert (counting.calls(), second.calls) == ([], [])
