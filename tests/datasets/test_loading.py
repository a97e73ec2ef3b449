from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import pytest

from tau3mu.datasets import Dataset, load_datasets, shipped_datasets
from tau3mu.errors import InputError


@pytest.mark.parametrize("listed", [["b.root", "b.root"], ["b.root", "./b.root"]])
def test_file_listed_twice_in_a_dataset(dataset_file, listed, refusal):
    error = refusal(dataset_file({"a": {"files": listed}}))
    assert error.path.startswith("a")


def test_file_listed_in_two_datasets(dataset_file, tmp_path, refusal):
    path = dataset_file({"a": {"files": ["c.root"]}, "b": {"files": {"./c.root": "T"}}})
    text = str(refusal(path))
    assert all(part in text for part in (f"{tmp_path}/c.root", "'a'", "'b'"))


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("{", "not-json", "line 1, column 2"),
        ("", "not-json", "line 1, column 1"),
        ('{"a": {\n"files": [\n]]}', "not-json", "line 3, column 2"),
        ("[" * 100_000, "too-deep", ""),
        ('{"a":' * 500 + "1" + "}" * 500, "too-deep", ""),
        ('{"a":\n1' + "1" * 5000 + "}", "not-json", "integer of 5001 digits"),
        ('{"a": {}, "a": {}}', "duplicate-key", "'a'"),
        ('{"a": {"files": {"b.root": "T", "b.root": "T"}}}', "duplicate-key", "'b.root'"),
        ("[]", "wrong-type", ""),
        ("{}", "wrong-length", ""),
    ],
)
def test_not_a_dataset_file(dataset_file, text, code, place, refusal):
    error = refusal(dataset_file(text))
    assert error.code == f"dataset.{code}"
    assert place in str(error)


def test_not_text(tmp_path):
    path = tmp_path / "sets.json"
    path.write_bytes(b'{"a\xff": 1}')
    with pytest.raises(InputError) as error:
        load_datasets(path)
    assert (str(path) in str(error.value), "UTF-8" in str(error.value)) == (True, True)


def test_byte_order_mark_is_fine(tmp_path):
    path = tmp_path / "sets.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": {"files": ["/b.root"]}}')
    assert load_datasets(path) == [Dataset("a", {"/b.root": None})]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", ["a folder", "a named pipe", "a device"])
def test_special_files_are_no_dataset_file(tmp_path, kind):
    path = tmp_path / "sets.json"
    if kind == "a folder":
        path.mkdir()
    elif kind == "a named pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(InputError) as error:
        load_datasets(path)
    assert f"{path}: it is {kind}" in str(error.value)


def test_unknown_name():
    with pytest.raises(InputError) as error:
        load_datasets("dsphipi_2071")
    assert str(error.value) == (
        "there is no dataset file 'dsphipi_2071' (did you mean 'dsphipi_2017'?); expected a JSON "
        "file or one of the shipped datasets: demo, dsphipi_2017"
    )


def test_shipped_datasets():
    assert shipped_datasets() == ["demo", "dsphipi_2017"]


def test_shipped_name_wins_over_a_file_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("demo").write_text('{"mine": {"files": ["/b.root"]}}')
    assert [dataset.name for dataset in load_datasets("demo")] == ["demo"]
    assert [dataset.name for dataset in load_datasets("./demo")] == ["mine"]


def test_demo(demo_paths):
    trees = dict.fromkeys(demo_paths, "Tree3Mu/ntuple")
    assert load_datasets("demo") == [Dataset("demo", trees, era="demo")]
    assert all(Path(path).is_file() for path in demo_paths)


def test_control_channel_of_2017():
    found = load_datasets("dsphipi_2017", prefix="root://host//store")
    facts = [(d.name, d.era, d.is_mc, d.lumi, len(d.files)) for d in found]
    assert facts == [
        ("2017B", "2017B", False, 4.8, 8),
        ("2017C", "2017C", False, 9.6, 41),
        ("2017D", "2017D", False, 4.2, 16),
        ("2017E", "2017E", False, 9.3, 44),
        ("2017F", "2017F", False, 10.0, 34),
    ]
    trees = {tree for dataset in found for tree in dataset.files.values()}
    assert trees == {"Tree3Mu/ntuple"}
    assert next(iter(found[0].files)) == (
        "root://host//store/SkimPhiPi_UL2017_Run2017B_ModFilter_Mini_v2/210131_221715/0000/"
        "Tree_PhiPi_1.root"
    )


def test_control_channel_of_2017_without_prefix_lies_beside_its_file():
    first = next(iter(load_datasets("dsphipi_2017")[0].files))
    assert first.startswith(str(files("tau3mu.data")))


@pytest.mark.others("tutorial_2017_filesets.json")
def test_control_channel_of_2017_has_the_files_of_the_tutorial(others):
    prefix = "root://host//store"
    ours = load_datasets("dsphipi_2017", prefix=prefix)
    theirs = load_datasets(others / "tutorial_2017_filesets.json", prefix=prefix)
    assert [d.name for d in ours] == [d.name for d in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.files == other.files
        assert (mine.era, mine.is_mc, mine.lumi) == (other.era, other.is_mc, other.lumi)
