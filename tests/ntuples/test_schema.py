"""The traps of the ntuples, one test each; expected values come from plain loops over branches."""

from __future__ import annotations

import math

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import NanoEventsFactory
from errors import raises

from tau3mu.ntuples import NtupleSchema, empty_events
from tau3mu.ntuples.events import _form
from tau3mu.ntuples.layout import layout

TRIGGER = ("hlt.", "l1.")


@pytest.fixture(scope="module")
def tree(skim):
    return uproot.open(skim[0])["Tree3Mu/ntuple"]


@pytest.fixture(scope="module")
def events(skim):
    """All columns, lazily, as coffea's own tools open a file."""
    return NanoEventsFactory.from_root(
        {str(skim[0]): "Tree3Mu/ntuple"}, schemaclass=NtupleSchema
    ).events()


def field(events, view):
    for name in view.split("."):
        events = events[name]
    return events


@pytest.mark.parametrize(
    "branch",
    [b for b in layout("t3m").branches if not b.view.startswith((*TRIGGER, "raw."))],
    ids=lambda branch: branch.view,
)
def test_every_branch_of_a_collection_is_where_the_table_says(tree, events, branch):
    stored = tree[branch.name].array().tolist()
    pads = tree["Triplet2_Mass"].array().tolist()

    def expected(value):
        if value in branch.missing:
            return None
        return bool(value) if branch.flag else value

    if branch.first:
        wanted = [values[0] for values in stored]
    elif not branch.type.startswith("var"):
        wanted = [expected(value) for value in stored]
    elif branch.view.startswith("triplet."):
        wanted = [
            [expected(v) for v, mass in zip(values, masses, strict=True) if mass != -99]
            for values, masses in zip(stored, pads, strict=True)
        ]
    else:
        wanted = [[expected(v) for v in values] for values in stored]
    assert field(events, branch.view).tolist() == wanted


def test_pads_are_not_there_but_in_raw(tree, events):
    masses = tree["Triplet2_Mass"].array()
    assert ak.sum(masses == -99) == 26
    assert ak.num(events.triplet).tolist() == ak.sum(masses != -99, axis=1).tolist()
    assert events.raw.triplet.mass.tolist() == masses.tolist()
    real_for_pads = events.raw.triplet.pv_refit_n_tracks[masses == -99]
    assert ak.all(real_for_pads != -99)


def test_the_index_is_the_position_among_all_triplets_pads_included(tree, events):
    masses = tree["Triplet2_Mass"].array().tolist()
    wanted = [[i for i, mass in enumerate(event) if mass != -99] for event in masses]
    assert events.triplet.index.tolist() == wanted
    assert any(places and places[-1] >= len(places) for places in wanted)
    there = events.raw.triplet.mass[events.triplet.index]
    assert there.tolist() == events.triplet.mass.tolist()
    some = events[ak.num(events.triplet) > 1][::-3]
    assert some.raw.triplet.pt[some.triplet.index].tolist() == some.triplet.pt.tolist()


def test_no_mask_counts_pads(events_of, write_t3m):
    path = write_t3m(
        {
            "Triplet2_Mass": [[-99.0, 1.8, -99.0], [], [-99.0], [1.9, 2.0]],
            "Triplet2_Pt": [[-99.0, 5.0, -99.0], [], [-99.0], [15.0, 2.0]],
            "evt": [1, 2, 3, 4],
        }
    )
    events = events_of(path, ["triplet.pt", "triplet.index", "event"])
    assert ak.num(events.triplet).tolist() == [1, 0, 0, 2]
    assert ak.num(events.triplet[events.triplet.pt > 4]).tolist() == [1, 0, 0, 1]
    assert ak.num(events[events.event > 2].triplet).tolist() == [0, 2]
    assert ak.count(events.triplet.mass, axis=1).tolist() == [1, 0, 0, 2]
    assert events.triplet.index.tolist() == [[1], [], [], [0, 1]]
    assert ak.local_index(events.triplet).tolist() == [[0], [], [], [0, 1]]
    assert len(ak.flatten(events.triplet)) == 3
    assert ak.num(ak.combinations(events.triplet, 2)).tolist() == [0, 0, 0, 1]
    assert ak.num(events.raw.triplet).tolist() == [3, 0, 1, 2]


