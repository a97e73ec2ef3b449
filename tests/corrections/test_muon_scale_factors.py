from __future__ import annotations

import gzip
import json
import math
import pickle
from importlib.resources import files
from pathlib import Path

import awkward as ak
import correctionlib
import numpy as np
import pytest
from errors import raises

from tau3mu.corrections import MuonScaleFactors
from tau3mu.errors import InputError

NAME = "NUM_MediumID_DEN_TrackerMuons"
SHIPPED = Path(str(files("tau3mu.data") / "muon_id_sf_2017UL.json"))
POG = "muon_id_sf_2017UL_pog.json"
EDGES = {
    "abseta": [0.0, 0.9, 1.2, 2.1, 2.4],
    "pt": [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0],
}


@pytest.fixture(params=["shipped", pytest.param("pog", marks=pytest.mark.others(POG))])
def table_file(request):
    return SHIPPED if request.param == "shipped" else request.getfixturevalue("others") / POG


def slow_entries(file, abseta, pt):
    """The keys of one muon, found bin by bin in the JSON."""
    (node,) = (c["data"] for c in json.loads(file.read_text())["corrections"] if c["name"] == NAME)
    for value in (abseta, pt):
        edges = [float(edge) for edge in node["edges"]]
        index = 0
        while index + 2 < len(edges) and value >= edges[index + 1]:
            index += 1
        node = node["content"][index]
    return {item["key"]: item["value"] for item in node["content"]}


def slow_scale_factor(file, pt, eta):
    """Nominal, up and down of one muon under the policy "clamp"."""
    entries = slow_entries(file, abs(eta), pt)
    scale = 2 if pt < 3 or abs(eta) >= 2.4 else 1
    nominal = entries["nominal"]
    return (
        nominal,
        nominal + scale * (entries["systup"] - nominal),
        nominal - scale * (nominal - entries["systdown"]),
    )


def muons(n=2000, seed=5):
    """Muons inside and outside the table, among them some on every edge."""
    random = np.random.default_rng(seed)
    edge_eta, edge_pt = np.meshgrid(EDGES["abseta"], EDGES["pt"])
    pt = np.concatenate([random.uniform(1.5, 14, n), edge_pt.ravel(), [120.0, 2.0]])
    eta = np.concatenate([random.uniform(-2.6, 2.6, n), -edge_eta.ravel(), [0.0, 2.5]])
    return pt, eta


def test_equals_a_loop_over_the_json(table_file):
    pt, eta = muons()
    result = MuonScaleFactors(table_file).evaluate(pt, eta)
    expected = [slow_scale_factor(table_file, p, e) for p, e in zip(pt, eta, strict=True)]
    nominal, up, down = np.transpose(expected)
    # correctionlib parses some numbers one unit in the last place away from Python.
    np.testing.assert_allclose(result.nominal, nominal, rtol=1e-14)
    np.testing.assert_allclose(result.up, up, rtol=1e-14)
    np.testing.assert_allclose(result.down, down, rtol=1e-14)
    outside = (pt < 3) | (np.abs(eta) >= 2.4)
    assert (result.n_outside, result.n_total) == (outside.sum(), len(pt))
    assert 0 < result.n_outside < result.n_total


def test_bounds_of_the_tables_are_stat_and_syst_in_quadrature(table_file):
    for abseta in EDGES["abseta"][:-1]:
        for pt in EDGES["pt"]:
            entries = slow_entries(table_file, abseta, pt)
            total = math.hypot(entries["stat"], entries["syst"])
            assert entries["systup"] == pytest.approx(entries["nominal"] + total, abs=1e-5)
            assert entries["systdown"] == pytest.approx(entries["nominal"] - total, abs=1e-5)


@pytest.mark.others(POG)
def test_values_of_the_pog_table(others):
    result = MuonScaleFactors(others / POG).evaluate([3.5, 3.5, 2.5], [0.5, 1.0, 0.5])
    assert result.nominal == pytest.approx([1.0349498598, 1.0833888046, 1.0349498598])
    assert result.up == pytest.approx([1.0389925179, 1.0932951643, 1.0430351761])
    assert result.down == pytest.approx([1.0309072017, 1.0734824448, 1.0268645436])


