from __future__ import annotations

import json

import hist
import numpy as np
import pytest
import uproot

from tau3mu.errors import InputError, RunError
from tau3mu.outputs import load_histograms
from tau3mu.outputs.histograms import write_histograms

DATA, SIMULATION = "2017B.v1-rereco", "ds_phipi_mc"


def test_json_is_read_back_exactly(tmp_path, histograms):
    write_histograms(tmp_path, histograms)
    loaded = load_histograms(tmp_path)
    assert list(loaded) == ["mass", "pt"]
    for name, histogram in histograms.items():
        assert loaded[name] == histogram
        assert loaded[name].storage_type is hist.storage.Weight
        assert loaded[name].label == "Candidates"
        for axis, expected in zip(loaded[name].axes, histogram.axes, strict=True):
            assert (axis.name, axis.label) == (expected.name, expected.label)
            assert axis == expected
    mass = loaded["mass"]
    assert mass[SIMULATION, "muon_sf_up", sum].value > 250
    assert load_histograms(tmp_path / "histograms.json")["pt"] == histograms["pt"]


def test_loaded_histograms_can_be_filled_and_added(tmp_path, histograms):
    write_histograms(tmp_path, histograms)
    loaded = load_histograms(tmp_path)["mass"]
    loaded.fill(dataset="2017C", variation="nominal", mass=[1.97], weight=2.0)
    assert loaded["2017C", "nominal", hist.loc(1.97)].value == 2
    both = load_histograms(tmp_path)["mass"] + histograms["mass"]
    assert np.array_equal(both.values(flow=True), 2 * histograms["mass"].values(flow=True))


def test_root_file_has_the_same_numbers(tmp_path, histograms):
    write_histograms(tmp_path, histograms)
    with uproot.open(tmp_path / "histograms.root") as file:
        names = {key.split(";")[0]: kind for key, kind in file.classnames().items()}
        assert names == {
            DATA: "TDirectory",
            SIMULATION: "TDirectory",
            **dict.fromkeys([f"{DATA}/mass", f"{DATA}/pt"], "TH1D"),
            **{
                f"{SIMULATION}/{name}{suffix}": "TH1D"
                for name in ("mass", "pt")
                for suffix in ("", "_muon_sf_up", "_muon_sf_down")
            },
        }
        for name, histogram in histograms.items():
            for dataset, suffix, variation in (
                (DATA, "", "nominal"),
                (SIMULATION, "", "nominal"),
                (SIMULATION, "_muon_sf_up", "muon_sf_up"),
                (SIMULATION, "_muon_sf_down", "muon_sf_down"),
            ):
                read = file[f"{dataset}/{name}{suffix}"]
                part = histogram[dataset, variation, :]
                assert np.array_equal(read.values(flow=True), part.values(flow=True))
                assert np.array_equal(read.variances(flow=True), part.variances(flow=True))
                np.testing.assert_allclose(read.axis().edges(), part.axes[0].edges, rtol=1e-15)
                assert read.axis().member("fTitle") == part.axes[0].label
                assert read.title == "Candidates"


def test_root_statistics_are_those_of_weighted_events(tmp_path):
    histogram = hist.Hist(
        hist.axis.StrCategory(["mc"], name="dataset"),
        hist.axis.StrCategory(["nominal"], name="variation"),
        hist.axis.Integer(0, 3, name="n"),
        storage=hist.storage.Weight(),
    )
    histogram.fill(dataset="mc", variation="nominal", n=[0, 2, 2, 5], weight=[2.0, 3.0, 4.0, 1.0])
    write_histograms(tmp_path, {"n": histogram})
    with uproot.open(tmp_path / "histograms.root") as file:
        read = file["mc/n"]
    assert read.axis().edges().tolist() == [0, 1, 2, 3]
    assert read.values(flow=True).tolist() == [0, 2, 0, 7, 1]
    assert read.variances(flow=True).tolist() == [0, 4, 0, 25, 1]
    # In range: weights 2, 3 and 4 at the bin centres 0.5, 2.5 and 2.5.
    statistics = [read.member(name) for name in ("fTsumw", "fTsumw2", "fTsumwx", "fTsumwx2")]
    assert statistics == [9, 29, 18.5, 44.25]
    assert read.member("fEntries") == pytest.approx(10**2 / 30)


