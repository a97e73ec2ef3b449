"""The page of a large store: start, memory, time of each page, and what it costs a run."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.cookiejar import CookieJar
from pathlib import Path
from statistics import median
from urllib.request import HTTPCookieProcessor, build_opener

import psutil
import pytest

from measuring.large_trains import multiply
from measuring.stores import add_test, add_train
from tau3mu.datasets import CheckedFile, Dataset
from tau3mu.train.memory import memory_of
from tau3mu.train.registry import Registry
from tau3mu.train.states import State
from tau3mu.train.store import Store

TRAINS, FILES, TESTS = 1000, 10_000, 200
LARGE = TRAINS  # the number of the train with many files
PAGES = [
    "", "trains", "trains?page=10", "trains?text=tight", "search?q=tight", "trains/1",
    f"trains/{LARGE}", f"result?folder=trains/{LARGE:04d}/results", f"trains/{LARGE}/files",
    "tests/dsphipi", "tests/dsphipi/1", "datasets", "datasets/large", "compare",
]  # fmt: skip


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A folder with a train file and a store of 1,000 trains, one of them of 10,000 files."""
    folder = tmp_path_factory.mktemp("large")
    store = Store(folder / "trains")
    content = {
        "schema_version": 1,
        "analysis": {"name": "phi"},
        "wagons": {
            "dsphipi": {
                "processor": "dsphipi",
                "variants": {"tight": {"flight_significance": 3.0}},
                "fit": None,
            }
        },
        "datasets": ["one", "large"],
    }
    (demo, *_) = sorted(Path(str(_data())).glob("demo/*.root"))
    (folder / "one.data.json").write_text(json.dumps({"one": {"files": {str(demo): None}}}))
    (folder / "phi.json").write_text(json.dumps(content))
    (folder / "one.json").write_text(json.dumps(content | {"datasets": ["one"]}))
    _train(folder, "datasets", "add", "one.data.json")
    checked = [
        CheckedFile("large", f"/data/large_{i}.root", "T", "t3m", f"u-{i}", 6000, (), size=10**9)
        for i in range(FILES)
    ]
    Registry(store).add(Dataset("large", {file.path: None for file in checked}), checked)
    (version,) = {path.stem for path in store.datasets.glob("large/*.json")}
    for number in range(TRAINS - 1):
        state = State.FAILED if number % 7 == 0 else State.OK
        add_train(
            store, wagons=("dsphipi", "dsphipi_tight"), datasets={"large": version}, label="bench",
            states=(State.QUEUED, State.RUNNING, state),
        )  # fmt: skip
    for _ in range(TESTS):
        add_test(store, "dsphipi", datasets={"one": "0123"})
    _train(folder, "run", "one.json", "--force", "dsphipi", "--label", "large")
    multiply(store.train(LARGE), FILES)
    return folder


def _data():
    from importlib.resources import files

    return files("tau3mu.data")


def _train(folder, *words):
    environment = os.environ | {"TAU3MU_STORE": str(folder / "trains")}
    command = [sys.executable, "-m", "tau3mu.train", *words]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


@contextmanager
def page(folder, *files):
    """Serves the store of a folder; yields the process, its address and the time of its start."""
    store = str(folder / "trains")
    command = [sys.executable, "-m", "tau3mu.train", "serve", *files, "--store", store]
    begin = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--port", "0"], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    found = None
    for line in process.stdout:
        if found := re.search(r"http://\S+", line):
            break
    assert found
    try:
        yield process, found[0], time.perf_counter() - begin
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def signed_in(url):
    """Returns a function that gets pages, and how long each took."""
    opener = build_opener(HTTPCookieProcessor(CookieJar()))
    home = url.partition("?")[0]

    def get(path):
        begin = time.perf_counter()
        with opener.open(home + path, timeout=60) as answer:
            content = answer.read()
        return len(content), time.perf_counter() - begin

    with opener.open(url) as answer:
        answer.read()
    return opener, home, get


def cpu_of(process):
    """The CPU seconds that a process has used."""
    used = psutil.Process(process.pid).cpu_times()
    return used.user + used.system


def test_a_large_store(study, options, large):
    with page(large, "phi.json") as (process, url, started):
        _, _, get = signed_in(url)
        study.add("page: from its command to its address", f"{started:.2f} s", "2 s", started < 2)
        _, first = get("")
        study.add("page: the first one, with the index of 1,000 trains", f"{first:.2f} s")
        for path in PAGES:
            repeats = options.repeats + 2
            before = cpu_of(process)
            sizes, times = zip(*(get(path) for _ in range(repeats)), strict=True)
            cpu = (cpu_of(process) - before) / repeats  # what it takes on a machine with others
            text = f"{1e3 * median(times):.0f} ms ({1e3 * cpu:.0f} of CPU), {sizes[0] / 1e3:.0f} kB"
            study.add(f"page: {path or 'analyses'}", text, "200 ms", median(times) < 0.2)
        memory = memory_of([process.pid])
        if memory is not None:
            mb = memory.pss / 1e6
            study.add("page: memory of the server (PSS)", f"{mb:.0f} MB", "80 MB", mb < 80)


def test_a_run_with_an_open_page(study, options, toys, tmp_path):
    """Which of the two comes first changes from pair to pair: so does a machine."""
    paths = [file.path for file in toys("t3m", "zstd", options.large_events // 2)]
    content = {"toys": {"files": dict.fromkeys(map(str, paths))}}
    (tmp_path / "toys.data.json").write_text(json.dumps(content))
    train = {
        "schema_version": 1,
        "wagons": {"dsphipi": {"processor": "dsphipi", "fit": None}},
        "datasets": ["toys.data.json"],
        "settings": {"chunk_size": 10_000, "executor": "iterative"},
    }
    (tmp_path / "toys.json").write_text(json.dumps(train))
    ratios = {"CPU": [], "wall": []}
    _cost(tmp_path, None)  # files and libraries are read for the first time
    with page(tmp_path, "toys.json") as (_, url, _):
        for number in range(options.repeats):
            found = {}
            for watched in (False, True) if number % 2 else (True, False):
                found[watched] = _cost(tmp_path, url if watched else None)
            for name, one, other in zip(ratios, found[True], found[False], strict=True):
                ratios[name].append(one / other - 1)
    for name, values in ratios.items():
        value = median(values)
        text = f"{value:+.1%} ({min(values):+.1%} … {max(values):+.1%})"
        study.add(f"page: {name} of a run that is watched", text, "+2 %", value <= 0.02)


def _cost(folder, url):
    """Returns the seconds of CPU and on the clock of a train, which a page may watch."""
    store = Store(folder / "trains")
    number = len(store.trains()) + 1
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(url, number, done))
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    if url:
        watcher.start()
    _train(folder, "run", "toys.json", "--force", "dsphipi")
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - begin
    done.set()
    if url:
        watcher.join()
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, wall


def _watch(url, number, done):
    """Does what a browser does: opens a train as soon as it is there, and follows its events."""
    opener, home, get = signed_in(url)
    while not done.is_set():
        with suppress(OSError):
            get(f"trains/{number}")
            with opener.open(f"{home}trains/{number}/live", timeout=5) as events:
                while not done.is_set() and events.readline():
                    pass
        done.wait(0.2)
