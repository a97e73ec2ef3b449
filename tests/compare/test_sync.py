"""The step at which two analyses part, and the events on each side of it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from errors import raises

import tau3mu
from tau3mu.compare import compare

PAIRS = '''
import awkward as ak
import hist
from tau3mu import Processor, Table, parameter


class Pairs(Processor):
    """Pairs of muons."""

    columns = ["run", "lumi", "event", "muon.pt", "muon.charge"]
    min_pt: float = parameter(2.0, unit="GeV", help="of each muon")
    axes = [hist.axis.Regular(10, 0, 50, name="pt")]

    def select(self, events, cutflow):
        muons = cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        events = cutflow.cut_events("two", events, ak.num(muons) >= 2)
        muons = muons[ak.num(muons) >= 2]
        pairs = ak.combinations(muons, 2, fields=["a", "b"])
        pairs = cutflow.cut("charge", pairs, pairs.a.charge != pairs.b.charge)
        return Table(pt=pairs.a.pt + pairs.b.pt)


class Hard(Processor):
    """Events in which `Pairs` finds some."""

    columns = ["run", "lumi", "event"]
    needs = ("Pairs",)

    def select(self, events, cutflow):
        found = set(cutflow.needed["Pairs"].candidates.event.tolist())
        events = cutflow.cut_events("pairs", events, [one in found for one in events.event])
        return Table(number=events.event % 7)


class Own(Pairs):
    """Returns a cutflow that it has not recorded."""

    def select(self, events, cutflow):
        found = super().select(events, cutflow).candidates(cutflow.events, self.columns)
        from tau3mu.outputs import Selection
        from tau3mu.selection import Step
        return Selection(found, (Step("all", len(events), len(events), float(len(events))),
                                 Step("mine", 0, 0, 0.0)))
'''


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.py"
    path.write_text(PAIRS)
    return path


def made(folder, *values, processor="dsphipi"):
    tau3mu.run("demo", processor, values=list(values), no_fit=True, output=folder)
    return folder


def test_the_first_step_that_differs_has_its_events_on_both_sides(base, tmp_path):
    tight = made(tmp_path / "tight", "dsphipi.flight_significance=3")
    (found,) = compare(base, tight, sync=True).sync
    first = found.first
    assert (first.name, first.events_a, first.events_b) == ("vertex: flight", 9204, 8624)
    assert (first.only_a, first.only_b) == (580, 0)
    last = found.steps[-1]
    assert (last.events_a, last.events_b, last.only_a, last.only_b) == (1480, 1379, 101, 0)
    lost = found.lost()
    assert {side for side, _, _ in lost} == {"b"}
    assert sum(number for _, _, number in lost) == 101
    at_flight = found.events["lost_b"] == "vertex: flight"
    assert np.count_nonzero(at_flight) == 580
    counts = [(one.events_a, one.events_b) for one in found.steps if ":" not in one.name]
    assert counts[0] == (12000, 12000)


def test_steps_agree_with_the_cutflow(base):
    (found,) = compare(base, base, sync=True).sync
    assert found.first is None
    cutflow = tau3mu.open(base)["dsphipi"].cutflow.details["demo"]
    expected = [row["events"] for row in cutflow if not row.get("cuts")]
    assert [one.events_a for one in found.steps] == expected
    assert len(found.events["run"]) == 0
    assert compare(base, base, sync=True).same


def test_a_step_that_one_side_has_not_stands_at_its_place(base, tmp_path):
    skipping = made(tmp_path / "skip", 'dsphipi.skip=["phi"]')
    (found,) = compare(base, skipping, sync=True).sync
    assert (found.first.a, found.first.b) == ("phi", None)
    before = found.steps[found.steps.index(found.first) - 1]
    assert (found.first.events_a, found.first.events_b) == (1930, before.events_b)
    assert found.first.only_a == 0
    assert found.first.only_b == before.events_b - 1930


def test_processors_that_record_their_cuts_are_followed(pairs, tmp_path):
    a = made(tmp_path / "a", processor=f"{pairs}:Pairs")
    b = made(tmp_path / "b", "Pairs.min_pt=4", processor=f"{pairs}:Pairs")
    (found,) = compare(a, b, sync=True).sync
    for side, folder in (("events_a", a), ("events_b", b)):
        rows = tau3mu.open(folder)["Pairs"].cutflow["demo"]
        assert [getattr(one, side) for one in found.steps] == [row["events"] for row in rows]
    assert [one.name for one in found.steps] == ["all", "pt", "two", "charge"]
    kept = [
        set(zip(*(tau3mu.open(one)["Pairs"].candidates[n].tolist() for n in NAMES), strict=True))
        for one in (a, b)
    ]
    assert (found.steps[-1].only_a, found.steps[-1].only_b) == (
        len(kept[0] - kept[1]), len(kept[1] - kept[0]),
    )  # fmt: skip


NAMES = ("run", "lumi", "event")


def test_processors_that_need_others_are_followed(pairs, tmp_path):
    both = [f"{pairs}:Pairs", f"{pairs}:Hard"]
    a = made(tmp_path / "a", processor=both)
    b = made(tmp_path / "b", "Pairs.min_pt=4", processor=both)
    found = compare(a / "Hard", b / "Hard", sync=True)
    assert [change.key for change in found.configuration] == ["Pairs.parameters.min_pt"]
    (steps,) = found.sync
    rows = [tau3mu.open(folder)["Hard"].cutflow["demo"][1] for folder in (a, b)]
    assert (steps.first.name, steps.first.events_a, steps.first.events_b) == (
        "pairs", rows[0]["events"], rows[1]["events"],
    )  # fmt: skip


def test_a_cutflow_that_is_not_recorded_is_an_error(pairs, tmp_path):
    own = made(tmp_path / "own", processor=f"{pairs}:Own")
    with raises("processor.unknown-steps"):
        compare(own, own, sync=True)


def test_results_that_are_not_found_again_are_an_error(base, tmp_path):
    """Nobody would know whose events are followed."""
    other = tmp_path / "other"
    shutil.copytree(base, other)
    path = other / "dsphipi" / "cutflow.json"
    content = json.loads(path.read_text())
    content["demo"][2]["events"] += 1
    path.write_text(json.dumps(content))
    with raises("compare.other-cutflow", path="dsphipi", mentions=("10463", "10464")):
        compare(base, other, sync=True)


def test_files_that_have_changed_are_an_error(demo, remade, tmp_path):
    file = tmp_path / "file.root"
    shutil.copy(demo[0], file)
    tau3mu.run(str(file), no_fit=True, output=tmp_path / "out")
    remade(demo[0], file)
    with raises("compare.changed-file", path="file.root"):
        compare(tmp_path / "out", tmp_path / "out", sync=True)


def test_a_skim_is_followed_from_where_it_begins(base, tmp_path):
    tau3mu.run("demo", skim=["vertex"], no_fit=True, output=tmp_path / "first")
    skim = tmp_path / "first" / "derived" / "dsphipi_vertex" / "dataset.json"
    tau3mu.run(str(skim), no_fit=True, output=tmp_path / "second")
    found = compare(base, tmp_path / "second", strict=True, sync=True)
    assert found.candidates[0].same
    assert all(one.same for one in found.histograms)
    (steps,) = found.sync
    assert (steps.first.name, steps.first.only_a, steps.first.only_b) == ("all", 12000 - 9204, 0)
    after = {one.name: (one.events_a, one.events_b, one.only_a) for one in steps.steps}
    assert after["vertex: flight"] == (9204, 9204, 0)
    assert steps.lost() == []
    assert set(steps.events["lost_b"].tolist()) == {"not read"}