def test_histograms_of_other_shapes_reach_the_root_file(tmp_path):
    axes = (
        hist.axis.StrCategory(["mc"], name="dataset"),
        hist.axis.StrCategory(["nominal"], name="variation"),
    )
    weight = hist.storage.Weight()
    legs = hist.Hist(*axes, hist.axis.StrCategory(["mu1", "mu2"], name="leg"), storage=weight)
    legs.fill(dataset="mc", variation="nominal", leg=["mu1", "mu2", "mu2"], weight=0.5)
    x = hist.axis.Regular(2, 0, 1, name="x")
    plane = hist.Hist(*axes, x, hist.axis.Regular(3, 0, 1, name="y"), storage=weight)
    plane.fill(dataset="mc", variation="nominal", x=0.75, y=0.5, weight=2)
    curved = hist.axis.Regular(2, 1, 100, name="p", transform=hist.axis.transform.log)
    log = hist.Hist(*axes, curved, storage=weight)
    write_histograms(tmp_path, {"leg": legs, "plane": plane, "log": log})
    with uproot.open(tmp_path / "histograms.root") as file:
        assert file["mc/leg"].values().tolist() == [0.5, 1.0]
        assert file["mc/leg"].axis().labels() == ["mu1", "mu2"]
        assert file["mc/plane"].values().tolist() == [[0, 0, 0], [0, 2, 0]]
        assert file["mc/log"].axis().edges() == pytest.approx([1, 10, 100])
    loaded = load_histograms(tmp_path)
    assert loaded["leg"] == legs
    assert loaded["plane"] == plane


def test_datasets_without_entries_keep_their_nominal_histogram(tmp_path, histograms):
    histograms["mass"].reset()
    write_histograms(tmp_path, {"mass": histograms["mass"]})
    assert load_histograms(tmp_path)["mass"] == histograms["mass"]
    with uproot.open(tmp_path / "histograms.root") as file:
        assert file.keys(cycle=False, recursive=True) == [
            DATA,
            f"{DATA}/mass",
            SIMULATION,
            f"{SIMULATION}/mass",
        ]
        assert not file[f"{DATA}/mass"].values(flow=True).any()
        assert file[f"{DATA}/mass"].member("fEntries") == 0


def test_a_nan_weight_stays_visible(tmp_path, histograms):
    histogram = histograms["mass"]
    histogram.fill(dataset=DATA, variation="nominal", mass=[1.97], weight=[np.nan])
    write_histograms(tmp_path, {"mass": histogram})
    loaded = load_histograms(tmp_path)["mass"]
    assert np.isnan(loaded.values()).sum() == 1
    np.testing.assert_array_equal(loaded.values(flow=True), histogram.values(flow=True))
    text = (tmp_path / "histograms.json").read_text()
    json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))


def test_refuses_infinite_edges_before_it_writes(tmp_path, histograms):
    axis = hist.axis.Variable([0, 1, np.inf], name="pt")
    bad = hist.Hist(*histograms["pt"].axes[:2], axis, storage=hist.storage.Weight())
    with pytest.raises(RunError, match=r"histogram 'bad': its axis 'pt' has an infinite edge"):
        write_histograms(tmp_path, {"pt": histograms["pt"], "bad": bad})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["[1, 2]", '{"mass": 3}', '{"mass": {"values": "x"}}', "no"])
def test_refuses_other_files(tmp_path, content):
    file = tmp_path / "other.json"
    file.write_text(content)
    with pytest.raises(InputError, match=r"other\.json does not hold histograms in UHI JSON"):
        load_histograms(file)


def test_refuses_the_root_file(tmp_path, histograms):
    write_histograms(tmp_path, histograms)
    with pytest.raises(InputError, match=r"histograms\.root does not hold .* a histograms\.json"):
        load_histograms(tmp_path / "histograms.root")


def test_large_whole_numbers_are_read_back_exactly(tmp_path):
    histogram = hist.Hist(hist.axis.StrCategory(["a"], name="dataset"), storage="Int64")
    histogram[...] = [2**60 + 1]
    write_histograms(tmp_path, {"n": histogram})
    assert load_histograms(tmp_path)["n"].values().tolist() == [2**60 + 1]


@pytest.mark.parametrize("storage", ["Double", "Int64", "Weight"])
def test_variations_of_any_storage_reach_the_root_file(tmp_path, storage):
    axes = [hist.axis.StrCategory(names, name=name) for name, names in
            (("dataset", ["a"]), ("variation", ["nominal", "up", "down"]))]  # fmt: skip
    histogram = hist.Hist(*axes, hist.axis.Regular(2, 0, 2, name="x"), storage=storage)
    histogram.fill(dataset="a", variation="up", x=[0.5, 1.5, 1.5])
    write_histograms(tmp_path, {"x": histogram + histogram})  # a sum forgets its variances
    with uproot.open(tmp_path / "histograms.root") as file:
        assert file.keys(cycle=False) == ["a", "a/x", "a/x_up"]
        assert file["a/x_up"].values().tolist() == [2, 4]
        assert file["a/x_up"].variances().tolist() == [2, 4]


def test_two_histograms_of_one_name_in_the_root_file_are_refused(tmp_path):
    dataset = hist.axis.StrCategory(["a"], name="dataset")
    variation = hist.axis.StrCategory(["nominal", "up"], name="variation")
    x = hist.axis.Regular(2, 0, 2, name="x")
    varied, plain = hist.Hist(dataset, variation, x), hist.Hist(dataset, x)
    varied.fill(dataset="a", variation="up", x=1)
    with pytest.raises(RunError, match="a/x_up"):
        write_histograms(tmp_path, {"x": varied, "x_up": plain})
    assert not list(tmp_path.iterdir())
