"""The number of processes follows what a batch system or a container gives to a job."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tau3mu.clusters.kinds import Local
from tau3mu.cpus import usable_cpus
from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.execution import execute
from tau3mu.processors import DsPhiPi
from tau3mu.run import main

PRINT = "from tau3mu.cpus import usable_cpus; print(usable_cpus())"
pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")


@pytest.fixture
def many(monkeypatch):
    """A process that may use 64 CPUs of a larger machine."""
    monkeypatch.setattr(os, "process_cpu_count", lambda: 64, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 128)


def tree(root, membership, files):
    for path, text in {"proc/self/cgroup": membership, **files}.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    return root


V2 = "sys/fs/cgroup"


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/", {f"{V2}/cpu.max": "400000 100000"}, 4),
        ("0::/", {f"{V2}/cpu.max": "max 100000"}, 64),
        ("0::/", {f"{V2}/cpu.max": "150000 100000"}, 2),  # rounded up
        ("0::/", {f"{V2}/cpu.max": "5000 100000"}, 1),
        ("0::/", {f"{V2}/cpu.max": "9900000 100000"}, 64),  # more than the affinity
        # A job of a batch system in a slice of its own, and one whose parent is the limit.
        ("0::/slurm/job_7", {f"{V2}/slurm/job_7/cpu.max": "300000 100000"}, 3),
        (
            "0::/slurm/job_7/step_0",
            {
                f"{V2}/slurm/job_7/step_0/cpu.max": "max 100000",
                f"{V2}/slurm/job_7/cpu.max": "700000 100000",
                f"{V2}/slurm/cpu.max": "800000 100000",
            },
            7,
        ),
        # A container that sees the host's path of its cgroup, but only its own part of the tree.
        ("0::/docker/0a1b2c", {f"{V2}/cpu.max": "200000 100000"}, 2),
        (
            "4:memory:/x\n3:cpu,cpuacct:/condor/slot1\n0::/",
            {
                f"{V2}/cpu,cpuacct/condor/slot1/cpu.cfs_quota_us": "500000",
                f"{V2}/cpu,cpuacct/condor/slot1/cpu.cfs_period_us": "100000",
                f"{V2}/memory/x/cpu.max": "100000 100000",  # of another controller
            },
            5,
        ),
        (
            "1:cpu:/a",
            {f"{V2}/cpu/a/cpu.cfs_quota_us": "-1", f"{V2}/cpu/a/cpu.cfs_period_us": "100000"},
            64,
        ),
        ("2:cpuset:/\n0::/", {}, 64),
        ("0::/", {f"{V2}/cpu.max": ""}, 64),
        ("0::/", {f"{V2}/cpu.max": "0 0"}, 64),
    ],
)
def test_the_quota_of_a_cgroup(many, tmp_path, membership, files, expected):
    assert usable_cpus(tree(tmp_path, membership, files)) == expected


def test_without_cgroups_it_is_the_affinity(many, tmp_path):
    assert usable_cpus(tmp_path) == 64


def test_the_affinity_of_a_real_process():
    one = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{one}}}); {PRINT}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 1


def test_the_quota_of_a_real_cgroup():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one CPU is no more than a quota of one")
    group = Path("/sys/fs/cgroup/cpu") / f"tau3mu-{os.getpid()}"
    unified = Path("/sys/fs/cgroup") / group.name
    try:
        if group.parent.is_dir():
            group.mkdir()
            (group / "cpu.cfs_quota_us").write_text("50000")
        else:
            group = unified
            group.mkdir()
            (group / "cpu.max").write_text("50000 100000")
    except OSError as error:
        with suppress(OSError):
            group.rmdir()
        pytest.skip(f"no cgroup with a quota can be made here: {error}")
    try:
        enter = f"open({str(group / 'cgroup.procs')!r}, 'w').write('0')"
        done = subprocess.run(
            [sys.executable, "-c", f"{enter}; {PRINT}"], capture_output=True, text=True, check=True
        )
    finally:
        group.rmdir()
    assert int(done.stdout) == 1


def test_a_local_cluster_has_as_many_workers(many):
    assert Local().bounds == (usable_cpus(),) * 2
    assert Local(workers=3).bounds == (3, 3)


@pytest.fixture
def most_processes(without_forks):
    """Returns the most processes of loky that this process has had at a time, so far."""
    seen = [0]

    def look(*_):
        children = psutil.Process().children(recursive=True)
        loky = [c for c in children if any("popen_loky" in word for word in c.cmdline())]
        seen[0] = max(seen[0], len(loky))
        return seen[0]

    return look


@pytest.mark.parametrize("size", [6000, 3000])
def test_no_more_processes_than_chunks(size, demo, most_processes):
    datasets = [Dataset("demo", {str(demo[0]): None})]
    processor = DsPhiPi()
    chunks = make_chunks(check_files(datasets, processor.columns), datasets, size)
    execute(chunks, [processor], executor="futures", workers=5, on_result=most_processes)
    assert most_processes() == len(chunks) == 6000 // size


def test_the_default_of_a_run(many, monkeypatch, demo, tmp_path):
    """Sixty-four CPUs and two chunks make two processes, also of a local Dask cluster."""
    import json

    assert main(["--no-fit", "--executor", "futures", "--output", str(tmp_path / "out")]) == 0
    configuration = json.loads((tmp_path / "out" / "run.json").read_text())["configuration"]
    assert configuration["workers"] == 2
