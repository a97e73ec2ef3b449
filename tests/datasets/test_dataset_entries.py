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
    assert refusal(dataset_file({"a": {"files": {"b.root": file}}})) == (
        "dataset 'a': files[\"b.root\"]: its steps leave events out; expected whole files, so "
        "remove the steps"
    )


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (1, "got 1, expected an object {...}"),
        (
            {"files": {"b.root": "T"}, "metdata": {}},
            (
                "unknown key 'metdata' (did you mean 'metadata'?); known: files, metadata, format, "
                "compressed_form, did"
            ),
        ),
        ({"metadata": {}}, "key 'files' is missing"),
        ({"files": {}}, "files: got {}, expected at least one entry"),
        ({"files": []}, "files: got {}, expected at least one entry"),
        (
            {"files": "b.root"},
            'files: got "b.root", expected an object {"path": "tree"} or a list of paths',
        ),
        (
            {"files": ["b.root", 2]},
            'files: got ["b.root", 2], expected an object {"path": "tree"} or a list of paths',
        ),
        (
            {"files": {"b.root": 3}},
            'files["b.root"]: got 3, expected the name of a tree, null or an object',
        ),
        (
            {"files": {"b.root": ""}},
            'files["b.root"].object_path: got "", expected a text that is not empty',
        ),
        ({"files": {"": "T"}}, 'files[""]: got "", expected a text that is not empty'),
        (
            {"files": {"b.root": {"object_path": "T", "step": []}}},
            (
                "unknown key 'files[\"b.root\"].step' (did you mean 'steps'?); known: object_path, "
                "tree, replicas, checksum, entries, steps, num_entries, num_selected_entries, "
                "format, uuid, lfn, pfn"
            ),
        ),
        ({"files": ["b.root"], "metadata": None}, "metadata: got null, expected an object {...}"),
        (
            {"files": ["b.root"], "format": "parquet"},
            "format: got \"parquet\", expected 'root'",
        ),
    ],
)
def test_bad_entry(dataset_file, entry, expected, refusal):
    assert refusal(dataset_file({"a": entry})) == f"dataset 'a': {expected}"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"is_mc": "False"}, 'metadata.is_mc: got "False", expected true or false'),
        ({"is_mc": 0}, "metadata.is_mc: got 0, expected true or false"),
        ({"is_mc": None}, "metadata.is_mc: got null, expected true or false"),
        ({"lumi": "4.8"}, 'metadata.lumi: got "4.8", expected a number'),
        ({"lumi": True}, "metadata.lumi: got true, expected a number"),
        ({"lumi": 0}, "metadata.lumi: got 0, expected a number above 0"),
        ({"lumi": float("nan")}, "metadata.lumi: got NaN, expected a finite number"),
        ({"era": 2017}, "metadata.era: got 2017, expected a text"),
        ({"extra": []}, "metadata.extra: got [], expected an object {...}"),
        (
            {"extra": {"lumi": 3}},
            "metadata.extra: lumi has a place of its own; expected other names",
        ),
        (
            {"is_MC": True},
            (
                "unknown key 'metadata.is_MC' (did you mean 'is_mc'?); known: era, is_mc, lumi, "
                "layout, extra; keys of your own go into metadata.extra"
            ),
        ),
        (
            {"year": 2017},
            (
                "unknown key 'metadata.year'; known: era, is_mc, lumi, layout, extra; keys of your "
                "own go into metadata.extra"
            ),
        ),
    ],
)
def test_bad_metadata(dataset_file, metadata, expected, refusal):
    path = dataset_file({"a": {"files": ["b.root"], "metadata": metadata}})
    assert refusal(path) == f"dataset 'a': {expected}"


def test_all_problems_come_at_once(dataset_file, refusal):
    path = dataset_file(
        {
            "a": {"file": {}},
            "b": {"files": ["c.root"]},
            "d/e": {"files": ["f.root"]},
            "g": {"files": ["h.root"], "metadata": {"lumii": 3}},
        }
    )
    assert refusal(path).splitlines() == [
        "4 problems:",
        "  dataset 'a': key 'files' is missing",
        (
            "  dataset 'a': unknown key 'file' (did you mean 'files'?); known: files, metadata, "
            "format, compressed_form, did"
        ),
        "  dataset 'd/e': dataset name 'd/e': expected letters, digits and _.- only",
        (
            "  dataset 'g': unknown key 'metadata.lumii' (did you mean 'lumi'?); known: era, "
            "is_mc, lumi, layout, extra; keys of your own go into metadata.extra"
        ),
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
    ("change", "expected"),
    [
        ({"type": "MC"}, "type: got \"MC\", expected 'data' or 'mc'"),
        ({"files": ["x.root"]}, 'files: got ["x.root"], expected a text'),
        ({"files": ""}, 'files: got "", expected a text that is not empty'),
        ({"files": " "}, "dataset 'E' has no files"),
        ({"lumi": -1}, "lumi: got -1, expected a number above 0"),
        (
            {"lumy": 1},
            (
                "unknown key 'lumy' (did you mean 'lumi'?); known: type, rootpath, files, "
                "treename, skim, era, lumi"
            ),
        ),
    ],
)
def test_bad_tutorial_form(dataset_file, tutorial_entry, change, expected, refusal):
    path = dataset_file({"E": tutorial_entry | change})
    assert refusal(path) == f"dataset 'E': {expected}"


def test_file_listed_twice_in_the_tutorial_form(dataset_file, tutorial_entry, refusal):
    path = dataset_file({"E": tutorial_entry | {"files": "x.root y.root x.root"}})
    assert refusal(path) == (
        "dataset 'E': file /skim/0000/x.root is listed twice; its events would count twice"
    )