def test_what_is_printed_has_its_values_and_nothing_else_is_read(skim, tree):
    log = []
    factory = NanoEventsFactory.from_root(
        {str(skim[0]): "Tree3Mu/ntuple"}, schemaclass=NtupleSchema, access_log=log
    )
    events = factory.events()
    assert str(tree["run"].array()[0]) in str(events.run)
    assert {access.branch for access in log} == {"run"}
    pt = f"{tree['MuonPt'].array()[0, 0]:.3g}"
    muons = events.muon.pt
    shown = (
        str(muons),
        repr(muons),
        muons.show(stream=None),
        str(muons[0]),
        str(events.muon[0, 0]),
        muons._repr_mimebundle_()["text/html"],
    )
    for text in shown:
        assert pt in text
    whole = (events, events[0], events.triplet, events.hlt, events.raw, events[::7].triplet.mu1)
    for array in whole:
        assert "??" not in str(array) + repr(array) + array._repr_mimebundle_()["text/html"]
        assert "??" not in array.show(stream=None)


def test_an_event_loop_reads_nothing_that_it_does_not_use(skim):
    log = []
    events = NanoEventsFactory.from_root(
        {str(skim[0]): "Tree3Mu/ntuple"}, schemaclass=NtupleSchema, access_log=log
    ).events()
    assert not log
    ak.num(events.triplet[events.triplet.pt > 4])
    assert {access.branch for access in log} == {"Triplet2_Mass", "Triplet2_Pt"}


def test_unaligned_branches_belong_to_no_collection(tree, events):
    loose = [b for b in layout("t3m").branches if b.view.startswith("raw.")]
    assert len(loose) == 30
    for branch in loose:
        assert events.raw[branch.name].tolist() == tree[branch.name].array().tolist()
    assert "pdg_id" not in events.track.fields  # Track_pdgId is always empty


def test_a_branch_of_other_length_than_its_collection_is_an_error(write_t3m, events_of):
    path = write_t3m({"MuonPt": [[1.0, 2.0], [3.0]], "MuonEta": [[0.1, 0.2], [0.3, 0.4]]})
    events = events_of(path, ["muon.pt", "muon.eta"])
    assert events.muon.pt.tolist() == [[1.0, 2.0], [3.0]]
    with raises("ntuples.misaligned", path="MuonEta", mentions=("MuonPt", "event 1")):
        events.muon.eta.tolist()


def test_equal_totals_do_not_hide_a_shift_between_events(write_t3m, events_of):
    path = write_t3m({"MuonPt": [[1.0, 2.0], [3.0]], "MuonEta": [[0.1], [0.2, 0.3]]})
    with raises("ntuples.misaligned", path="MuonEta", mentions="event 0"):
        events_of(path, ["muon.pt", "muon.eta"]).muon.eta.tolist()


def test_the_list_with_one_count_becomes_a_scalar(tree, events):
    assert events.n_good_triplets.tolist() == [n for (n,) in tree["NGoodTriplets"].array().tolist()]
    assert events.n_good_triplets.tolist() == ak.num(events.triplet).tolist()


@pytest.mark.parametrize("start", [0, 700])
def test_raw_scalars_are_as_they_are_stored(tree, skim, events_of, start):
    views = {"NGoodTriplets": "n_good_triplets", "nPileUpInt": "n_pileup_true", "run": "run"}
    raw = events_of(skim[0], list(views.values()), start=start).raw
    for branch, view in views.items():
        assert raw[view].tolist() == tree[branch].array(entry_start=start).tolist()


def test_a_count_of_other_length_than_one_is_an_error(write_t3m, events_of):
    path = write_t3m({"NGoodTriplets": [[1], []]})
    with raises("ntuples.misaligned", path="NGoodTriplets"):
        events_of(path, ["n_good_triplets"]).n_good_triplets.tolist()


