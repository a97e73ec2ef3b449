"""Damaged, cut, foreign, huge and replaced files: what `read_events` makes of them."""

from __future__ import annotations

import inspect
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import awkward as ak
import numpy as np
import pyarrow as pa
import pytest
import uproot
from cluster_processes import ClusterProcesses
from figures import record_figure
from numpy._core._exceptions import _ArrayMemoryError
from remote_reading import attempt, chunk_of, raw

from tau3mu.clusters import connect
from tau3mu.datasets import Chunk, Dataset, check_files, make_chunks, verify_checksum
from tau3mu.datasets.checksum import file_checksum
from tau3mu.errors import InputError
from tau3mu.execution import execute
from tau3mu.ntuples import ReadError
from tau3mu.ntuples.open_files import close_files
from tau3mu.processing import load_processors
from tau3mu.storage.failures import decisive, failure_kind

COMPRESSIONS = {
    "zlib": uproot.ZLIB(1),
    "lzma": uproot.LZMA(1),
    "lz4": uproot.LZ4(1),
    "zstd": uproot.ZSTD(1),
    "none": None,
}
BRANCHES = {"run": "uint32", "event": "uint64", "Muon_pt": "var * float32"}
BASKETS, ENTRIES = 40, 200


@pytest.fixture(autouse=True)
def nothing_open():
    close_files()
    yield
    close_files()


def write_nano(path, compression):
    """Writes 40 baskets of 200 events for each of three branches."""
    generator = np.random.default_rng(7)
    with uproot.recreate(path, compression=compression) as file:
        tree = file.mktree("Events", BRANCHES)
        for basket in range(BASKETS):
            counts = generator.poisson(3, ENTRIES)
            tree.extend(
                {
                    "run": np.full(ENTRIES, 297050, np.uint32),
                    "event": np.arange(ENTRIES, dtype=np.uint64) + basket * ENTRIES,
                    "Muon_pt": ak.unflatten(
                        generator.exponential(5, counts.sum()).astype(np.float32), counts
                    ),
                }
            )


def nano_chunk(path):
    with uproot.open({path: None}) as file:
        uuid, entries = str(file.file.uuid), file["Events"].num_entries
    return Chunk("d", str(path), "Events", "nano", uuid, 0, entries, tuple(BRANCHES))


def places(path, tree, branches, stop, *, compressed):
    """Where the baskets of the entries up to `stop` are: (first byte, that of the data, end).

    Blocks that compression would not make smaller are stored as they are; they are left out.
    """
    found = []
    with uproot.open({path: None}) as file:
        for name in branches:
            branch = file[tree][name]
            for number in range(branch.num_baskets):
                seek = int(branch.member("fBasketSeek")[number])
                key = branch.basket_key(number)
                shrunk = key.fNbytes - key.fKeylen < key.fObjlen
                if branch.entry_offsets[number] < stop and shrunk == compressed:
                    found.append((seek, seek + key.fKeylen, seek + key.fNbytes))
    return found


def flipped(content, where):
    position, bit = where
    return content[:position] + bytes([content[position] ^ 1 << bit]) + content[position + 1 :]


def read_flipped(path, chunk, content, spots, truth):
    """Reads a file with one bit after the other flipped; counts what came of it."""
    counts = {"detected": 0, "silent": 0, "harmless": 0, "checksum": 0}
    expected = file_checksum(str(path))
    kinds = set()
    for spot in spots:
        close_files()
        path.write_bytes(flipped(content, spot))
        found = attempt(chunk, path)
        if found.error is not None:
            counts["detected"] += 1
            kinds.add(found.outcome)
        else:
            counts[compare(found.reading.events, truth)] += 1
        with pytest.raises(ReadError) as error:
            verify_checksum(str(path), expected)
        counts["checksum"] += error.value.kind == "bad_file"
    return counts, kinds


def compare(events, truth):
    try:
        return "harmless" if raw(events) == truth else "silent"
    except InputError:  # lengths of lists are compared when a collection is looked at
        return "detected"


