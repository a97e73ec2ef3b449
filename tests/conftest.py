"""Files and helpers that several tests use."""

from __future__ import annotations

import gc
import os
import re
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest
import uproot
from golden_files import Sentences
from misbehaving_server import misbehaving_server

from tau3mu.cpus import usable_cpus
from tau3mu.ntuples import read_events
from tau3mu.ntuples.layout import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.context import ForkServerContext

    from distributed import Client

with suppress(ImportError):  # after TensorFlow, which other tests import, it would crash
    import XRootD.client  # noqa: F401

pytest_plugins = ["result_fixtures"]

TESTS = Path(__file__).parent
DATA = TESTS / "data"
# They start clusters of real processes and stop some of these, with limits of a few seconds.
# Two processes are enough for them: with more, they would disturb each other.
CLUSTERS = ("clusters", "grid"), ("faults", "remote")
APART = frozenset(name for folders in CLUSTERS for name in folders)
PAGES = "tests", "page"
ON_A_CLUSTER = re.compile(r'def test_\w+\([^)]*\bclient\b|getfixturevalue\("client"\)')
# Files that take minutes, the longest first; what begins last should be short.
LONGEST = (
    "test_tutorial_on_trains.py", "test_wagon_tests.py", "test_train_processes.py",
    "test_reproduce_elsewhere.py", "test_resume_dask.py", "test_run.py", "test_resume.py",
    "test_compare.py", "test_benchmark_runs.py", "test_execute.py", "test_dask_pool.py",
    "test_docs.py", "test_notebook.py",
)  # fmt: skip
SHARING_NOTHING = (
    "test_wagon_tests.py", "test_train_processes.py", "test_resume_dask.py", "test_resume.py",
    "test_docs.py", "test_notebook.py",
)  # fmt: skip
"""Of these, several processes run the tests of one file."""
BENCHMARK = "benchmark"  # measures runs, which takes long
MOST_PROCESSES = 4  # each takes a gigabyte or more
GARBAGE = 50_000, 20, 20  # new objects before a collection, and collections before the next kind
OTHERS = os.environ.get("TAU3MU_OTHERS")
# A cluster of all tests waits for most of the time: with these, for a third of its CPU.
IDLE = {
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.profile.enabled": False,
}
os.environ["TAU3MU_CACHE"] = ""  # what a test finds in files is no matter of the next one
os.environ["TAU3MU_NO_PLOTS"] = "1"  # a thousand runs of tests do not draw
ENVIRONMENT = dict(os.environ)


def _unit(test: str) -> str:
    """Returns what one process does one after the other, of the name or the path of a test.

    That is a file, a test of files that share nothing, all tests of two folders of clusters, all
    files of the fixture `client`, whose cluster takes CPU until the end even when it waits, or all
    of pages in a browser, which share a store.
    """
    path = Path(test.partition("::")[0])
    if path.parts[-3:-1] == PAGES:
        return PAGES[-1]
    for folders in CLUSTERS:
        if path.parent.name in folders:
            return folders[0]
    if _is_on_a_cluster(str(path)):
        return "client"
    return test if path.name in SHARING_NOTHING else str(path)


@cache
def _is_on_a_cluster(path: str) -> bool:
    return ON_A_CLUSTER.search((TESTS.parent / path).read_text()) is not None


