from __future__ import annotations

import pytest
from errors import raises
from figures import record_figure

from tau3mu.datasets import Dataset, combine, dataset_from_files, limit_files
from tau3mu.errors import InputError


@pytest.mark.parametrize("name", ["2017B", "a.b-c_d", "..."])
def test_good_names(name):
    assert Dataset(name, {"/x.root": None}).name == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../../evil", "<script>", "a b", "a\n"])
def test_bad_names(name):
    with raises("dataset.bad-name", InputError, path=name, mentions=repr(name)):
        Dataset(name, {"/x.root": None})
    record_figure(f"name of a dataset: {name!r}", outcome="refused")


def test_no_files():
    with raises("dataset.no-files", path="a"):
        Dataset("a", {})


def test_files_of_the_command_line(tmp_path):
    for name in ["x_10.root", "x_2.root", "y.root"]:
        (tmp_path / name).touch()
    dataset = dataset_from_files(
        [f"{tmp_path}/x_*.root:A/t", f"{tmp_path}/y.root", "root://h:1//z.root:B"]
    )
    assert list(dataset.files.items()) == [
        (f"{tmp_path}/x_2.root", "A/t"),
        (f"{tmp_path}/x_10.root", "A/t"),
        (f"{tmp_path}/y.root", None),
        ("root://h:1//z.root", "B"),
    ]
    assert (dataset.name, dataset.is_mc, dataset.lumi, dataset.era) == ("files", False, None, None)


def test_file_of_two_patterns(tmp_path):
    (tmp_path / "x.root").touch()
    with raises("dataset.listed-twice", path="x.root"):
        dataset_from_files([f"{tmp_path}/x.root", f"{tmp_path}/*.root"])


def test_combine_keeps_the_order():
    one, two, three = (Dataset(name, {f"/{name}": None}) for name in "cab")
    assert combine([one, two], [], [three]) == [one, two, three]


def test_combine_refuses_equal_names():
    with raises("dataset.duplicate-name", path="a"):
        combine([Dataset("a", {"/x": None})], [Dataset("a", {"/y": None})])


def test_combine_refuses_shared_files():
    with raises("dataset.listed-twice", path="/x", mentions=("'a'", "'b'")):
        combine([Dataset("a", {"/w": None, "/x": None})], [Dataset("b", {"/x": "T"})])


def test_limit_is_per_dataset():
    one = Dataset("a", {"/1": "T", "/2": None, "/3": "T"}, era="B", is_mc=True, lumi=2.0)
    two = Dataset("b", {"/4": None})
    limited = limit_files([one, two], 2)
    assert limited == [
        Dataset("a", {"/1": "T", "/2": None}, era="B", is_mc=True, lumi=2.0),
        two,
    ]
    assert list(one.files) == ["/1", "/2", "/3"]


@pytest.mark.parametrize("limit", [0, -1])
def test_limit_leaves_something(limit):
    with raises("dataset.out-of-range", path="max_files", mentions=str(limit)):
        limit_files([Dataset("a", {"/1": None})], limit)
