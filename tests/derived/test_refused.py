"""Which processors may read a skim, and which files may be read together."""

from __future__ import annotations

import awkward as ak
import pytest
from errors import raises
from skim_variants import tight

import tau3mu
from tau3mu import DsPhiPi, Processor
from tau3mu.datasets import Dataset, dataset_from_files
from tau3mu.processing import Table, parameter
from tau3mu.processing.cuts import cut


class Wider(DsPhiPi):
    """One cut of the skim is another one."""

    name = "wider"

    @cut("vertex")
    def flight(self, triplets):
        return triplets.flight_significance > self.flight_significance / 2


class Without(DsPhiPi):
    """One cut of the skim is not there."""

    name = "without"
    flight = None


class More(DsPhiPi):
    """A further cut before the step."""

    name = "more"

    @cut("vertex")
    def positive(self, triplets):
        return triplets.pt > 0


class Muons(Processor):
    """Another analysis."""

    columns = ("run", "lumi", "event", "muon.pt", "muon.eta", "muon.phi")
    min_pt: float = parameter(2.0, help="pT of a muon", tighter="up")
    other: int = parameter(1, help="anything")

    def select(self, events, cutflow):
        muons = cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        pairs = cutflow.cut("two", muons, ak.num(muons) + 0 * muons.pt >= 2)
        return Table(pt=pairs.pt)


@pytest.mark.parametrize(
    ("processor", "key"),
    [
        (DsPhiPi(name="x", flight_significance=1.9), "x.flight_significance"),
        (DsPhiPi(name="x", mass_window=[1.62, 2.03]), "x.mass_window"),
        (DsPhiPi(name="x", mass_window=[1.61, 1.9]), "x.mass_window"),
        (DsPhiPi(name="x", pv_tracks=1), "x.pv_tracks"),
        (DsPhiPi(name="x", l1_seeds=["L1_DoubleMu", "L1_SingleMu"]), "x.l1_seeds"),
        (DsPhiPi(name="x", skip=["vertex"]), "x.mass"),
        (DsPhiPi(name="x", skip=["n_tracks"]), "x.n_tracks"),
        (Wider(), "wider.flight"),
        (Without(), "without.flight"),
    ],
)
def test_a_looser_processor_is_refused_before_the_work(skim, read, tmp_path, processor, key):
    with raises("derived.looser-cut", path=key):
        read(skim, [DsPhiPi(), processor])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.integration
@pytest.mark.parametrize(
    "processor",
    [
        tight(),
        More(),
        DsPhiPi(name="x", l1_seeds=["L1_TripleMu"]),
        DsPhiPi(name="x", track_pt=0.5),  # of a later step
        DsPhiPi(name="x", skip=["phi", "trigmatch"]),
        DsPhiPi(name="x", barrel_eta=1.1, mass_axis={"bins": 7}),
    ],
)
def test_what_selects_a_part_is_read(skim, read, processor):
    found = read(skim, processor)
    assert found.warnings == []
    whole = read("demo", processor)
    assert ak.array_equal(
        found[processor.name].candidates["event"], whole[processor.name].candidates["event"]
    )


def test_another_class_is_warned(skim, read):
    (warning,) = read(skim, Muons()).warnings
    assert "vertex" in warning
    assert "Muons" in warning


def test_parameters_of_a_recorded_cutflow_may_only_be_tighter(read, tmp_path):
    whole = read("demo", Muons(), skim=["two"])
    skim = whole.folder / "derived" / "Muons_two"
    found = read(skim, [Muons(), Muons(name="hard", min_pt=3)])
    ours, theirs = whole["Muons"].candidates, found["Muons"].candidates
    assert [ours[name].tolist() for name in ours.fields if name != "file"] == [
        theirs[name].tolist() for name in theirs.fields if name != "file"
    ]
    events = whole["Muons"].cutflow["demo"]
    assert found["Muons"].cutflow["demo"][:3] == [
        {**row, "name": f"parent:{row['name']}"} for row in events
    ]
    assert found["Muons"].cutflow["demo"][3]["events"] == events[-1]["events"] < 12000
    for processor, key in (
        (Muons(name="x", min_pt=1.9), "x.min_pt"),
        (Muons(name="x", other=2), "x.other"),
    ):
        with raises("derived.looser-cut", path=key):
            read(skim, processor)


def test_a_step_that_loses_candidates_is_refused(read):
    class Loses(Muons):
        name = "loses"

        def select(self, events, cutflow):
            cutflow.cut("hard", events.muon, events.muon.pt > 15)
            return Table(pt=events.muon.pt)

    with raises("derived.lost-candidates", path="loses.hard"):
        read("demo", Loses(), skim=["hard"])


@pytest.mark.parametrize(
    ("skim", "code", "path"),
    [
        (["vertx"], "derived.unknown-step", "dsphipi.vertx"),
        (["mass"], "derived.unknown-step", "dsphipi.mass"),
        (["vertex", "phi"], "derived.two-skims", "skim"),
    ],
)
def test_what_cannot_be_derived_is_an_error_before_the_work(read, tmp_path, skim, code, path):
    with raises(code, path=path):
        read("demo", skim=skim)
    assert list(tmp_path.iterdir()) == []


def test_a_step_of_several_processors_needs_its_owner(read):
    with raises("derived.which-processor", path="skim"):
        read("demo", [DsPhiPi(), tight()], skim=["vertex"])


def test_files_that_do_not_belong_together_are_refused(parent, skim, read, demo, tmp_path):
    other = tau3mu.run("demo", skim=["phi"], no_fit=True, output=tmp_path / "other")
    phi = other.folder / "derived" / "dsphipi_phi" / "demo_1.root"
    vertex = skim / "demo_1.root"
    with raises("derived.other-step", path="demo_1.root"):
        read(dataset_from_files([str(phi), str(vertex)]))
    with raises("derived.mixed-with-parents"):
        read(dataset_from_files([str(demo[0]), str(vertex)]))
    with raises("derived.overlap"):
        read([Dataset("a", {str(phi): None}), Dataset("b", {str(vertex): None})], tight_phi())
    with raises("derived.overlap"):
        read([Dataset("a", {str(demo[0]): None}), Dataset("b", {str(vertex): None})])
    named = [Dataset(name, {str(path): None}) for name, path in zip("ab", demo, strict=True)]
    two = read(named, skim=["vertex"]).folder / "derived" / "dsphipi_vertex"
    with raises("derived.other-parent"):
        read(dataset_from_files([str(two / "a_1.root"), str(two / "b_1.root")]))


def tight_phi():
    return DsPhiPi(name="narrow", phi_window=[1.01, 1.03])