def _rank(test: str) -> int:
    """Returns the place of a test among all: clusters and pages are first, then the longest."""
    path = Path(test.partition("::")[0])
    if path.parent.name in APART or path.parts[-3:-1] == PAGES or _is_on_a_cluster(str(path)):
        return -1
    return LONGEST.index(path.name) if path.name in LONGEST else len(LONGEST)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that updates golden files."""
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden files instead of comparing with them",
    )


@pytest.hookimpl(tryfirst=True)  # before xdist looks at its options
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Runs all tests in processes side by side, unless asked otherwise; parts run in this one."""
    plain = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    is_one_of_them = hasattr(config, "workerinput")
    undecided = getattr(config.option, "numprocesses", 0) is None and not config.option.usepdb
    if plain and undecided and not is_one_of_them:
        config.option.numprocesses = min(usable_cpus(), MOST_PROCESSES)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Says what `pytest -n 2` does side by side."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _unit(nodeid)

    config.option.loadscopereorder = False  # but keep the order that follows
    return Scheduling(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Passes over the folders of tests that `-m` leaves out anyway, unless they are asked for."""
    is_apart = collection_path.name in {*APART, BENCHMARK}
    left_out = is_apart and "not integration" in config.option.markexpr
    return True if left_out and not _is_asked_for(collection_path, config) else None


def _is_asked_for(folder: Path, config: pytest.Config) -> bool:
    asked = [config.invocation_params.dir / item.partition("::")[0] for item in config.args]
    return any(path == folder or folder in path.parents for path in asked)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what needs a cluster, and puts it first in the processes of `pytest -n 2`."""
    absent = [item for item in items if not _others_are_there(item)]
    if absent:
        config.hook.pytest_deselected(items=absent)
        items[:] = [item for item in items if item not in absent]
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        is_apart = item.path.parent.name in {*APART, BENCHMARK}
        if is_apart or not fixtures.isdisjoint({"client", "open_cluster"}):
            item.add_marker("integration")
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _rank(str(item.path)))


def pytest_collection_finish() -> None:
    """Refuses tests that import TensorFlow while they are collected: all others would see it."""
    if "tensorflow" in sys.modules:
        message = "a test module imports TensorFlow when it is collected: import it in the tests"
        raise pytest.UsageError(message)
    _look_less_for_garbage()


def _look_less_for_garbage() -> None:
    """Spares the collections of garbage what stays until the end.

    That is half a million objects of the libraries, the tests and what pytest knows of them. Each
    full collection looked at all of these again: a sixth of the time of fits and plots. Garbage
    of the tests is collected as before, a little later.
    """
    gc.collect()  # once: what is garbage now would never be freed
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def _others_are_there(item: pytest.Item) -> bool:
    names = [name for mark in item.iter_markers("others") for name in mark.args]
    return not names or all(OTHERS and (Path(OTHERS) / name).is_file() for name in names)


@pytest.fixture(scope="session")
def others() -> Path:
    """Files of other people, which are not ours to distribute: see the marker of this name."""
    assert OTHERS
    return Path(OTHERS)


@pytest.fixture
def sentences(pytestconfig: pytest.Config) -> Sentences:
    """Compares errors with the golden files."""
    return Sentences(update=pytestconfig.getoption("--update-golden"))


@pytest.fixture(scope="session")
def oracle() -> Path:
    """What ROOT finds in the demo and skim files."""
    return DATA / "oracle"


@pytest.fixture(scope="session")
def skim() -> list[Path]:
    """Two files of 1500 events with all 296 branches, written by ROOT."""
    return sorted((DATA / "skim").glob("Tree_PhiPi_*.root"))


@pytest.fixture(scope="session")
def demo() -> list[Path]:
    """The two demo files of 6000 events each, written by ROOT."""
    from importlib.resources import files

    return sorted(Path(str(files("tau3mu.data"))).glob("demo/*.root"))


@pytest.fixture(scope="session")
def events_of() -> Callable[..., ak.Array]:
    """Reads columns of one file as canonical events."""

    def read(
        path: Path | str,
        columns: Any,
        *,
        name: str = "t3m",
        start: int = 0,
        stop: int | None = None,
        **metadata: Any,
    ) -> ak.Array:
        table = layout(name)
        with uproot.open(path) as file:
            tree = file[table.tree]
            uuid, entries, keys = str(file.file.uuid), tree.num_entries, tree.keys()
        return read_events(
            [str(path)],
            tree=table.tree,
            layout=name,
            branches=list(table.resolve(columns, keys)),
            start=start,
            stop=entries if stop is None else stop,
            uuid=uuid,
            metadata={"dataset": "test", **metadata},
        ).events

    return read