@pytest.mark.soak
@pytest.mark.parametrize("name", COMPRESSIONS)
def test_bit_flips_in_the_data_of_baskets(tmp_path, name):
    """Wrong numbers would be taken for right ones; without compression only a checksum tells."""
    path = tmp_path / "x.root"
    write_nano(path, COMPRESSIONS[name])
    counts = flip_baskets(path, nano_chunk(path), name, in_header=False)
    record_figure(f"bit flips in 100 baskets: {name}", **counts)
    if name in {"zlib", "lzma", "lz4"}:
        assert counts["silent"] == 0
        assert counts["detected"] >= 90
    else:
        assert counts["silent"] > 10  # if this fails, the documentation can promise more


@pytest.mark.soak
@pytest.mark.parametrize("in_header", [False, True])
@pytest.mark.parametrize("name", ["zlib", "zstd"])
def test_bit_flips_in_files_that_root_wrote(skim, demo, tmp_path, name, in_header):
    """The own ways of reading vectors and menus would let through what uproot's do not."""
    path = tmp_path / "x.root"
    shutil.copy(skim[0] if name == "zlib" else demo[0], path)
    chunk = chunk_of(path, 0, 1500)
    counts = flip_baskets(path, chunk, name, in_header=in_header)
    where = "headers of 100 baskets" if in_header else "100 baskets"
    record_figure(f"bit flips in {where}: {name}, written by ROOT", **counts)
    if name == "zlib" or in_header:
        assert counts["silent"] == 0


def flip_baskets(path, chunk, name, *, in_header):
    """Flips one bit in each of 100 baskets, or of their headers; counts what came of it."""
    content = path.read_bytes()
    truth = raw(attempt(chunk, path).reading.events)
    generator = random.Random(f"{name} {in_header}")
    every = places(path, chunk.tree, chunk.branches, chunk.stop, compressed=name != "none")
    baskets = [generator.choice(every) for _ in range(100)]
    spots = [
        (generator.randrange(key, data) if in_header else generator.randrange(data, end),
         generator.randrange(8))
        for key, data, end in baskets
    ]  # fmt: skip
    counts, kinds = read_flipped(path, chunk, content, spots, truth)
    assert sum(counts.values()) == 200
    assert counts["checksum"] == 100
    assert kinds <= {"bad_file"}
    path.write_bytes(content)
    close_files()
    assert raw(attempt(chunk, path).reading.events) == truth
    return counts


