from __future__ import annotations

import json

import pytest

from tau3mu.datasets import Dataset, load_datasets


def test_coffea_form(dataset_file, tmp_path):
    path = dataset_file(
        {
            "mc": {
                "files": {"a.root": "T/n", "b/c.root": None, "/d.root": {"object_path": "E"}},
                "metadata": {"era": "2017B", "is_mc": True, "lumi": 10, "extra": {"xsec": [1.5]}},
            },
            "plain": {"files": ["e.root", "root://host:1094//f.root:T/n"]},
        }
    )
    assert load_datasets(path) == [
        Dataset(
            "mc",
            {f"{tmp_path}/a.root": "T/n", f"{tmp_path}/b/c.root": None, "/d.root": "E"},
            era="2017B",
            is_mc=True,
            lumi=10.0,
            extra={"xsec": [1.5]},
        ),
        Dataset("plain", {f"{tmp_path}/e.root": None, "root://host:1094//f.root": "T/n"}),
    ]


def test_prefix_goes_before_relative_paths_only(dataset_file):
    path = dataset_file({"a": {"files": ["b.root", "/c.root", "https://host/d.root"]}})
    (dataset,) = load_datasets(path, prefix="root://host//store")
    assert list(dataset.files) == ["root://host//store/b.root", "/c.root", "https://host/d.root"]


def test_preprocessed_fileset_of_coffea(dataset_file, tmp_path):
    filespec = pytest.importorskip("coffea.dataset_tools.filespec")
    spec = filespec.DatasetSpec(
        files={
            "/a.root": {
                "object_path": "Events",
                "steps": [[0, 5], [5, 9]],
                "num_entries": 9,
                "uuid": "0f834058-e5ec-11f1-8714-02fc00000001",
            }
        },
        metadata={"is_mc": True},
    )
    path = dataset_file({"a": json.loads(spec.model_dump_json())})
    assert load_datasets(path) == [Dataset("a", {"/a.root": "Events"}, is_mc=True)]


@pytest.mark.parametrize(
    ("steps", "entries"),
    [([[0, 5]], 9), ([[0, 4], [5, 9]], 9), ([[1, 9]], 9), ([[0, 9]], None), ([], 9)],
)
def test_steps_that_leave_events_out(dataset_file, steps, entries, refusal):
    file = {"object_path": "E", "steps": steps, "num_entries": entries}
    error = refusal(dataset_file({"a": {"files": {"b.root": file}}}))
    assert (error.code, error.path) == ("dataset.steps-skip-events", 'a.files["b.root"]')


@pytest.mark.parametrize(
    ("entry", "code", "path"),
    [
        (1, "wrong-type", "a"),
        ({"files": {"b.root": "T"}, "metdata": {}}, "unknown-key", "a.metdata"),
        ({"metadata": {}}, "missing-key", "a.files"),
        ({"files": {}}, "wrong-length", "a.files"),
        ({"files": []}, "wrong-length", "a.files"),
        ({"files": "b.root"}, "wrong-type", "a.files"),
        ({"files": ["b.root", 2]}, "wrong-type", "a.files[1]"),
        ({"files": {"b.root": 3}}, "wrong-type", 'a.files["b.root"]'),
        ({"files": {"b.root": ""}}, "wrong-length", 'a.files["b.root"]'),
        ({"files": {"": "T"}}, "wrong-length", 'a.files[""]'),
        (
            {"files": {"b.root": {"object_path": "T", "step": []}}},
            "unknown-key",
            'a.files["b.root"].step',
        ),
        ({"files": ["b.root"], "metadata": None}, "wrong-type", "a.metadata"),
        ({"files": ["b.root"], "format": "parquet"}, "unknown-choice", "a.format"),
    ],
)
def test_bad_entry(dataset_file, entry, code, path, refusal):
    error = refusal(dataset_file({"a": entry}))
    assert (error.code, error.path) == (f"dataset.{code}", path)