@pytest.mark.parametrize(
    ("branch", "view", "stored", "seen"),
    [
        ("Triplet_mindca_iso", "min_dca_iso", 9999.0, None),
        ("Mu1_dRtriggerMatch_2017", "mu1.trigger_dr_2017", 1.0, None),
        ("RefTrack1_Pt", "refit1.pt", -99.0, None),
        ("RefittedSV_Mass", "sv_refit_mass", -99.0, None),
        ("Vtx12_Chi2", "vertex12_chi2", -99.0, None),
        ("IsoTrackMu1_Pt", "iso_track1.pt", -99.0, None),
        ("Triplet_relativeiso", "relative_iso", -1.0, None),
        ("PV_NTracks", "pv_n_tracks", 0.0, None),
        ("RefittedPV2_NTracks", "pv_refit_n_tracks", 0.0, 0.0),
    ],
)
def test_sentinels_of_triplets_are_none(write_t3m, events_of, branch, view, stored, seen):
    path = write_t3m({"Triplet2_Mass": [[1.9, 1.8, -99.0]], branch: [[stored, 0.25, -99.0]]})
    events = events_of(path, [f"triplet.{view}"])
    assert field(events.triplet, view).tolist() == [[seen, 0.25]]
    assert field(events.raw.triplet, view).tolist() == [[stored, 0.25, -99.0]]


@pytest.mark.parametrize(
    ("branch", "view", "stored", "seen"),
    [
        ("Muon_GLnormChi2", "global_normalized_chi2", [-999.0, 1.5], [None, 1.5]),
        ("Muon_innerTrack_p", "inner_track_p", [-99.0, -999.0], [None, None]),
        ("Muon_outerTrack_p", "outer_track_p", [-999.0, 7.0], [None, 7.0]),
        ("Muon_QInnerOuter", "inner_outer_charge_product", [-999.0, -1.0], [None, -1.0]),
        ("Muon_validMuonHitComb", "n_valid_muon_hits_combined", [-99.0, 3.0], [None, 3.0]),
        ("Muon_emEt03", "em_et03", [-1.0, 0.0], [None, 0.0]),
        ("Muon_innerTrack_highPurity", "inner_track_high_purity", [-99.0, 1.0], [None, True]),
        ("Muon_isGlobal", "is_global", [0.0, 1.0], [False, True]),
        ("Muon_isGlobal", "is_global", [np.nan, -1.0], [False, True]),
    ],
)
def test_sentinels_and_flags_of_muons(write_t3m, events_of, branch, view, stored, seen):
    path = write_t3m({branch: [stored, []]})
    assert events_of(path, [f"muon.{view}"]).muon[view].tolist() == [seen, []]


def test_the_pileup_of_data_is_missing(events, tree):
    assert set(tree["nPileUpInt"].array().tolist()) == {4294966297}
    assert events.n_pileup_true.tolist() == [None] * 1500


def test_misaligned_muon_and_trigger_branches_stay_outside(events):
    assert "tracker_layers_with_measurement" not in events.muon.fields
    assert "Muon_trackerLayersWithMeasurement" in events.raw.fields
    assert "eta" not in events.trigger_object_bparking_mu12_ip6.fields
    assert "MuonEta_HLT_BPMu12_IP6" in events.raw.fields


def test_trigger_objects_are_repeated_and_can_be_made_unique(events):
    from tau3mu.selection import unique_objects

    objects = events.trigger_object_2017
    assert set(ak.num(objects).tolist()) == {4}
    unique = unique_objects(objects)
    assert unique.pt.tolist() == [list(dict.fromkeys(pts)) for pts in objects.pt.tolist()]
    assert set(ak.num(unique).tolist()) == {2}


def test_impact_parameters_keep_their_sign(events, tree):
    assert ak.min(events.track.dz) < -20
    assert ak.min(events.track.dz) == ak.min(tree["Track_dz"].array())


