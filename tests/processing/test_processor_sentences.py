"""The messages of typical mistakes in processors."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.errors import InputError
from tau3mu.execution import dry_run
from tau3mu.processing import check_histograms, load_processors

RIGHT = '''import awkward as ak
import hist
from tau3mu.processing import Axis, Processor, Table, Window, parameter


class Muons(Processor):
    """Muons above a transverse momentum."""

    columns = {"run", "event", "muon.pt", "muon.eta"}
    min_pt: float = parameter(4.0, unit="GeV", help="of each muon", ge=0)
    window: Window = parameter(Window(1.0, 1.04), unit="GeV", help="mass of the φ")
    axes = [hist.axis.Regular(10, 0, 50, name="pt")]

    def select(self, events, cutflow):
        muons = cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        return Table(pt=muons.pt, eta=muons.eta)
'''

CASES = {
    "a misspelled parameter": ("", "", ["Muons.min_p=5"], []),
    "a misspelled processor": ("", "", ["Muon.min_pt=5"], []),
    "a text for a number": ("", "", ["Muons.min_pt=five"], []),
    "a number below its limit": ("", "", ["Muons.min_pt=-1"], []),
    "a window the wrong way round": ("", "", ["Muons.window=[2,1]"], []),
    "a variant without value": ("", "", [], ["tight:min_pt"]),
    "a variant of the same name": ("", "", [], ["muons:min_pt=5"]),
    "a misspelled attribute": ("> self.min_pt", "> self.min_ptt", [], []),
    "an error in the own code": ("muons.eta)", "muons.eta + 1 / 0)", [], []),
    "numbers instead of a mask": ("events.muon.pt > self.min_pt", "events.muon.pt", [], []),
    "a mask of events": ("events.muon.pt > self.min_pt", "events.run > 1", [], []),
    "records as a column": ("pt=muons.pt, eta", "muon=muons, eta", [], []),
    "events selected without the cutflow": (
        "return Table(pt=muons.pt, eta=muons.eta)",
        "return Table(pt=ak.concatenate([muons.pt, [[1.0]]]))", [], [],
    ),
    "a dictionary instead of a table": ("Table(pt=muons.pt, eta=muons.eta)", "{}", [], []),
    "a histogram of no column": ('name="pt")]', 'name="ptt")]', [], []),
    "an axis without name": (', name="pt")]', ")]", [], []),
    "no columns": ("columns = ", "colums = ", [], []),
    "a syntax error": ("def select(self, events, cutflow):", "def select(self, events, cutflow)",
                       [], []),
    "a module that is not installed": ("import hist", "import hst", [], []),
}  # fmt: skip


def _chunks(columns):
    demo = sorted((Path(str(files("tau3mu.data"))) / "demo").glob("*.root"))[0]
    datasets = [Dataset("demo", {str(demo): None})]
    return make_chunks(check_files(datasets, columns), datasets, 6000)


def _run(path: Path, values, variants) -> None:
    processors = load_processors([f"{path}:Muons"], values=values, variants=variants)
    for processor in processors:
        check_histograms(processor, "demo")
    dry_run(_chunks(processors[0].columns), processors)


def test_the_base_has_no_mistake(tmp_path):
    path = tmp_path / "muons.py"
    path.write_text(RIGHT)
    _run(path, [], [])


@pytest.mark.parametrize("case", CASES)
def test_sentences(case, tmp_path, sentences):
    """Fails if a message is changed by accident."""
    old, new, values, variants = CASES[case]
    path = tmp_path / "muons.py"
    assert old in RIGHT
    path.write_text(RIGHT.replace(old, new) if old else RIGHT)
    with pytest.raises(InputError) as error:
        _run(path, values, variants)
    sentences.check("processors", case, error.value, path)


def test_every_sentence_belongs_to_a_case(sentences):
    """Fails if the golden file has sentences that nobody checks."""
    sentences.check_cases("processors", CASES)
