"""The named cuts of `dsphipi`: their rows, distributions, and what may be left out or changed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from errors import raises
from slow_selection import distributions, named_cuts, read

from tau3mu.generate import generate
from tau3mu.processing.cuts import counter, cut, quantity, with_options
from tau3mu.processing.memo import Memo
from tau3mu.processors import DsPhiPi, DsPhiPiNotebook

STEPS = ["all", "hlt", "l1", "vertex", "acceptance", "deltaR", "id_ip", "phi", "trigmatch"]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nano")
    return generate(folder, events=3000, layout="nano", simulation=True, seed=5)[0]


@pytest.fixture(scope="module")
def events(path, events_of):
    return events_of(path, DsPhiPi.columns, name="nano")


@pytest.fixture(scope="module")
def simulation(path, events_of):
    return events_of(path, DsPhiPi.columns, name="nano", is_mc=True)


@pytest.fixture(scope="module")
def slow(path):
    return distributions(path, "nano")


def rows(selection):
    """Returns the rows of the detailed cutflow."""
    return [row for step in selection.cutflow for row in step.cuts or (step,)]


def test_each_cut_has_its_row_and_each_step_its_last_one(path, events):
    selection = DsPhiPi().selection(events)
    assert [step.name for step in selection.cutflow] == STEPS
    assert [row.name for row in rows(selection)] == ["all", *named_cuts()]
    for step in selection.cutflow:
        if step.cuts:
            last = step.cuts[-1]
            assert (step.events, step.candidates, step.sumw) == (
                last.events, last.candidates, last.sumw,
            )  # fmt: skip
    left = [
        [(entry, i) for i, mass in enumerate(event["triplet.mass"]) if mass != -99]
        for entry, event in enumerate(read(path, "nano"))
    ]
    everything = list(read(path, "nano"))
    triplets = list(itertools.chain.from_iterable(left))
    for row, (_, passes) in zip(rows(selection)[1:], named_cuts().values(), strict=True):
        triplets = [(entry, i) for entry, i in triplets if passes(everything[entry], i)]
        assert row.candidates == len(triplets), row.name
        if row.name not in {"hlt", "l1"}:  # events without triplets may fire a trigger
            assert row.events == row.sumw == len({entry for entry, _ in triplets})


@pytest.mark.parametrize("kind", [0, 1], ids=["n_minus_one", "cut_by_cut"])
def test_distributions_are_those_of_a_loop(events, slow, kind):
    found = DsPhiPi().distributions(events)
    histograms = (found.n_minus_one, found.cut_by_cut)[kind]
    assert list(histograms) == list(named_cuts())
    for name, values in slow[kind].items():
        (axis,) = histograms[name].axes
        edges = np.concatenate([[-np.inf], axis.edges, [np.inf]])
        there = np.array(values, dtype=float)
        there = there[~np.isnan(there)]
        expected, _ = np.histogram(there, bins=edges)
        close = np.abs(histograms[name].values(flow=True) - expected)
        assert close.sum() <= 2, name  # a value may lie on an edge, and be rounded otherwise
        assert len(there) > 20, name
    assert sum(map(len, slow[0].values())) < sum(map(len, slow[1].values()))


def test_one_call_gives_what_each_of_the_two_gives(events):
    processor = DsPhiPi()
    both = processor.distributions(events)
    assert processor.n_minus_one(events) == both.n_minus_one
    assert processor.cut_by_cut(events) == both.cut_by_cut


def test_what_passes_the_cut_in_its_n_minus_one_distribution_passes_all(events):
    found = DsPhiPi().n_minus_one(events)
    n_selected = DsPhiPi().selection(events).cutflow[-1].candidates
    h = found["flight"]
    assert h.values(flow=True)[h.axes[0].index(2.0) + 1 :].sum() == n_selected
    assert h.sum(flow=True).value > n_selected
    assert found["hlt"].values().tolist()[1] == n_selected


def test_simulation_is_weighted_in_all_variations(simulation):
    processor = DsPhiPi(n_minus_one_histograms=True)
    selection = processor.selection(simulation)
    table = processor.candidates(simulation, before="phi")
    table = table[~np.isnan(table.dimuon_mass)]
    h = selection.histograms["cut_by_cut_phi"]
    for variation, column in processor.weights.items():
        part = h[{"dataset": "test", "variation": variation}]
        assert part.sum(flow=True).value == pytest.approx(np.sum(table[column].to_numpy()))
    assert set(selection.histograms) == {
        f"{kind}_{name}" for kind in ("n_minus_one", "cut_by_cut") for name in named_cuts()
    }
    assert not DsPhiPi().selection(simulation).histograms


def test_candidates_before_a_step_and_before_a_cut(events):
    processor = DsPhiPi()
    expected = {row.name: row.candidates for row in rows(processor.selection(events))}
    assert len(processor.candidates(events, before="hlt")) == expected["all"]
    assert len(processor.candidates(events, before="vertex")) == expected["l1"]
    assert len(processor.candidates(events, before="flight")) == expected["n_tracks"]
    everything = processor.candidates(events)
    assert len(everything) == expected["trigmatch_mu2"]
    assert everything.fields == processor.selection(events).candidates.fields
    with raises("processor.unknown-cut", path="dsphipi.before", mentions="'phi'"):
        processor.candidates(events, before="phy")


def test_steps_and_cuts_can_be_left_out(events):
    full, no_phi, no_flight = (
        DsPhiPi(**setting).selection(events)
        for setting in ({}, {"skip": ("phi",)}, {"skip": ["flight"]})
    )
    assert [step.name for step in no_phi.cutflow] == [name for name in STEPS if name != "phi"]
    assert no_phi.cutflow[-1].candidates > full.cutflow[-1].candidates
    assert [row.name for row in rows(no_flight)] == [
        row.name for row in rows(full) if row.name != "flight"
    ]
    loose = DsPhiPi(flight_significance=-1e9).selection(events)
    assert no_flight.candidates.tolist() == loose.candidates.tolist()
    with raises("processor.unknown-cut", path="dsphipi.skip", mentions="'trigmatch'"):
        DsPhiPi(skip=("trigmach",))


class Changed(DsPhiPi):
    """Another φ window by hand, one more cut, and a corrected mass."""

    def phi(self, triplets):
        return super().phi(triplets) & (triplets.dimuon_mass > 1.01)

    @cut("vertex", of="vertex_chi2")
    def good_vertex(self, triplets):
        return triplets.vertex_chi2 < 10

    @quantity
    def pt(self, triplets):
        return 2 * triplets.pt

    id_mu2 = None


def test_a_subclass_replaces_adds_and_removes(events):
    base, changed = DsPhiPi().candidates(events), Changed().candidates(events)
    names = [row.name for row in rows(Changed().selection(events))]
    assert names.index("good_vertex") == names.index("flight") + 1
    assert names.index("phi") == names.index("trigmatch_mu1") - 1
    assert "id_mu2" not in names
    assert np.all(changed.dimuon_mass > 1.01)
    assert np.all(changed.vertex_chi2 < 10)
    kept = (base.dimuon_mass > 1.01) & (base.vertex_chi2 < 10)
    numbers = {(e["event"], e["triplet"]): e["pt"] for e in base[kept].tolist()}
    found = {(e["event"], e["triplet"]): e["pt"] for e in changed.tolist()}
    assert numbers.keys() <= found.keys()
    assert all(found[key] == 2 * pt for key, pt in numbers.items())
    assert len(numbers) > 50


def test_triggers_of_parameters_are_read():
    columns = DsPhiPi(hlt_paths=["HLT_Mu8_v"], l1_seeds=["L1_A", "L1_B"]).columns
    triggers = {column for column in columns if column.startswith(("hlt.", "l1."))}
    assert triggers == {"hlt.HLT_Mu8_v", "l1.L1_A", "l1.L1_B"}
    assert DsPhiPi().columns == DsPhiPi.columns


@pytest.mark.parametrize("cls", [DsPhiPi, DsPhiPiNotebook])
def test_every_parameter_of_a_cut_changes_what_passes(cls, events):
    """So that none is declared and then forgotten."""
    tight = {
        "mass_window": (1.9, 2.0),
        "pv_tracks": 30,
        "flight_significance": 20.0,
        "barrel_eta": 2.0,
        "max_muon_eta": 1.3,
        "barrel_muon_pt": 8.0,
        "endcap_muon_pt": 6.0,
        "track_pt": 5.0,
        "delta_r_window": (0.1, 0.3),
        "max_track_dz": 0.5,
        "max_track_dxy": 0.001,
        "phi_window": (1.02, 1.021),
        "trigger_dr": 0.001,
    }
    most = cls().selection(events).cutflow[-1].events
    for name, value in tight.items():
        assert cls(**{name: value}).selection(events).cutflow[-1].events < most, name


CALLS = []


class Counted(DsPhiPi):
    """Counts candidates that reach the acceptance, by a parameter that no cut before reads."""

    scaled_muons = None

    @counter("acceptance")
    def light(self, triplets):
        CALLS.append(len(triplets))
        return {"light": int(np.count_nonzero(triplets.mu1.pt > self.barrel_muon_pt))}


def test_counters_are_shared_by_what_they_depend_on(events):
    """The first two differ in what they count, the last in a cut before, the others in no way."""
    settings = {
        "low": {"barrel_muon_pt": 3.0},
        "high": {"barrel_muon_pt": 6.0},
        "same": {"barrel_muon_pt": 6.0, "phi_window": (1.0, 1.1)},
        "flight": {"barrel_muon_pt": 6.0, "flight_significance": 8.0},
    }
    processors = [Counted(name=name, **setting) for name, setting in settings.items()]
    expected = [one.selection(events).counters for one in processors]
    CALLS.clear()
    memo = Memo()
    found = [one.selection(events, memo).counters for one in processors]
    assert found == expected
    assert len(CALLS) == 3
    low, high, same, flight = (counters["light"] for counters in found)
    assert low > high == same > flight > 0
    assert "mu1_legs" in found[0]
    assert "muon_sf_legs" not in found[0]  # which the class has removed


def test_a_run_without_sharing_leaves_the_instance_of_its_user_as_it_is():
    processor = DsPhiPi(name="mine")
    (one,) = with_options([processor], n_minus_one=False, sharing=False)
    assert (one.name, one.sharing, processor.sharing) == ("mine", False, True)
