"""Trains in processes of their own: started, killed, lost, resumed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from train_processes import (
    assert_same_results,
    chunks_done,
    command,
    damage,
    states,
    train_folder,
    wait_for,
    write_train,
)

import tau3mu
from tau3mu.train.record import read_record
from tau3mu.train.states import read_status

pytestmark = pytest.mark.integration

NAMES = ("counted", "counted_hard")
FORCE = ("--force", "counted")


def run(folder, *words):
    done = command(folder, *words)
    assert done.returncode == 0, done.stderr
    return done


def reference(folder):
    """The results of the same processors in this process, without any accident or delay."""
    return tau3mu.run(
        "demo",
        [f"{folder / 'mine.py'}:Counted"],
        variants=["counted_hard:min_pt=8"],
        output=folder / "reference",
        progress=False,
    ).folder


def test_the_commands_from_a_file_to_results(tmp_path):
    write_train(tmp_path)
    refused = command(tmp_path, "run", "train.json")
    assert refused.returncode == 1
    assert "counted" in refused.stderr
    assert not (tmp_path / "store").exists()
    done = run(tmp_path, "run", "train.json", *FORCE, "--label", "first")
    folder = train_folder(tmp_path)
    kept = (folder / "stdout.log").read_text()
    assert kept
    assert kept in done.stdout
    last = kept.splitlines()[-1]
    assert last.endswith(f"python -m tau3mu.train reproduce {folder / 'results'}")
    (row,) = json.loads(run(tmp_path, "ls", "--json", "--label", "fir").stdout)
    assert (row["train"], row["state"], row["events"]) == (1, "OK", 12000)
    assert json.loads(run(tmp_path, "ls", "--json", "--state", "LOST").stdout) == []
    shown = json.loads(run(tmp_path, "show", 1, "--json").stdout)
    assert shown["progress"]["events"] == shown["progress"]["of"] == 12000
    assert json.loads(run(tmp_path, "doctor", 1, "--json").stdout) == []
    run(tmp_path, "rerun", 1, "--set", "executor=futures", "--set", "workers=2")
    assert_same_results(folder / "results", train_folder(tmp_path, 2) / "results", NAMES)


def test_a_train_is_ended_and_goes_on(tmp_path):
    write_train(tmp_path, delay=1.0)
    process = command(tmp_path, "run", "train.json", *FORCE, wait=False)
    wait_for(lambda: chunks_done(tmp_path) >= 2)
    running = json.loads(run(tmp_path, "show", 1, "--json").stdout)
    assert running["states"][-1]["state"] == "RUNNING"
    assert 0 < running["progress"]["events"] < 12000
    assert running["progress"]["left"] > 0
    run(tmp_path, "kill", 1)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert states(tmp_path) == ["QUEUED", "RUNNING", "KILLED"]
    before = chunks_done(tmp_path)
    done = command(tmp_path, "doctor", 1, "--json")
    assert done.returncode == 1
    (row,) = json.loads(done.stdout)
    assert "run --resume 1" in row["what to do"]
    run(tmp_path, "run", "--resume", 1)
    assert states(tmp_path)[-2:] == ["RUNNING", "OK"]
    folder = train_folder(tmp_path) / "results"
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    outcomes = [line["outcome"] for line in lines[before:]]
    assert outcomes.count("resumed") >= 1
    assert_same_results(folder, reference(tmp_path), NAMES)


@pytest.mark.parametrize("victim", ["driver", "command"])
def test_a_killed_process_loses_nothing(tmp_path, victim):
    write_train(tmp_path, delay=1.0)
    process = command(tmp_path, "run", "train.json", *FORCE, wait=False)
    wait_for(lambda: chunks_done(tmp_path) >= 3)
    folder = train_folder(tmp_path)
    status = read_status(folder)
    assert status.pid != process.pid
    if victim == "command":  # the train runs on
        process.kill()
        process.communicate()
        wait_for(lambda: read_status(folder).state.ended)
        assert states(tmp_path) == ["QUEUED", "RUNNING", "OK"]
    else:
        os.kill(status.pid, signal.SIGKILL)
        begin = time.monotonic()
        process.communicate(timeout=30)
        assert process.returncode not in {0, 2}
        wait_for(lambda: read_status(folder).state.value == "LOST")
        assert time.monotonic() - begin < 60
        (row,) = json.loads(run(tmp_path, "ls", "--json", "--state", "LOST").stdout)
        assert row["reason"]
        run(tmp_path, "run", "--resume", 1)
    assert_same_results(folder / "results", reference(tmp_path), NAMES)


def test_ctrl_c_ends_both_processes(tmp_path):
    write_train(tmp_path, delay=1.0)
    process = command(tmp_path, "run", "train.json", *FORCE, wait=False, group=True)
    wait_for(lambda: chunks_done(tmp_path) >= 2)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "run --resume 1" in err
    assert states(tmp_path)[-1] == "KILLED"


def test_a_wagon_that_fails_is_named_and_the_others_finish(tmp_path):
    wagons = {"broken": {"processor": "mine.py:Raises", "fit": None}}
    write_train(tmp_path, wagons=wagons)
    done = command(tmp_path, "run", "train.json", *FORCE, "--force", "broken")
    assert done.returncode == 1
    assert "broken" in done.stderr
    assert states(tmp_path)[-1] == "FAILED"
    done = command(tmp_path, "doctor", 1, "--json")
    assert done.returncode == 1
    kinds = {row["what"]: row for row in json.loads(done.stdout)}
    assert kinds["wagon"]["name"] == "broken"
    assert (train_folder(tmp_path) / "results" / "counted_hard" / "cutflow.json").is_file()


def test_a_wagon_runs_only_as_it_was_tested(tmp_path):
    write_train(tmp_path)
    run(tmp_path, "test", "train.json", "--time-limit", 5)
    run(tmp_path, "run", "train.json", "--compose-only")
    record = read_record(train_folder(tmp_path))
    assert (record.tests["counted"].number, record.tests["counted"].forced) == (1, "")
    run(tmp_path, "run", "train.json", "--compose-only", "--short", "0.1")  # of the same files
    assert read_record(train_folder(tmp_path, 2)).events == 1200

    def refused():
        done = command(tmp_path, "run", "train.json", "--compose-only")
        assert done.returncode == 1
        return done.stderr

    document = json.loads((tmp_path / "train.json").read_text())
    wagon = document["wagons"]["counted"]
    for key, value in (("parameters", {"min_pt": 5}), ("limits", {"cpu_hours": 1e-9})):
        wagon[key], before = value, wagon.get(key, {})
        (tmp_path / "train.json").write_text(json.dumps(document))
        assert ("--approve" if key == "limits" else "wagon") in refused()
        if key == "limits":
            run(tmp_path, "run", "train.json", "--compose-only", "--approve", "A. Boss")
            assert read_record(train_folder(tmp_path, 3)).approved == "A. Boss"
        wagon[key] = before
    (tmp_path / "train.json").write_text(json.dumps(document))
    run(tmp_path, "run", "train.json", "--compose-only")
    (tmp_path / "helper.py").write_text("THRESHOLD = 4.0  # GeV\n")
    assert "code" in refused()


def test_a_skim_is_a_dataset_of_the_next_train(tmp_path):
    wagon = {"processor": "dsphipi", "fit": None}
    document = {
        "schema_version": 1,
        "wagons": {"dsphipi": wagon | {"outputs": {"skim": {"at": "vertex"}}}},
        "datasets": ["demo"],
    }
    file = tmp_path / "train.json"
    file.write_text(json.dumps(document))
    force = ("--force", "dsphipi")
    run(tmp_path, "run", "train.json", *force, "--short", "0.5")
    assert json.loads(run(tmp_path, "datasets", "ls", "--json").stdout) == []  # not of all events
    run(tmp_path, "promote", 1)
    (row,) = json.loads(run(tmp_path, "datasets", "ls", "--json").stdout)
    assert row["name"] == "dsphipi_vertex"
    assert "train 2" in row["parent"]
    run(tmp_path, "reproduce", train_folder(tmp_path, 2) / "results")  # without the skim
    file.write_text(json.dumps(document | {"datasets": ["dsphipi_vertex"]} | {
        "wagons": {"dsphipi": wagon | {"variants": {"tight": {"flight_significance": 3}}}},
    }))  # fmt: skip
    run(tmp_path, "run", "train.json", *force)
    before = tau3mu.open(train_folder(tmp_path, 2) / "results")["dsphipi"]
    after = tau3mu.open(train_folder(tmp_path, 3) / "results")["dsphipi"]
    assert np.array_equal(
        np.sort(before.candidates["mass"].to_numpy()), np.sort(after.candidates["mass"].to_numpy())
    )
    assert (
        command(tmp_path, "datasets", "rm", "dsphipi_vertex").returncode == 1
    )  # train 3 has read it


def test_several_datasets_and_executors(tmp_path, demo):
    for name, file in zip(("first", "second"), demo, strict=True):
        content = {name: {"files": {str(file): None}, "metadata": {"era": name}}}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    write_train(tmp_path, datasets=["first.json", "second.json"])
    run(tmp_path, "run", "train.json", *FORCE)
    dask = ("--executor", "dask", "--workers", 2, "--chunk-size", 4000)  # "futures": see above
    run(tmp_path, "run", "train.json", *FORCE, *dask)
    folders = [train_folder(tmp_path, number) / "results" for number in (1, 2)]
    assert_same_results(*folders, NAMES)
    found = tau3mu.open(folders[0])["counted"]
    assert set(found.cutflow) == {"first", "second"}
    details = json.loads(run(tmp_path, "show", 2, "--json").stdout)
    assert {row["dataset"]: row["events"] for row in details["datasets"]} == {
        "first": 6000, "second": 6000,
    }  # fmt: skip


def test_warnings_are_failures_where_that_is_asked_for(tmp_path, demo):
    copies = [shutil.copy(file, tmp_path / file.name) for file in demo]
    content = {"mine": {"files": {str(file): None for file in copies}}}
    (tmp_path / "mine.json").write_text(json.dumps(content))
    write_train(tmp_path, datasets=["mine.json"], skip_bad_files=True, allow_missing=0.6)
    run(tmp_path, "run", "train.json", *FORCE, "--compose-only")
    damage(copies[1])
    run(tmp_path, "run", "--resume", 1)
    assert states(tmp_path)[-1] == "WARN"
    strict = command(tmp_path, "run", "--resume", 1, "--strict")
    assert strict.returncode == 1
    assert "warning: " in strict.stderr
    assert states(tmp_path)[-1] == "WARN"
    done = command(tmp_path, "run", "--resume", 1, "--allow-missing", "0.1")
    assert done.returncode == 2
    assert states(tmp_path)[-1] == "FAILED"
