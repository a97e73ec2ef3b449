"""The results in a folder are of one run, whatever a further run dies of while it writes."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys

import pytest
import uproot
from test_checkpoints import small_disk
from test_resume import events_of, run

LIMIT = 60_000  # bytes: more than the record, the ledger and the histograms, less than candidates

LIMITED = """
import resource, sys
from tau3mu.run import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""
KILLED = """
import os, sys
from pathlib import Path
from tau3mu.run import main
replace, places = Path.replace, []
def killed(self, target):
    if ".new-" in str(self.parent) and not self.name.startswith("."):
        places.append(target)
        if len(places) == 4:
            os._exit(9)
    return replace(self, target)
Path.replace = killed
sys.exit(main(sys.argv[1:]))
"""


def content(folder):
    """Everything that is a result, byte by byte."""
    files = [folder / "run.json", *folder.glob("Mine/**/*"), *folder.glob(".new-*")]
    return {path: path.read_bytes() for path in files if path.is_file()}


def events(folder):
    """The events of each file of results, as far as it says them."""
    from tau3mu.outputs import load_candidates

    return events_of(folder), len(load_candidates(folder / "Mine"))


@pytest.fixture
def half(counting, command, tmp_path, demo):
    """Results without one of two files, which is repaired afterwards; all events are candidates."""

    def made(folder):
        counting.write(cut=1)
        good, bad = tmp_path / "good.root", tmp_path / "bad.root"
        shutil.copy(demo[0], good)
        bad.write_bytes(demo[1].read_bytes()[:9000])
        arguments = command("--skip-bad-files", files=[good, bad])
        arguments[arguments.index("--output") + 1] = folder
        assert run(arguments) == 2
        assert events(folder) == (6000, 6000)
        shutil.copy(demo[1], bad)
        return folder

    return made


@pytest.mark.integration
@pytest.mark.parametrize("cause", ["limit", "disk"])
def test_a_resume_that_cannot_write_leaves_the_results_of_the_run_before(cause, half, tmp_path):
    """`run.json` said "finished" beside the cutflow of both files and candidates of one."""
    if cause == "disk":
        with small_disk(tmp_path / "disk", 2000) as disk:
            folder = half(disk / "out")
            free = os.statvfs(disk)
            (disk / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize - 2 * LIMIT))
            done, before, after = resumed(folder, "1000000000")
            (disk / "filler").unlink()
            finish(folder)
    else:
        folder = half(tmp_path / "out")
        done, before, after = resumed(folder, str(LIMIT))
        finish(folder)
    assert done.returncode == 1
    assert done.stderr.count("error:") == 1
    assert "cannot write" in done.stderr
    assert ".new-" not in done.stderr
    assert "Traceback" not in done.stderr
    assert after == before
    assert b'"status": "finished"' in before[folder / "run.json"]


def resumed(folder, limit):
    before = content(folder)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, limit, "--resume", folder],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done, before, content(folder)


def finish(folder):
    assert run(["--resume", folder]) == 0
    assert events(folder) == (12000, 12000)
    record = json.loads((folder / "run.json").read_text())
    assert (record["complete"], record["exit_code"]) == (True, 0)


@pytest.mark.integration
def test_a_resume_that_is_killed_between_two_files_is_marked_before_the_first(
    half, tmp_path, capsys
):
    from tau3mu.fit.__main__ import main as fit

    folder = half(tmp_path / "out")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, "--resume", folder],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 9, done.stderr
    assert events_of(folder) in {6000, 12000}
    record = json.loads((folder / "run.json").read_text())
    assert (record["status"], record["exit_code"]) == ("writing", None)
    capsys.readouterr()
    assert fit(["dsphipi", "--input", str(folder / "Mine"), "--output", str(tmp_path / "fit")]) == 1
    assert f"--resume {folder}" in " ".join(capsys.readouterr().err.split())
    assert list(folder.glob(".new-*"))  # of the killed one
    finish(folder)
    assert list(folder.glob(".new-*")) == []


def test_a_resume_that_reads_nothing_leaves_the_results_of_the_run_before(half, tmp_path, demo):
    folder = half(tmp_path / "out")
    with_holes = bytearray(demo[0].read_bytes())
    (tmp_path / "bad.root").write_bytes(with_holes[:9000])
    with uproot.open(demo[0]) as file:
        branch = file["Tree3Mu/ntuple"]["evt"]
        for place in branch.member("fBasketSeek")[: branch.num_baskets]:
            with_holes[place : place + 200] = b"\xff" * 200
    state = (tmp_path / "good.root").stat()
    (tmp_path / "good.root").write_bytes(with_holes)
    os.utime(tmp_path / "good.root", ns=(state.st_atime_ns, state.st_mtime_ns))
    before = content(folder)
    assert run(["--resume", folder]) == 2
    assert content(folder) == before
    assert events(folder) == (6000, 6000)


@pytest.fixture
def small_files():
    """Lets no file of this process grow beyond a limit, within a block."""
    from contextlib import contextmanager

    @contextmanager
    def limited(size):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


def test_files_that_belong_together_are_there_all_or_none(tmp_path, small_files):
    from tau3mu.errors import InputError, RunError
    from tau3mu.storage.files import staged, write_text

    def write(large, **how):
        with staged(tmp_path / "out", **how) as aside:
            write_text(aside / "a.json", "new")
            (aside / "sub").mkdir()
            write_text(aside / "sub" / "b.json", "x" * large)

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.json").write_text("old")
    with pytest.raises(RunError, match=r"out/sub/b\.json: File too large"), small_files(5000):
        write(6000, replace=True)
    with pytest.raises(InputError, match=r"out/a\.json exists already"):
        write(1)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.json"]
    assert (tmp_path / "out" / "a.json").read_text() == "old"
    write(7, replace=True)
    assert (tmp_path / "out" / "a.json").read_text() == "new"
    assert (tmp_path / "out" / "sub" / "b.json").read_text() == "x" * 7
