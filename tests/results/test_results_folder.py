from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import awkward as ak
import pytest

from tau3mu.errors import InputError, RunError
from tau3mu.outputs import load_candidates, load_histograms
from tau3mu.results import (
    Manifest,
    ResultsFolder,
    default_folder,
    read_manifest,
    run_log,
    write_manifest,
)
from tau3mu.results.manifest import InputFile
from tau3mu.results.provenance import provenance

COUNTERS = {"ds_phipi_mc": {"matched": 12, "ambiguous": 0}}


@pytest.fixture
def found(candidates, histograms, cutflow):
    return {
        "candidates": candidates,
        "histograms": histograms,
        "cutflow": cutflow,
        "counters": COUNTERS,
    }


@pytest.mark.parametrize("candidates_format", ["root", "parquet"])
def test_holds_everything_of_a_processor(tmp_path, found, candidates_format):
    results = ResultsFolder.create(tmp_path / "results" / "run")
    folder = results.write_processor("dsphipi", **found, candidates_format=candidates_format)
    assert folder == tmp_path / "results" / "run" / "dsphipi"
    assert {file.name for file in folder.iterdir()} == {
        "cutflow.json",
        "cutflow.txt",
        "counters.json",
        "histograms.json",
        "histograms.root",
        f"candidates.{candidates_format}",
    }
    assert json.loads((folder / "cutflow.json").read_text()) == found["cutflow"]
    assert "best [one]" in (folder / "cutflow.txt").read_text()
    assert json.loads((folder / "counters.json").read_text()) == COUNTERS
    assert load_histograms(results.path) == found["histograms"]
    loaded = load_candidates(results.path)
    assert ak.array_equal(loaded, found["candidates"], dtype_exact=True)


def test_holds_the_run(tmp_path):
    results = ResultsFolder.create(tmp_path / "run")
    started = datetime(2026, 11, 21, tzinfo=timezone.utc)
    file = InputFile(
        dataset="d", path="root://h//a.root?authz=abc", tree="t", layout="t3m", uuid="1-2",
        entries=5, read=5,
    )  # fmt: skip
    manifest = Manifest(exit_code=0, datasets={}, inputs=[file], **provenance(started=started))
    with run_log(results.log_file):
        write_manifest(results.path, manifest)
    assert {file.name for file in results.path.iterdir()} == {"run.json", "log.txt"}
    run = json.loads((results.path / "run.json").read_text())
    assert run["inputs"][0]["path"] == "root://h//a.root?authz=***"
    assert run["started"] == "2026-11-21T00:00:00+00:00"
    assert run["version"] == 1
    again = read_manifest(results.path / "run.json")
    assert again.model_copy(update={"inputs": [file]}) == manifest


def test_never_takes_a_folder_that_is_in_use(tmp_path):
    used = tmp_path / "used"
    used.mkdir()
    (used / "run.json").write_text("{}")
    with pytest.raises(InputError, match="used exists already; choose another name"):
        ResultsFolder.create(used)
    with pytest.raises(InputError, match=r"run\.json exists already"):
        ResultsFolder.create(used / "run.json")
    assert [file.name for file in used.iterdir()] == ["run.json"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert ResultsFolder.create(empty).path == empty


def test_a_folder_that_cannot_be_made_is_a_run_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot make the folder .*results: Not a directory"):
        ResultsFolder.create(tmp_path / "file" / "results")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../evil",
        "a/b",
        "-x",
        ".hidden",
        "a b",
        "checked_files.json",
        "Ledger.jsonl",
        "checkpoints",
    ],
)
def test_names_stay_within_the_folder(tmp_path, found, name):
    results = ResultsFolder.create(tmp_path / "run")
    with pytest.raises(InputError, match="cannot name a folder of results"):
        results.write_processor(name, **found)
    assert list(results.path.iterdir()) == []


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path, found):
    results = ResultsFolder.create(tmp_path / "run")
    with pytest.raises(InputError, match=r"format 'parket' \(did you mean 'parquet'\?\)"):
        results.write_processor("dsphipi", **found, candidates_format="parket")
    assert list(results.path.iterdir()) == []


def test_the_default_name_tells_time_and_processors():
    name = str(default_folder(["dsphipi", "dsphipi_notebook"]))
    match = re.fullmatch(r"results/(\d{8}-\d{6})-dsphipi-dsphipi_notebook", name)
    assert match
    made = datetime.strptime(match[1], "%Y%m%d-%H%M%S").astimezone()
    assert abs((datetime.now().astimezone() - made).total_seconds()) < 60


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import hist
from result_fixtures import make_candidates, make_histogram
from tau3mu.errors import RunError
from tau3mu.outputs.candidates import write_candidates
from tau3mu.storage.files import write_text
from tau3mu.outputs.histograms import write_histograms

folder = Path({folder!r})
candidates = make_candidates(20_000)
axis = hist.axis.Regular(2000, 1.65, 2.01, name="mass")
histograms = {{"mass": make_histogram(candidates, axis)}}
if {name!r} == "histograms.root":  # the one after histograms.json, which is to be written
    import tau3mu.outputs.histograms
    tau3mu.outputs.histograms.write_text = lambda path, text: None
write = {{
    "run.json": lambda: write_text(folder / "run.json", "x" * 100_000),
    "candidates.root": lambda: write_candidates(folder, candidates, fmt="root"),
    "candidates.parquet": lambda: write_candidates(folder, candidates, fmt="parquet"),
    "histograms.json": lambda: write_histograms(folder, histograms),
    "histograms.root": lambda: write_histograms(folder, histograms),
}}[{name!r}]
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    write()
except RunError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "name",
    ["run.json", "candidates.root", "candidates.parquet", "histograms.json", "histograms.root"],
)
def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path, name):
    pytest.importorskip("resource")
    (tmp_path / name).write_text("old")
    tests = str(Path(__file__).parents[1])
    code = FULL_DISK.format(tests=tests, folder=str(tmp_path), name=name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"cannot write {tmp_path / name}: File too large\n"
    assert (tmp_path / name).read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == [name]
