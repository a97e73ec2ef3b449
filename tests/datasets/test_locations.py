from __future__ import annotations

from pathlib import Path

import pytest
from errors import raises

from tau3mu.datasets import Dataset, FileDetails, combine
from tau3mu.datasets.duplicates import check_listed_once
from tau3mu.storage.locations import expand, is_url, locate, split_tree

FOLDER = Path("/sets")


@pytest.mark.parametrize(
    ("path", "prefix", "expected"),
    [
        ("a/x.root", None, "/sets/a/x.root"),
        ("./a//x.root", None, "/sets/a/x.root"),
        ("/eos/x.root", None, "/eos/x.root"),
        ("/eos/x.root", "/store", "/eos/x.root"),
        ("/eos/x.root", "root://host//store", "/eos/x.root"),
        ("file:///eos/x.root", None, "/eos/x.root"),
        ("root://host//store/x.root", None, "root://host//store/x.root"),
        ("root://host//store/x.root", "/store", "root://host//store/x.root"),
        ("a/x.root", "/store", "/store/a/x.root"),
        ("a/x.root", "/store//user/", "/store/user/a/x.root"),
        ("a/x.root", "file:///store", "/store/a/x.root"),
        ("a/x.root", "root://host//store/user", "root://host//store/user/a/x.root"),
        ("a/x.root", "root://host//store/user//", "root://host//store/user/a/x.root"),
        ("a//./x.root", "root://host:1094//store", "root://host:1094//store/a/x.root"),
        ("a/x.root", "root://host///store", "root://host//store/a/x.root"),
        ("a/x.root", "root://host/store", "root://host/store/a/x.root"),
        ("a/x.root", "root://host//", "root://host//a/x.root"),
        ("a/x.root", "root://host", "root://host//a/x.root"),
        ("a/x.root", "https://host/store/", "https://host/store/a/x.root"),
        ("a/x.root", "https://host", "https://host/a/x.root"),
    ],
)
def test_prefix_and_path_are_joined_cleanly(path, prefix, expected):
    assert locate(path, folder=FOLDER, prefix=prefix) == expected


def test_relative_prefix_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locate("x.root", folder=FOLDER, prefix="skims") == str(tmp_path / "skims/x.root")
    assert locate("x.root", folder=Path("sets"), prefix=None) == str(tmp_path / "sets/x.root")


def test_tilde_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/user")
    assert locate("x.root", folder=FOLDER, prefix="~/skims") == "/home/user/skims/x.root"
    assert locate("~/x.root", folder=FOLDER, prefix=None) == "/home/user/x.root"


@pytest.mark.parametrize(
    ("path", "answer"),
    [("root://h//x", True), ("https://h/x", True), ("/a/b", False), ("a:b", False)],
)
def test_is_url(path, answer):
    assert is_url(path) is answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x.root", ("x.root", None)),
        ("a/x.root:Tree3Mu/ntuple", ("a/x.root", "Tree3Mu/ntuple")),
        ("a/x.root:/Tree3Mu/ntuple/", ("a/x.root", "Tree3Mu/ntuple")),
        ("*.root:Events", ("*.root", "Events")),
        ("root://host:1094//a/x.root", ("root://host:1094//a/x.root", None)),
        ("root://host:1094//a/x.root:Events", ("root://host:1094//a/x.root", "Events")),
        ("root://site.root:1094//a/x.root", ("root://site.root:1094//a/x.root", None)),
        ("https://host:8443/x.root:Events", ("https://host:8443/x.root", "Events")),
        ("x.root.root:Events", ("x.root.root", "Events")),
    ],
)
def test_tree_is_split_from_the_file(text, expected):
    assert split_tree(text) == expected


def test_matches_are_in_natural_order(tmp_path):
    for name in ["x_10.root", "x_2.root", "x_1-10.root", "x_1-9.root", "x_1.root", "y.txt"]:
        (tmp_path / name).touch()
    names = [Path(path).name for path in expand(f"{tmp_path}/*.root")]
    assert names == ["x_1-9.root", "x_1-10.root", "x_1.root", "x_2.root", "x_10.root"]


def test_two_stars_go_into_folders(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x.root").touch()
    assert expand(f"{tmp_path}/**/*.root") == [str(tmp_path / "a/b/x.root")]


def test_existing_file_is_no_pattern(tmp_path):
    (tmp_path / "x[1].root").touch()
    (tmp_path / "x1.root").touch()
    assert expand(str(tmp_path / "x[1].root")) == [str(tmp_path / "x[1].root")]


def test_files_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.root").touch()
    assert expand("x.root") == expand("./*.root") == [str(tmp_path / "x.root")]


def test_urls_stay(tmp_path):
    assert expand("root://host:1094//a/x.root") == ["root://host:1094//a/x.root"]


def test_pattern_without_match(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with raises("storage.no-match", path="no*.root", mentions=str(tmp_path)):
        expand("no*.root")


def test_a_missing_file_is_left_to_the_check_of_all_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert expand("nothing.root") == [str(tmp_path / "nothing.root")]


def test_folder_is_no_file(tmp_path):
    with raises("storage.is-a-folder", path=f"{tmp_path}/", mentions=f"{tmp_path}/*.root"):
        expand(f"{tmp_path}/")


def test_wildcards_in_urls_are_refused():
    with raises("storage.wildcard-in-url", path="*.root"):
        expand("root://host//a/*.root")


def test_file_listed_twice():
    check_listed_once([("/a", "d"), ("/b", "d"), ("/c", "e")])
    with raises("dataset.listed-twice", path="/a"):
        check_listed_once([("/a", "d"), ("/b", "d"), ("/a", "d")])
    with raises("dataset.listed-twice", path="/x/../a", mentions=("/a", "'e'")):
        check_listed_once([("/a", "d"), ("/b", "d"), ("/x/../a", "e")])


def test_replicas_and_files_of_other_datasets_are_compared_as_well():
    one = Dataset("d", {"/a": None}, details={"/a": FileDetails(("root://h//a",))})
    with raises("dataset.listed-twice", path="root://H:1094///a"):
        combine([one], [Dataset("e", {"root://H:1094///a": None})])
    with raises("dataset.listed-twice", path="root://h//b"):
        Dataset("d", {"root://h//b": None}, details={"root://h//b": FileDetails(("root://h//b",))})