def test_sign_of_eta_does_not_matter(table_file):
    pt, eta = muons()
    scale_factors = MuonScaleFactors(table_file)
    negative, positive = (scale_factors.evaluate(pt, sign * np.abs(eta)) for sign in (-1, 1))
    assert np.array_equal(negative.nominal, positive.nominal)
    assert np.array_equal(negative.up, positive.up)
    assert np.array_equal(negative.down, positive.down)
    # Negative eta once gave 1 throughout.
    assert not (negative.nominal == 1).any()


def test_weights_are_products_over_the_legs():
    legs = [{"pt": [3.5, 8.0, 2.0], "eta": [-0.1, 2.2, 1.5]}, {"pt": [4.5] * 3, "eta": [1.0] * 3}]
    result = MuonScaleFactors(SHIPPED).weights(*legs)
    for event in range(3):
        per_leg = [slow_scale_factor(SHIPPED, leg["pt"][event], leg["eta"][event]) for leg in legs]
        expected = [math.prod(values) for values in zip(*per_leg, strict=True)]
        got = [result.nominal[event], result.up[event], result.down[event]]
        assert got == pytest.approx(expected, rel=1e-14)
    assert (result.n_outside, result.n_total) == (1, 6)


def test_takes_awkward_records_and_options():
    triplet = ak.zip(
        {"mu1": ak.zip({"pt": np.float32([3.5, 9]), "eta": np.float32([-1, 2])})}, depth_limit=1
    )
    masked = ak.mask(triplet, [True, True])
    result = MuonScaleFactors(SHIPPED).weights(masked.mu1)
    expected = [slow_scale_factor(SHIPPED, *muon)[0] for muon in ((3.5, 1.0), (9.0, 2.0))]
    assert result.nominal == pytest.approx(expected, rel=1e-14)
    assert result.nominal.dtype == np.float64


def test_no_muons_no_weights():
    result = MuonScaleFactors(SHIPPED).evaluate(np.empty(0, np.float32), ak.Array([]))
    assert result.nominal.shape == result.up.shape == result.down.shape == (0,)
    assert (result.n_outside, result.n_total) == (0, 0)


def test_unity_gives_one_without_uncertainty_outside():
    pt, eta = [2.99, 3.0, 5.0], [0.0, -0.0, 2.4]
    result = MuonScaleFactors(SHIPPED, outside="unity").evaluate(pt, eta)
    inside = slow_scale_factor(SHIPPED, 3.0, 0.0)
    for values, value in zip((result.nominal, result.up, result.down), inside, strict=True):
        assert values == pytest.approx([1, value, 1], rel=1e-14)
    assert (result.n_outside, result.n_total) == (2, 3)


def test_error_names_the_first_muon_outside():
    scale_factors = MuonScaleFactors(SHIPPED, outside="error")
    assert scale_factors.evaluate([3.0], [2.39]).n_outside == 0
    with pytest.raises(
        InputError,
        match=r"2 of 3 muons lie outside .*pt 2\.5 GeV, \|eta\| 1\.5; the table covers pt from 3 "
        r"to inf GeV, \|eta\| from 0 to 2\.4",
    ):
        scale_factors.evaluate([5.0, 2.5, 6.0], [0.1, -1.5, 2.4])


def small_table(pt_edges, *, inputs=("abseta", "pt", "scale_factors"), keys=None):
    keys = keys or {"nominal": 0.9, "systup": 0.95, "systdown": 0.8}
    leaf = {
        "nodetype": "category",
        "input": inputs[2],
        "content": [{"key": key, "value": value} for key, value in keys.items()],
    }
    rows = [
        {
            "nodetype": "binning",
            "input": inputs[1],
            "edges": edges,
            "content": [leaf] * (len(edges) - 1 if isinstance(edges, list) else edges["n"]),
            "flow": "error",
        }
        for edges in pt_edges
    ]
    data = {
        "nodetype": "binning",
        "input": inputs[0],
        "edges": {"n": len(rows), "low": 0.0, "high": 2.0},
        "content": rows,
        "flow": "error",
    }
    variables = [
        {"name": name, "type": kind}
        for name, kind in zip(inputs, ("real", "real", "string"), strict=True)
    ]
    correction = {
        "name": NAME,
        "version": 1,
        "inputs": variables[::-1],
        "output": {"name": "weight", "type": "real"},
        "data": data,
    }
    return {"schema_version": 2, "corrections": [correction]}


