"""Cuts on the entries of a fit, against NumPy's masks; NaN that is cut away and that remains."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from types import SimpleNamespace

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from errors import raises
from peak_models import document, parameters

from tau3mu.fit import fit
from tau3mu.fit.__main__ import main
from tau3mu.fit.data.prepare import prepare, sources
from tau3mu.fit.expressions import ExpressionError, parse_cut
from tau3mu.fit.language import model_of
from tau3mu.fit.studies import generate
from tau3mu.fit.studies.tables import read_table, rows_of
from tau3mu.results.manifest import DatasetFacts

GENERATOR = np.random.default_rng(8)
MASS = np.concatenate([GENERATOR.normal(5, 0.5, 300), GENERATOR.uniform(0, 10, 700)])
BDT = GENERATOR.random(1000)
FLAG = GENERATOR.random(1000) > 0.3
RUN = GENERATOR.integers(100, 200, 1000)
COLUMNS = {"mass": MASS, "bdt": BDT, "flag": FLAG, "run": RUN, "w": 0.5 + BDT}


def model(cut="bdt > 0.5", **more):
    """The peak, fitted to the entries of a column; its yields start from their number."""
    given = {"column": "mass", **({} if cut is None else {"cut": cut}), **more.pop("input", {})}
    free = parameters(nSignal=None, nBackground=None)
    return model_of(document(input=given, parameters=free, **more), "peak.json", Path())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bdt > 0.5", BDT > 0.5),
        ("0.2 < bdt <= 0.5", (BDT > 0.2) & (BDT <= 0.5)),
        ("bdt > 0.5 and run != 150", (BDT > 0.5) & (RUN != 150)),
        ("bdt > 0.9 or flag == 1 and run < 120", (BDT > 0.9) | (FLAG & (RUN < 120))),
        ("not (bdt > 0.5 or flag == 0)", ~((BDT > 0.5) | ~FLAG)),
        ("abs(mass - 5) / 2 < sqrt(bdt)", np.abs(MASS - 5) / 2 < np.sqrt(BDT)),
        ("run >= 110 and\n run - 150 < 0", (RUN >= 110) & (RUN < 150)),
    ],
)
def test_a_cut_is_numpys_mask(text, expected):
    cut = parse_cut(text)
    passed = pickle.loads(pickle.dumps(cut)).evaluate(
        {name: np.asarray(column, dtype=float) for name, column in COLUMNS.items()}
    )
    assert passed.dtype == np.bool_
    np.testing.assert_array_equal(passed, expected)
    assert 0 < expected.sum() < 1000
    inside = expected & (MASS >= 0) & (MASS < 10)
    sample = prepare(model(text), ak.Array(COLUMNS))["peak"]
    np.testing.assert_array_equal(sample.values, MASS[inside])


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("bdt", "comparison"),
        ("bdt > 0.5 and flag", "'flag'"),
        ("bdt > 0.5 & run < 3", "comparison"),
        ("(bdt > 0.5) & (run < 3)", "'and'"),
        ("bdt > 0.5 && run < 3", "position"),
        ("bdt > (run < 3)", "'run < 3'"),
        ("bdt in (1, 2)", "comparison"),
        ("1 < 2", "no column"),
        ("bdt > lambda", "'lambda'"),
        ("bdt > __import__(1)", "'__import__'"),
        ("bdt > 'x'", "position"),
        ("", "empty"),
        ("bdt > 0" + " and bdt > 0" * 200, "1000"),
        ("not " * 120 + "bdt > 0", "100"),
    ],
)
def test_what_is_no_cut(text, mentions):
    with pytest.raises(ExpressionError) as error:
        parse_cut(text)
    assert mentions in str(error.value)
    with raises("fit.wrong-cut", path="input.cut"):
        model(text)


def test_a_comparison_with_nan_is_false():
    values = {"a": np.array([np.nan, 1.0])}
    for text, expected in (("a > 0", [0, 1]), ("a == a", [0, 1]), ("a != 3", [1, 1])):
        assert parse_cut(text).evaluate(values).tolist() == expected


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same columns in each kind of file, and lists of three entries per event."""
    folder = tmp_path_factory.mktemp("cuts")
    broken = MASS.copy()
    broken[BDT < 0.02] = np.nan
    table = {**COLUMNS, "mass": broken}
    with uproot.recreate(folder / "tree.root") as file:
        file.mktree("tree", {n: c.dtype for n, c in table.items()})
        file["tree"].extend(table)
        file.mkrntuple("ntuple", table)
        lists = {n: ak.unflatten(c[:999], 3) for n, c in table.items()}
        lists = {n: ak.values_astype(c, "float64") for n, c in lists.items()}
        lists["ragged"] = ak.unflatten(BDT, np.bincount(RUN - 100, minlength=333))
        file.mktree("lists", {**lists, "year": np.arange(333)})
    pq.write_table(pa.table(table), folder / "table.parquet")
    return folder


