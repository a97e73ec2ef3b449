"""Processors that need what others of the same pass find in the same events."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest
from errors import raises

import tau3mu
from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.execution import dry_run, execute
from tau3mu.execution.checkpoints import Keys
from tau3mu.outputs import load_candidates
from tau3mu.processing import Processor, Table, parameter
from tau3mu.processing.needs import in_order, with_needed

COLUMNS = frozenset({"run", "lumi", "event", "muon.pt"})
EXECUTORS = ["iterative", "futures", pytest.param("dask", marks=pytest.mark.integration)]


class Base(Processor):
    """The hardest muon of each event."""

    columns = COLUMNS
    min_pt: float = parameter(4.0, unit="GeV", help="of each muon")

    def select(self, events, cutflow):
        muons = cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        left = ak.num(muons) > 0
        events = cutflow.cut_events("any", events, left)
        return Table(hardest=ak.max(muons.pt[left], axis=1))


class User(Processor):
    """Takes the events that `Base` has selected, and tries to change what it was given."""

    columns = frozenset({"event"})
    needs = ("Base",)

    def select(self, events, cutflow):
        found = cutflow.needed["Base"]
        events = cutflow.cut_events("base", events, np.isin(events.event, found.candidates.event))
        hardest = np.asarray(found.candidates.hardest).copy()
        cutflow.count(steps=len(found.cutflow), left=found.cutflow[-1].events)
        found.counters["more"] = 1
        np.asarray(found.candidates.hardest)[:] = -1
        return Table(twice=2 * hardest)


@pytest.fixture(scope="module")
def chunks(demo):
    datasets = [Dataset("one", {str(demo[0]): None})]
    return make_chunks(check_files(datasets, COLUMNS), datasets, 2000)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_it_gets_the_selection_of_the_same_events(executor, chunks, request):
    client = request.getfixturevalue("client") if executor == "dask" else None
    alone = execute(chunks, [Base()]).processors["Base"]
    user = User()
    found = execute(chunks, [user, Base()], executor=executor, client=client).processors
    assert list(found) == ["User", "Base"]  # in the order that was given
    assert found["Base"].candidates.tolist() == alone.candidates.tolist()
    assert found["Base"].counters == alone.counters == {"one": {}}
    assert found["User"].candidates.twice.tolist() == (2 * alone.candidates.hardest).tolist()
    assert found["User"].counters["one"] == {"steps": 3 * 3, "left": len(alone.candidates)}


def test_by_hand(demo, events_of):
    events = events_of(demo[0], COLUMNS)
    base = Base().selection(events)
    found = User().selection(events, needed={"Base": base})
    assert found.counters["left"] == base.cutflow[-1].events
    with raises("processor.not-needed", path="Base"):
        User().selection(events)


def test_a_run_from_python_records_them(demo, tmp_path):
    variant = User(name="tight").with_needs(["high"])
    with raises("processor.not-needed", path="Base"):  # which it asks for still
        tau3mu.run([str(demo[0])], [Base(min_pt=8, name="high"), variant], output=tmp_path / "a")
    run = tau3mu.run([str(demo[0])], [User(), Base()], no_fit=True, output=tmp_path / "b")
    assert run.exit_code == 0
    manifest = json.loads((tmp_path / "b/run.json").read_text())
    assert manifest["configuration"]["processors"]["User"]["needs"] == ["Base"]
    assert "needs" not in manifest["configuration"]["processors"]["Base"]
    assert len(load_candidates(tmp_path / "b/User")) == len(run["Base"].candidates)


def test_copies_and_variants_keep_what_they_need():
    user = User()
    other = user.with_needs(iter(["a", "b"]))
    assert (user.needs, other.needs, other.name) == (("Base",), ("a", "b"), "User")
    assert other.variant("c").needs == ("a", "b")
    assert user.configuration == other.configuration


def named(name, *needs):
    return Base(name=name).with_needs(needs)


def test_the_order():
    a, b, c, d = named("a", "c", "d"), named("b"), named("c", "d"), named("d")
    order = [one.name for one in in_order([a, b, c, d])]
    assert sorted(order) == ["a", "b", "c", "d"]
    assert order.index("d") < order.index("c") < order.index("a")
    assert [one.name for one in with_needed([a, b, c, d], ["c", "b"])] == ["b", "c", "d"]
    assert [one.name for one in with_needed([a, b, c, d], ["a"])] == ["a", "c", "d"]


def test_an_unknown_name_and_a_circle_are_errors_before_the_work(chunks, demo, tmp_path):
    unknown = [named("a", "base"), named("Base")]
    circle = [named("a", "b"), named("b", "c"), named("c", "a"), named("d")]
    alone = [named("a", "a")]
    for processors, code in (
        (unknown, "processor.unknown-need"),
        (circle, "processor.needs-cycle"),
        (alone, "processor.needs-cycle"),
    ):
        for work in (in_order, lambda these: execute(chunks, these), lambda t: dry_run(chunks, t)):
            with raises(code):
                work(processors)
        with raises(code):
            tau3mu.run([str(demo[0])], processors, no_fit=True, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with raises("processor.needs-cycle", mentions="a needs b needs c needs a"):
        in_order(circle)


def test_what_it_finds_depends_on_those_that_it_needs(chunks):
    def key(min_pt, needs=("Base",)):
        processors = [User().with_needs(needs), Base(min_pt=min_pt), Base(name="other")]
        return Keys(chunks, processors).of(0)

    assert key(4.0)["User"] == key(4.0)["User"]
    assert key(4.0)["User"] != key(5.0)["User"]
    assert key(4.0)["other"] == key(5.0)["other"]
    assert key(4.0)["User"] != key(4.0, ["other"])["User"]


def test_a_processor_that_is_added_gets_what_was_found_before(chunks, tmp_path, monkeypatch):
    """The needed one runs on the chunk again; its own results are those of the checkpoint."""
    monkeypatch.setattr("tau3mu.execution.checkpoints._DELAY", 0.0)
    expected = execute(chunks, [Base(), User()])
    execute(chunks, [Base()], folder=tmp_path)
    result = execute(chunks, [Base(), User()], folder=tmp_path, resume=True)
    for name, one in expected.processors.items():
        assert result.processors[name].candidates.tolist() == one.candidates.tolist()
        assert result.processors[name].counters == one.counters
    ran = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert [set(line["timing"]["wall"]) for line in ran[3:]] == [{"Base", "User"}] * 3
