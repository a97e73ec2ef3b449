"""Options and files of all benchmarks, and one study with all numbers."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cases import Skipped, find_root, std_vector_files

from measuring.inputs import default_cache, describe, make_sample
from measuring.selections import CONTROL, search_of
from tau3mu.benchmark.scaling import save_plots
from tau3mu.benchmark.study import Study, save_study
from tau3mu.benchmark.tables import describe_machine, points_table, rows_table
from tau3mu.cpus import usable_cpus
from tau3mu.errors import Tau3muError
from tau3mu.storage.locations import expand

os.environ["TAU3MU_CACHE"] = ""  # each run opens its files
ROOT = Path(__file__).parents[1]
STUDY = pytest.StashKey[Study]()
PATHS = pytest.StashKey[list[str]]()


def pytest_addoption(parser):
    add = parser.getgroup("tau3mu benchmarks").addoption
    add("--files", action="append", metavar="GLOB", help="measure on these ntuples, not on toys")
    add("--events", type=at_least(1), default=80_000, metavar="N",
        help="events of all toy files together (default %(default)s)")  # fmt: skip
    add("--steps", type=at_least(2), default=3, metavar="N",
        help="sizes, each twice the one before (default %(default)s)")  # fmt: skip
    add("--max-workers", type=at_least(1), default=min(usable_cpus(), 4), metavar="N",
        help="most processes (default: one per CPU, at most 4)")  # fmt: skip
    add("--repeats", type=at_least(1), default=3, metavar="N",
        help="how often each run is made; medians are shown (default %(default)s)")  # fmt: skip
    add("--cache", type=Path, default=default_cache(), metavar="DIR",
        help="where toy ntuples are kept (default %(default)s)")  # fmt: skip
    add(
        "--scheduler", metavar="ADDRESS", help="use a running Dask cluster, such as tcp://host:8786"
    )
    add("--root-python", metavar="PYTHON",
        help="a python in which `import ROOT` works, for comparisons")  # fmt: skip
    add("--large-events", type=at_least(20), default=400_000, metavar="N",
        help="grow to N events, 10000000 for the target (default %(default)s)")  # fmt: skip
    add("--many-files", type=at_least(20), default=100, metavar="N",
        help="read N small files, 10000 for the target (default %(default)s)")  # fmt: skip
    add("--experiments", type=at_least(1), default=20, metavar="N",
        help="data of the search without signal, of N seeds (default %(default)s)")  # fmt: skip
    add("--signal-blocks", type=at_least(1), default=4, metavar="N",
        help="154,000 events of signal each, 40 for the target (default %(default)s)")  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="write the study as JSON")
    add("--plots", type=Path, metavar="DIR", help="write the plots there")


def at_least(lowest):
    def number(text):
        if not text.isdecimal() or int(text) < lowest:
            message = f"expected a whole number of at least {lowest}, not {text!r}"
            raise argparse.ArgumentTypeError(message)
        return int(text)

    return number


def pytest_configure(config):
    config.stash[STUDY] = Study(machine=describe_machine())
    try:
        paths = [path for each in config.getoption("--files") or [] for path in expand(each)]
    except Tau3muError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[PATHS] = paths


def pytest_collection_modifyitems(items):
    for item in items:  # a large study takes longer than a test may
        item.add_marker(pytest.mark.timeout(0))


@pytest.fixture(scope="session")
def study(request):
    return request.config.stash[STUDY]


@pytest.fixture
def report(study):
    return study


@pytest.fixture(scope="session")
def options(request):
    return request.config.option


@pytest.fixture(scope="session")
def given_files(request):
    """The files of --files, if there are any."""
    paths = request.config.stash[PATHS]
    return describe(paths) if paths else []


@pytest.fixture(scope="session")
def files(given_files, toys, options):
    """The files of the scaling study, alike in size: those given, or toys as TTrees."""
    return given_files or toys("nano", "zlib", options.events)


@pytest.fixture(scope="session")
def toys(options):
    """Makes toy ntuples, in as many files as there are sizes to be measured."""

    def make(layout, compression, events, selecting=CONTROL):
        number = 2 ** (options.steps - 1)
        paths = make_sample(
            options.cache,
            layout=layout,
            compression=compression,
            events=max(events // number, 1),
            files=number,
            workers=options.max_workers,
        )
        return describe([str(path) for path in paths], selecting)

    return make


@pytest.fixture(scope="session")
def root(options):
    """The python that has ROOT, or a `Skipped` that says why there is none."""
    return find_root(options.root_python)


@pytest.fixture(scope="session")
def vector_files(given_files, toys, options, root):
    """Files as the skims are, for the programs that know nothing else; or a `Skipped`."""
    if given_files:
        if given_files[0].form == "std::vector TTree":
            return given_files
        return Skipped("--files has no std::vector branches")
    if isinstance(root, Skipped):
        return root
    return std_vector_files(root, toys("t3m", "zstd", options.events), "zlib")


@pytest.fixture(scope="session")
def search_files(toys, options, root):
    """Toys of the search for τ→3μ as its skims are; or a `Skipped`."""
    if isinstance(root, Skipped):
        return root
    search = search_of("2017", inputs=True)
    source = toys("t3m_tau", "zstd", options.events, search)
    return std_vector_files(root, source, "zlib", search)


@pytest.fixture
def fresh():
    """Runs a program in a fresh process; it prints one JSON object as its last line."""

    def run(program: str, python: str = sys.executable, arguments: tuple[str, ...] = ()):
        done = subprocess.run(
            [python, "-c", program, *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def root_python(root):
    if isinstance(root, Skipped):
        pytest.skip(root.why)
    return root


def pytest_terminal_summary(terminalreporter, config):
    from rich.console import Console

    study = config.stash[STUDY]
    if not study.rows and not study.points:
        return
    console = Console(file=terminalreporter._tw._file, width=200, highlight=False)
    terminalreporter.write_line("")
    if study.points:
        console.print(points_table(study.points))
    if study.rows:
        console.print(rows_table(study.rows))
    if config.option.json:
        save_study(study, config.option.json)
    if config.option.plots:
        save_plots(study, config.option.plots)
