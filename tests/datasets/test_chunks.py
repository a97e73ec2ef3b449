from __future__ import annotations

import pickle

import pytest
from errors import raises

from tau3mu.datasets import CheckedFile, Chunk, Dataset, check_files, load_datasets, make_chunks


def checked(dataset, path, entries, branches=("run",)):
    return CheckedFile(dataset, path, "T", "nano", f"uuid of {path}", entries, branches)


def ranges(entries, chunk_size):
    dataset = Dataset("d", {"/x": "T"})
    chunks = make_chunks([checked("d", "/x", entries)], [dataset], chunk_size)
    return [(chunk.start, chunk.stop) for chunk in chunks]


@pytest.mark.parametrize(
    ("entries", "chunk_size", "expected"),
    [
        (0, 10, []),
        (1, 10, [(0, 1)]),
        (10, 10, [(0, 10)]),
        (11, 10, [(0, 5), (5, 11)]),
        (10, 4, [(0, 3), (3, 6), (6, 10)]),
        (4, 1, [(0, 1), (1, 2), (2, 3), (3, 4)]),
        (125_000, 50_000, [(0, 41_666), (41_666, 83_333), (83_333, 125_000)]),
    ],
)
def test_ranges(entries, chunk_size, expected):
    assert ranges(entries, chunk_size) == expected


@pytest.mark.parametrize("chunk_size", [1, 2, 7, 16, 100])
def test_every_entry_is_in_one_chunk_and_chunks_are_equal_to_one_entry(chunk_size):
    for entries in range(1, 60):
        found = ranges(entries, chunk_size)
        assert [i for start, stop in found for i in range(start, stop)] == list(range(entries))
        sizes = [stop - start for start, stop in found]
        assert len(sizes) == -(-entries // chunk_size)
        assert max(sizes) <= chunk_size
        assert max(sizes) - min(sizes) <= 1


def test_order_is_that_of_the_datasets():
    datasets = [Dataset("b", {"/2": "T", "/1": "T"}), Dataset("a", {"/3": "T"})]
    files = [checked("a", "/3", 3), checked("b", "/1", 1), checked("b", "/2", 4)]
    found = make_chunks(files, datasets, 2)
    assert [(c.dataset, c.path, c.start, c.stop) for c in found] == [
        ("b", "/2", 0, 2),
        ("b", "/2", 2, 4),
        ("b", "/1", 0, 1),
        ("a", "/3", 0, 1),
        ("a", "/3", 1, 3),
    ]


def test_chunk_knows_its_dataset():
    dataset = Dataset("d", {"/x": None}, era="2017B", is_mc=True, lumi=4.8, extra={"xsec": 2})
    (chunk,) = make_chunks([checked("d", "/x", 5)], [dataset], 9)
    assert chunk == Chunk(
        dataset="d",
        path="/x",
        tree="T",
        layout="nano",
        uuid="uuid of /x",
        start=0,
        stop=5,
        branches=("run",),
        era="2017B",
        is_mc=True,
        lumi=4.8,
        extra={"xsec": 2},
    )
    assert chunk.entries == 5
    assert chunk.metadata == {
        "dataset": "d",
        "era": "2017B",
        "is_mc": True,
        "lumi": 4.8,
        "xsec": 2,
    }
    assert {chunk: 1}[pickle.loads(pickle.dumps(chunk))] == 1


@pytest.mark.parametrize("chunk_size", [0, -5])
def test_chunk_size_is_positive(chunk_size):
    with raises("dataset.out-of-range", path="chunk_size", mentions=str(chunk_size)):
        make_chunks([], [], chunk_size)


def test_chunks_are_small_to_send():
    branches = tuple(f"Mu1_dRtriggerMatch_2017_{i:02d}" for i in range(35))
    path = "root://host:1094//store/user/" + "folder/" * 20 + "x.root"
    dataset = Dataset("2017B", {path: "Tree3Mu/ntuple"}, era="2017B", lumi=4.8)
    chunks = make_chunks([checked("2017B", path, 1000, branches)], [dataset], 1)
    assert len(pickle.dumps(chunks[0])) < 3000
    # The branches are shared: a thousand chunks do not carry them a thousand times.
    assert len(pickle.dumps(chunks)) < 1000 * 200


def test_demo():
    datasets = load_datasets("demo")
    chunks = make_chunks(check_files(datasets, {"run"}), datasets, 5000)
    assert [(chunk.start, chunk.stop) for chunk in chunks] == [(0, 3000), (3000, 6000)] * 2
    assert sum(chunk.entries for chunk in chunks) == 12_000
    assert {chunk.branches for chunk in chunks} == {("run",)}
