"""Central NanoAOD, read as coffea reads it, without a layout of a user."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import NanoAODSchema, NanoEventsFactory
from errors import raises
from nanoaod_files import GEN, JET, MUON, SCALARS, write_nanoaod

import tau3mu
from tau3mu.datasets import Dataset, check_files
from tau3mu.ntuples.layout import layout

SAME = {
    "pt": "pt", "eta": "eta", "phi": "phi", "mass": "mass", "charge": "charge",
    "isGlobal": "is_global", "isPFcand": "is_pf", "softId": "is_soft", "nStations":
    "n_matched_stations", "nTrackerLayers": "n_tracker_layers", "softMva": "soft_mva",
}  # fmt: skip


@pytest.fixture(params=[9, 12])
def version(request):
    return request.param


@pytest.fixture
def file(tmp_path, version):
    path = tmp_path / "nano.root"
    write_nanoaod(path, version=version, is_mc=True)
    return path


class Golden(NanoAODSchema):
    warn_missing_crossrefs = False  # of collections that the files do not have


def golden(path):
    return NanoEventsFactory.from_root({str(path): "Events"}, schemaclass=Golden).events()


def assert_same(mine, theirs, *, dtype=True):
    mine, theirs = ak.materialize(mine), ak.materialize(theirs)
    if mine.ndim > 1:
        assert ak.num(mine).tolist() == ak.num(theirs).tolist()
        mine, theirs = ak.flatten(mine), ak.flatten(theirs)
    mine, theirs = ak.to_numpy(mine, allow_missing=False), ak.to_numpy(theirs)
    assert not dtype or mine.dtype == theirs.dtype
    assert len(mine)
    assert np.array_equal(mine, theirs)


def test_branches_without_a_table_are_those_of_coffea(file):
    lists = {"Muon": MUON, "Jet": JET, "GenPart": GEN}
    columns = {f"{name}.{field}" for name, fields in lists.items() for field in fields}
    columns |= {
        "MET.pt",
        "MET.phi",
        "PV.npvs",
        "PV.x",
        "PV.y",
        "PV.z",
        "fixedGridRhoFastjetAll",
        "genWeight",
    }
    events, expected = tau3mu.events(file, columns), golden(file)
    for name, fields in lists.items():
        for field in fields:
            assert_same(events[name][field], expected[name][field])
    for branch in SCALARS:
        collection, _, field = branch.partition("_")
        if field:
            assert_same(events[collection][field], expected[collection][field])
        else:
            assert_same(events[branch], expected[branch])
    assert_same(events.genWeight, expected.genWeight)
    assert_same(events.Muon.px, expected.Muon.px)  # by the same formula


def test_columns_of_the_table_are_of_one_type_in_all_versions(file):
    columns = {f"muon.{name}" for name in SAME.values()} | {"run", "lumi", "event", "gen_weight"}
    events, expected = tau3mu.events(file, columns | {"gen.mother_index"}), golden(file)
    for field, name in SAME.items():
        assert_same(events.muon[name], expected.Muon[field], dtype=False)
    kinds = {str(ak.type(events.muon[name]).content.content) for name in ("charge", "is_global")}
    assert kinds == {"int32", "bool"}
    assert ak.flatten(ak.materialize(events.muon.n_matched_stations)).type.content.primitive == (
        "int32"
    )
    assert_same(events.gen_weight, expected.genWeight)
    assert_same(events.gen.mother_index, expected.GenPart.genPartIdxMother, dtype=False)
    for name, field in (("run", "run"), ("lumi", "luminosityBlock"), ("event", "event")):
        assert_same(events[name], expected[field])


def test_any_branch_can_be_read_as_it_is_stored(file):
    columns = {"raw.Muon_pt", "raw.Jet_jetId", "raw.genWeight", "raw.HLT_IsoMu24", "muon.eta"}
    events, expected = tau3mu.events(file, columns), golden(file)
    assert_same(events.raw.Muon_pt, expected.Muon.pt)
    assert_same(events.raw.Jet_jetId, expected.Jet.jetId)
    assert_same(events.raw.genWeight, expected.genWeight)
    assert_same(events.raw.HLT_IsoMu24, expected.HLT.IsoMu24)
    assert_same(events.muon.eta, expected.Muon.eta)


def test_what_data_lack_is_missing_and_nothing_is_generated(tmp_path, version):
    path = tmp_path / "data.root"
    write_nanoaod(path, version=version)
    columns = {"gen_weight", "gen.pt", "Muon.pt", "Muon.odd?", "raw.genWeight?", "odd?"}
    events = tau3mu.events(path, columns)
    assert ak.to_list(events.gen_weight) == ak.to_list(events.raw.genWeight) == [None] * 40
    assert ak.to_list(events.odd) == [None] * 40
    assert ak.to_list(events.gen.pt) == [[]] * 40
    assert ak.num(events.Muon.odd).to_list() == ak.num(events.Muon.pt).to_list()
    assert ak.all(ak.is_none(events.Muon.odd, axis=1))
    assert set(check_files([Dataset("d", {str(path): None})], columns)[0].branches) == {"Muon_pt"}


def test_a_branch_that_is_neither_there_nor_optional_is_an_error(file):
    with raises("dataset.bad-files", mentions=("Muon.odd", "'Muon_odd'")):
        tau3mu.events(file, {"Muon.pt", "Muon.odd"})
    with raises("dataset.bad-files", mentions="'odd'"):
        tau3mu.events(file, {"Muon.pt", "raw.odd"})


def test_what_cannot_be_in_events_is_an_error(tmp_path):
    with uproot.recreate(tmp_path / "odd.root") as tree:
        tree.mktree("Events", {"run": "uint32", "Odd": np.dtype((np.float32, 3))}).extend(
            {"run": np.ones(2, np.uint32), "Odd": np.ones((2, 3), np.float32)}
        )
    with raises("dataset.bad-files", mentions=("'Odd'", "float32")):
        tau3mu.events(tmp_path / "odd.root", {"run", "raw.Odd"})


@pytest.mark.parametrize(
    ("stored", "values"),
    [("uint8", [0, 255]), ("int16", [-300, 7]), ("int64", [2**24, -1]), ("bool", [True, False])],
)
def test_whole_numbers_of_any_width_are_read_where_a_float_is_meant(tmp_path, stored, values):
    with uproot.recreate(tmp_path / "whole.root") as file:
        file.mktree("Events", {"run": "uint32", "genWeight": stored}).extend(
            {"run": np.ones(2, np.uint32), "genWeight": np.array(values, stored)}
        )
    events = tau3mu.events(tmp_path / "whole.root", {"run", "gen_weight"})
    assert str(events.gen_weight.type) == "2 * ?float32"
    assert ak.to_list(events.gen_weight) == values
    assert str(tau3mu.events(tmp_path / "whole.root", {"raw.genWeight"}).raw.genWeight.type) == (
        f"2 * {stored}"
    )


@pytest.mark.parametrize(
    ("branch", "column", "stored", "value"),
    [
        ("genWeight", "gen_weight", "int64", 2**24 + 1),
        ("run", "run", "int32", -1),
        ("luminosityBlock", "lumi", "uint64", 2**32),
    ],
)
def test_a_number_that_the_type_cannot_hold_is_an_error(tmp_path, branch, column, stored, value):
    with uproot.recreate(tmp_path / "large.root") as file:
        data = {"event": np.ones(1, np.uint64), branch: np.array([value], stored)}
        file.mktree("Events", {k: v.dtype for k, v in data.items()}).extend(data)
    events = tau3mu.events(tmp_path / "large.root", {"event", column})
    with raises("ntuples.wrong-type", path=branch, mentions=str(value)):
        ak.materialize(events[column])


@pytest.mark.parametrize("level", ["hlt", "l1"])
def test_a_trigger_that_is_not_a_field_says_what_to_ask(file, level):
    events = tau3mu.events(file, {"hlt.HLT_IsoMu24_v", f"{level}.{level.upper()}_Odd_v?"})
    assert not hasattr(events[level], "no_trigger")
    assert ak.sum(events.hlt.HLT_IsoMu24) == ak.sum(golden(file).HLT.IsoMu24)
    with raises("ntuples.no-trigger", path=f"{level.upper()}_Mu50", mentions="fired("):
        _ = getattr(events[level], f"{level.upper()}_Mu50")


def test_lists_of_triggers_say_what_to_ask():
    events = tau3mu.events("demo", {"hlt.HLT_DoubleMu3_Trk_Tau3mu_v"})
    with raises("ntuples.no-trigger", path="HLT_DoubleMu3_Trk_Tau3mu", mentions="fired("):
        _ = events.hlt.HLT_DoubleMu3_Trk_Tau3mu


@pytest.mark.parametrize(
    "ask",
    [
        lambda events: events.hlt["HLT_Mu50"],
        lambda events: events[1:].hlt.HLT_Mu50,
        lambda events: events[0].hlt.HLT_Mu50,
        lambda events: events[0].hlt["HLT_Mu50"],
    ],
)
def test_a_trigger_says_what_to_ask_however_it_is_asked_for(file, ask):
    for events in (
        tau3mu.events(file, {"hlt.HLT_IsoMu24_v"}),
        tau3mu.events("demo", {"hlt.HLT_DoubleMu3_Trk_Tau3mu_v"}),
    ):
        with raises("ntuples.no-trigger", path="HLT_Mu50", mentions="fired("):
            ask(events)
        assert len(events.hlt[events.hlt.fields[0]]) == len(events)
        assert not hasattr(events.hlt, "HLT_Mu50")


def test_the_table_of_central_nanoaod_is_found(file):
    (checked,) = check_files([Dataset("d", {str(file): None})], {"run", "muon.pt"})
    assert checked.layout == "nanoaod"
    assert layout(checked.layout).pad is None


def test_lists_and_values_that_begin_alike_are_no_collection(tmp_path):
    data = {"run": np.ones(3, np.uint32), "Odd_x": np.ones(3, np.float32)}
    data |= {"Odd_y": ak.Array([[1.0], [], [2.0, 3.0]]), "Weights": ak.Array([[1.5], [], [2.5]])}
    with uproot.recreate(tmp_path / "mixed.root") as file:
        kinds = {"run": "uint32", "Odd_x": "float32", "Odd_y": "var * float64"}
        file.mktree("Events", kinds | {"Weights": "var * float64"}).extend(data)
    with raises("dataset.bad-files", mentions=("Odd_x", "Odd_y", "raw.")):
        tau3mu.events(tmp_path / "mixed.root", {"run", "Odd.x", "Odd.y"})
    events = tau3mu.events(tmp_path / "mixed.root", {"raw.Odd_x", "raw.Odd_y", "Weights"})
    assert ak.to_list(events.raw.Odd_y) == [[1.0], [], [2.0, 3.0]]
    assert ak.to_list(events.raw.Odd_x) == [1, 1, 1]
    assert ak.to_list(events.Weights) == [[1.5], [], [2.5]]


def test_one_branch_may_be_two_columns(file):
    columns = {"muon.pt", "Muon.pt", "Muon.nStations", "muon.n_matched_stations", "Muon.odd?"}
    columns |= {"HLT_IsoMu24", "hlt.HLT_IsoMu24_v", "genWeight?", "gen_weight", "GenPart.pt?"}
    events, expected = tau3mu.events(file, columns), golden(file)
    for values in (events.muon.pt, events.Muon.pt):
        assert_same(values, expected.Muon.pt)
    assert_same(events.Muon.nStations, expected.Muon.nStations)
    assert_same(events.muon.n_matched_stations, expected.Muon.nStations, dtype=False)
    assert_same(events.HLT_IsoMu24, expected.HLT.IsoMu24)
    assert_same(events.hlt.HLT_IsoMu24, expected.HLT.IsoMu24)
    assert_same(events.genWeight, expected.genWeight)
    assert_same(events.gen_weight, expected.genWeight)
    assert_same(events.GenPart.pt, expected.GenPart.pt)
    assert ak.num(events.Muon.odd).to_list() == ak.num(expected.Muon.pt).to_list()
