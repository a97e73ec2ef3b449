"""Certifications: files in, masks out, exactly those of a slow loop."""

from __future__ import annotations

import json
import pickle

import awkward as ak
import numpy as np
import pytest
from errors import raises

from tau3mu.datasets import Certification, Dataset, certified, load_datasets, read_certification


@pytest.fixture
def certification_file(tmp_path):
    def write(content):
        path = tmp_path / "certified.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def slow_mask(ranges, run, lumi):
    return [
        any(first <= section <= last for first, last in ranges.get(number, ()))
        for number, section in zip(run, lumi, strict=True)
    ]


def test_mask_is_that_of_a_slow_loop(certification_file):
    random = np.random.default_rng(5)
    ranges = {
        int(run): [sorted(map(int, random.integers(0, 60, 2))) for _ in range(7)]  # overlapping
        for run in random.choice(np.arange(1, 30), 12, replace=False)
    }
    ranges[40] = [[0, 0], [5, 5]]
    ranges[41] = [[0, 2**32 - 1]]
    found = read_certification(certification_file({str(k): v for k, v in ranges.items()}))
    run = random.integers(0, 45, 20_000)
    lumi = random.integers(0, 62, 20_000)
    lumi[:3] = 2**32 - 1, 2**32, -1
    run[:3] = 41
    run[3:5] = 2**32 + 41, -1
    expected = slow_mask(ranges, run.tolist(), lumi.tolist())
    assert 1000 < sum(expected) < 19_000
    assert found.mask(run, lumi).tolist() == expected
    assert found.mask(ak.Array(run), ak.Array(lumi)).tolist() == expected
    small = slice(5, None)
    fits = found.mask(run[small].astype(np.uint32), lumi[small].astype(np.uint32))
    assert fits.tolist() == expected[small]


def test_missing_numbers_are_not_certified():
    found = Certification({5: [(1, 9)]})
    run, lumi = ak.Array([5, None, 5]), ak.Array([1, 1, None])
    assert found.mask(run, lumi).tolist() == [True, False, False]
    assert found.mask(np.array([], np.uint32), np.array([], np.uint32)).tolist() == []


def test_equal_ranges_are_equal_however_they_are_written(certification_file):
    one = read_certification(certification_file('{"7": [[5, 9], [1, 3], [4, 4]], "2": [[1, 1]]}'))
    two = Certification({2: ((1, 1),), np.uint32(7): [(1, 9)]})
    assert (one, one.hash, hash(one)) == (two, two.hash, hash(two))
    assert list(one.document()) == ["2", "7"]
    assert Certification({2: ((1, 1),), 7: ((1, 8),)}).hash != one.hash
    again = read_certification(certification_file(one.document()))
    assert again == one
    assert again.source.endswith("certified.json")


def test_list_of_runs_certifies_all_sections(certification_file):
    found = read_certification(certification_file([297050, 297056]))
    assert found == Certification.of_runs([297056, 297050])
    assert found.runs == (297050, 297056)
    run = np.array([297050, 297056, 297051])
    assert found.mask(run, np.array([0, 2**32 - 1, 3])).tolist() == [True, True, False]


def test_table_does_not_travel():
    found = Certification.of_runs(range(1000))
    size = len(pickle.dumps(found))
    found.mask(np.array([1]), np.array([1]))
    assert len(pickle.dumps(found)) == size
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("content", "code", "path"),
    [
        ("{", "certification.not-json", "certified.json"),
        ({}, "certification.no-runs", ""),
        ([], "certification.no-runs", ""),
        (3, "certification.wrong-type", ""),
        ([5, "6"], "certification.wrong-type", "[1]"),
        ([5, 5], "certification.listed-twice", "[0]"),
        ({"5a": [[1, 2]]}, "certification.wrong-type", "5a"),
        ({"05": [[1, 2]]}, "certification.wrong-type", "05"),
        ({"5": []}, "certification.wrong-type", "5"),
        ({"5": [1, 2]}, "certification.wrong-type", "5[0]"),
        ({"5": [[1, 2], [3]]}, "certification.wrong-type", "5[1]"),
        ({"5": [[1, 2.5]]}, "certification.wrong-type", "5[0]"),
        ({"5": [[-1, 2]]}, "certification.wrong-type", "5[0]"),
        ({"5": [[1, 2**32]]}, "certification.wrong-type", "5[0]"),
        ({"5": [[2, 1]]}, "certification.wrong-order", "5[0]"),
        ('{"5": [[1, 2]], "5": [[3, 4]]}', "certification.duplicate-key", "certified.json"),
    ],
)
def test_errors_of_files(content, code, path, certification_file):
    with raises(code, path=path, mentions="certified.json"):
        read_certification(certification_file(content))


def test_missing_file(tmp_path):
    with raises("certification.cannot-read", path="none.json"):
        read_certification(tmp_path / "none.json")


def test_certification_beside_a_dataset_file(dataset_file, tmp_path):
    (tmp_path / "golden.json").write_text('{"5": [[1, 2]]}')
    metadata = {"certification": "golden.json"}
    (dataset,) = load_datasets(dataset_file({"d": {"files": ["x.root"], "metadata": metadata}}))
    assert dataset.certification == Certification({5: [(1, 2)]})
    assert dataset.certification.source == str(tmp_path / "golden.json")


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"certification": "none.json"}, "certification.cannot-read"),
        ({"certification": "bad.json"}, "certification.wrong-type"),
        ({"certification": "good.json", "is_mc": True}, "dataset.certified-simulation"),
        ({"certification": 5}, "dataset.wrong-type"),
    ],
)
def test_errors_of_dataset_files(metadata, code, dataset_file, tmp_path):
    (tmp_path / "bad.json").write_text("5")
    (tmp_path / "good.json").write_text("[5]")
    path = dataset_file({"d": {"files": ["x.root"], "metadata": metadata}})
    with raises(code, path="d.metadata.certification"):
        load_datasets(path)


def test_simulation_is_never_certified(certification_file):
    data = Dataset("data", {"/x.root": None})
    simulation = Dataset("mc", {"/y.root": None}, is_mc=True)
    path = certification_file([5])
    one, two = certified([data, simulation], path)
    assert one.certification == Certification.of_runs([5])
    assert two == simulation
    (replaced,) = certified([one], Certification.of_runs([6]))
    assert replaced.certification.runs == (6,)
    with raises("certification.no-data", path="certified.json", mentions="mc"):
        certified([simulation], path)
    with raises("dataset.certified-simulation", path="mc"):
        Dataset("mc", {"/y.root": None}, is_mc=True, certification=Certification.of_runs([5]))