def test_the_edges_come_from_the_table(tmp_path):
    file = tmp_path / "table.json"
    file.write_text(json.dumps(small_table([[2.0, 5.0], {"n": 2, "low": 6.0, "high": 20.0}])))
    pt, eta = [2.0, 5.0, 5.9, 19.9, 20.0, 1.0], [0.5, 0.5, 1.5, -1.5, 1.5, 3.0]
    result = MuonScaleFactors(file).evaluate(pt, eta)
    assert result.nominal == pytest.approx([0.9] * 6)
    assert result.up == pytest.approx([0.95, 1.0, 1.0, 0.95, 1.0, 1.0])
    assert result.down == pytest.approx([0.8, 0.7, 0.7, 0.8, 0.7, 0.7])
    assert result.n_outside == 4


def test_reads_compressed_files(tmp_path):
    file = tmp_path / "table.json.gz"
    file.write_bytes(gzip.compress(SHIPPED.read_bytes()))
    pt, eta = muons(100)
    expected = MuonScaleFactors(SHIPPED).evaluate(pt, eta)
    assert np.array_equal(MuonScaleFactors(file).evaluate(pt, eta).up, expected.up)


def test_travels_to_a_worker_without_the_file(tmp_path):
    file = tmp_path / "table.json"
    file.write_bytes(SHIPPED.read_bytes())
    packed = pickle.dumps(MuonScaleFactors(file, outside="unity"))
    file.unlink()
    assert len(packed) < 20_000
    copy = pickle.loads(packed)
    assert repr(copy) == f"MuonScaleFactors({str(file)!r}, correction={NAME!r}, outside='unity')"
    expected = [slow_scale_factor(SHIPPED, 3.0, 0.0)[0], 1.0]
    assert copy.evaluate([3.0, 2.0], [0.0, 0.0]).nominal == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json", "is not a correction file: expected correctionlib JSON"),
        (b"\xff\xfe\x00", "is not a correction file: expected correctionlib JSON"),
        (b"\x1f\x8b\x08\x00", "is not a correction file: expected correctionlib JSON"),
        (b"[]", "is not a correction file: it has no list 'corrections'"),
        (b'{"corrections": 3}', "is not a correction file: it has no list 'corrections'"),
        (
            b'{"schema_version": 2, "corrections": []}',
            f"has no correction '{NAME}'; it has: none",
        ),
        (
            b'{"schema_version": 2, "corrections": [{"name": "%s"}]}' % NAME.encode(),
            "correctionlib refuses the table: Object missing required attribute",
        ),
        (
            json.dumps({**small_table([[3.0, 4.0]]), "schema_version": 1}).encode(),
            "correctionlib refuses the table: .*schema",
        ),
        (
            json.dumps(small_table([[3.0, 4.0]], inputs=("eta", "pt", "scale_factors"))).encode(),
            "has the inputs scale_factors, pt, eta; a muon table has abseta, pt, scale_factors",
        ),
        (
            json.dumps(small_table([[3.0, 4.0]], keys={"nominal": 1.0, "sf": 1.0})).encode(),
            "lacks the scale_factors systup, systdown in one of its bins; found: nominal, sf",
        ),
    ],
)
def test_refuses_files_that_are_no_muon_tables(tmp_path, content, message):
    file = tmp_path / "table.json"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        MuonScaleFactors(file)
    assert str(file) in str(error.value)


def test_refuses_bins_in_the_wrong_order(tmp_path):
    table = small_table([[3.0, 4.0]])
    (correction,) = table["corrections"]
    correction["data"]["input"], correction["data"]["content"][0]["input"] = "pt", "abseta"
    file = tmp_path / "table.json"
    file.write_text(json.dumps(table))
    with pytest.raises(InputError, match="expected bins in abseta, found a binning in pt"):
        MuonScaleFactors(file)
    correction["data"] = 1.0
    file.write_text(json.dumps(table))
    with pytest.raises(InputError, match="expected bins in abseta, found a number"):
        MuonScaleFactors(file)