@pytest.fixture
def write_t3m(tmp_path: Path) -> Callable[[Mapping[str, Any]], Path]:
    """Writes branches in the skims' own names and types to `Tree3Mu/ntuple` of a new file."""

    def write(branches: Mapping[str, Any], name: str = "small.root") -> Path:
        by_name = layout("t3m").by_name
        arrays = {}
        for branch, values in branches.items():
            # An enforced type alone would drop empty lists at the end (awkward 2.14).
            inner = by_name[branch].type.rpartition(" ")[2]
            array = ak.Array(values)
            if len(values) == 0:
                array = ak.enforce_type(array, by_name[branch].type)
            elif inner != "string":
                array = ak.values_astype(array, np.dtype(inner))
            arrays[branch] = array
        path = tmp_path / name
        with uproot.recreate(path) as file:
            file.mkdir("Tree3Mu").mkrntuple("ntuple", arrays)
        return path

    return write


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A client of a local Dask cluster of two processes."""
    import dask

    from tau3mu.clusters import connect

    with dask.config.set(IDLE), connect(None, workers=2) as started:
        yield started


@pytest.fixture
def open_cluster() -> Iterator[str]:
    """The address of a local cluster of two processes that needs no certificates."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


@cache
def _fork_server() -> ForkServerContext | None:
    """Starts the process from which a command forks its workers, in the environment of no test."""
    from tau3mu.clusters import forking

    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() | ENVIRONMENT.keys():
            if name in ENVIRONMENT:
                patch.setenv(name, ENVIRONMENT[name])
            else:
                patch.delenv(name)
        patch.setattr(forking, "is_command", lambda: True)
        forking.start_forking("distributed", "loky.process_executor")
        return forking.forks()


def _dask_settings() -> dict[str, Any]:
    from tau3mu.clusters import forking

    _fork_server()
    return forking.dask_settings()


@pytest.fixture(scope="session", autouse=True)
def _forks() -> Iterator[None]:
    """Workers are forks of one process, as those of a command: they begin in milliseconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tau3mu.clusters.forking._begun", [])
        patch.setattr("tau3mu.clusters.connection.dask_settings", _dask_settings)
        patch.setattr("tau3mu.execution.local.forks", _fork_server)
        yield


@pytest.fixture
def without_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers begin and import on their own, as those of a script or a notebook."""
    monkeypatch.setattr("tau3mu.clusters.connection.dask_settings", dict)
    monkeypatch.setattr("tau3mu.execution.local.forks", lambda: None)


@pytest.fixture
def processor_file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a Python file with a processor `Mine`, a `DsPhiPi` with the given methods."""

    def write(body: str, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.write_text(
            "import os, signal\n"
            "from tau3mu.processors import DsPhiPi\n\n\n"
            "class Mine(DsPhiPi):\n"
            '    """A user\'s processor."""\n\n' + body
        )
        return path

    return write


@pytest.fixture
def demo_paths(demo):
    return [str(path) for path in demo]


@pytest.fixture
def server(tmp_path):
    """Serves `tmp_path`; a folder in the URL makes it misbehave (see `misbehaving_server`)."""
    with misbehaving_server(tmp_path) as (address, _):
        yield address


@pytest.fixture
def remade() -> Callable[[Path, Path], Path]:
    """Writes a file of the same events with another UUID."""

    def write(source: Path, target: Path) -> Path:
        with uproot.open(source) as file:
            uuid = file.file.uuid.bytes
        content = source.read_bytes()
        assert uuid in content
        other = bytes([uuid[0] ^ 0xFF]) + uuid[1:]
        target.write_bytes(content.replace(uuid, other))
        with uproot.open(target) as file:
            assert file.file.uuid.bytes == other
        return target

    return write
