"""Versions: each fact changes them, and where the files lie does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tau3mu.datasets import Certification, Dataset, FileDetails, dataset_version
from tau3mu.datasets.checked import CheckedFile

FILES = [
    CheckedFile("d", f"/{name}.root", "t", "t3m", f"uuid-{name}", number, ("run",))
    for name, number in (("a", 10), ("b", 20))
]
DATASET = Dataset("d", {"/a.root": None, "/b.root": None}, era="2017B", lumi=4.0, extra={"x": 1})


def test_places_order_and_names_change_nothing():
    version = dataset_version(DATASET, FILES)
    moved = [
        replace(file, path=f"root://h//{file.path}", replicas=("/r.root",), listed=file.path)
        for file in reversed(FILES)
    ]
    files = {"root://h//b.root": None, "/a.root": "t"}
    other = replace(DATASET, files=files, details={"/a.root": FileDetails(replicas=("/r.root",))})
    assert dataset_version(other, moved) == version
    assert dataset_version(replace(DATASET, layout="t3m", lumi=4), FILES) == version
    assert dataset_version(replace(DATASET, extra={"x": 1}), FILES) == version
    more_branches = [replace(file, branches=("run", "evt")) for file in FILES]
    assert dataset_version(DATASET, more_branches) == version
    foreign = replace(FILES[0], dataset="other", uuid="u")
    assert dataset_version(DATASET, [*FILES, foreign]) == version
    renamed = [replace(file, dataset="e") for file in FILES]
    assert dataset_version(replace(DATASET, name="e"), renamed) == version


@pytest.mark.parametrize(
    "facts",
    [
        {"tree": "u"}, {"uuid": "uuid-c"}, {"entries": 11}, {"checksum": "adler32:00000001"},
        {"layout": "nano"},
    ],
)  # fmt: skip
def test_each_fact_of_a_file_counts(facts):
    changed = [replace(FILES[0], **facts), FILES[1]]
    assert dataset_version(DATASET, changed) != dataset_version(DATASET, FILES)


@pytest.mark.parametrize(
    "facts",
    [
        {"era": "2017C"}, {"era": None}, {"is_mc": True}, {"lumi": 4.1}, {"lumi": None},
        {"extra": {"x": 2}}, {"extra": {}}, {"certification": Certification.of_runs([5])},
        {"fraction": 0.5},
    ],
)  # fmt: skip
def test_each_fact_of_a_dataset_counts(facts):
    assert dataset_version(replace(DATASET, **facts), FILES) != dataset_version(DATASET, FILES)


def test_views_and_certifications_count():
    versions = {
        dataset_version(one, FILES)
        for one in (
            DATASET, DATASET.short(0.5), DATASET.short(0.25), replace(DATASET, lumi=5.0).short(0.5),
            replace(DATASET, certification=Certification.of_runs([5])),
            replace(DATASET, certification=Certification({5: [(1, 2)]})),
        )
    }  # fmt: skip
    assert len(versions) == 6
    assert dataset_version(DATASET, FILES[:1]) not in versions
