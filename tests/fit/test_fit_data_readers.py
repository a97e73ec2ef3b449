"""What is fitted is read from ROOT, JSON and parquet; `root_objects.root` was written by ROOT."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import awkward as ak
import hist
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from errors import raises
from uhi.io.json import default

from tau3mu.errors import InputError
from tau3mu.fit.data import binned, read_data, unbinned

ROOT_FILE = Path(__file__).parents[1] / "data" / "root_objects.root"

MASS = SimpleNamespace(
    name="mass", label="m", unit="GeV", range=(2.2, 4.8), bins=52, edges=np.linspace(2.2, 4.8, 53)
)
_COUNTS = (np.array([1, 2]), np.array([0.0, 1.0, 2.0]))
ALL = SimpleNamespace(ranges=(), blind=())


@pytest.fixture
def root_file(tmp_path):
    path = tmp_path / "masses.root"
    weighted = hist.Hist(hist.axis.Regular(4, 0, 2), storage=hist.storage.Weight())
    weighted.fill([0.1, 0.2, 1.9], weight=[1, 2, 0.5])
    with uproot.recreate(path) as file:
        file["a/b/mass"] = weighted
        file["plane"] = hist.Hist(hist.axis.Regular(2, 0, 1), hist.axis.Regular(2, 0, 1))
        file["labels"] = hist.Hist(hist.axis.StrCategory(["x", "y"])).fill(["x"])
        file["note"] = "text"
        tree = {
            "mass": np.array([1.5, 2.5, 3.5]),
            "w": np.array([1.0, 0.5, 2.0]),
            "n": np.array([3, 4, 5], dtype="int32"),
            "masses": ak.Array([[1.0, 2.0], [], [3.0]]),
            "weights": ak.Array([[0.1, 0.2], [], [0.3]]),
            "other": ak.Array([[0.1], [0.2], [0.3]]),
        }
        file.mktree("trees/events", tree)
        file.mkrntuple(
            "ntuple", {"mass": tree["mass"] + 1, "w": tree["w"], "name": ["x", "y", "z"]}
        )
    return path


@pytest.fixture
def parquet_file(tmp_path):
    path = tmp_path / "candidates_2017.parquet"
    columns = {
        "mass": pa.array([1.5, None, 3.5]),
        "w": pa.array([1, 2, 3], pa.int32()),
        "masses": pa.array([[1.0, 2.0], [], [3.0]]),
        "name": ["x", "y", "z"],
    }
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.others("dq_tutorial.root")
def test_entries_of_the_tutorial(others):
    tutorial = others / "dq_tutorial.root"
    source = read_data(tutorial, MASS, histogram="histMass")
    assert binned(source.data, MASS, ALL, where="fit").entries == 28608
    source = read_data(tutorial, MASS, tree="data", column="fMass")
    sample = unbinned(*source.data, MASS, ALL, where="fit")
    assert (sample.entries, sample.outside) == (28533, 100000 - 28533)


def test_histogram_in_directories(root_file):
    source = read_data(str(root_file), MASS, histogram="a/b/mass")
    assert source.name == f"{root_file}:a/b/mass"
    assert (source.datasets, source.simulation, source.lumi, source.warning) == (
        (),
        False,
        None,
        "",
    )
    np.testing.assert_array_equal(source.data.values(), [3, 0, 0, 0.5])
    np.testing.assert_array_equal(source.data.variances(), [5, 0, 0, 0.25])


@pytest.mark.parametrize(
    ("key", "entries"),
    [("analysis/output/same/Mass", 5), ("analysis/output/mixed/Mass", 7), ("top/x", 1)],
)
def test_histogram_in_lists(key, entries):
    assert read_data(ROOT_FILE, MASS, histogram=key).data.sum() == entries


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "a/b/mas",
            "has no histogram 'a/b/mas' (did you mean 'a/b/mass'?); it has a/b/mass, plane",
        ),
        ("plane", "'plane' is a TH2D of 2 dimensions, but one is fitted; write a projection"),
        ("trees/events", "'trees/events' is a TTree; give its name as 'tree' and that of a branch"),
        ("note", "'note' is a TObjString, expected a TH1 with counts"),
        ("labels", "labels has labelled bins (x, y); a histogram of the fitted variable has none"),
    ],
)
def test_keys_that_are_no_histograms(root_file, key, message):
    with pytest.raises(InputError) as error:
        read_data(root_file, MASS, histogram=key)
    assert str(root_file) in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("prof", "'prof' is a TProfile, expected a TH1"),
        ("analysis/output/sam/Mass", "output has no 'sam' (did you mean 'same'?); it has same"),
        ("analysis/output/same/Pt", "output/same has no 'Pt'; it has Mass"),
        ("analysis/output/same", "'analysis/output/same' is a TList, expected a TH1"),
        ("top/x/y", "top/x is a TH1D, which holds no 'y'"),
    ],
)
def test_keys_in_lists_that_are_no_histograms(key, message):
    with pytest.raises(InputError) as error:
        read_data(ROOT_FILE, MASS, histogram=key)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("given", "values", "weights"),
    [
        ({"tree": "trees/events", "column": "mass"}, [1.5, 2.5, 3.5], None),
        ({"tree": "trees/events"}, [1.5, 2.5, 3.5], None),
        ({"tree": "trees/events", "weight": "w"}, [1.5, 2.5, 3.5], [1, 0.5, 2]),
        ({"tree": "trees/events", "column": "n"}, [3, 4, 5], None),
        ({"tree": "ntuple", "column": "mass", "weight": "w"}, [2.5, 3.5, 4.5], [1, 0.5, 2]),
        ({"tree": "trees/events", "column": "masses"}, [1, 2, 3], None),
        ({"tree": "trees/events", "column": "masses", "weight": "w"}, [1, 2, 3], [1, 1, 2]),
        ({"tree": "trees/events", "column": "masses", "weight": "weights"},
         [1, 2, 3], [0.1, 0.2, 0.3]),
        ({"tree": "trees/events", "column": "w", "weight": "w"}, [1, 0.5, 2], [1, 0.5, 2]),
    ],
)  # fmt: skip
def test_branches(root_file, given, values, weights):
    source = read_data(root_file, MASS, **given)
    found, found_weights = source.data
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, values)
    if weights is None:
        assert found_weights is None
    else:
        np.testing.assert_array_equal(found_weights, weights)


def test_lists_are_remarked(root_file, parquet_file):
    source = read_data(root_file, MASS, tree="trees/events", column="masses", weight="w")
    expected = f"{root_file}: 'masses' has lists: each of their 3 items counts as an entry"
    assert source.warning == expected
    assert read_data(root_file, MASS, tree="trees/events", column="w").warning == ""
    source = read_data(parquet_file, MASS, column="masses")
    assert source.warning == expected.replace(str(root_file), str(parquet_file))
    assert read_data(parquet_file, MASS).warning == ""


def test_the_only_tree_need_not_be_named(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("events", {"mass": np.array([1.0, 2.0])})
    source = read_data(tmp_path / "a.root", MASS, column="mass")
    np.testing.assert_array_equal(source.data[0], [1, 2])
    assert source.name == f"{tmp_path / 'a.root'}:mass"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tree": "trees/event"}, ("no tree 'trees/event' (did you mean 'trees/events'?); it has "
         "a/b/mass, plane, labels, note, trees/events, ntuple")),
        ({"tree": "plane"}, "'plane' is a TH2D, expected a tree; the file has the trees trees/ev"),
        ({"column": "mass"}, "the file has the trees trees/events, ntuple; say which as 'tree'"),
        ({"tree": "trees/events", "column": "mas"}, ("has no branch 'mas' (did you mean 'mass'?); "
         "it has mass, w, n")),
        ({"tree": "ntuple", "weight": "v"}, "has no branch 'v'"),
        ({"tree": "ntuple", "column": "name"}, ("'name' has the type 3 * string; expected "
         "numbers")),
        ({"tree": "ntuple", "weight": "name"}, "the weight of"),
        ({"tree": "trees/events", "column": "masses", "weight": "other"}, "the type 3 * var"),
        ({}, ("neither 'histogram' nor 'tree' says what to fit; it has a, a/b, a/b/mass, plane")),
        ({"tree": "ntuple", "histogram": "plane"}, ("both 'histogram' and 'tree' are given; a "
         "histogram is fitted in bins, a column value by value")),
    ],
)  # fmt: skip
def test_branches_that_cannot_be_read(root_file, given, message):
    with pytest.raises(InputError) as error:
        read_data(root_file, MASS, **given)
    assert str(root_file) in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("content", "given", "message"),
    [
        ({"a": _COUNTS}, {"column": "m"}, "the file has no trees"),
        ({"a": _COUNTS}, {"tree": "a"}, "'a' is a TH1D, expected a tree; the file has no trees"),
        ({}, {"column": "m"}, "the file has no trees"),
        ({}, {"histogram": "m"}, "has no histogram 'm'; the file is empty"),
        ({}, {"tree": "m"}, "has no tree 'm'; the file is empty"),
        ({}, {}, "neither 'histogram' nor 'tree' says what to fit; the file is empty"),
    ],
)
def test_files_without_what_is_asked_for(tmp_path, content, given, message):
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        for key, value in content.items():
            file[key] = value
    with pytest.raises(InputError) as error:
        read_data(path, MASS, **given)
    assert str(error.value).startswith(str(path))
    assert str(error.value).endswith(message)


def _broken(path, kind):
    file = path / "broken.root"
    if kind == "truncated":
        file.write_bytes(ROOT_FILE.read_bytes()[:3000])
    elif kind == "cut at its end":
        file.write_bytes(ROOT_FILE.read_bytes()[:-10])
    elif kind == "no ROOT file":
        file.write_text("text")
    elif kind == "empty":
        file.touch()
    return file


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated", "broken.root as a ROOT file"),
        ("cut at its end", "broken.root is cut: "),
        ("no ROOT file", "broken.root as a ROOT file"),
        ("empty", "broken.root as a ROOT file"),
        ("missing", "broken.root does not exist; expected a ROOT, JSON or parquet file or a res"),
    ],
)
def test_broken_files(tmp_path, kind, message):
    file = _broken(tmp_path, kind)
    for given in ({"histogram": "prof"}, {"tree": "events"}):
        with pytest.raises(InputError) as error:
            read_data(file, MASS, **given)
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def _spectrum():
    return hist.Hist(hist.axis.Regular(4, 0, 2), storage=hist.storage.Weight()).fill(
        [0.1, 0.2, 1.9], weight=[1, 2, 0.5]
    )


def test_json_of_one_histogram(tmp_path):
    path = tmp_path / "mass.json"
    path.write_text(json.dumps(_spectrum(), default=default))
    assert read_data(path, MASS).data == _spectrum()
    with raises("fit.unknown-histogram", InputError, path="mass.json"):
        read_data(path, MASS, histogram="mass")


def test_json_of_several_histograms(tmp_path):
    path = tmp_path / "spectra.json"
    path.write_text(json.dumps({"a": _spectrum(), "b": 2 * _spectrum()}, default=default))
    source = read_data(path, MASS, histogram="b")
    np.testing.assert_array_equal(source.data.values(), [6, 0, 0, 1])
    assert source.name == f"{path}:b"
    with raises("fit.nothing-named", InputError, path="spectra.json", mentions="a, b"):
        read_data(path, MASS)
    with raises("fit.unknown-histogram", InputError, path="c", mentions="a, b"):
        read_data(path, MASS, histogram="c")
    with raises("fit.no-columns", InputError, path="spectra.json", mentions="'column'"):
        read_data(path, MASS, column="a")
    path.write_text(json.dumps({"a": _spectrum()}, default=default))
    assert read_data(path, MASS).data == _spectrum()


@pytest.mark.parametrize("text", ["{", "[1]", '{"axes": 1}', '{"a": {"axes": []}}', '{"a": 1}'])
def test_json_that_is_no_histogram(tmp_path, text):
    path = tmp_path / "mass.json"
    path.write_text(text)
    with raises("outputs.no-histograms", InputError, path="mass.json"):
        read_data(path, MASS)


def test_json_without_histograms(tmp_path):
    path = tmp_path / "spectra.json"
    path.write_text("{}")
    with pytest.raises(InputError) as error:
        read_data(path, MASS)
    assert str(error.value) == f"{path}: the file has no histograms"


def test_parquet(parquet_file):
    values, weights = read_data(parquet_file, MASS, weight="w").data
    np.testing.assert_array_equal(values, [1.5, np.nan, 3.5])
    np.testing.assert_array_equal(weights, [1, 2, 3])
    values, weights = read_data(parquet_file, MASS, column="masses", weight="w").data
    np.testing.assert_array_equal(values, [1, 2, 3])
    np.testing.assert_array_equal(weights, [1, 1, 3])
    assert read_data(parquet_file, MASS, column="w").data[1] is None


def test_folder_of_parquet_files(parquet_file, tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for i in range(3):
        shutil.copy(parquet_file, folder / f"part{i}.parquet")
    values, _ = read_data(folder, MASS, column="w").data
    np.testing.assert_array_equal(np.sort(values), [1, 1, 1, 2, 2, 2, 3, 3, 3])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"column": "mas"}, "has no column 'mas' (did you mean 'mass'?); it has mass, w, masses"),
        ({"column": "name"}, "'name' has the type 3 * string; expected numbers"),
        ({"histogram": "mass"}, "parquet has columns, no histogram 'mass'; give 'column' alone"),
        ({"tree": "events"}, "parquet has columns, no tree 'events'; give 'column' alone"),
    ],
)
def test_parquet_that_cannot_be_read(parquet_file, given, message):
    with pytest.raises(InputError) as error:
        read_data(parquet_file, MASS, **given)
    assert f"{parquet_file}" in str(error.value)
    assert message in str(error.value)


def test_broken_parquet(tmp_path):
    (tmp_path / "a.parquet").write_text("text")
    with raises("fit.unreadable-parquet", InputError, path="a.parquet") as error:
        read_data(tmp_path / "a.parquet", MASS)
    assert "\n" not in str(error.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty"):
        read_data(tmp_path / "empty", MASS)


def test_nothing_but_the_columns_is_read(tmp_path, monkeypatch):
    # Another column of the file is damaged, which does not matter if it is not read.
    path = tmp_path / "a.root"
    with uproot.recreate(path, compression=None) as file:
        file.mktree("t", {"mass": np.full(1000, 1.25), "broken": np.full(1000, 7.5)})
    with uproot.open(path) as file:
        start = int(file["t"]["broken"].member("fBasketSeek")[0])
    content = bytearray(path.read_bytes())
    content[start : start + 100] = bytes(100)
    path.write_bytes(content)
    assert read_data(path, MASS, tree="t").data[0].sum() == 1250
    with raises("fit.unreadable-root-file", InputError, path="a.root"):
        read_data(path, MASS, tree="t", column="broken")
