"""The files: determinism, names, errors, and memory."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import awkward as ak
import pytest
import uproot
from errors import raises

import tau3mu.generate
from tau3mu.errors import InputError, RunError
from tau3mu.generate import files, generate
from tau3mu.ntuples.layout import layout


def equal(first, second):
    return first.fields == second.fields and all(
        ak.array_equal(first[name], second[name], dtype_exact=True) for name in first.fields
    )


def test_public_names():
    assert dir(tau3mu.generate) == ["generate"]
    parameters = inspect.signature(generate).parameters
    defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
    assert defaults == {
        "files": 1,
        "layout": "t3m",
        "simulation": False,
        "seed": 1,
        "workers": 1,
        "compression": "zstd",
        "origin": "ds",
        "branching_fraction": 0.0,
    }


def test_content_does_not_depend_on_workers(read_all, tmp_path):
    alone = generate(tmp_path / "alone", events=300, files=3)
    together = generate(tmp_path / "together", events=300, files=3, workers=2)
    assert [path.name for path in together] == [f"Tree_PhiPi_{i}.root" for i in (1, 2, 3)]
    for one, other in zip(alone, together, strict=True):
        assert equal(read_all(one), read_all(other))
    assert not list(tmp_path.glob("*/.*"))


def test_content_does_not_depend_on_how_much_is_written_at_once(read_all, tmp_path, monkeypatch):
    (together,) = generate(tmp_path / "together", events=11_000, compression="lz4")
    monkeypatch.setattr(files, "_BLOCKS_AT_ONCE", 1)
    (apart,) = generate(tmp_path / "apart", events=11_000, compression="lz4")
    with uproot.open(apart) as file:
        assert len(file["Tree3Mu/ntuple"].cluster_summaries) == 3
    assert equal(read_all(together), read_all(apart))


@pytest.mark.parametrize("compression", files.COMPRESSIONS)
def test_compression_is_that_of_the_file_and_changes_no_content(read_all, tmp_path, compression):
    (path,) = generate(tmp_path, events=50, compression=compression, layout="nano")
    with uproot.open(path) as file:
        assert file.file.compression == getattr(uproot, compression.upper())(1)
    (reference,) = generate(tmp_path / "again", events=50, layout="nano")
    assert equal(read_all(path, "nano"), read_all(reference, "nano"))


def test_seed_file_and_kind_give_independent_events(tmp_path):
    first, second = generate(tmp_path / "1", events=100, files=2)
    (other,) = generate(tmp_path / "2", events=100, seed=2)
    (simulated,) = generate(tmp_path / "1", events=100, simulation=True)
    assert simulated.name == "Tree_PhiPi_MC_1.root"
    pts = [read_branch(path, "MuonPt")[0, 0] for path in (first, second, other, simulated)]
    assert len(set(pts)) == 4
    numbers = [read_branch(path, "evt").to_list() for path in (first, second)]
    assert numbers == [list(range(1, 101)), list(range(101, 201))]


def read_branch(path, name):
    with uproot.open(path) as file:
        return file["Tree3Mu/ntuple"].arrays([name])[name]


@pytest.mark.parametrize("simulation", [False, True])
@pytest.mark.parametrize("layout_name", files.LAYOUTS)
def test_any_number_of_events(tmp_path, layout_name, simulation):
    for events in (1, 2, 5_001):
        (path,) = generate(
            tmp_path / str(events), events=events, layout=layout_name, simulation=simulation
        )
        with uproot.open(path) as file:
            assert file[layout(layout_name).tree].num_entries == events


@pytest.mark.parametrize(
    ("arguments", "code", "mentions"),
    [
        ({"events": 0}, "out-of-range", ("events", "0", "1")),
        ({"files": 0}, "out-of-range", ("files", "0", "1")),
        ({"workers": 0}, "out-of-range", ("workers", "0", "1")),
        ({"seed": -1}, "out-of-range", ("seed", "-1", "0")),
        ({"layout": "nanp"}, "unknown-choice", ("'nanp'", "'nano'", "t3m, nano")),
        ({"compression": "zst"}, "unknown-choice", ("'zst'", "'zstd'", "lzma")),
        ({"events": 2**31, "files": 2}, "out-of-range", ("2147483648", "4294967295")),
    ],
)
def test_bad_arguments(tmp_path, arguments, code, mentions):
    name = next(iter(arguments))
    with raises(f"generate.{code}", InputError, path=name, mentions=mentions):
        generate(tmp_path / "new", **({"events": 10} | arguments))
    assert not (tmp_path / "new").exists()


def test_existing_files_are_left_alone(tmp_path):
    (tmp_path / "Tree_PhiPi_2.root").write_text("precious")
    (tmp_path / "Tree_PhiPi_3.root").write_text("too")
    with raises("storage.file-exists", InputError, path="_2.root", mentions="and 1 more"):
        generate(tmp_path, events=10, files=3)
    assert (tmp_path / "Tree_PhiPi_2.root").read_text() == "precious"
    assert not (tmp_path / "Tree_PhiPi_1.root").exists()


def test_a_file_in_place_of_the_directory(tmp_path):
    (tmp_path / "taken").write_text("")
    with raises("storage.cannot-make-folder", RunError, path="taken"):
        generate(tmp_path / "taken", events=10)


def test_failure_while_writing_leaves_no_file(tmp_path):
    blocked = tmp_path / f".Tree_PhiPi_1.{os.getpid()}.root"
    blocked.mkdir()
    with raises("storage.cannot-write", RunError, path="Tree_PhiPi_1.root"):
        generate(tmp_path, events=10)
    assert list(tmp_path.iterdir()) == [blocked]


def test_failure_in_a_worker_is_the_error_of_the_call(tmp_path):
    """As on a full disk: no file may be longer than 20 kB."""
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "from tau3mu.errors import RunError; from tau3mu.generate import generate\n"
        f"try: generate({str(tmp_path / 'new')!r}, events=500, files=2, workers=2)\n"
        "except RunError as error: print(error.code, error.path)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    code, path = done.stdout.split()
    assert code == "storage.cannot-write"
    assert Path(path).parent == tmp_path / "new"
    assert not list((tmp_path / "new").iterdir())


def test_death_of_a_worker_is_said(tmp_path, monkeypatch):
    def die(plan):
        os._exit(9)

    monkeypatch.setattr(files, "_write_whole", die)
    with raises("generate.worker-lost", RunError, path="workers"):
        generate(tmp_path, events=10, files=2, workers=2)


@pytest.mark.parametrize(
    "layout_name",
    [  # Both are written by the same loop.
        pytest.param("t3m", marks=pytest.mark.integration),
        pytest.param("nano", marks=pytest.mark.soak),
    ],
)
def test_memory_does_not_grow_with_the_number_of_events(tmp_path, layout_name):
    """Past the 25,000 events that are written at once, more of them take no more memory."""
    few, many = (
        peak_memory(tmp_path / str(events), events=events, layout=layout_name)
        for events in (40_000, 120_000)
    )
    assert many < 1.15 * few


def peak_memory(directory, **arguments):
    code = (
        "import resource; from tau3mu.generate import generate;"
        f"generate({str(directory)!r}, compression='lz4', **{arguments!r});"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return int(finished.stdout)
