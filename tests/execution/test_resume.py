"""What was done is never done again, and what has changed always is: counted in calls."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from functools import partial

import ak_equal
import psutil
import pytest
from figures import record_figure
from test_checkpoints import Planted, small_disk

from tau3mu.outputs import load_candidates
from tau3mu.run import main


def run(arguments):
    return main([str(argument) for argument in arguments])


def started(arguments, cwd):
    return subprocess.Popen(
        [sys.executable, "-m", "tau3mu.run", *map(str, arguments)],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def wait_for(condition, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def ledger(folder):
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


def events_of(folder):
    """How many events went into the results."""
    (steps,) = json.loads((folder / "Mine" / "cutflow.json").read_text()).values()
    return steps[0]["events"]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("executor", "in_flight"),
    [("iterative", 1), pytest.param("futures", 4, marks=pytest.mark.soak)],
)
def test_after_the_death_of_the_driver_only_what_is_missing_is_done(
    executor, in_flight, counting, command, tmp_path, monkeypatch
):
    """Without checkpoints a driver that is killed after 23 of 24 chunks does all of them again."""
    counting.write(pause=0.5 if executor == "iterative" else 0.9)
    how = ["--executor", executor, *(["--workers", "2"] if executor == "futures" else [])]
    process = started(command(*how), tmp_path)
    kept = tmp_path / "out" / "checkpoints"
    begin = time.monotonic()
    wait_for(lambda: kept.is_dir() and len(list(kept.glob("[0-9a-f]*.npz"))) >= 12, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    first = counting.calls()
    n_kept = len(list(kept.glob("[0-9a-f]*.npz")))
    assert 12 <= n_kept < 24
    counting.forget()
    counting.hurry(monkeypatch)
    again = time.monotonic()
    # The text of the processor is what the checkpoints are made with, so it stays the same.
    done = started(command("--resume", tmp_path / "out", *how), tmp_path)
    output, errors = done.communicate(timeout=200)
    assert done.returncode == 0, errors
    second = counting.calls()
    assert len(second) == 24 - n_kept
    assert 24 <= len(first) + len(second) <= 24 + in_flight
    assert set(first) | set(second) == {i * 500 + 1 for i in range(12)}  # of both files
    assert f"{n_kept} of 24 chunks had been done before" in output
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["chunks"] == {"total": 24, "resumed": n_kept, "attempts": len(second)}
    assert not kept.exists()
    assert not (tmp_path / "out" / "checked_files.json").exists()
    record_figure(
        f"driver SIGKILL, {executor}", chunks=24, kept=n_kept, calls=len(first) + len(second),
        events_in=12000, events_out=12000, seconds_to_kill=round(again - begin, 1),
        seconds_to_recover=round(time.monotonic() - again, 1),
    )  # fmt: skip
    assert run(command(*how, output="whole")) == 0
    for name in ("candidates.root", "histograms.json", "cutflow.json"):
        resumed, whole = (tmp_path / f / "Mine" / name for f in ("out", "whole"))
        if name.endswith("json"):
            assert resumed.read_bytes() == whole.read_bytes()
        else:
            assert ak_equal.same_bits(load_candidates(resumed), load_candidates(whole))


def test_a_file_that_was_repaired_completes_the_run(stopped, command, counting, tmp_path):
    (good, bad), whole = stopped
    assert not (tmp_path / "out" / "Mine").exists()
    shutil.copy(whole, bad)
    assert run(command("--resume", tmp_path / "out", files=[good, bad])) == 0
    cutflow = json.loads((tmp_path / "out" / "Mine" / "cutflow.json").read_text())
    assert cutflow["files"][0]["events"] == 12000
    assert 1 <= len(counting.calls()) <= 12
    outcomes = [line["outcome"] for line in ledger(tmp_path / "out")]
    assert outcomes.count("resumed") + len(counting.calls()) == 24
    assert "bad_file" in outcomes


def test_the_bad_file_can_be_left_out_afterwards(stopped, command, counting, tmp_path):
    (good, bad), _ = stopped
    resume = ["--resume", tmp_path / "out", "--skip-bad-files"]
    assert run(command(*resume, files=[good, bad])) == 2
    assert len(counting.calls()) <= 1  # the chunk before the torn one is not lost either
    cutflow = json.loads((tmp_path / "out" / "Mine" / "cutflow.json").read_text())
    assert cutflow["files"][0]["events"] == 6000


@pytest.mark.parametrize("change", ["cut", "source", "configuration", "file"])
def test_nothing_is_taken_from_before_a_change(
    change, stopped, command, counting, tmp_path, remade
):
    """coffea's checkpoints are not named after the processor: a changed cut gave the old result."""
    (good, bad), whole = stopped
    shutil.copy(whole, bad)
    expected = 24
    if change == "cut":
        counting.write(cut=11)
    elif change == "source":
        counting.file.write_text(counting.file.read_text().replace("np.sqrt", "np.cbrt"))
    elif change == "configuration":
        text = counting.file.read_text()
        counting.file.write_text(
            text.replace(
                "    columns = frozenset",
                '    configuration = property(lambda self: {"option": 2})\n    columns = frozenset',
            )
        )
    else:
        remade(good, good)
    assert run(["--resume", tmp_path / "out"]) == 0
    assert len(counting.calls()) == expected
    record_figure(
        f"resume after a change of {change}", chunks=expected, calls=len(counting.calls()),
        events_in=12000, events_out=events_of(tmp_path / "out"),
    )  # fmt: skip
    if change == "cut":
        found = load_candidates(tmp_path / "out" / "Mine")
        assert set((found.event % 11).tolist()) == {0}


