"""Variants in one pass: the results of separate runs, the bytes of one, and what each has taken."""

from __future__ import annotations

import json

import ak_equal
import pytest

import tau3mu
from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.execution import ChunkResult, Timing, execute
from tau3mu.execution.checkpoints import together
from tau3mu.execution.chunk import process_chunk
from tau3mu.processors import DsPhiPi

VARIANTS = [
    DsPhiPi(),
    DsPhiPi(name="tight", flight_significance=3.0, phi_window=(1.0, 1.04)),
    DsPhiPi(name="loose", flight_significance=1.0, track_pt=0.5, skip=("trigmatch",)),
]
LONG = pytest.mark.integration
EXECUTORS = ["iterative", *(pytest.param(name, marks=LONG) for name in ("futures", "dask"))]


@pytest.fixture(scope="module")
def datasets(demo):
    """One file of data, and one that is taken for simulation."""
    return [
        Dataset("demo", {str(demo[0]): None}),
        Dataset("mc", {str(demo[1]): None}, is_mc=True),
    ]


def chunks_of(datasets, size):
    return make_chunks(check_files(datasets, DsPhiPi.columns), datasets, size)


@pytest.fixture(scope="module")
def separate(datasets):
    """Each variant in a run of its own, in one chunk per file."""
    chunks = chunks_of(datasets, 100_000)
    found = {}
    for one in VARIANTS:
        found |= execute(chunks, [one]).processors
    numbers = {name: len(one.candidates) for name, one in found.items()}
    assert 0 < numbers["tight"] < numbers["dsphipi"] < numbers["loose"]
    return found


@pytest.mark.parametrize("size", [901, 2500, 6000])
@pytest.mark.parametrize("executor", EXECUTORS)
def test_one_pass_finds_what_separate_runs_find(executor, size, datasets, separate, request):
    client = request.getfixturevalue("client") if executor == "dask" else None
    chunks = chunks_of(datasets, size)
    result = execute(chunks, VARIANTS, executor=executor, client=client, workers=2)
    assert list(result.processors) == list(separate)
    for name, expected in separate.items():
        found = result.processors[name]
        assert ak_equal.same_bits(found.candidates, expected.candidates)
        assert found.histograms == expected.histograms
        assert found.cutflow == expected.cutflow
        assert found.counters == expected.counters


def test_twenty_variants_read_the_bytes_of_one(datasets):
    twenty = [DsPhiPi(name=f"v{i}", flight_significance=1 + 0.2 * i) for i in range(20)]
    read = []
    for processors in ([DsPhiPi()], twenty):
        chunks: list[ChunkResult] = []
        result = execute(chunks_of(datasets, 3000), processors, on_result=chunks.append)
        assert result.bytes == sum(chunk.bytes for chunk in chunks) > 0
        read.append([chunk.bytes for chunk in chunks])
    assert read[0] == read[1]


def test_what_reading_and_each_processor_took(datasets):
    (chunk, *_) = chunks_of(datasets, 3000)
    found = process_chunk(chunk, VARIANTS)
    took = found.timing
    assert set(took.wall) == set(took.cpu) == {"dsphipi", "tight", "loose"}
    assert min(*took.wall.values(), took.read_wall, took.read_cpu) > 0
    assert min(took.cpu.values()) >= 0
    assert sum(took.wall.values()) + took.read_wall <= found.seconds
    twice = took + Timing(1.0, 2.0, {"new": 3.0}, {"new": 4.0})
    assert (twice.read_wall, twice.wall["new"]) == (took.read_wall + 1.0, 3.0)
    assert twice.cpu["tight"] == took.cpu["tight"]
    again = process_chunk(chunk, [DsPhiPi(name="fourth")])
    assert together(found, again).bytes == found.bytes + again.bytes
    assert set(together(found, again).timing.cpu) == {*took.cpu, "fourth"}


def test_the_manifest_adds_up_the_ledger(demo, tmp_path):
    out = tmp_path / "out"
    options = {"no_fit": True, "output": out, "chunk_size": 2500}
    run = tau3mu.run([str(path) for path in demo], VARIANTS, **options)
    resources = json.loads((out / "run.json").read_text())["resources"]
    lines = [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]
    assert len(lines) == run.manifest.chunks.total == 6
    assert resources["reader"]["bytes"] == sum(line["bytes"] for line in lines)
    for key in ("cpu", "wall"):
        total = sum(line["timing"][f"read_{key}"] for line in lines)
        assert resources["reader"][key] == pytest.approx(total, abs=1e-5)
        for name, took in resources["processors"].items():
            total = sum(line["timing"][key][name] for line in lines)
            assert took[key] == pytest.approx(total, abs=1e-5)
    for name, took in resources["processors"].items():
        assert took["written"] == sum(path.stat().st_size for path in (out / name).iterdir())
    assert list(resources["processors"]) == list(run)


def test_what_checkpoints_have_taken_counts(datasets, tmp_path, monkeypatch):
    monkeypatch.setattr("tau3mu.execution.checkpoints._DELAY", 0.0)
    chunks = chunks_of(datasets, 3000)
    first = execute(chunks, VARIANTS, folder=tmp_path)
    again = execute(chunks, VARIANTS, folder=tmp_path, resume=True)
    assert again.resumed == len(chunks)
    assert (again.timing, again.bytes) == (first.timing, first.bytes)