def test_missing_file_and_misspelt_names(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*none\.json: No such file"):
        MuonScaleFactors(tmp_path / "none.json")
    with pytest.raises(InputError, match=rf"did you mean '{NAME}'\?.*it has: {NAME}"):
        MuonScaleFactors(SHIPPED, correction=NAME.replace("Medium", "medium"))
    with pytest.raises(InputError, match=r"outside='clamped' \(did you mean 'clamp'\?\)"):
        MuonScaleFactors(SHIPPED, outside="clamped")


@pytest.mark.parametrize(
    ("pt", "eta", "message"),
    [
        ([3.0], [0.0, 1.0], "as many pt as eta, got 1 and 2"),
        ([math.nan, 4.0], [0.0, 1.0], "muon pt: .*got 1 that are not finite"),
        ([4.0], [math.inf], "muon eta: .*got 1 that are not finite"),
        (ak.Array([4.0, None]), [0.0, 1.0], "muon pt: .*without missing values"),
        (ak.Array([[4.0], []]), [0.0, 1.0], "muon pt: expected one number per event"),
        (np.ones((2, 2)), [0.0, 1.0], "muon pt: .*got 2 dimensions"),
    ],
)
def test_refuses_values_that_are_no_muons(pt, eta, message):
    with pytest.raises(InputError, match=message):
        MuonScaleFactors(SHIPPED).evaluate(pt, eta)


def test_refuses_weights_without_legs():
    with pytest.raises(InputError, match="at least one leg"):
        MuonScaleFactors(SHIPPED).weights()


def older(content, years=("2017_UL",)):
    """The content of a correction file in the form with `year` and `ValType`."""

    def renamed(node):
        if not isinstance(node, dict) or "content" not in node:
            return node
        node = {**node, "content": [renamed(item) for item in node["content"]]}
        if node.get("input") == "scale_factors":
            keys = [
                {**i, "key": "sf" if i["key"] == "nominal" else i["key"]} for i in node["content"]
            ]
            node |= {"input": "ValType", "content": keys}
        return node

    corrections = []
    for item in content["corrections"]:
        inputs = {i["name"]: i for i in item["inputs"]}
        values = [{"key": year, "value": renamed(item["data"])} for year in years]
        corrections.append({
            **item,
            "inputs": [
                {"name": "year", "type": "string"}, inputs["abseta"], inputs["pt"],
                {"name": "ValType", "type": "string"},
            ],
            "data": {"nodetype": "category", "input": "year", "content": values},
        })  # fmt: skip
    return {**content, "corrections": corrections}


def test_the_older_form_gives_what_correctionlib_gives(tmp_path):
    path = tmp_path / "older.json"
    path.write_text(json.dumps(older(json.loads(SHIPPED.read_text()))))
    rng = np.random.default_rng(8)
    pt, eta = rng.uniform(3, 9.9, 500), rng.uniform(-2.39, 2.39, 500)
    found = MuonScaleFactors(path, correction=NAME).evaluate(pt, eta)
    table = correctionlib.CorrectionSet.from_file(str(path))[NAME]
    for values, key in ((found.nominal, "sf"), (found.up, "systup"), (found.down, "systdown")):
        assert np.array_equal(values, table.evaluate("2017_UL", np.abs(eta), pt, key))
    newer = MuonScaleFactors(SHIPPED, correction=NAME).evaluate(pt, eta)
    assert np.array_equal(found.nominal, newer.nominal)


def test_one_of_several_years_is_chosen(tmp_path):
    path = tmp_path / "years.json"
    path.write_text(json.dumps(older(json.loads(SHIPPED.read_text()), ("2016", "2017"))))
    for year in (None, "2018"):
        with raises("corrections.unknown-year", path="year", mentions=("2016", "2017")):
            MuonScaleFactors(path, correction=NAME, year=year)
    found = MuonScaleFactors(path, correction=NAME, year="2017").evaluate([5.0], [-1.0])
    assert (
        found.nominal == MuonScaleFactors(SHIPPED, correction=NAME).evaluate([5.0], [-1.0]).nominal
    )
    with raises("corrections.no-years", path="year"):
        MuonScaleFactors(SHIPPED, correction=NAME, year="2017")