@pytest.mark.parametrize(
    ("metadata", "code", "key"),
    [
        ({"is_mc": "False"}, "wrong-type", "is_mc"),
        ({"is_mc": 0}, "wrong-type", "is_mc"),
        ({"is_mc": None}, "wrong-type", "is_mc"),
        ({"lumi": "4.8"}, "wrong-type", "lumi"),
        ({"lumi": True}, "wrong-type", "lumi"),
        ({"lumi": 0}, "out-of-range", "lumi"),
        ({"lumi": float("nan")}, "out-of-range", "lumi"),
        ({"era": 2017}, "wrong-type", "era"),
        ({"extra": []}, "wrong-type", "extra"),
        ({"extra": {"lumi": 3}}, "reserved-name", "extra.lumi"),
        ({"is_MC": True}, "unknown-key", "is_MC"),
        ({"year": 2017}, "unknown-key", "year"),
    ],
)
def test_bad_metadata(dataset_file, metadata, code, key, refusal):
    error = refusal(dataset_file({"a": {"files": ["b.root"], "metadata": metadata}}))
    assert (error.code, error.path) == (f"dataset.{code}", f"a.metadata.{key}")
    if code == "unknown-key":
        assert "metadata.extra" in str(error)


def test_all_problems_come_at_once(dataset_file, refusal):
    path = dataset_file(
        {
            "a": {"file": {}},
            "b": {"files": ["c.root"]},
            "g": {"files": ["h.root"], "metadata": {"lumii": 3}},
        }
    )
    lines = str(refusal(path)).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["a.file", "a.files", "g.metadata.lumii"]
    assert "'files'" in lines[0]
    assert "'lumi'" in lines[2]
    bad = dataset_file({"d/e": {"files": ["f.root"]}, "f/g": {"files": ["f.root"]}})
    assert [line.split(": ")[1] for line in str(refusal(bad)).splitlines()] == [
        '["d/e"]',
        '["f/g"]',
    ]


@pytest.fixture
def tutorial_entry():
    return {
        "type": "data",
        "skim": "dsphipi",
        "rootpath": "/skim/0000/",
        "files": "x_1.root  x_2.root",
        "treename": "Tree3Mu/ntuple",
        "era": "2017E",
        "lumi": 9.3,
    }


@pytest.mark.parametrize(
    ("rootpath", "prefix", "folder"),
    [
        ("/skim/0000/", "root://host//store/", "root://host//store/skim/0000"),
        ("skim/0000", "root://host//store", "root://host//store/skim/0000"),
        ("/skim//0000/", "/data", "/data/skim/0000"),
        ("", "/data", "/data"),
        ("/skim/0000", None, "/skim/0000"),
        ("https://host/skim/", "/data", "https://host/skim"),
    ],
)
def test_tutorial_form(dataset_file, tutorial_entry, rootpath, prefix, folder):
    path = dataset_file({"E": tutorial_entry | {"rootpath": rootpath}})
    assert load_datasets(path, prefix=prefix) == [
        Dataset(
            "E",
            {f"{folder}/x_1.root": "Tree3Mu/ntuple", f"{folder}/x_2.root": "Tree3Mu/ntuple"},
            era="2017E",
            is_mc=False,
            lumi=9.3,
            extra={"skim": "dsphipi"},
        )
    ]


def test_tutorial_form_without_prefix_lies_beside_the_dataset_file(
    dataset_file, tutorial_entry, tmp_path
):
    path = dataset_file({"E": tutorial_entry | {"rootpath": "skim", "type": "mc"}})
    (dataset,) = load_datasets(path)
    assert list(dataset.files) == [f"{tmp_path}/skim/x_1.root", f"{tmp_path}/skim/x_2.root"]
    assert dataset.is_mc is True


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"type": "MC"}, "unknown-choice", "E.type"),
        ({"files": ["x.root"]}, "wrong-type", "E.files"),
        ({"files": ""}, "wrong-length", "E.files"),
        ({"lumi": -1}, "out-of-range", "E.lumi"),
        ({"lumy": 1}, "unknown-key", "E.lumy"),
    ],
)
def test_bad_tutorial_form(dataset_file, tutorial_entry, change, code, path, refusal):
    error = refusal(dataset_file({"E": tutorial_entry | change}))
    assert (error.code, error.path) == (f"dataset.{code}", path)


def test_tutorial_form_without_files(dataset_file, tutorial_entry, refusal):
    assert refusal(dataset_file({"E": tutorial_entry | {"files": " "}})).path == "E"


def test_file_listed_twice_in_the_tutorial_form(dataset_file, tutorial_entry, refusal):
    path = dataset_file({"E": tutorial_entry | {"files": "x.root y.root x.root"}})
    error = refusal(path)
    assert error.path == "E"
    assert "/skim/0000/x.root" in str(error)