def test_muons_are_floats_and_legs_doubles_of_the_same_numbers(events):
    assert "float32" in str(events.muon.pt.type)
    assert "float64" in str(events.triplet.mu1.pt.type)
    legs = events.triplet.mu1.pt.tolist()
    for pts, muons in zip(legs, events.muon.pt.tolist(), strict=True):
        assert {pt for pt in pts if pt is not None} <= set(muons)


def test_momenta_have_vector_behaviors(events):
    first, second = events.triplet.mu1, events.triplet.mu2
    measured = first.deltaR(second).tolist()
    for event in range(200):
        for i, value in enumerate(measured[event]):
            if value is None:
                continue
            a, b = (leg[event][i].tolist() for leg in (first, second))
            dphi = math.remainder(a["phi"] - b["phi"], 2 * math.pi)
            assert value == pytest.approx(math.hypot(a["eta"] - b["eta"], dphi), rel=1e-12)
    assert events.muon.pz.tolist()[0][0] == pytest.approx(
        events.muon.pt[0][0] * math.sinh(events.muon.eta[0][0])
    )
    assert events.triplet.px[ak.num(events.triplet) > 0][0][0] is not None


def test_several_triplets_per_event_in_no_order_of_pt(events):
    assert ak.max(ak.num(events.triplet)) > 2
    pts = [pt for pt in events.triplet.pt.tolist() if len(pt) > 1]
    assert any(pt != sorted(pt, reverse=True) for pt in pts)


def test_event_numbers_repeat_so_the_run_and_lumi_are_needed(skim):
    numbers = [set(uproot.open(path)["Tree3Mu/ntuple"]["evt"].array().tolist()) for path in skim]
    assert numbers[0] & numbers[1]


def test_only_the_columns_asked_for_are_there(skim, events_of):
    events = events_of(skim[0], ["muon.pt", "triplet.vertex_chi2", "run"])
    assert events.fields == ["run", "muon", "triplet", "raw"]
    assert events.muon.fields == ["pt"]
    assert events.triplet.fields == ["vertex_chi2", "mass", "index"]
    assert events.metadata == {"dataset": "test"}


def test_no_events_have_the_type_of_some(skim, events_of):
    columns = ["run", "hlt.X", "n_good_triplets", "muon.pt", "muon.is_pf", "triplet.mu1.pt"]
    some = events_of(skim[0], columns)
    branches = layout("t3m").resolve(columns, ())
    none = empty_events(layout="t3m", branches=branches, metadata={"dataset": "test"})
    assert len(none) == 0
    assert none.fields == some.fields
    for view in ("run", "hlt.name", "hlt.decision", "muon.is_pf", "triplet.mu1.pt", "raw.hlt.name"):
        expected = ak.without_parameters(field(some, view)).type.content
        assert ak.without_parameters(field(none, view)).type.content == expected, view


@pytest.mark.parametrize("kind", sorted({b.type for b in layout("t3m").branches}))
def test_the_types_of_the_tables_are_those_of_awkward(kind):
    assert _form(kind) == ak.forms.from_type(ak.types.from_datashape(kind, highlevel=False))


def test_branches_of_no_layout_are_an_error():
    form = {"class": "RecordArray", "fields": ["Jet_pt"], "contents": [{}], "parameters": {}}
    with raises("ntuples.unknown-layout", mentions="Jet_pt"):
        NtupleSchema(form)


def test_triplets_without_the_branch_that_marks_pads_are_an_error(skim):
    with raises("ntuples.pads-unknown", path="Triplet2_Mass"):
        NanoEventsFactory.from_root(
            {str(skim[0]): "Tree3Mu/ntuple"},
            schemaclass=NtupleSchema,
            iteritems_options={"filter_name": ["Triplet2_Pt"]},
        ).events()


def test_signed_zero_and_nan_are_values_not_missing(write_t3m, events_of):
    path = write_t3m({"Muon_vx": [[-0.0, math.nan]]})
    values = events_of(path, ["muon.vx"]).muon.vx.tolist()[0]
    assert values[0] == 0.0
    assert np.isnan(values[1])