@pytest.mark.parametrize("tenth", range(10))
def test_cut_at_every_tenth(demo, tmp_path, tenth):
    """The events before the cut would be taken for all of them."""
    chunk = chunk_of(demo[0], 0, 6000)
    close_files()
    path = tmp_path / "x.root"
    content = demo[0].read_bytes()
    path.write_bytes(content[: len(content) * tenth // 10])
    found = attempt(chunk, path)
    record_figure(
        f"cut at {10 * tenth} %", outcome=found.outcome, events_in=6000, events_out=found.entries,
        seconds=round(found.seconds, 2),
    )  # fmt: skip
    assert found.outcome == "bad_file"


def test_empty_and_foreign_files(demo, tmp_path):
    """What is no ROOT file would be tried again, or stop the run."""
    chunk = chunk_of(demo[0])
    contents = {
        "empty": b"", "text": b"hello\n" * 200, "page": b"<html>" + b"<p>login</p>" * 100,
        "zip": b"PK\x03\x04" + bytes(2000), "zeros": bytes(5000), "folder": None,
    }  # fmt: skip
    for name, content in contents.items():
        path = tmp_path / f"{name}.root"
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)
        found = attempt(chunk, path)
        record_figure(f"no ROOT file: {name}", outcome=found.outcome, events_out=found.entries)
        assert found.outcome == "bad_file", name


@pytest.mark.parametrize("how", ["replaced", "overwritten", "written to"])
def test_file_that_changes_between_two_chunks(demo, tmp_path, how):
    """The second chunk would be read from another file than the first."""
    path = tmp_path / "x.root"
    shutil.copy(demo[0], path)
    chunk = chunk_of(path, 0, 3000)
    assert attempt(chunk, path).outcome == "read"
    if how == "replaced":
        shutil.copy(demo[0], tmp_path / "new.root")
        (tmp_path / "new.root").replace(path)
    elif how == "overwritten":
        path.write_bytes(demo[1].read_bytes())
    else:
        with path.open("r+b") as file:
            file.seek(3_000_000)
            file.write(b"!")
        os.utime(path, (1, 1))
    found = attempt(chunk, path, start=3000, stop=6000)
    record_figure(f"local file {how} between two chunks", outcome=found.outcome)
    assert found.outcome == "bad_file"


def test_file_that_changes_between_check_and_read(demo, tmp_path):
    """Events that nobody has checked would be read."""
    path = tmp_path / "x.root"
    shutil.copy(demo[0], path)
    chunk = chunk_of(path)
    shutil.copy(demo[1], path)
    found = attempt(chunk, path)
    record_figure(
        "file replaced between check and read", outcome=found.outcome, events_in=3000, events_out=0
    )
    assert found.outcome == "bad_file"
    assert "has changed since it was checked (its UUID is another one" in str(found.error)


def test_missing_library_on_a_worker():
    """On a worker without XRootD, every file would be taken for a bad one."""
    program = (
        "import sys\n"
        "sys.modules['XRootD'] = sys.modules['fsspec_xrootd'] = None\n"
        "from tau3mu.ntuples import read_events, ReadError\n"
        "try:\n"
        "    read_events(['root://localhost//x.root', '/x.root'], tree='T', layout='nano',\n"
        "                branches=['run'], start=0, stop=1, uuid='', metadata={})\n"
        "except ReadError as error:\n"
        "    print(error.kind, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith("fatal root://localhost//x.root: entries 0 to 1 cannot be read: ")
    assert (
        "install what is missing, on the workers too: pip install 'tau3mu[xrootd]'" in done.stdout
    )


def test_too_many_open_files(demo):
    """Good files would be left out because this process has too many others open."""
    chunk = chunk_of(demo[0])
    close_files()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    keep = []
    n_open = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (n_open + 2, limits[1]))
    try:
        while True:
            keep.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        found = attempt(chunk, demo[0])
    finally:
        for each in keep:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert found.outcome == "fatal"
    assert "raise the limit of open files (ulimit -n)" in str(found.error)


@pytest.mark.parametrize("path", ["foo://host/x.root", "/a\x1b[2Jb\n.root"])
def test_names_are_shown_without_control_characters(demo, path):
    """The name of a file could clear the terminal, or write lines of its own into a log."""
    text = str(attempt(chunk_of(demo[0]), path).error)
    assert text.isprintable()
    assert text.startswith(path.replace("\x1b", "\\x1b").replace("\n", "\\n") + ": entries ")


def http_error(status):
    return aiohttp.ClientResponseError(None, (), status=status)


def memory_error(n_bytes):
    return _ArrayMemoryError((n_bytes // 8,), np.dtype(np.float64))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError("Failed to open file: [ERROR] Operation expired"), "transient"),
        (OSError("Failed to open file: [FATAL] Connection error"), "transient"),
        (OSError("File did not vector_read properly: [ERROR] Stream interrupted"), "transient"),
        (OSError("x: [ERROR] Server responded with an error: [3024] Overloaded"), "transient"),
        (OSError("x: [ERROR] Server responded with an error: [3011] No such file"), "bad_file"),
        (OSError("x: [ERROR] Server responded with an error: [3010] not allowed"), "fatal"),
        (OSError("x: [FATAL] Auth failed: No protocols left to try"), "fatal"),
        (ConnectionResetError(104, "Connection reset by peer"), "transient"),
        (OSError(5, "Input/output error"), "transient"),
        (OSError(116, "Stale file handle"), "transient"),
        (PermissionError(13, "Permission denied"), "fatal"),
        (IsADirectoryError(21, "Is a directory"), "bad_file"),
        (FileNotFoundError("https://host/x"), "bad_file"),
        (TimeoutError(), "transient"),
        (TimeoutError("timed out"), "transient"),
        (OSError("expected Chunk of length 4, received 0 bytes"), "bad_file"),
        (RuntimeError("coroutine raised StopIteration"), "transient"),
        (RecursionError("maximum recursion depth exceeded"), "bad_file"),
        (MemoryError(), "resources"),
        (memory_error(1 << 30), "resources"),
        (memory_error(1 << 50), "bad_file"),  # a damaged length, not a lack of memory
        (pa.lib.ArrowMemoryError("malloc of size 8 failed"), "resources"),
        (OSError(12, "Cannot allocate memory"), "resources"),
        (OSError(28, "No space left on device"), "resources"),
        (OSError(122, "Disk quota exceeded"), "resources"),
        (OSError(24, "Too many open files"), "fatal"),
        (RuntimeError("can't start new thread"), "resources"),
        (ValueError("not a ROOT file"), "bad_file"),
        (ValueError("Protocol not known: foo"), "fatal"),
        (ImportError("Install fsspec-xrootd"), "fatal"),
        (http_error(403), "fatal"),
        (http_error(416), "bad_file"),
        (http_error(502), "transient"),
        (aiohttp.ClientPayloadError("Response payload is not completed"), "transient"),
        (aiohttp.ServerDisconnectedError(), "transient"),
    ],
)  # fmt: skip
def test_severity(error, expected):
    """A fault of the network would cost a file, or one of the file be tried for ever."""
    assert failure_kind(error) == expected


@pytest.mark.parametrize("depth", [0, 0.7])
def test_a_stack_that_is_full_says_nothing_of_the_file(depth):
    """Reading that recurses without end is damage; a deep caller is not."""

    def call(levels):
        return call(levels - 1) if levels else read()

    def read():
        try:
            return recurse()
        except RecursionError as error:
            return failure_kind(error)

    def recurse():
        return recurse()

    levels = int(depth * (sys.getrecursionlimit() - len(inspect.stack())))
    assert call(levels) == ("resources" if depth else "bad_file")


def test_decisive():
    """A file would be given up although one of its replicas may come back."""
    assert decisive(["bad_file", "resources", "transient"]) == "resources"
    assert decisive(["resources", None]) is None
    assert decisive(["bad_file", "transient", "bad_file"]) == "transient"
    assert decisive(["bad_file", "transient", "fatal"]) == "fatal"
    assert decisive(["bad_file", "bad_file"]) == "bad_file"
    assert decisive(["bad_file", None, "transient"]) is None


BIG_BASKETS, BIG_BASKET = 107, 4_000_000


@pytest.fixture(scope="module")
def big_file(tmp_path_factory):
    """428 million events in 5.14 GB, numbered from 0; `run` is the number of the basket."""
    folder = tmp_path_factory.mktemp("big")
    if shutil.disk_usage(folder).free < 8e9:
        pytest.skip("needs 8 GB of disk")
    path = folder / "big.root"
    with uproot.recreate(path, compression=None) as file:
        tree = file.mktree("Events", {"run": "uint32", "event": "uint64"})
        for number in range(BIG_BASKETS):
            first = number * BIG_BASKET
            tree.extend(
                {
                    "run": np.full(BIG_BASKET, number, np.uint32),
                    "event": np.arange(first, first + BIG_BASKET, dtype=np.uint64),
                }
            )
    yield path
    path.unlink()


@pytest.mark.soak
def test_file_of_five_gigabytes(big_file):
    """Beyond 2 or 4 GB, the places of baskets would be read as other ones."""
    path, entries = big_file, BIG_BASKETS * BIG_BASKET
    size = path.stat().st_size
    assert size > 5e9
    began = time.monotonic()
    (checked,) = check_files([Dataset("d", {str(path): None})], {"run", "event"})
    seconds = time.monotonic() - began
    assert checked.entries == entries
    chunk = Chunk("d", str(path), "Events", "nano", checked.uuid, 0, 1, ("run", "event"))
    for start in (0, 200_000_001, entries - 150_000):
        events = attempt(chunk, path, start=start, stop=start + 150_000).reading.events
        assert events.event.to_numpy().tolist() == list(range(start, start + 150_000))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    record_figure(
        "file of 5 GB", gigabytes=round(size / 1e9, 2), events_in=entries, events_out=450_000,
        seconds=round(seconds, 2), peak_megabytes=peak // 1000,
    )  # fmt: skip


SUMS = '''
import awkward as ak
import hist
import numpy as np

from tau3mu.processing import Processor
from tau3mu.outputs import Selection
from tau3mu.selection import step


class Sums(Processor):
    """Adds up the numbers of the baskets, and keeps one event in a million."""

    columns = frozenset({"run", "event"})

    def select(self, events, cutflow):
        kept = events[events.event % 1_000_003 == 0]
        columns = {name: ak.to_numpy(kept[name]) for name in ("run", "event")}
        steps = (step("all", np.ones(1), 0), step("kept", np.ones(len(kept)), len(kept)))
        counts = {"events": len(events), "runs": int(ak.sum(events.run))}
        return Selection(ak.zip(columns, depth_limit=1), steps, counts)

    def histograms(self):
        dataset = hist.axis.StrCategory([], growth=True, name="dataset")
        variation = hist.axis.StrCategory(["nominal"], name="variation")
        run = hist.axis.Integer(0, 107, name="run", label="run")
        return {"run": hist.Hist(dataset, variation, run, storage="Weight")}

    def fill(self, histograms, candidates, *, dataset, is_mc):
        histograms["run"].fill(dataset=dataset, variation="nominal", run=candidates.run)
'''


def peak_memory(pid):
    """The largest memory that a process has had, in bytes."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.soak
@pytest.mark.integration
@pytest.mark.timeout(300)
def test_all_of_five_gigabytes_on_a_worker_with_less_memory(big_file, tmp_path):
    """A worker that keeps what it has read would be killed by its nanny again and again."""
    (tmp_path / "sums.py").write_text(SUMS)
    processors = load_processors([f"{tmp_path / 'sums.py'}:Sums"])
    datasets = [Dataset("d", {str(big_file): None})]
    chunks = make_chunks(check_files(datasets, {"run", "event"}), datasets, BIG_BASKET)
    limit = 1_500_000_000
    with ClusterProcesses(tmp_path / "cluster") as cluster:
        cluster.add_worker("--memory-limit", str(limit))
        with connect(cluster.address) as client:
            began = time.monotonic()
            result = execute(chunks, processors, executor="dask", client=client)
            seconds = time.monotonic() - began
            (pid,) = client.run(os.getpid).values()
            peak = peak_memory(pid)
    entries = BIG_BASKETS * BIG_BASKET
    found = result.processors["Sums"]
    assert not result.incomplete
    assert result.attempts == len(chunks) == BIG_BASKETS
    assert found.counters["d"] == {
        "events": entries, "runs": BIG_BASKET * sum(range(BIG_BASKETS))
    }  # fmt: skip
    kept = found.candidates
    assert kept.event.tolist() == list(range(0, entries, 1_000_003))
    assert kept.run.tolist() == [event // BIG_BASKET for event in kept.event.tolist()]
    assert peak < limit * 0.6  # from there on Dask writes to disk, then pauses, then kills
    record_figure(
        "file of 5 GB on a worker of 1.5 GB", chunks=len(chunks), events_in=entries,
        events_out=found.counters["d"]["events"], seconds=round(seconds, 1),
        peak_megabytes=peak // 1_000_000,
    )  # fmt: skip


def patched(content, uuid, number):
    """The content of a file with another UUID."""
    return content.replace(uuid, number.to_bytes(len(uuid), "big"))


@pytest.mark.soak
def test_ten_thousand_files(tmp_path):
    """The check of many files would run out of file handles, memory or retry_policy."""
    first = tmp_path / "first.root"
    with uproot.recreate(first) as file:
        tree = file.mktree("Events", BRANCHES)
        tree.extend({"run": np.ones(9, np.uint32), "event": np.arange(9, dtype=np.uint64),
                     "Muon_pt": ak.unflatten(np.ones(9, np.float32), np.ones(9, int))})  # fmt: skip
        uuid = file.file.uuid.bytes
    content = first.read_bytes()
    assert uuid in content
    names = [str(tmp_path / f"{number:05d}.root") for number in range(10_000)]
    for number, name in enumerate(names):
        Path(name).write_bytes(patched(content, uuid, number + 1))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    try:
        checked = check_files([Dataset("d", dict.fromkeys(names))], {"run", "event", "muon.pt"})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    seconds = time.monotonic() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000
    record_figure("10 000 files", events_in=90_000, events_out=sum(f.entries for f in checked),
                  seconds=round(seconds, 1), megabytes=grown)  # fmt: skip
    assert [file.path for file in checked] == names
    assert sum(file.entries for file in checked) == 90_000
    assert grown < 500
    copy = str(shutil.copy(names[0], tmp_path / "copy.root"))
    with pytest.raises(InputError, match=r"copy\.root \[d\]: is a copy of .*00000\.root \[d\]"):
        check_files([Dataset("d", dict.fromkeys([*names[:3], copy]))], {"run"})
