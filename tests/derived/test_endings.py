"""A skim is whole or not there: executors, killed and resumed runs, files that fail."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from errors import raises

import tau3mu
from tau3mu import DsPhiPi
from tau3mu.datasets import Dataset, dataset_from_files
from tau3mu.derived import lineage, read_derived
from tau3mu.derived.parts import part_path

if TYPE_CHECKING:
    from pathlib import Path


def content(folder: Path):
    """Returns what a skim holds, apart from the places and the identities of files."""
    found = tau3mu.run(
        folder / "dataset.json", no_fit=True, output=folder.parent / f"check_{time.monotonic_ns()}"
    )
    rows = {name: one.cutflow for name, one in read_derived(folder).datasets.items()}
    candidates = found["dsphipi"].candidates
    return rows, found["dsphipi"].cutflow, [
        candidates[name].tolist() for name in candidates.fields if name != "file"
    ]  # fmt: skip


@pytest.mark.integration
def test_executors_write_the_same_skim(parent, skim, tmp_path, client):
    expected = content(skim)
    for number, executor in enumerate(("futures", "dask")):
        folder = tmp_path / f"run{number}"
        how = {"workers": 2, "chunk_size": 1100 + number, "executor": executor}
        tau3mu.run("demo", skim=["vertex"], no_fit=True, output=folder, **how)
        assert content(folder / "derived" / "dsphipi_vertex") == expected


def test_a_run_that_stops_leaves_no_skim_and_goes_on(skim, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    written = []

    def stop_after_three(job, chunk, *others):
        written.append(part_path(job, chunk).name)
        if len(written) == 4:
            raise KeyboardInterrupt
        return original(job, chunk, *others)

    from tau3mu.execution import chunk as module

    original = module.write_part
    monkeypatch.setattr(module, "write_part", stop_after_three)
    options = {"skim": ["vertex"], "no_fit": True, "chunk_size": 1500}
    with pytest.raises(KeyboardInterrupt):
        tau3mu.run("demo", output=folder, **options)
    assert [path.name for path in (folder / "derived").iterdir()] == [".dsphipi_vertex.parts"]
    tau3mu.run(resume=folder)
    # The part that was not finished is written again, no other.
    assert sorted(set(written)) == sorted({name: written.count(name) for name in written})
    assert [written.count(name) for name in dict.fromkeys(written)] == [1, 1, 1, 2, 1, 1, 1, 1]
    assert [path.name for path in (folder / "derived").iterdir()] == ["dsphipi_vertex"]
    assert content(folder / "derived" / "dsphipi_vertex") == content(skim)


@pytest.mark.integration
def test_a_part_that_is_gone_is_written_again(skim, tmp_path, monkeypatch):
    from tau3mu.run import skims

    folder = tmp_path / "run"

    def fails(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(skims, "new_folder", fails)
        with pytest.raises(KeyboardInterrupt):
            tau3mu.run("demo", skim=["vertex"], no_fit=True, chunk_size=1500, output=folder)
    parts = sorted((folder / "derived").rglob("*.root"))
    assert len(parts) == 8
    parts[3].unlink()
    tau3mu.run(resume=folder)
    assert content(folder / "derived" / "dsphipi_vertex") == content(skim)


@pytest.mark.integration
def test_a_killed_run_is_resumed_to_the_same_skim(skim, tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "tau3mu.run", "--no-fit", "--skim", "vertex"]
    command += ["--chunk-size", "200", "--output", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while process.poll() is None and len(list(folder.rglob("derived/**/*.root"))) < 5:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (folder / "derived" / "dsphipi_vertex").exists()
    assert subprocess.run([*command[:3], "--resume", str(folder)], check=False).returncode == 0
    assert content(folder / "derived" / "dsphipi_vertex") == content(skim)


@pytest.mark.integration
def test_files_that_fail_are_not_in_the_skim(demo, tmp_path):
    copies = [shutil.copy(path, tmp_path / path.name) for path in demo]
    (tmp_path / demo[1].name).write_bytes(demo[1].read_bytes()[:1_000_000])
    dataset = dataset_from_files([str(copy) for copy in copies])
    run = tau3mu.run(
        dataset, skim=["vertex"], no_fit=True, skip_bad_files=True, output=tmp_path / "run"
    )
    assert run.exit_code == 2
    record = read_derived(tmp_path / "run" / "derived" / "dsphipi_vertex").datasets["files"]
    assert record.cutflow[0].events == 6000
    assert record.missing == (str(copies[1]),)


def test_workers_that_do_not_see_the_folder_say_so(tmp_path, monkeypatch):
    from tau3mu.derived import jobs

    monkeypatch.setattr(jobs, "write_text", lambda *_: None)
    with raises("derived.folder-not-shared"):
        tau3mu.run("demo", skim=["vertex"], no_fit=True, output=tmp_path / "run")
    assert not (tmp_path / "run" / "derived" / "dsphipi_vertex").exists()


@pytest.mark.integration
def test_a_processor_that_is_set_apart_has_no_skim(tmp_path):
    from contextlib import closing

    from tau3mu.derived import SkimRequest
    from tau3mu.run import Settings, analyse, prepare

    class Fails(DsPhiPi):
        name = "fails"

        def select(self, events, cutflow):
            if len(events):
                message = "not now"
                raise RuntimeError(message)
            return super().select(events, cutflow)

    settings = Settings.of(no_fit=True, output=tmp_path / "run", chunk_size=3000)
    skims = {"fails": SkimRequest(at="vertex"), "dsphipi": SkimRequest(at="phi")}
    datasets, both = tau3mu.datasets("demo"), [Fails(), DsPhiPi()]
    with closing(prepare(datasets, both, settings, skims=skims, isolate=True)) as plan:
        run = analyse(plan)
    assert list(run.manifest.set_apart) == ["fails"]
    kept = {path.name for path in (tmp_path / "run" / "derived").iterdir()}
    assert kept == {"dsphipi_phi", ".dsphipi_phi.parts", ".fails_vertex.parts"}
    assert read_derived(tmp_path / "run" / "derived" / "dsphipi_phi").datasets["demo"].cutflow[
        0
    ].events == 12000  # fmt: skip


def test_the_parents_of_parents_are_found(skim, tmp_path):
    second = tmp_path / "second"
    tau3mu.run(skim / "dataset.json", skim=["phi"], no_fit=True, output=second)
    child = second / "derived" / "dsphipi_phi"
    third = tau3mu.run(child / "dataset.json", no_fit=True, output=tmp_path / "third")
    names = [row["name"] for row in third["dsphipi"].cutflow["demo"]]
    assert names[:4] == [f"parent:parent:{name}" for name in ("all", "hlt", "l1", "vertex")]
    assert names[4] == "parent:all"
    first = third["dsphipi"].cutflow["demo"]
    assert [first[0]["events"], first[3]["events"]] == [12000, first[4]["events"]]
    assert [record.name for _, record in lineage(child)] == ["dsphipi_phi", "dsphipi_vertex"]
    copy = tmp_path / "copy"
    shutil.copytree(child, copy)
    document = json.loads((copy / "derived.json").read_text())
    document["datasets"]["demo"]["parent"]["derived"] = str(copy / "derived.json")
    (copy / "derived.json").write_text(json.dumps(document))
    with raises("derived.cycle", path="derived.json"):
        lineage(copy)
    document["datasets"]["demo"]["parent"]["derived"] = str(tmp_path / "gone" / "derived.json")
    (copy / "derived.json").write_text(json.dumps(document))
    with raises("derived.missing-parent", path="gone/derived.json"):
        lineage(copy)
    two = [
        Dataset(name, {str(path / "demo_1.root"): None})
        for name, path in {"child": child, "parent": skim}.items()
    ]
    with raises("derived.overlap"):
        tau3mu.run(two, no_fit=True, output=tmp_path / "both")
