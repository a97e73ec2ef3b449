"""What a run was made of is in its folder, and suffices to make it again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from errors import raises

import tau3mu
from tau3mu.run import analyse, prepare_frozen, read_frozen, thaw

SF = Path(str(tau3mu.__path__[0])).parents[1] / "data" / "muon_id_sf_2017UL.json"

ANALYSIS = '''
"""An analysis with a helper, three files and a parameter."""

import json
from pathlib import Path

import awkward as ak
import hist
from helper import scale

from tau3mu.processing import Processor, Table, parameter

BESIDE = json.loads((Path(__file__).parent / "beside.json").read_text())["offset"]
ABOVE = json.loads((Path(__file__).parent / "../above.json").read_text())["offset"]


class Mine(Processor):
    columns = ("run", "event", "muon.pt", "muon.eta")
    min_pt: float = parameter(2.0, help="of each muon")
    table: str = parameter("", help="a file")
    axes = [hist.axis.Regular(20, 0, 40, name="pt")]

    def select(self, events, cutflow):
        muons = cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        here = json.loads(Path("corrections/here.json").read_text())["offset"]
        there = json.loads(Path("ABSOLUTE").read_text())["offset"]
        named = json.loads(Path(self.table).read_text())["offset"] if self.table else 0
        return Table(pt=scale(muons.pt) + BESIDE + ABOVE + here + there + named)


class Other(Mine):
    min_pt: float = parameter(3.0, help="of each muon")
'''


def offset(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"offset": value}))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A user's analysis, of which the working directory is a part."""
    folder = tmp_path / "project"
    (folder / "ana").mkdir(parents=True)
    text = ANALYSIS.replace("ABSOLUTE", str(tmp_path / "elsewhere" / "there.json"))
    (folder / "ana" / "analysis.py").write_text(text)
    (folder / "ana" / "helper.py").write_text("def scale(x):\n    return 2 * x\n")
    offset(folder / "ana" / "beside.json", 1.0)
    offset(folder / "above.json", 2.0)
    offset(folder / "corrections" / "here.json", 4.0)
    offset(tmp_path / "elsewhere" / "there.json", 8.0)
    offset(folder / "named.json", 16.0)
    monkeypatch.chdir(folder)
    return folder


def run(output, **options):
    options = {"processors": ["ana/analysis.py:Mine"], "no_fit": True, **options}
    return tau3mu.run("demo", output=output, max_files=1, progress=False, **options)


def again(folder, output, **options):
    return analyse(prepare_frozen(folder, output=output, **options))


def same(first, second):
    assert list(first) == list(second)
    for name in first:
        assert first[name].candidates.fields == second[name].candidates.fields
        for column in first[name].candidates.fields:
            if column != "file":
                one, two = (x[name].candidates[column].to_list() for x in (first, second))
                assert one == two
        assert dict(first[name].cutflow) == dict(second[name].cutflow)
        for label, histogram in first[name].histograms.items():
            values = histogram.view(flow=True), second[name].histograms[label].view(flow=True)
            assert np.array_equal(*values)


@pytest.mark.parametrize(
    "executor", ["iterative", pytest.param("futures", marks=pytest.mark.integration)]
)
def test_a_run_is_made_again_without_the_project(project, tmp_path, monkeypatch, executor):
    first = run(
        tmp_path / "a", values=["Mine.table=named.json"], variants=["tight:Mine.min_pt=5"],
        processors=["ana/analysis.py:Mine", "ana/analysis.py:Other"],
    )  # fmt: skip
    away = tmp_path / "away" / "copy"
    away.parent.mkdir()
    shutil.move(tmp_path / "a", away)
    shutil.rmtree(project)
    shutil.rmtree(tmp_path / "elsewhere")
    monkeypatch.chdir(away.parent)
    second = again(away, "b", executor=executor, chunk_size=2500)
    assert Path.cwd() == away.parent
    same(tau3mu.open(away), second)
    assert set(second) == {"Mine", "Other", "tight"}
    third = again(away.parent / "b", "c", executor="iterative")
    same(tau3mu.open(away), third)
    sources = [one.source for one in read_frozen(away).processors]
    assert all(source.endswith(("analysis.py:Mine", "analysis.py:Other")) for source in sources)
    text = (away / "full_config.json").read_text()
    assert len(list((away / "code").rglob("helper.py"))) == 1
    assert json.loads(text)["version"] == 1
    assert first.manifest.datasets == second.manifest.datasets