@pytest.mark.parametrize(
    "where",
    [{"file": "tree.root", "tree": "tree"}, {"file": "tree.root", "tree": "ntuple"},
     {"file": "table.parquet"}],
)  # fmt: skip
def test_entries_are_cut_as_they_are_read(files, where):
    given = {**where, "file": str(files / where["file"]), "weight": "w"}
    cut = "bdt >= 0.02 and flag == 1"
    (source,) = sources(model(cut, input=given)).values()
    expected = (BDT >= 0.02) & FLAG
    np.testing.assert_array_equal(source.data[0], MASS[expected])
    np.testing.assert_array_equal(source.data[1], 0.5 + BDT[expected])
    np.testing.assert_array_equal(source.passed, expected)
    number = int(((BDT < 0.02) & FLAG).sum())
    assert number > 1
    with raises("fit.not-finite", mentions=(f" {number} of {FLAG.sum()} ", "flag == 1")):
        prepare(model("flag == 1", input=given), None)
    with raises("fit.nothing-passes", path="input.cut", mentions="1000"):
        prepare(model("bdt > 2", input=given), None)
    with pytest.raises(Exception, match="did you mean 'bdt'"):
        prepare(model("bdtt > 2", input=given), None)


def test_lists_are_cut_item_by_item(files):
    given = {"file": str(files / "tree.root"), "tree": "lists"}
    (source,) = sources(model("bdt > 0.5 and year >= 100", input=given)).values()
    expected = (BDT[:999] > 0.5) & (np.repeat(np.arange(333), 3) >= 100)
    np.testing.assert_array_equal(source.data[0], MASS[:999][expected])
    for more in ({"cut": "bdt > 0.5"}, {"weight": "w"}):
        with raises("fit.entries-differ", mentions="float64"):  # lists for single numbers
            sources(model(None, input={**given, "column": "year", **more}))
    with raises("fit.entries-differ", mentions="'ragged'"):
        sources(model("ragged > 0.5", input=given))


def test_three_lists_of_three_have_the_weights_of_their_events():
    """Arrays of a fixed size were once broadcast along the other axis."""
    records = ak.zip({"mass": np.arange(9.0).reshape(3, 3), "w": [1.0, 2, 3]}, depth_limit=1)
    sample = prepare(model("w > 1", input={"weight": "w"}), records)["peak"]
    assert sample.values.tolist() == [3, 4, 5, 6, 7, 8]
    assert sample.weights.tolist() == [2, 2, 2, 3, 3, 3]


def test_a_fit_with_a_cut_is_the_fit_of_what_passes(files):
    given = {"file": str(files / "tree.root"), "tree": "tree"}
    passed = MASS[BDT > 0.4]
    expected = fit(model(None), passed)
    found = fit(model("bdt > 0.4", input=given))
    assert found.valid
    assert found.values == expected.values
    assert found.model.to_dict()["input"]["cut"] == "bdt > 0.4"
    assert found.model.hash != model("bdt > 0.41", input=given).hash


