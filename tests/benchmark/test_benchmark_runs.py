"""Runs of the analysis and of its peers, on the demo ntuples, against what ROOT found in them."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

from measuring.inputs import describe
from measuring.measurement import measure, usage_of_workers, usage_since
from measuring.runs import run_analysis, run_command_line, run_program
from tau3mu.benchmark.study import Setup, differences, found_of
from tau3mu.errors import RunError

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers"


@pytest.fixture(scope="module")
def files(demo):
    return describe([str(path) for path in demo])


@pytest.fixture(scope="module")
def expected(oracle):
    """What ROOT finds in the demo."""
    steps = json.loads((oracle / "dsphipi_demo_intended.json").read_text())["cutflow"]
    with (oracle / "dsphipi_demo_intended_events.csv").open() as file:
        rows = [[float(value) for value in row] for row in list(csv.reader(file))[1:]]
    return found_of(steps, [row[:5] for row in rows])


@pytest.mark.integration
def test_the_analysis_finds_what_root_finds(files, expected):
    run, found = run_analysis(files, Setup(chunk_size=4000))
    assert expected.candidates == 1480
    assert found.digest == expected.digest
    assert found.steps == expected.steps
    assert found.mass_sum == pytest.approx(expected.mass_sum, rel=1e-7)  # nine digits in the CSV
    order = ["imported", "checked", "reading", "first", "read", "finished"]
    times = [run.stages[name] for name in order]
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] < run.wall
    assert run.loop == run.stages["read"] - run.stages["reading"]
    assert run.cpu > 0.5
    assert run.peak > 100_000_000


@pytest.mark.integration
def test_the_command_line_finds_the_same(files, expected):
    run, found = run_command_line(files[:1], "--candidates", "parquet")
    _, both = run_analysis(files[:1], Setup())
    assert differences(found, both) == []
    assert found.steps["all"] == 6000
    assert 0 < found.candidates < expected.candidates
    assert run.stages == {}
    assert run.loop is None


@pytest.mark.integration
def test_workers_of_a_cluster_are_counted(files, expected, open_cluster):
    before = usage_of_workers(open_cluster)
    run, found = run_analysis(files, Setup("dask", 2, scheduler=open_cluster))
    cpu, peak = usage_since(before, usage_of_workers(open_cluster))
    assert found.digest == expected.digest
    assert len(before) == 2
    assert 0.1 < cpu < 60
    assert run.peak >= peak * 0.9
    assert peak > 100_000_000


def test_usage_of_workers_that_come_later_counts_from_their_start():
    before = {"one": (2.0, 100)}
    assert usage_since(before, {"one": (5.0, 150), "two": (4.0, 120)}) == (7.0, 150)


def test_the_event_loop_finds_what_root_finds(files, expected):
    command = [sys.executable, str(PEERS / "event_loop.py"), *(file.path for file in files)]
    run, found = run_program(command)
    assert found.digest == expected.digest
    assert found.steps == expected.steps
    assert 0 < run.stages["reading"] < run.stages["read"] < run.wall


@pytest.mark.parametrize("library", ["zlib", "libdeflate"])
def test_decompression_unpacks_all_baskets(skim, library):
    (file,) = describe([str(skim[0])])
    script = str(PEERS / "decompression.py")
    command = [sys.executable, script, library, ",".join(file.branches), file.path]
    answer = json.loads(measure(command)[1])
    assert file.compression.startswith("zlib")
    assert 0.8 * file.needed < answer["stored"] < file.needed
    # Each basket has a key of some 80 bytes, which is not compressed and counts in both.
    keys = file.needed - answer["stored"]
    assert file.unpacked - keys <= answer["unpacked"] < file.unpacked
    assert 0 < answer["cpu"] < 5


def test_a_run_that_fails_says_why(files, tmp_path):
    moved = [type(files[0])(**{**vars(files[0]), "path": str(tmp_path / "gone.root")})]
    with pytest.raises(RunError, match=r"(?s)exit code 1.*gone\.root.*no such file"):
        run_analysis(moved, Setup())


@pytest.mark.parametrize(
    ("printed", "message"),
    [("", "JSON object"), ("[1]", "JSON object"), ('{"times": {}}', "no 'steps'")],
)
def test_a_program_that_prints_something_else(printed, message):
    with pytest.raises(RunError, match=message):
        run_program([sys.executable, "-c", f"print({printed!r})"])