def test_the_text_that_was_imported_is_kept_not_that_of_later(project, tmp_path):
    from tau3mu.run import Settings, prepare

    settings = Settings.of(no_fit=True, output=tmp_path / "a")
    plan = prepare(tau3mu.datasets("demo", max_files=1), ["ana/analysis.py:Mine"], settings)
    file = project / "ana" / "analysis.py"
    before = file.read_text()
    file.write_text(before.replace("min_pt: float = parameter(2.0", "min_pt: float = parameter(9"))
    analyse(plan)
    copies = list((tmp_path / "a" / "code").rglob("analysis.py"))
    assert [copy.read_text() for copy in copies] == [before]


def test_instances_of_a_package_are_made_again(project, tmp_path, monkeypatch):
    package = project / "lib" / "mypackage"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "deep").mkdir()
    (package / "deep" / "__init__.py").write_text("")
    (package / "tools.py").write_text("FACTOR = 3\n")
    (package / "deep" / "one.py").write_text(
        "import awkward as ak\n"
        "from tau3mu.processing import Processor, Table, parameter\n"
        "from ..tools import FACTOR\n"
        "from mypackage import tools\n\n"
        "class Deep(Processor):\n"
        "    columns = ('run', 'event', 'muon.pt')\n"
        "    least: float = parameter(2.0, help='pT')\n"
        "    def select(self, events, cutflow):\n"
        "        muons = cutflow.cut('pt', events.muon, events.muon.pt > self.least)\n"
        "        return Table(pt=FACTOR * tools.FACTOR * muons.pt)\n"
    )
    monkeypatch.syspath_prepend(str(project / "lib"))
    from mypackage.deep.one import Deep

    run(tmp_path / "a", processors=[Deep(), Deep(name="five", least=5.0), tau3mu.DsPhiPi()])
    frozen = read_frozen(tmp_path / "a")
    assert [one.source.partition("/")[2] for one in frozen.processors[:2]] == [
        "0/mypackage/deep/one.py:Deep"
    ] * 2
    assert frozen.processors[2].source == "dsphipi"
    (package / "tools.py").write_text("FACTOR = 4\n")
    same(tau3mu.open(tmp_path / "a"), again(tmp_path / "a", tmp_path / "b"))


def test_classes_that_cannot_be_found_are_recorded_as_such(tmp_path):
    from tau3mu.processing import Processor, Table, parameter

    class Here(Processor):
        columns = ("run", "event", "muon.pt")
        cut: float = parameter(1.0, help="a cut")

        def select(self, events, cutflow):
            return Table(pt=cutflow.cut("pt", events.muon, events.muon.pt > self.cut).pt)

    run(tmp_path / "a", processors=[Here(cut=4.0)])
    (one,) = read_frozen(tmp_path / "a").processors
    assert (one.source, one.parameters) == (None, {"cut": 4.0})
    assert "Here" in one.reason
    with raises("frozen.no-source", path="Here", mentions=("Here", "file.py:Class")):
        thaw(tmp_path / "a")


def test_what_is_not_a_parameter_is_not_made_again_in_silence(project, tmp_path):
    (project / "own.py").write_text(
        "from tau3mu.processing import Processor, Table\n\n"
        "class Own(Processor):\n"
        "    columns = ('run', 'event', 'muon.pt')\n"
        "    def __init__(self, least=2.0):\n"
        "        super().__init__()\n"
        "        self.least = least\n"
        "    def select(self, events, cutflow):\n"
        "        return Table(pt=cutflow.cut('pt', events.muon, events.muon.pt > self.least).pt)\n"
    )
    run(tmp_path / "a", processors=["own.py:Own"])
    same(tau3mu.open(tmp_path / "a"), again(tmp_path / "a", tmp_path / "b"))
    (made,) = thaw(tmp_path / "a").processors
    changed = type(made)(least=5.0)
    run(tmp_path / "c", processors=[changed])
    with raises("frozen.no-source", path="Own"):
        thaw(tmp_path / "c")