@pytest.mark.parametrize("weight", [None, "w"])
def test_entries_are_filled_into_bins(weight):
    given = {"binned": True, **({"weight": weight} if weight else {})}
    one = model("bdt > 0.4", input=given)
    sample = prepare(one, ak.Array(COLUMNS))["peak"]
    weights = (0.5 + BDT if weight else np.ones(1000))[BDT > 0.4]
    contents, edges = np.histogram(MASS[BDT > 0.4], 40, (0, 10), weights=weights)
    variances, _ = np.histogram(MASS[BDT > 0.4], 40, (0, 10), weights=weights**2)
    np.testing.assert_allclose(sample.edges, edges)
    np.testing.assert_allclose(sample.contents, contents, rtol=1e-12)
    np.testing.assert_allclose(sample.variances, variances, rtol=1e-12)
    least_squares = model("bdt > 0.4", input=given, method={"engine": "numpy", "loss": "chi2"})
    assert fit(least_squares, ak.Array(COLUMNS)).valid
    with raises("fit.not-finite", mentions=" 1 of "):
        prepare(model(None, input=given), ak.Array({**COLUMNS, "mass": [np.nan, *MASS[1:]]}))


def test_what_cannot_be_cut_or_filled(tmp_path):
    with raises("fit.cut-without-columns", path="input.cut"):
        prepare(model(), MASS)
    with raises("fit.cut-without-columns", path="input.cut"):
        generate(model(), tmp_path / "toys.root", values={"nSignal": 30, "nBackground": 9})
    for key, value in (("cut", "bdt > 0.5"), ("binned", True)):
        with raises("fit.conflicting-keys", path=f"input.{key}"):
            model_of(document(input={"histogram": "m", key: value}), "peak.json", Path())
    axis = {"name": "m", "label": "m", "range": [0, 10]}
    with raises("fit.missing-key", path="observable.bins"):
        model_of(document(input={"column": "m", "binned": True}, observable=axis), "p", Path())


def test_sweights_are_in_the_rows_that_pass(files):
    one = model("bdt > 0.3", input={"file": str(files / "table.parquet")})
    (source,) = sources(one).values()
    (sample,) = prepare(one, None).values()
    rows = rows_of(read_table(source, "mass"), "mass", source, sample)
    np.testing.assert_array_equal(rows, (BDT > 0.3) & (MASS >= 0) & (MASS < 10))


def test_the_command_line_checks_a_cut(tmp_path, capsys):
    for cut, code in (("bdt > 0.5", 0), ("bdt >> 0.5", 1)):
        path = tmp_path / "peak.json"
        path.write_text(json.dumps(document(input={"column": "m", "cut": cut})))
        assert main(["--check", str(path)]) == code
    assert "bdt >> 0.5" in capsys.readouterr().err


def test_a_run_knows_before_the_work_that_a_column_of_a_cut_is_missing():
    from tau3mu.run.fits import check_columns

    one = model("bdt > 0.5 and flag == 1", input={"column": "mass"})
    columns = {"mass": "float64", "bdt": "float32", "flag": "bool"}
    check_columns(one, "dsphipi", columns)
    with raises("run.fit-without-column", path="bdt"):
        check_columns(one, "dsphipi", {**columns, "bdt": "string"})
    with raises("run.fit-without-column", path="flag"):
        check_columns(one, "dsphipi", {name: columns[name] for name in ("mass", "bdt")})


def test_candidates_of_a_run_are_cut():
    facts = {"d": DatasetFacts()}
    candidates = ak.Array({**COLUMNS, "dataset": ["d"] * 1000})
    run = SimpleNamespace(
        name="own", folder=Path(), histograms={}, candidates=candidates, datasets=facts
    )
    sample = prepare(model("150 <= run < 170"), run)["peak"]
    inside = (RUN >= 150) & (RUN < 170) & (MASS >= 0) & (MASS < 10)
    np.testing.assert_array_equal(sample.values, MASS[inside])
