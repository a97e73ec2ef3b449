"""Programs that can be run on a set of files: the analysis in its executors, and its peers."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from measuring.inputs import InputFile, describe, new_folder, sample_of
from measuring.measurement import measure
from measuring.runs import run_analysis, run_command_line, run_program
from measuring.selections import CONTROL
from tau3mu.benchmark.study import Found, Point, Run, Setup, differences
from tau3mu.clusters import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Skipped:
    """Why something is not measured."""

    why: str


@dataclass(frozen=True)
class Case:
    """A program that makes the selection on some files."""

    program: str
    files: Sequence[InputFile]
    setup: Setup
    run: Callable[[], tuple[Run, Found]]


def analysis(files, selecting=CONTROL, **setup):
    """The analysis with the times of its stages."""
    how = Setup(**setup)
    return Case("tau3mu", files, how, lambda: run_analysis(files, how, selecting))


def on_dask(files, options, workers):
    """The analysis on the cluster that was given, or on a local one."""
    if options.scheduler:
        return analysis(files, executor="dask", scheduler=options.scheduler, workers=workers)
    return analysis(files, executor="dask", workers=workers)


def command_line(files, selecting=CONTROL):
    """The analysis as a user starts it, in one process."""
    how = Setup()
    return Case("tau3mu.run", files, how, lambda: run_command_line(files, selecting=selecting))


def rdataframe(python, files, selecting=CONTROL, *, threads=1):
    """RDataFrame in one process."""
    setup = Setup("threads" if threads > 1 else "iterative", threads)
    command = [python, *selecting.peer, "--threads", str(threads)]
    return _peer(command, "RDataFrame", files, setup)


def rdataframe_on_dask(python, files, *, workers, scheduler=None):
    """Distributed RDataFrame, on a local cluster or on one of which the workers have ROOT."""
    where = ["--scheduler", scheduler] if scheduler else ["--workers", str(workers)]
    setup = Setup("dask", workers, scheduler=scheduler)
    return _peer([python, "rdataframe.py", *where], "RDataFrame", files, setup)


def event_loop(files):
    """A Python loop over the events."""
    return _peer([sys.executable, "event_loop.py"], "Python loop", files, Setup())


def parquet_skim(files):
    """The selection of the package on columns in parquet, without the rest of a run."""
    return _peer([sys.executable, "parquet_skim.py"], "tau3mu selection", files, Setup())


def _peer(command, program, files, setup):
    python, name, *arguments = command
    paths = [file.path for file in files]
    line = [python, str(PEERS / name), *arguments, *paths]
    return Case(program, files, setup, lambda: run_program(line))


def measure_in_turn(cases, repeats):
    """Runs all cases, then all again, and returns the runs and the result of each.

    Cases on the same files have to find the same, in every repetition.
    """
    runs = [[] for _ in cases]
    found = {}
    for _ in range(repeats):
        for case, its in zip(cases, runs, strict=True):
            run, result = case.run()
            its.append(run)
            content = (case.files[0].layout, tuple(file.path for file in case.files))
            problems = differences(result, found.setdefault(content, result))
            assert not problems, f"{case.program} {case.setup} differs: {problems}"
            assert result.steps["all"] == sum(file.events for file in case.files)
    results = [found[case.files[0].layout, tuple(f.path for f in case.files)] for case in cases]
    return runs, results


def measure_points(series, cases, repeats):
    """Returns a point for each case; see `measure_in_turn`."""
    runs, found = measure_in_turn(cases, repeats)
    return [
        Point(series, case.program, sample_of(case.files), case.setup, tuple(its), result)
        for case, its, result in zip(cases, runs, found, strict=True)
    ]


def find_root(python):
    """Returns a python that can import ROOT, or why there is none."""
    if python is None:
        return Skipped("--root-python was not given")
    try:
        done = subprocess.run([python, "-c", "import ROOT"], capture_output=True, check=False)
    except OSError as error:
        return Skipped(f"{python}: {error.strerror}")
    return python if done.returncode == 0 else Skipped(f"`import ROOT` fails in {python}")


def root_on_workers(root, scheduler):
    """Returns the same python, or why distributed RDataFrame cannot run on the cluster."""
    if isinstance(root, Skipped) or scheduler is None:
        return root
    with connect(scheduler, insecure=True) as client:
        found = client.run(lambda: importlib.util.find_spec("ROOT") is not None)
    return root if all(found.values()) else Skipped(f"the workers of {scheduler} have no ROOT")


def std_vector_files(python, files, compression, selecting=CONTROL):
    """Returns the same ntuples as TTrees with std::vector branches, written by ROOT."""
    folder = Path(files[0].path).parent
    target = folder.with_name(f"{folder.name}-vector-{compression}")
    names = [Path(file.path).name for file in files]
    if not target.exists():
        with new_folder(target) as part:
            pairs = [f"{file.path}={part / name}" for file, name in zip(files, names, strict=True)]
            measure([python, str(PEERS / "write_ttree.py"), compression, files[0].tree, *pairs])
    return describe([str(target / name) for name in names], selecting)


def parquet_files(files):
    """Returns the branches that `dsphipi` reads of the same ntuples, as parquet files."""
    import awkward as ak
    import uproot

    folder = Path(files[0].path).parent
    target = folder.with_name(f"{folder.name}-parquet")
    paths = [target / f"{Path(file.path).stem}.parquet" for file in files]
    if not target.exists():
        with new_folder(target) as part:
            for file, path in zip(files, paths, strict=True):
                with uproot.open(file.path) as opened:
                    arrays = opened[file.tree].arrays(list(file.branches), how=dict)
                skim = ak.zip(arrays, depth_limit=1)
                ak.to_parquet(skim, part / path.name, compression="zstd", extensionarray=False)
    return [
        replace(
            file,
            path=str(path),
            form="parquet",
            compression="zstd",
            size=path.stat().st_size,
            needed=path.stat().st_size,
        )
        for file, path in zip(files, paths, strict=True)
    ]


def decompress(files, library):
    """Returns the CPU seconds that a library takes for the baskets, or why it cannot be said."""
    if not files[0].compression.startswith("zlib"):
        return Skipped(f"the files are compressed with {files[0].compression}")
    if any("://" in file.path for file in files):
        return Skipped("the files are not local")
    module = {"libdeflate": "deflate", "zlib": "zlib"}[library]
    check = subprocess.run(
        [sys.executable, "-c", f"import {module}"], check=False, capture_output=True
    )
    if check.returncode != 0:
        return Skipped(f"the package {module} is not installed")
    branches = ",".join(files[0].branches)
    script = str(PEERS / "decompression.py")
    _, output = measure([sys.executable, script, library, branches, *(f.path for f in files)])
    return json.loads(output)["cpu"]