def test_a_changed_correction_file_is_noticed(stopped, command, counting, tmp_path):
    (good, bad), whole = stopped
    table = tmp_path / "table.json"
    table.write_text("{}")
    counting.file.write_text(counting.file.read_text() + f"\nTABLE = {str(table)!r}\n")
    assert run(command("--resume", tmp_path / "out", files=[good, bad])) == 2
    counting.forget()
    table.write_text('{"a": 1}')
    shutil.copy(whole, bad)
    assert run(command("--resume", tmp_path / "out", files=[good, bad])) == 0
    assert len(counting.calls()) == 24
    record_figure(
        "resume after a change of corrections", chunks=24, calls=24, events_in=12000,
        events_out=events_of(tmp_path / "out"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", ["checked_files.json", "ledger.jsonl", "run.json", "log.txt", "checkpoints"]
)
def test_a_planted_pickle_is_run_nowhere(name, stopped, command, counting, tmp_path):
    """Whoever can write into the folder of a run must not be able to run programs by it."""
    (good, bad), whole = stopped
    shutil.copy(whole, bad)
    folder = tmp_path / "out"
    planted = pickle.dumps(Planted(tmp_path / "executed"))
    targets = list(folder.glob("checkpoints/*")) if name == "checkpoints" else [folder / name]
    for target in targets:
        target.write_bytes(planted)
    assert run(command("--resume", folder, files=[good, bad])) == 0
    assert not (tmp_path / "executed").exists()
    assert events_of(folder) == 12000
    if name == "checkpoints":
        assert len(counting.calls()) == 24
    record_figure(
        f"planted pickle: {name}", planted=len(targets), calls=len(counting.calls()),
        executed=int((tmp_path / "executed").exists()), events_in=12000,
        events_out=events_of(folder),
    )  # fmt: skip


def test_a_plan_that_lies_about_a_file_is_found_out(stopped, command, tmp_path):
    """A plan may be wrong, or falsified; the UUID is compared when the file is read."""
    (good, bad), whole = stopped
    shutil.copy(whole, bad)
    path = tmp_path / "out" / "checked_files.json"
    plan = json.loads(path.read_text())
    plan["files"][0]["file"]["uuid"] = "d132d832-0000-0000-0000-000000000000"
    path.write_text(json.dumps(plan))
    assert run(command("--resume", tmp_path / "out", files=[good, bad])) == 2
    run_json = json.loads((tmp_path / "out" / "run.json").read_text())
    assert "has changed since it was checked" in run_json["missing"][0]["reasons"][0]
    assert run(command("--resume", tmp_path / "out", files=[good, bad])) == 0


def test_resuming_opens_no_file_that_is_known(stopped, command, tmp_path, monkeypatch):
    (good, bad), whole = stopped
    shutil.copy(whole, bad)
    opened = []
    from tau3mu.datasets import preflight

    inspect = preflight.inspect_file
    monkeypatch.setattr(
        preflight, "inspect_file", lambda job: (opened.append(job.path), inspect(job))[1]
    )
    assert run(command("--resume", tmp_path / "out", files=[good, bad])) == 0
    assert opened == [str(bad)]


def test_of_a_run_that_is_complete_nothing_is_done_again(command, counting, tmp_path, capsys):
    """A driver may die after its last result; whoever starts it again is told that all is there."""
    counting.write()
    assert run(command()) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    counting.forget()
    capsys.readouterr()
    assert run(command("--resume", tmp_path / "out")) == 0
    assert f"The run in {tmp_path / 'out'} is complete already" in capsys.readouterr().err
    assert counting.calls() == []
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")} == before


@pytest.mark.parametrize("change", ["cut", "file", "version"])
def test_a_complete_run_is_not_taken_for_another(
    change, command, counting, tmp_path, remade, demo, capsys
):
    counting.write()
    copy = tmp_path / "copy.root"
    shutil.copy(demo[0], copy)
    assert run(command(files=[copy])) == 0
    before = (tmp_path / "out" / "run.json").read_bytes()
    if change == "cut":
        counting.write(cut=8)
    elif change == "file":
        remade(copy, copy)
    else:  # one that wrote no key
        record = json.loads(before)
        del record["key"]
        before = json.dumps(record).encode()
        (tmp_path / "out" / "run.json").write_bytes(before)
    counting.forget()
    assert run(["--resume", tmp_path / "out"]) == 1
    assert "is complete, and not what is asked for now" in " ".join(capsys.readouterr().err.split())
    assert counting.calls() == []
    assert (tmp_path / "out" / "run.json").read_bytes() == before


def test_the_exit_code_of_a_complete_run_stays(command, counting, tmp_path):
    """A fit that is not valid is no more so when it is asked for again."""
    counting.write()
    assert run(command()) == 0
    path = tmp_path / "out" / "run.json"
    record = json.loads(path.read_text())
    counting.forget()  # a file that the processor names is a part of what it does
    for code in (0, 1):
        path.write_text(json.dumps({**record, "exit_code": code}))
        assert run(command("--resume", tmp_path / "out")) == code


@pytest.mark.parametrize("there", [["log.txt", ".lock"], [".lock"], []])
def test_a_driver_that_died_before_its_plan_is_resumed(there, command, counting, tmp_path):
    counting.write()
    (tmp_path / "out").mkdir()
    for name in there:
        (tmp_path / "out" / name).touch()
    assert run(command("--resume", tmp_path / "out")) == 0
    assert len(counting.calls()) == 24
    assert events_of(tmp_path / "out") == 12000


def test_a_driver_that_died_while_it_cleared_up_is_complete(command, counting, tmp_path):
    """The plan may be there still, when some or all of the checkpoints are gone."""
    counting.write()
    assert run(command()) == 0
    (tmp_path / "out" / "checked_files.json").write_text("{}")
    counting.forget()
    assert run(command("--resume", tmp_path / "out")) == 0
    assert counting.calls() == []


def test_only_the_folder_of_a_run_is_resumed(command, counting, tmp_path, capsys):
    counting.write()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    for name in ("other", "nowhere", "other/thesis.tex"):
        assert run(command("--resume", tmp_path / name)) == 1
        assert "no run began there" in " ".join(capsys.readouterr().err.split())


def test_another_analysis_cannot_go_on_in_the_folder(stopped, command, tmp_path, capsys):
    arguments = command("--resume", tmp_path / "out")
    arguments[arguments.index("--processor") + 1] = "dsphipi"
    capsys.readouterr()
    assert run(arguments) == 1
    errors = " ".join(capsys.readouterr().err.split())
    assert "--processor dsphipi" in errors
    assert f"--processor {tmp_path / 'counting.py'}:Mine" in errors


def test_two_runs_in_one_folder_are_refused(stopped, counting, command, tmp_path):
    (good, bad), whole = stopped
    shutil.copy(whole, bad)
    counting.write(pause=2, cut=8)
    arguments = command("--resume", tmp_path / "out", files=[good, bad])
    first = started(arguments, tmp_path)
    try:
        wait_for(lambda: len(counting.calls()) > 1, first)
        second = started(arguments, tmp_path)
        _, errors = second.communicate(timeout=100)
        assert second.returncode == 1
        assert f"another run (process {first.pid} on " in " ".join(errors.split())
        assert first.poll() is None
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()


@pytest.mark.integration
@pytest.mark.parametrize("executor", ["iterative", "futures"])
def test_ctrl_c_is_one_line_that_says_how_to_go_on(executor, counting, command, tmp_path):
    """What was finished within the first seconds is kept too."""
    counting.write(pause=0.5)
    process = started(command("--executor", executor), tmp_path)
    wait_for(lambda: len(counting.calls()) >= 6, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    lines = [line for line in errors.splitlines() if "error" in line]
    assert len(lines) == 1
    hint = f"go on with --resume {tmp_path / 'out'}"
    assert f"interrupted; what was done is kept: {hint}" in errors.replace("\n", " ")
    assert "Traceback" not in errors
    assert len(list((tmp_path / "out" / "checkpoints").iterdir())) >= 2


@pytest.mark.parametrize("size", [12, 32, 64])
def test_a_full_disk_leaves_no_half_of_a_file(size, counting, command, tmp_path):
    """Whatever file the space ends in: exit code 1, one clear error, and no file that is torn."""
    counting.write(cut=1)
    with small_disk(tmp_path / "disk", size) as disk:
        process = started([*command(output="disk/out"), "--candidates", "parquet"], tmp_path)
        _, errors = process.communicate(timeout=100)
        code = process.returncode
        there = {p.name: p.stat().st_size for p in disk.rglob("*") if p.is_file()}
        hidden = [name for name in there if name.startswith(".")]
        readable = [
            json.loads(p.read_text()) is not None for p in disk.rglob("*.json") if p.is_file()
        ]
    assert code == 1
    assert "cannot write" in errors
    assert "Traceback" not in errors
    assert not hidden
    assert all(readable)
    record_figure(f"disk of {size} kB", exit_code=code, files=len(there))


@pytest.mark.soak
@pytest.mark.parametrize("executor", ["iterative", "futures"])
def test_a_driver_that_dies_at_random_moments_comes_to_the_end(
    executor, counting, command, tmp_path
):
    """Whatever it was doing when it died, the next start goes on from there."""
    counting.write(pause=0.6 if executor == "iterative" else 1.0)
    how = ["--executor", executor, *(["--workers", "2"] if executor == "futures" else [])]
    begin = time.monotonic()
    assert run(command(*how, output="whole")) == 0
    seconds = time.monotonic() - begin  # less than a driver takes that has to start as well
    chance = random.Random(executor)
    moments, n_calls = [], []
    arguments = command(*how)
    while True:
        counting.forget()
        process = started(arguments, tmp_path)
        moments.append(round(seconds * chance.uniform(0.3, 1.2 if moments else 1.0), 2))
        try:
            _, errors = process.communicate(timeout=moments[-1])
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        n_calls.append(len(counting.calls()))
        if process.returncode != -signal.SIGKILL:
            break
        assert len(moments) < 20, "it never came to the end"
        if (tmp_path / "out").exists():  # else it had only begun to look at the files
            arguments = command("--resume", tmp_path / "out", *how)
    assert process.returncode == 0, errors
    assert len(moments) > 1
    assert n_calls[-1] < 24
    whole, repaired = tmp_path / "whole" / "Mine", tmp_path / "out" / "Mine"
    for name in ("cutflow.json", "histograms.json"):
        assert (repaired / name).read_bytes() == (whole / name).read_bytes()
    assert ak_equal.same_bits(load_candidates(repaired), load_candidates(whole))
    record_figure(
        f"driver SIGKILL at random, {executor}", seconds=moments, calls=n_calls,
        events_in=12000, events_out=events_of(tmp_path / "out"),
    )  # fmt: skip


@pytest.mark.integration
@pytest.mark.parametrize("moment", ["start", "work"])
def test_processes_end_with_a_driver_that_is_killed_alone(moment, counting, command, tmp_path):
    """loky's workers wait for the next chunk, for ever if nobody is there to send it."""
    counting.write(pause=0.2)
    with (tmp_path / "log.txt").open("w") as log:  # not a pipe, which workers would keep open
        process = subprocess.Popen(
            [sys.executable, "-m", "tau3mu.run",
             *map(str, command("--executor", "futures", "--workers", "2"))],
            cwd=tmp_path, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            family = psutil.Process(process.pid)
            seen = set()

            def begun():
                seen.update(family.children(recursive=True))
                return len(seen) >= 3 if moment == "start" else counting.calls()

            wait_for(begun, process)
            seen.update(family.children(recursive=True))
        finally:
            process.kill()
            process.wait()
    assert len(seen) >= 3  # one of them keeps count of loky's semaphores
    _, alive = psutil.wait_procs(seen, timeout=30)
    assert alive == []


def test_a_file_that_has_changed_at_the_same_size_and_time_is_found_out(
    command, counting, tmp_path, remade, demo, monkeypatch, capsys
):
    """What is known of files is wrong then; it is so once."""
    from tau3mu.datasets import preflight

    counting.write()
    monkeypatch.setenv("TAU3MU_CACHE", str(tmp_path / "cache"))
    opened, inspect = [], preflight.inspect_file
    monkeypatch.setattr(
        preflight, "inspect_file", lambda job: (opened.append(job.path), inspect(job))[1]
    )
    command = partial(command, "--chunk-size", 6000)
    files = [tmp_path / "a.root", tmp_path / "b.root"]
    for source, path in zip(demo, files, strict=True):
        shutil.copy(source, path)
        os.utime(path, (1e9, 1e9))
    assert run(command(files=files)) == 0
    assert run(command(files=files, output="again")) == 0
    assert opened == [str(path) for path in files]
    opened.clear()
    remade(files[0], files[0])
    os.utime(files[0], (1e9, 1e9))
    assert run(command(files=files, output="changed")) == 2
    run_json = json.loads((tmp_path / "changed" / "run.json").read_text())
    assert [file["path"] for file in run_json["missing"]] == [str(files[0])]
    assert opened == []
    assert run(command(files=files, output="next")) == 0
    assert opened == [str(files[0])]
    assert run(command("--no-cache", files=files, output="all")) == 0
    assert opened == [str(path) for path in [files[0], *files]]
